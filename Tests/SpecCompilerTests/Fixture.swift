import SpecCompiler

/// A small spec that is right, to be broken in one place by each test.
enum Fixture {
  static let text = """
    # door

    Status: complete
    Prefix: DOR

    A door that closes by itself.

    ## Rules

    - **DOR-1** A push opens the door,
      unless it is locked.
    - **DOR-2** It closes by itself.
    - **DOR-3** A fire ends it.

    ## States

    | State | Kind | Meaning |
    | --- | --- | --- |
    | shut | initial | Closed |
    | open | | Open |
    | burnt | final | Gone |

    ## Events

    | Event | Meaning |
    | --- | --- |
    | push | Somebody pushes |
    | swingOver | The timer fired |
    | fire | It burns |

    ## Guards

    | Guard | Meaning |
    | --- | --- |
    | isLocked | The key was turned |

    ## Actions

    | Action | Meaning |
    | --- | --- |
    | rattle | Make a noise |
    | armSwing | Start the swing timer |
    | disarmSwing | Stop it |

    ## Timers

    | Timer | Length | Event | Armed by | Disarmed by | Armed in |
    | --- | --- | --- | --- | --- | --- |
    | swing | 2 s | swingOver | armSwing | disarmSwing | open |

    ## Transitions

    | State | Event | Guard | Next | Actions | Rule |
    | --- | --- | --- | --- | --- | --- |
    | shut | push | isLocked | shut | rattle | DOR-1 |
    | shut | push | | open | armSwing | DOR-1 |
    | shut | fire | | burnt | | DOR-3 |
    | open | swingOver | | shut | | DOR-2 |
    | open | fire | | burnt | disarmSwing | DOR-3 |

    ## Defaults

    | State | Event | Outcome | Rule |
    | --- | --- | --- | --- |
    | burnt | * | ignored | DOR-3 |
    | open | push | ignored | DOR-1 |
    | * | * | protocol error | DOR-2 |

    ## Invariants

    - **DOR-I1** A burnt door has no timer.

    ## Diagram

    <!-- diagram:begin -->
    <!-- diagram:end -->

    ## Survivors

    | Mutation | Why it changes nothing |
    | --- | --- |

    """

  /// Everything that parser and checker say about a text.
  static func diagnostics(_ text: String) -> [Diagnostic] {
    do throws(Diagnostic) {
      return SpecChecker.check(try SpecParser.parse(text, file: "door.md"))
    } catch {
      return [error]
    }
  }

  /// The line, counted from 1, of the first line of `text` that begins with `start`.
  static func line(of start: String, in text: String) -> Int {
    var number = 0
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      number += 1
      if line.hasPrefix(start) { return number }
    }
    return 0
  }
}
