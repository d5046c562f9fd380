import Foundation
import Testing
import Wire

@testable import Reactor

@Suite struct AuthorizedKeysFileTests {
  private let home: Scratch
  private let file: AuthorizedKeysFile
  private let key: SSHPublicKey
  private let options = AuthorizedKeyOptions()

  init() throws {
    home = try Scratch()
    var account = try #require(Account.current)
    account.home = home.path
    file = AuthorizedKeysFile(of: account)
    let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBR3IdfhWvM3Z/GRfP8X37/Z/RVWVdo+5BJ37HeH7Rkw root@vm"
    key = try SSHPublicKey.parse(Array(line.utf8))
  }

  @Test("AUK-4, AUK-5: a new file and its directory are for the owner alone; a key is there once")
  func newFile() throws {
    #expect(try file.add(key, options))
    #expect(home.text(".ssh/authorized_keys") == key.line + "\n")
    #expect(home.mode(".ssh") == 0o700)
    #expect(home.mode(".ssh/authorized_keys") == 0o600)
    #expect(try !file.add(key, options))
    #expect(home.text(".ssh/authorized_keys") == key.line + "\n")
  }

  @Test("AUK-5, AUK-6: what is there stays, and nothing else is left behind")
  func existing() throws {
    home.makeDirectory(".ssh")
    home.put(".ssh/authorized_keys", "ssh-rsa AAAA without an end")
    #expect(try file.add(key, options))
    #expect(home.text(".ssh/authorized_keys") == "ssh-rsa AAAA without an end\n\(key.line)\n")
    #expect(home.mode(".ssh") == 0o700)
    #expect(home.mode(".ssh/authorized_keys") == 0o600)
    #expect(home.list(".ssh") == ["authorized_keys"])
  }

  @Test(
    "AUK-4: a file that others may write is for the owner alone afterwards, also when it has the key already")
  func looseMode() throws {
    home.makeDirectory(".ssh")
    home.put(".ssh/authorized_keys", key.line)
    chmod(home.at(".ssh/authorized_keys"), 0o666)
    #expect(try !file.add(key, options))
    #expect(home.mode(".ssh/authorized_keys") == 0o600)
    #expect(home.text(".ssh/authorized_keys") == key.line)
  }

  private func expectRefused(sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(throws: AuthorizedKeysError.self, sourceLocation: sourceLocation) { try file.add(key, options) }
  }

  @Test("AUK-3: a link in the place of the directory or the file is refused, and what it leads to stays")
  func links() {
    home.makeDirectory("elsewhere")
    home.link(".ssh", "elsewhere")
    expectRefused()
    #expect(home.list("elsewhere").isEmpty)
    unlink(home.at(".ssh"))
    home.makeDirectory(".ssh")
    home.put("target", "precious")
    home.link(".ssh/authorized_keys", "../target")
    expectRefused()
    unlink(home.at(".ssh/authorized_keys"))
    #expect(link(home.at("target"), home.at(".ssh/authorized_keys")) == 0)
    expectRefused()
    #expect(home.text("target") == "precious")
  }

  @Test("AUK-3: neither a pipe nor a directory is taken for the file, nor waited for")
  func otherKinds() {
    home.makeDirectory(".ssh")
    mkfifo(home.at(".ssh/authorized_keys"), 0o600)
    expectRefused()
    unlink(home.at(".ssh/authorized_keys"))
    home.makeDirectory(".ssh/authorized_keys")
    expectRefused()
  }

  @Test("AUK-4: what belongs to somebody else is refused", .enabled(if: geteuid() == 0, "needs root"))
  func otherOwner() {
    home.makeDirectory(".ssh")
    chown(home.at(".ssh"), 12_345, 12_345)
    expectRefused()
    chown(home.at(".ssh"), geteuid(), getegid())
    home.put(".ssh/authorized_keys")
    chown(home.at(".ssh/authorized_keys"), 12_345, 12_345)
    expectRefused()
  }
}
