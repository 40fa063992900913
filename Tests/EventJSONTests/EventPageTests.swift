import EventJSON
import Foundation
import QuotaModel
import Testing

/// The page that says what every kind of event consists of, written from the descriptions.
private struct EventPage {
  static let file = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Sources/QuotaModel/QuotaModel.docc/Events.md").standardized

  static var written: String { head + EventKind.allCases.map(section).joined() }

  private static let head = """
    # What events consist of

    Every event has a `position`, a `type`, the time when it was `recorded_at`, the time when it `happened_at`, and an
    `actor`: `"service"`, `"operator"` or `{"user": UUID}`; `decided_at`, `request_id` and `reason` are optional.
    Then follow the members of its type, in this order: in the line of an export under these names, in the record
    without them. The number that begins an object in a record has a bit for each optional member, in their order from
    the lowest: set where it is there.

    The number behind a type is its kind in the record. A test writes this page from the descriptions of the facts.

    """

  private static func section(_ kind: EventKind) -> String {
    let shapes = FactOutline.all(of: kind).map { shape in
      shape.members.isEmpty ? "" : shape.members.map(line).joined(separator: "\n") + "\n"
    }
    return "\n## \(kind.name), \(kind.rawValue)\n\n" + shapes.joined(separator: "\nor\n\n")
  }

  private static func line(_ member: FactOutline.Member) -> String {
    let indent = member.list == nil ? "" : "  "
    let optional = member.mayBeMissing ? ", optional" : ""
    return "\(indent)- `\(member.name)`\(optional): \(member.form)"
  }
}

@Suite struct `The page of events` {
  /// Set `QUOTALOG_WRITE_FIXTURES` to 1 after changing a description.
  @Test func `says what the descriptions say`() throws {
    if ProcessInfo.processInfo.environment["QUOTALOG_WRITE_FIXTURES"] == "1" {
      try Data(EventPage.written.utf8).write(to: EventPage.file)
    }
    let page = try String(contentsOf: EventPage.file, encoding: .utf8)
    #expect(page == EventPage.written)
  }
}
