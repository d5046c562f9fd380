/// Which characters a name may hold (SFT-2).
public enum NameCharacters {
  /// Throws for the first character that would deceive.
  static func check(_ text: some StringProtocol) throws(NameError) {
    for scalar in text.unicodeScalars {
      if let error = fault(scalar) { throw error }
    }
  }

  /// What is wrong with a character in a name; nil when nothing is.
  static func fault(_ scalar: Unicode.Scalar) -> NameError? {
    switch scalar.value {
    case 0x20..<0x7f: return nil
    case 0..<0xa0: return .control
    default: break
    }
    let properties = scalar.properties
    switch properties.generalCategory {
    // Control characters, and the separators of lines and paragraphs, which terminals may obey.
    case .control, .lineSeparator, .paragraphSeparator: return .control
    // Among them everything that turns the direction of writing (UAX 9), and the tags (UTS 51).
    case .format: return isJoiner(scalar) ? nil : .invisible
    case .surrogate: return .invalidUTF8
    default: break
    }
    if properties.isNoncharacterCodePoint { return .invisible }
    return properties.isDefaultIgnorableCodePoint && !properties.isVariationSelector ? .invisible : nil
  }

  /// Without a form of its own and yet allowed, since languages and emoji need it; never tells two names apart.
  static func isIgnorable(_ scalar: Unicode.Scalar) -> Bool {
    isJoiner(scalar) || scalar.properties.isVariationSelector
  }

  /// ZERO WIDTH NON-JOINER and ZERO WIDTH JOINER.
  private static func isJoiner(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value == 0x200c || scalar.value == 0x200d
  }

  /// A name of this machine, which was not checked, for a message: what may not stand in a name appears as its number.
  public static func escaped(_ name: some Collection<UInt8>) -> String {
    var text = ""
    for scalar in String(decoding: name, as: UTF8.self).unicodeScalars {
      if fault(scalar) == nil, scalar != "\\" {
        text.unicodeScalars.append(scalar)
      } else {
        text += "\\u{\(String(scalar.value, radix: 16))}"
      }
    }
    return text
  }
}
