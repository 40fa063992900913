extension Unicode.Scalar {
  /// Whether people see nothing of the character, or see what is around it otherwise than it is: control and
  /// format characters, marks of direction, fillers, characters that no font has.
  ///
  /// The joiners (U+200C, U+200D) are format characters too, but some scripts cannot be written without.
  public var isHidden: Bool {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse,
      .unassigned:
      true
    default: properties.isDefaultIgnorableCodePoint
    }
  }

  public var isJoiner: Bool { value == 0x200C || value == 0x200D }

  fileprivate var isLetterOrMark: Bool {
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
      .nonspacingMark, .spacingMark, .enclosingMark:
      true
    default: false
    }
  }
}

/// Throws where a text holds a character that nobody sees. A joiner may stand between two letters.
public func checkVisible(_ text: String) throws(TextRule) {
  let scalars = Array(text.unicodeScalars)
  for (index, scalar) in scalars.enumerated() where scalar.isHidden {
    let isBetween = index > 0 && index + 1 < scalars.count
    if scalar.isJoiner, isBetween, scalars[index - 1].isLetterOrMark,
      scalars[index + 1].isLetterOrMark
    {
      continue
    }
    let digits = String(scalar.value, radix: 16, uppercase: true)
    let zeros = String(repeating: "0", count: max(0, 4 - digits.utf8.count))
    throw TextRule(description: "must not contain U+\(zeros)\(digits), which nobody sees")
  }
}
