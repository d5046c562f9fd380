import ArgumentParser

/// `derphole`: one token, one session, bytes that arrive.
public struct DerpholeCommand: ParsableCommand {
  /// The version of this program.
  public static let version = "0.1.0"

  public static let configuration = CommandConfiguration(
    commandName: "derphole",
    abstract: "Move bytes to somebody with whom you share nothing but a token.",
    discussion: """
      One side runs `derphole send photo.jpg` and gives the code that it prints to the other side, which runs \
      `derphole receive CODE`. For bare streams there are `derphole listen` and `derphole pipe TOKEN`, for a \
      local service `derphole share 8080` and `derphole open TOKEN`. Bytes flow through a relay at once, and directly between the two machines as soon as \
      a direct path is found. Everything is encrypted end to end; the relay sees addresses and relay keys of both \
      sides, sizes and times of packets, and nothing else.
      """,
    subcommands: [
      SendCommand.self, ReceiveCommand.self, ShareCommand.self, OpenCommand.self, ListenCommand.self,
      PipeCommand.self, SSHCommand.self,
      NetcheckCommand<DerpholeCommand>.self, VersionCommand.self,
    ])

  @OptionGroup var globals: GlobalOptions

  public init() {}
}

extension DerpholeCommand: CarriesGlobalOptions {}

/// `derphole version`.
struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Print the version.")

  func run() {
    print(DerpholeCommand.version)
  }
}
