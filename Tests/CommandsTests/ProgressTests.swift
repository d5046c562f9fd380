import Basics
import Testing
import Wire

@testable import Commands

@Suite struct ProgressTests {
  private let whole = TransferProgress(
    name: "photos.tar", bytes: 1_230_000_000, total: 3_000_000_000, path: .direct, bytesPerSecond: 112_000_000
  )

  @Test func aWideTerminalShowsEverything() {
    #expect(
      ProgressLine.text(whole, width: 100, isUTF8: false)
        == "photos.tar  [#########               ]   41%  1.2 GB/3.0 GB  112 MB/s  0:16  direct")
    var files = whole
    files.files = .init(done: 3, total: 12)
    #expect(ProgressLine.text(files, width: 120, isUTF8: false).hasSuffix("0:16  direct  3/12 files"))
  }

  @Test func partsLeaveInOrderAsTheTerminalGetsNarrow() {
    #expect(
      ProgressLine.text(whole, width: 70, isUTF8: false)
        == "photos.tar  [####      ]   41%  1.2 GB/3.0 GB  112 MB/s  0:16  direct")
    #expect(
      ProgressLine.text(whole, width: 45, isUTF8: false) == " 41%  1.2 GB/3.0 GB  112 MB/s  0:16  direct")
    #expect(ProgressLine.text(whole, width: 37, isUTF8: false) == " 41%  1.2 GB/3.0 GB  112 MB/s  0:16")
    #expect(ProgressLine.text(whole, width: 31, isUTF8: false) == " 41%  1.2 GB/3.0 GB  112 MB/s")
    #expect(ProgressLine.text(whole, width: 20, isUTF8: false) == " 41%  1.2 GB/3.0 GB")
    #expect(ProgressLine.text(whole, width: 12, isUTF8: false) == " 41% 1.2 G…")
  }

  /// No line ever wraps, whatever the name; and none reaches the last column.
  @Test(arguments: ["", "a", "日本語の名前がとても長いファイル.tar.gz", "e\u{301}e\u{301}e\u{301}", "👩👩👩👩👩👩👩👩👩👩"])
  func noLineIsWiderThanTheTerminal(name: String) {
    var progress = whole
    progress.name = name
    for phase in [TransferProgress.Phase.comparing, .moving, .verifying] {
      progress.phase = phase
      for total in [nil, 0, 3_000_000_000] as [UInt64?] {
        progress.total = total
        for width in 0...140 {
          for isUTF8 in [false, true] {
            let cells = DisplayText.width(ProgressLine.text(progress, width: width, isUTF8: isUTF8))
            #expect(cells < max(width, 1), "\(phase) \(String(describing: total)) \(width)")
          }
        }
      }
    }
  }

  @Test func aStreamHasNoPercent() {
    let stream = TransferProgress(bytes: 5_000_000, path: .relay, bytesPerSecond: 1_000_000)
    #expect(ProgressLine.text(stream, width: 80, isUTF8: true) == "5.0 MB  1.0 MB/s  relay")
    #expect(ProgressLine.plain(stream) == "5.0 MB, 1.0 MB/s, relay")
  }

  @Test func bars() {
    let bar = { (bytes: UInt64, isUTF8: Bool) in
      ProgressLine.bar(TransferProgress(bytes: bytes, total: 80), cells: 10, isUTF8: isUTF8)
    }
    #expect(bar(0, true) == "[          ]")
    #expect(bar(1, true) == "[▏         ]")
    #expect(bar(44, true) == "[█████▌    ]")
    #expect(bar(79, true) == "[█████████▉]")
    #expect(bar(80, true) == "[██████████]")
    #expect(bar(200, true) == "[██████████]")
    #expect(bar(44, false) == "[#####     ]")
    #expect(ProgressLine.bar(TransferProgress(total: 0), cells: 4, isUTF8: false) == "[####]")
  }

  @Test func percentAndTimeLeft() {
    #expect(TransferProgress(bytes: 999, total: 1_000).percent == 99)
    #expect(TransferProgress(bytes: 1_000, total: 1_000).percent == 100)
    #expect(TransferProgress(bytes: 0, total: 0).percent == 100)
    #expect(TransferProgress(bytes: .max - 1, total: .max).percent == 99)
    #expect(TransferProgress(bytes: 0, total: 10, bytesPerSecond: 3).secondsLeft == 4)
    #expect(TransferProgress(bytes: 0, total: 10, bytesPerSecond: 0).secondsLeft == nil)
    #expect(ProgressLine.clock(0) == "0:00")
    #expect(ProgressLine.clock(725) == "12:05")
    #expect(ProgressLine.clock(3_723) == "1:02:03")
    #expect(ProgressLine.clock(.max) == ">99 h")
  }

  @Test func theRateFollowsAndForgets() throws {
    var meter = RateMeter()
    meter.add(0, at: .zero)
    #expect(meter.bytesPerSecond == nil)
    for tick in 1...100 { meter.add(UInt64(tick) * 100_000, at: .zero + .milliseconds(Int64(tick) * 100)) }
    #expect(try #require(meter.bytesPerSecond).distance(to: 1_000_000).magnitude < 1_000)
    for tick in 101...200 { meter.add(10_000_000, at: .zero + .milliseconds(Int64(tick) * 100)) }
    #expect(try #require(meter.bytesPerSecond) < 50_000)
    meter.add(5, at: .zero + .seconds(30))
    #expect(meter.bytesPerSecond == nil)
  }

  /// What a display wrote.
  private final class Recording {
    var writes: [String] = []
    var width = 80

    var screen: ProgressDisplay.Screen {
      ProgressDisplay.Screen(
        width: { [unowned self] in width }, isUTF8: false,
        status: { [unowned self] text, isShorter in writes.append("\r\(text)\(isShorter ? "<" : "")") },
        line: { [unowned self] in writes.append($0) })
    }
  }

  @Test func theLineIsErasedOnlyWhenItGetsShorter() {
    let recording = Recording()
    let display = ProgressDisplay(.line, screen: recording.screen)
    let show = { (bytes: UInt64) in display.show(TransferProgress(phase: .verifying, bytes: bytes), at: .zero)
    }
    show(10)
    show(10)
    show(20)
    show(5)
    display.clear()
    display.clear()
    show(5)
    #expect(
      recording.writes == [
        "\r10 B  verifying", "\r20 B  verifying", "\r5 B  verifying<", "\r<", "\r5 B  verifying",
      ])
  }

  @Test func aLogHasALineATenthButNotMoreThanOneInTenSeconds() {
    let recording = Recording()
    let display = ProgressDisplay(.log, screen: recording.screen)
    for second in 0...100 {
      let progress = TransferProgress(phase: .verifying, bytes: UInt64(second), total: 200)
      display.show(progress, at: .zero + .seconds(Int64(second)))
    }
    #expect(recording.writes.map { $0.prefix(4) } == ["10 %", "20 %", "30 %", "40 %", "50 %"])
    recording.writes = []
    let fast = ProgressDisplay(.log, screen: recording.screen)
    for second in 0...25 {
      fast.show(
        TransferProgress(phase: .verifying, bytes: UInt64(second)), at: .zero + .seconds(Int64(second)))
    }
    #expect(recording.writes == ["10 B, verifying", "20 B, verifying"])
  }

  @Test func eventsForPrograms() {
    let recording = Recording()
    let display = ProgressDisplay(.json, screen: recording.screen)
    display.show(whole, at: .zero)
    #expect(
      recording.writes == [
        #"{"event":"progress","bytes":1230000000,"total":3000000000,"bytesPerSecond":0,"path":"direct"}"#
      ])
  }

  @Test func summaries() {
    var summary = TransferSummary(
      direction: .sent, name: "photos", bytes: 3_000_000_000, files: 12, elapsed: .milliseconds(26_800),
      directBytes: 98, relayBytes: 2, repairedPerMille: 3)
    #expect(
      summary.text
        == "sent photos: 3.0 GB in 26.8 s, 111 MB/s, 12 files, direct and 2 % by relay, 0.3 % repaired")
    summary.resumed = 1_000_000_000
    #expect(
      summary.text.contains("2.0 GB in 26.8 s, 74.6 MB/s, 12 files, 1.0 GB of 3.0 GB were there already"))
    let empty = TransferSummary(bytes: 0, elapsed: .milliseconds(3), directBytes: 0, relayBytes: 0)
    #expect(empty.text == "0 B in 3 ms")
    #expect(empty.digestText == nil)
  }

  @Test func offers() {
    let name = "a\"\u{1B}[2J\u{202E}"
    let file = OfferDescription(kind: .file, name: name, size: 5)
    #expect(file.text == #"file "a\"�[2J�" (5 B)"#)
    #expect(file.json.text == #"{"event":"offer","kind":"file","name":"a\"\u001b[2J\u202e","size":5}"#)
    #expect(
      OfferDescription(kind: .directory, name: "d", size: 1_000, count: 1).text
        == #"directory "d" (1 entry, 1.0 kB)"#)
    #expect(OfferDescription(kind: .stream).text == "a stream (size unknown)")
  }

  @Test func instructionsStandOnLinesOfTheirOwn() {
    let send = Invitation(token: "TOKEN", use: .receive)
    #expect(send.lines.contains("derphole receive TOKEN"))
    #expect(Invitation(token: "TOKEN", use: .send).lines.contains("derphole send --to TOKEN PATH"))
    #expect(Invitation(token: "TOKEN", use: .pipe).lines == ["TOKEN"])
  }

  /// Whatever is printed, nothing of it drives a terminal.
  @Test func theConsoleLetsNoControlCharacterThrough() {
    #expect(Console.harmless("a\u{1B}[2J\n\u{9B}\u{202E}é日") == "a�[2J���é日")
    #expect(Console.harmless("plain") == "plain")
    #expect(JSONLine.quoted("\u{9B}\u{E0041}é") == #""\u009b\udb40\udc41é""#)
  }
}
