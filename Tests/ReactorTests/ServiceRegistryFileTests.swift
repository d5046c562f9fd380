import Foundation
import Testing
import Wire

@testable import Reactor

@Suite struct ServiceRegistryFileTests {
  private let scratch: Scratch
  private let record: ServiceRecord

  init() throws {
    scratch = try Scratch()
    var token = DerptunClientToken()
    token.expiresUnixSeconds = 1_000
    record = ServiceRecord(name: "web", token: token, createdUnixSeconds: 1)
  }

  private func file(_ name: String) -> ServiceRegistryFile { ServiceRegistryFile(path: scratch.at(name)) }

  private func add(to file: ServiceRegistryFile) throws {
    try file.update { (registry) throws(ServiceRegistryError) in try registry.set(record, nowUnixSeconds: 1) }
  }

  private func expectRefused(
    _ name: String, _ words: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for use in [{ _ = try $0.read() }, add] as [(ServiceRegistryFile) throws -> Void] {
      do {
        try use(file(name))
        Issue.record("taken", sourceLocation: sourceLocation)
      } catch {
        #expect("\(error)".contains(words), "\(error)", sourceLocation: sourceLocation)
      }
    }
  }

  @Test func aNewFileAndItsFoldersAreForTheOwnerAlone() throws {
    let file = file("a/b/services.json")
    #expect(try file.read() == ServiceRegistry())
    #expect(scratch.list().isEmpty)
    try add(to: file)
    #expect(scratch.mode("a") == 0o700)
    #expect(scratch.mode("a/b") == 0o700)
    #expect(scratch.mode("a/b/services.json") == 0o600)
    #expect(scratch.list("a/b") == ["services.json"])
    #expect(try file.read().token(named: "web", nowUnixSeconds: 1) == record)
  }

  @Test func aChangedFileIsAnotherFileAndForTheOwnerAlone() throws {
    let file = file("services.json")
    try add(to: file)
    let before = try #require(scratch.status("services.json"))
    chmod(scratch.at("services.json"), 0o644)
    // Nothing changes: nothing is written.
    try add(to: file)
    #expect(scratch.status("services.json")?.st_ino == before.st_ino)
    let isRemoved = try file.update { (registry) throws(ServiceRegistryError) in
      registry.removeToken(named: "web")
    }
    #expect(isRemoved)
    #expect(scratch.status("services.json")?.st_ino != before.st_ino)
    #expect(scratch.mode("services.json") == 0o600)
    #expect(scratch.list() == ["services.json"])
    // The folder was there, and the user named it: it stays as it is.
    chmod(scratch.path, 0o755)
    try add(to: file)
    var status = stat()
    stat(scratch.path, &status)
    #expect(status.st_mode & 0o777 == 0o755)
  }

  @Test func whatIsNoOrdinaryFileIsRefusedAndStays() throws {
    scratch.put("elsewhere", "{}")
    scratch.link("link", "elsewhere")
    expectRefused("link", "is a link")
    #expect(scratch.target("link") == "elsewhere")
    #expect(scratch.text("elsewhere") == "{}")
    try FileManager.default.linkItem(atPath: scratch.at("elsewhere"), toPath: scratch.at("hard"))
    expectRefused("hard", "no ordinary file")
    mkfifo(scratch.at("pipe"), 0o600)
    expectRefused("pipe", "no ordinary file")
  }

  @Test func aDamagedFileIsNamedAndStays() throws {
    scratch.put("services.json", "{\"version\":9}")
    expectRefused("services.json", "services.json: version 9")
    #expect(scratch.text("services.json") == "{\"version\":9}")
  }

  @Test func aFileThatIsTooLargeIsRefused() throws {
    scratch.put("large", String(repeating: " ", count: ServiceRegistry.maximumLength + 1))
    expectRefused("large", "File too large")
  }

  @Test func whatAnEndedProcessLeftIsInNobodysWay() throws {
    scratch.put(".endpointlookup-\(getpid()).tmp", "half")
    try add(to: file("services.json"))
    #expect(scratch.list() == ["services.json"])
  }

  @Test(.enabled(if: geteuid() == 0, "only root can give files away")) func aForeignFileIsRefused() throws {
    scratch.put("services.json", "{\"version\":1}")
    chown(scratch.at("services.json"), 65_534, 65_534)
    expectRefused("services.json", "belongs to somebody else")
  }

  @Test func changesAtTheSameTimeAreAllKept() async throws {
    let path = scratch.at("services.json")
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<16 {
        group.addTask {
          var token = DerptunClientToken()
          token.expiresUnixSeconds = 1_000
          let record = ServiceRecord(name: "service-\(number)", token: token, createdUnixSeconds: 1)
          try? ServiceRegistryFile(path: path).update { (registry) throws(ServiceRegistryError) in
            try registry.set(record, nowUnixSeconds: 1)
          }
        }
      }
    }
    #expect(try file("services.json").read().tokens(nowUnixSeconds: 1).count == 16)
  }
}

@Suite struct PrivateFolderTests {
  @Test func aFolderOfOursIsClosedAndNoLink() throws {
    let scratch = try Scratch()
    scratch.makeDirectory("open")
    _ = try PrivateFolder(path: scratch.at("open"), kind: .own, makes: true)
    #expect(scratch.mode("open") == 0o700)
    scratch.link("link", "open")
    #expect(throws: FileError.content("\(scratch.at("link")) is a link, or no folder")) {
      try PrivateFolder(path: scratch.at("link"), kind: .own, makes: true)
    }
    // Links on the way to a folder that the user named are the user's own.
    #expect(try PrivateFolder(path: scratch.at("link"), kind: .named, makes: true) != nil)
    #expect(try PrivateFolder(path: scratch.at("none"), kind: .own, makes: false) == nil)
  }
}

@Suite struct SecretFileTests {
  @Test func aNewSecretIsForTheOwnerAloneAndReplacesNothing() throws {
    let scratch = try Scratch()
    try SmallFile.create(scratch.at("secret"), with: [1, 2])
    #expect(scratch.mode("secret") == 0o600)
    #expect(throws: FileError.self) { try SmallFile.create(scratch.at("secret"), with: [3]) }
    #expect(FileManager.default.contents(atPath: scratch.at("secret")) == Data([1, 2]))
    scratch.link("link", "nowhere")
    #expect(throws: FileError.self) { try SmallFile.create(scratch.at("link"), with: [3]) }
    #expect(scratch.list() == ["link", "secret"])
  }
}
