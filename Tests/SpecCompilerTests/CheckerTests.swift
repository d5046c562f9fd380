import SpecCompiler
import Testing

@Suite struct CheckerTests {
  /// One thing wrong: what is replaced by what, the line it shows at (by its beginning), and what is said.
  struct Fault: Sendable, CustomTestStringConvertible {
    var old: String
    var new: String
    var at: String
    var says: String
    var testDescription: String { says }
  }

  static let faults: [Fault] = [
    Fault(old: "# door", new: "door", at: "door", says: "no title"),
    Fault(old: "A door that", new: "# again", at: "# again", says: "a second title"),
    Fault(old: "Status: complete", new: "Status: done", at: "Status: done", says: "the status is"),
    Fault(old: "Prefix: DOR", new: "", at: "# door", says: "no line \"Prefix: …\""),
    Fault(old: "## Guards", new: "## Guard", at: "## Guard", says: "unknown section \"Guard\""),
    Fault(
      old: "## Survivors", new: "### Survivors", at: "# door", says: "no section \"## Survivors\""),
    Fault(old: "## Guards", new: "## Events", at: "", says: "a second section \"Events\""),
    Fault(
      old: "| rattle | Make a noise |", new: "| rattle |", at: "| rattle |", says: "1 columns instead of 2"),
    Fault(
      old: "| rattle | Make a noise |", new: "| rattle | Make", at: "| rattle | Make", says: "must end in |"),
    Fault(
      old: "| Event | Meaning |", new: "| Events | Meaning |", at: "| Events |", says: "the header must be"),
    Fault(
      old: "| rattle | Make a noise |", new: "\n| rattle | Make a noise |", at: "| rattle | M",
      says: "a second table in \"Actions\""),
    Fault(old: "- **DOR-2** It", new: "- It", at: "- It", says: "an item without a name"),
    Fault(old: "- **DOR-2** It", new: "- **DOR-2 It", at: "- **DOR-2 It", says: "an item must read"),
    Fault(old: "| open | | Open |", new: "| open | odd | Open |", at: "| open | odd", says: "a state's kind"),
    Fault(
      old: "| burnt | * | ignored |", new: "| burnt | * | odd |", at: "| burnt | * |", says: "an outcome is"),
    Fault(
      old: "<!-- diagram:end -->", new: "", at: "## Diagram", says: "the diagram needs one line"),
    Fault(old: "| push | S", new: "| Push | S", at: "| Push | S", says: "no usable name for a event"),
    Fault(old: "| push | S", new: "| switch | S", at: "| switch | S", says: "no usable name for a event"),
    Fault(
      old: "| fire | It", new: "| push | Again |\n| fire | It", at: "| push | Again",
      says: "a second event \"push\""),
    Fault(old: "| shut | initial", new: "| shut | ", at: "| shut | ", says: "0 initial states"),
    Fault(old: "- **DOR-3** A", new: "- **DOR-4** A", at: "- **DOR-4**", says: "where DOR-3 belongs"),
    Fault(old: "**DOR-I1** A", new: "**DOR-I2** A", at: "- **DOR-I2**", says: "where DOR-I1 belongs"),
    Fault(
      old: "- **DOR-3** A fire ends it.", new: "- **DOR-3** A fire ends it.\n- **DOR-4** Alone.",
      at: "- **DOR-4**", says: "rule DOR-4 governs nothing"),
    Fault(old: "A door that", new: "A door (DOR-9) that", at: "A door (", says: "undefined rule DOR-9"),
    Fault(
      old: "- **DOR-I1** A burnt door has no timer.", new: "", at: "# door", says: "at least one invariant"),
    Fault(
      old: "| disarmSwing | DOR-3 |", new: "| disarmSwing | |", at: "| open | fire",
      says: "a row needs a rule"),
    Fault(
      old: "| disarmSwing | DOR-3 |", new: "| disarmSwing | DOR-1, DOR-3 |", at: "| open | fire",
      says: "is not the name of one rule"),
    Fault(
      old: "| shut | fire | | burnt |", new: "| shot | fire | | burnt |", at: "| shot | fire",
      says: "undefined state \"shot\""),
    Fault(
      old: "| shut | fire | | burnt |", new: "| shut | fires | | burnt |", at: "| shut | fires",
      says: "undefined event \"fires\""),
    Fault(
      old: "| shut | fire | | burnt |", new: "| shut | fire | | burned |", at: "| shut | fire",
      says: "undefined state \"burned\""),
    Fault(
      old: "| push | isLocked |", new: "| push | locked |", at: "| shut | push | locked",
      says: "undefined guard \"locked\""),
    Fault(
      old: "| shut | rattle | DOR-1 |", new: "| shut | rattles | DOR-1 |", at: "| shut | push | isL",
      says: "undefined action \"rattles\""),
    Fault(
      old: "| shut | rattle | DOR-1 |", new: "| shut | rattle, rattle | DOR-1 |", at: "| shut | push | isL",
      says: "stands twice"),
    Fault(
      old: "disarmSwing | DOR-3 |", new: "disarmSwing | DOR-3 |\n| burnt | fire | | burnt | | DOR-3 |",
      at: "| burnt | fire", says: "a row leads out of the final state"),
    Fault(
      old: "| shut | push | isLocked | shut |", new: "| shut | push | | shut |", at: "| shut | push | | shut",
      says: "ambiguous pair shut × push: a row without a guard"),
    Fault(
      old: "| shut | push | | open |", new: "| shut | push | isLocked | open |",
      at: "| shut | push | isLocked | open", says: "must have no guard"),
    Fault(
      old: "| shut | push | | open |",
      new: "| shut | push | isLocked | burnt | | DOR-1 |\n| shut | push | | open |",
      at: "| shut | push | isLocked | burnt", says: "guard \"isLocked\" stands twice"),
    Fault(
      old: "disarmSwing | DOR-3 |", new: "disarmSwing | DOR-3 |\n| shut | push | | shut | | DOR-1 |",
      at: "| shut | push | | shut", says: "do not stand together"),
    Fault(
      old: "| fire | It", new: "| quake | It shakes |\n| fire | It", at: "| quake", says: "is in no row"),
    Fault(
      old: "| isLocked | The", new: "| isOld | Old |\n| isLocked | The", at: "| isOld", says: "is in no row"),
    Fault(
      old: "| rattle | Make", new: "| squeak | Make more |\n| rattle | Make", at: "| squeak",
      says: "is in no row"),
    Fault(
      old: "| burnt | final", new: "| ajar | | Half |\n| burnt | final", at: "| ajar",
      says: "unreachable state \"ajar\""),
    Fault(
      old: "| * | * | protocol error | DOR-2 |", new: "", at: "| open | push | ignored",
      says: "the last default must cover every pair"),
    Fault(
      old: "| burnt | * | ignored |", new: "| brunt | * | ignored |", at: "| brunt",
      says: "undefined state \"brunt\""),
    Fault(
      old: "| open | push | ignored |", new: "| open | pull | ignored |", at: "| open | pull",
      says: "undefined event \"pull\""),
    Fault(
      old: "| open | push | ignored |", new: "| open | push, fire | ignored |", at: "| open | push, fire",
      says: "it has rows and a default of its own"),
    Fault(
      old: "| open | push | ignored |", new: "| burnt | push | ignored |", at: "| burnt | push",
      says: "this default covers no pair"),
    Fault(
      old: "| swing | 2 s | swingOver |", new: "| swing | 2 s | swung |", at: "| swing |",
      says: "undefined event \"swung\""),
    Fault(
      old: "| armSwing | disarmSwing | open |", new: "| armSwing | disarm | open |", at: "| swing |",
      says: "undefined action \"disarm\""),
    Fault(
      old: "| armSwing | disarmSwing | open |", new: "| armSwing | disarmSwing | ajar |", at: "| swing |",
      says: "undefined state \"ajar\""),
    Fault(
      old: "| swing | 2 s | swingOver | armSwing | disarmSwing | open |", new: "", at: "| armSwing",
      says: "undefined timer"),
    Fault(
      old: "| swing | 2 s |", new: "| swing | two days |", at: "| swing |", says: "must read like 250 ms"),
    Fault(
      old: "| swing | 2 s |", new: "| swing | |", at: "| swing |", says: "timer \"swing\" has no length"),
    Fault(
      old: "| burnt | disarmSwing | DOR-3 |", new: "| burnt | rattle | DOR-3 |", at: "| open | fire",
      says: "timer \"swing\" is armed after this row"),
    Fault(
      old: "| open | armSwing | DOR-1 |", new: "| open | rattle | DOR-1 |", at: "| shut | push | |",
      says: "timer \"swing\" is not armed after this row"),
  ]

