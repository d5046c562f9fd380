import ArgumentParser

/// The option of commands that print facts and open no session.
struct JSONOption: ParsableArguments {
  @Flag(name: .long, help: "Print JSON: facts on standard output, an error on standard error.")
  var json = false

  /// The options that stood before the command's name, with this one.
  func merged(with globals: GlobalOptions) -> GlobalOptions {
    var result = globals
    result.json = json || globals.json
    return result
  }
}
