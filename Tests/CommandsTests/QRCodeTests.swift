import Testing

@testable import Commands

@Suite struct QRCodeTests {
  @Test func aSymbolHasItsFinders() throws {
    let modules = try #require(
      QRCode.modules("derphole://receive?token=" + String(repeating: "A", count: 175) + "&v=1"))
    #expect(modules.count == 53)
    // ISO/IEC 18004, 6.3.3: a dark frame of seven modules around a light one around a dark square, in three corners.
    let finder = [
      "#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######",
    ]
    for (top, left) in [(0, 0), (0, 46), (46, 0)] {
      let found = (0..<7).map { row in
        String((0..<7).map { modules[top + row][left + $0] ? "#" as Character : "." })
      }
      #expect(found == finder)
    }
  }

  @Test func halfBlocksWithAQuietZone() throws {
    // Dark, light / light, dark: the light modules are drawn.
    let lines = try #require(QRCode.lines([[true, false], [false, true]], width: 10))
    #expect(
      lines == ["██████████", "██████████", "████▄▀████", "██████████", "██████████"])
    // Three rows of modules leave half a line empty.
    let odd = try #require(QRCode.lines([[true]], width: 9))
    #expect(odd.count == 5)
    #expect(odd.last == "▀▀▀▀▀▀▀▀▀")
  }

  @Test func aNarrowTerminalGetsANarrowZoneOrNothing() throws {
    let modules = [[Bool]](repeating: [Bool](repeating: true, count: 21), count: 21)
    #expect(QRCode.lines(modules, width: 29)?.first?.count == 29)
    #expect(QRCode.lines(modules, width: 28)?.first?.count == 25)
    #expect(QRCode.lines(modules, width: 24) == nil)
    #expect(QRCode.modules(String(repeating: "x", count: 4_000)) == nil)
  }
}