  @Test func theFixtureIsRight() {
    #expect(Fixture.diagnostics(Fixture.text) == [])
  }

  @Test(arguments: faults)
  func eachFaultIsFound(_ fault: Fault) throws {
    let range = try #require(Fixture.text.firstRange(of: fault.old))
    var text = Fixture.text
    text.replaceSubrange(range, with: fault.new)
    let found = Fixture.diagnostics(text)
    let matching = found.first { $0.message.contains(fault.says) }
    let diagnostic = try #require(matching, "said only: \(found)")
    #expect(diagnostic.file == "door.md")
    if !fault.at.isEmpty {
      #expect(diagnostic.line == Fixture.line(of: fault.at, in: text))
    }
    #expect(diagnostic.description.hasPrefix("door.md:\(diagnostic.line): error: "))
  }

  @Test func brokenTablesSayWhatTheyMiss() {
    let noTable = Fixture.text.replacing("| Guard | Meaning |\n| --- | --- |\n", with: "")
      .replacing("| isLocked | The key was turned |\n", with: "")
    #expect(Fixture.diagnostics(noTable).map(\.message) == ["section \"Guards\" has no table"])
    let noRuler = Fixture.text.replacing(
      "| Guard | Meaning |\n| --- | --- |\n", with: "| Guard | Meaning |\n")
    #expect(Fixture.diagnostics(noRuler).map(\.message) == ["the header must be followed by | --- | …"])
    #expect(Fixture.diagnostics("").map(\.message).first?.hasPrefix("no title") == true)
  }

  @Test func ruleNamesAreWholeWords() {
    let text = "DOR-1, XDOR-2 DOR-3a (DOR-44) DOR-I5 DOR- DOR-I DOR-6_ DOR-7"
    #expect(ruleNames(in: text, prefix: "DOR") == ["DOR-1", "DOR-44", "DOR-I5", "DOR-7"])
  }
}
