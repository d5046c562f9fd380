import Testing

extension EndToEndTests {
  /// The ways in which a relay is chosen when `--derp` does not name it.
  @Suite struct Routes {
    private func transfer(
      _ options: [String], pipeOptions: [String] = [], environment: [String: String]
    ) throws {
      let sent = payload(200_000)
      let listen = try Listen(options, environment: environment)
      let pipe = try Child(
        "derphole", ["pipe", listen.token] + pipeOptions, environment: environment, input: .bytes(sent))
      try expectEnd(pipe, 0)
      try expectEnd(listen.child, 0)
      expectEqual(try listen.child.collectedOutput(), sent)
    }

    @Test("DERPHOLE_DERP_SERVER names a relay with TLS", .timeLimit(.minutes(2))) func serverVariable() throws
    {
      let certificate = try Certificate()
      let relay = try Relay(certificate.relayOptions)
      let variable = ["DERPHOLE_DERP_SERVER": "https://127.0.0.1:\(relay.port)"]
      try transfer([], environment: certificate.environment.merging(variable) { first, _ in first })
    }

    @Test("DERPHOLE_TEST_DERP_SERVER_URL replaces every relay", .timeLimit(.minutes(2)))
    func testVariable() throws {
      let relay = try Relay()
      try transfer([], environment: ["DERPHOLE_TEST_DERP_SERVER_URL": "\(relay.url)/derp"])
    }

    @Test("a map in a file", .timeLimit(.minutes(2))) func mapFile() throws {
      let certificate = try Certificate()
      let relay = try Relay(certificate.relayOptions)
      let node =
        #"{"Name":"1a","RegionID":1,"HostName":"127.0.0.1","DERPPort":\#(relay.port),"STUNPort":-1}"#
      let map = #"{"Regions":{"1":{"RegionID":1,"RegionCode":"t","RegionName":"Test","Nodes":[\#(node)]}}}"#
      let options = ["--derp-map", try certificate.scratch.file("map.json", Array(map.utf8))]
      try transfer(options, pipeOptions: options, environment: certificate.environment)
    }

    @Test("a map that is none is said so", .timeLimit(.minutes(2))) func brokenMap() throws {
      let scratch = try Scratch()
      let listen = try Child(
        "derphole", ["listen", "--derp-map", try scratch.file("map.json", Array("no map".utf8))])
      #expect(try listen.end(within: 20) != 0)
      #expect(listen.errorLines.count == 1, "it wrote: \(listen.errors)")
    }

    @Test("--derp with something that is no relay", arguments: ["nonsense", "ftp://127.0.0.1", "http://"])
    func badURL(url: String) throws {
      let listen = try Child("derphole", ["listen", "--derp", url])
      try expectEnd(listen, 64, within: 10)
      #expect(listen.errorLines.count == 1, "it wrote: \(listen.errors)")
      #expect(listen.errors.contains(url))
    }
  }
}
