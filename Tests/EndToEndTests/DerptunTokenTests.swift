import Basics
import Engine
import Foundation
import Testing
import Wire

extension EndToEndTests {
  @Suite struct DerptunTokens {
    private var now: Int64 { Int64(Date().timeIntervalSince1970) }

    /// Runs `derptun` to its end; returns what it wrote to standard output, after failures nothing and one line of
    /// errors.
    private func run(
      _ arguments: [String], _ status: Int32 = 0, environment: [String: String] = [:],
      input: Child.Input = .null,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> (output: String, errors: String) {
      let child = try Child("derptun", arguments, environment: environment, input: input)
      try expectEnd(child, status, within: 20, sourceLocation: sourceLocation)
      let output = String(decoding: try child.collectedOutput(), as: UTF8.self)
      if status != 0 {
        #expect(child.errorLines.count == 1, "it wrote: \(child.errors)", sourceLocation: sourceLocation)
        #expect(child.errors.hasPrefix("derptun: "), sourceLocation: sourceLocation)
        #expect(output.isEmpty, sourceLocation: sourceLocation)
      }
      return (output, child.errors)
    }

    /// The only line of a text.
    private func line(_ text: String) throws -> String {
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      #expect(lines.count == 2 && lines.last == "", "not one line: \(text)")
      return String(try #require(lines.first))
    }

    private func mode(_ path: String) -> mode_t {
      var status = stat()
      return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
    }

    private func expectExpiry(
      _ seconds: Int64, inDays days: Int64, sourceLocation: SourceLocation = #_sourceLocation
    ) {
      #expect((-60...0).contains(seconds - now - days * 86_400), sourceLocation: sourceLocation)
    }

    @Test("a server's and a client's token, and the proof between them")
    func minting() throws {
      let scratch = try Scratch()
      let made = try run(["token", "server"])
      #expect(made.errors.isEmpty)
      let text = try line(made.output)
      #expect(text.hasPrefix("dts1_"))
      let server = try DerptunServerToken.decode(text, nowUnixSeconds: now)
      expectExpiry(server.expiresUnixSeconds, inDays: 180)
      let file = try scratch.file("server.dts", Array(made.output.utf8))
      let issued = try run(["token", "client", "--token-file", file])
      #expect(issued.errors.isEmpty)
      let client = try DerptunClientToken.decode(line(issued.output), nowUnixSeconds: now)
      expectExpiry(client.expiresUnixSeconds, inDays: 90)
      var claim = Claim()
      claim.sessionID = client.sessionID
      var claimant = ClaimClient()
      claimant.clientID = client.clientID
      claimant.tokenID = client.tokenID
      claimant.clientName = client.clientName
      claimant.expiresUnixSeconds = client.expiresUnixSeconds
      claimant.proofMAC = client.proofMAC.hex
      claim.client = claimant
      #expect(try ClientProof(server).verdict(on: claim, nowUnixSeconds: now) == .proved(client))
      // No two alike.
      #expect(try run(["token", "client", "--token-file", file]).output != issued.output)
      #expect(try run(["token", "server"]).output != made.output)
    }

    @Test("expiries as asked for; a client's ends with its server's at the latest")
    func expiries() throws {
      let scratch = try Scratch()
      let file = scratch.file("server.dts")
      #expect(try run(["token", "server", "--days", "2", "-o", file]).output.isEmpty)
      let client = ["token", "client", "--token-file", file]
      func expiry(_ arguments: [String]) throws -> Int64 {
        try DerptunClientToken.decode(line(run(client + arguments).output), nowUnixSeconds: now)
          .expiresUnixSeconds
      }
      expectExpiry(try expiry([]), inDays: 2)
      expectExpiry(try expiry(["--days", "1"]), inDays: 1)
      for (arguments, words) in [
        (["--days", "3"], "client expiry exceeds server expiry"), (["--days=-1"], "days must be at least 1"),
        (["--expires", "2020-01-01"], "expiry must be in the future"),
        (["--expires", "2020-01-01T00:00:00Z"], "expiry must be in the future"),
        (["--expires", "soon"], "--expires takes"), (["--days", "1", "--expires", "2100-01-01"], "not both"),
      ] {
        #expect(try run(client + arguments, 2).errors.contains(words))
      }
      let distant = try run(["token", "server", "--expires", "2100-01-01T01:00:00+01:00"]).output
      #expect(
        try DerptunServerToken.decode(line(distant), nowUnixSeconds: now).expiresUnixSeconds == 4_102_444_800)
    }

    @Test("a file with a token is for its owner alone; -o replaces nothing")
    func files() throws {
      let scratch = try Scratch()
      let redirected = try scratch.file("redirected", [])
      chmod(redirected, 0o666)
      let child = try Child("derptun", ["token", "server"], output: .file(redirected))
      try expectEnd(child, 0, within: 20)
      #expect(mode(redirected) == 0o600)
      #expect(try scratch.content("redirected").starts(with: "dts1_".utf8))
      let new = scratch.file("new.dts")
      _ = try run(["token", "server", "-o", new])
      #expect(mode(new) == 0o600)
      let content = try scratch.content("new.dts")
      #expect(content.starts(with: "dts1_".utf8) && content.last == UInt8(ascii: "\n"))
      #expect(try run(["token", "server", "-o", new], 1).errors.contains("new.dts: File exists"))
      #expect(try scratch.content("new.dts") == content)
      symlink("elsewhere", scratch.file("link"))
      _ = try run(["token", "server", "-o", scratch.file("link")], 1)
      #expect(try scratch.names(in: "") == ["link", "new.dts", "redirected"])
    }

    @Test("a token that cannot be written is a failure", arguments: [true, false])
    func noOutput(isFull: Bool) throws {
      let child = try Child("derptun", ["token", "server"], output: isFull ? .file("/dev/full") : .closed)
      try expectEnd(child, 1, within: 20)
      #expect(child.errorLines.count == 1)
      #expect(child.errors.contains("standard output"), "it wrote: \(child.errors)")
    }

    @Test("the relay of a token, as the environment or an option names it")
    func relays() throws {
      let scratch = try Scratch()
      let custom = ["DERPHOLE_DERP_SERVER": "https://relay.example.net:8443"]
      for (arguments, environment, version, relay) in [
        ([], custom, 2, "https://relay.example.net:8443/derp"),
        (["--derp", "http://127.0.0.1:3340", "--derp-stun", "9"], custom, 3, "http://127.0.0.1:3340/derp"),
      ] {
        let made = try run(["token", "server"] + arguments, environment: environment)
        #expect(made.output.hasPrefix("dts\(version)_"))
        let file = try scratch.file("server-\(version)", Array(made.output.utf8))
        // A client's relay is its server's, whatever the environment says by then.
        let client = try line(run(["token", "client", "--token-file", file]).output)
        #expect(client.hasPrefix("DT\(version)"))
        let report = try run(["token", "inspect", client]).output
        #expect(report.contains(relay), "\(report)")
      }
      let plain = ["DERPHOLE_DERP_SERVER": "http://127.0.0.1:3340"]
      #expect(try run(["token", "server"], 2, environment: plain).errors.contains("DERPHOLE_DERP_SERVER"))
    }

    @Test("every way to hand over a token")
    func ways() throws {
      let scratch = try Scratch()
      let text = try run(["token", "server"]).output
      let server = try line(text)
      let file = try scratch.file("server.dts", Array(text.utf8))
      let variable = ["DERPTUN_SERVER_TOKEN": server]
      for name in ["client", "inspect"] {
        _ = try run(["token", name, "--token-file", file])
        _ = try run(["token", name, "--token-stdin"], input: .bytes(Array(text.utf8)))
        _ = try run(["token", name], environment: variable)
        #expect(try run(["token", name], 2).errors.contains("DERPTUN_SERVER_TOKEN"))
        #expect(try run(["token", name, "--token-file", file, "--token-stdin"], 2).errors.contains("once"))
        let missing = try run(["token", name, "--token-file", "/nonexistent/token"], 2).errors
        #expect(missing.contains("/nonexistent/token"))
      }
      _ = try run(["token", "client", "--token", server])
      let client = try line(run(["token", "client", "--token", server]).output)
      let both = ["DERPTUN_SERVER_TOKEN": server, "DERPTUN_CLIENT_TOKEN": client]
      #expect(try run(["token", "inspect"], 2, environment: both).errors.contains("both set"))
      let inspected = try run(["token", "inspect"], environment: ["DERPTUN_CLIENT_TOKEN": client]).output
      #expect(inspected.contains("client token"))
    }

    @Test("tokens in the wrong place, and what is no token; nothing of them is repeated")
    func unusable() throws {
      let server = try line(run(["token", "server"]).output)
      let client = try line(run(["token", "client", "--token", server]).output)
      let registry = ["--registry", "/nonexistent/services.json"]
      for (arguments, words) in [
        (["token", "client", "--token", client], "this is a client token"),
        (["service", "set", "web", "--token", server] + registry, "this is a server token"),
        (["token", "client", "--token", String(server.dropLast(20))], "damaged"),
        (["token", "inspect", String(client.dropLast(3))], "damaged"),
        (["token", "inspect", "hello"], "no token of derptun"),
      ] {
        let errors = try run(arguments, 2).errors
        #expect(errors.contains(words), "\(errors)")
        #expect(!errors.contains(server.dropFirst(60).prefix(30)))
        #expect(!errors.contains(client.dropFirst(60).prefix(30)))
      }
    }

    @Test(
      "a wrong command line",
      arguments: [["token", "server", "--no-such"], ["token", "serve"], ["service", "set"]])
    func commandLine(arguments: [String]) throws {
      let child = try Child("derptun", arguments)
      try expectEnd(child, 2, within: 20)
      #expect(child.errors.contains("Usage: derptun "), "it wrote: \(child.errors)")
    }

    @Test("inspect tells everything but secrets, also of what has expired")
    func inspect() throws {
      var random = SeededGenerator(seed: 11)
      let server = DerptunServerToken.issue(
        expiresUnixSeconds: now - 3_700, route: nil, isPlainHTTP: false, using: &random)
      let client = try server.issueClient(expiresUnixSeconds: now - 7_300, using: &random)
      let keys = try TunnelKeys(server)
      for text in [server.encoded(), client.encoded()] {
        let table = try run(["token", "inspect", "--token-stdin"], input: .bytes(Array(text.utf8))).output
        let json = try run(["--json", "token", "inspect", text]).output
        let members = try #require(
          try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect(members["sessionID"] as? String == server.sessionID.hex)
        #expect(members["derpPublicKey"] as? String == keys.derpKey.publicKey.hex)
        #expect(members["quicPublicKey"] as? String == keys.identity.publicKey.hex)
        #expect(members["expired"] as? Bool == true)
        let isClient = text.hasPrefix("DT")
        #expect(members["kind"] as? String == (isClient ? "client" : "server"))
        #expect(members["clientID"] as? String == (isClient ? client.clientID.hex : nil))
        #expect(members["tokenID"] as? String == (isClient ? client.tokenID.hex : nil))
        #expect(members["clientName"] as? String == (isClient ? client.clientName : nil))
        #expect(
          table.contains(isClient ? "expired 2 hours 1 minute ago" : "expired 1 hour 1 minute ago"),
          "\(table)")
        #expect(table.contains(keys.identity.publicKey.hex) && table.contains("public relays"))
        for secret in [
          server.derpPrivate.hex, Hex.encode(server.quicPrivate.prefix(32)), server.signingSecret.hex,
          client.bearerSecret.hex, client.proofMAC.hex,
        ] {
          #expect(!table.contains(secret) && !json.contains(secret))
        }
      }
      // An expired server's makes no clients, and a failure with --json is JSON.
      let child = try Child("derptun", ["token", "client", "--json", "--token", server.encoded()])
      try expectEnd(child, 2, within: 20)
      #expect(
        child.errors.contains(#""event":"error","message":"the server token has expired","exitStatus":2"#))
    }

    @Test("services: set, list, remove")
    func services() throws {
      let scratch = try Scratch()
      let home = ["HOME": scratch.path, "XDG_CONFIG_HOME": ""]
      let server = try line(run(["token", "server"]).output)
      let client = try line(run(["token", "client", "--token", server]).output)
      #expect(try run(["service", "list"], environment: home).output.isEmpty)
      #expect(try run(["service", "list", "--json"], environment: home).output == "[]\n")
      for name in ["web", "alpha-ssh"] {
        let file = try scratch.file("token", Array(client.utf8))
        let set = try run(["service", "set", name, "--token-file", file], environment: home)
        #expect(set.output.isEmpty && set.errors.isEmpty)
      }
      let path = ".config/derphole/services.json"
      #expect(mode(scratch.file(path)) == 0o600)
      #expect(mode(scratch.file(".config/derphole")) == 0o700)
      #expect(try scratch.names(in: ".config/derphole") == ["services.json"])
      let listing = try run(["service", "list"], environment: home).output
      let rows = listing.split(separator: "\n").map { $0.split(separator: "\t") }
      #expect(rows.map(\.first) == ["alpha-ssh", "web"])
      #expect(
        rows.allSatisfy { $0.count == 4 && $0[1] == "derptun-client-token" && $0[3] == "value redacted" })
      #expect(!listing.contains(client.prefix(40)))
      // Another file by its path, and the folder of the other variable.
      let copy = ["--registry", scratch.file(path)]
      #expect(try run(["service", "list"] + copy).output == listing)
      let other = ["HOME": "/nonexistent", "XDG_CONFIG_HOME": scratch.file(".config")]
      #expect(try run(["service", "list"], environment: other).output == listing)
      _ = try run(["service", "remove", "web"], environment: home)
      #expect(
        try run(["service", "remove", "web"], 2, environment: home).errors.contains("no service \"web\""))
      #expect(try run(["service", "list"], environment: home).output.split(separator: "\n").count == 1)
      let bad = ["service", "set", "a..b", "--token", client]
      #expect(try run(bad, 2, environment: home).errors.contains("\"a..b\" is no name"))
      // A link in the registry's place is not followed.
      try FileManager.default.moveItem(atPath: scratch.file(path), toPath: scratch.file("moved"))
      symlink(scratch.file("moved"), scratch.file(path))
      let before = try scratch.content("moved")
      #expect(
        try run(["service", "set", "x", "--token", client], 1, environment: home).errors.contains("is a link")
      )
      #expect(try scratch.content("moved") == before)
    }
  }
}
