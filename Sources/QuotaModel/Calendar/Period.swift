/// How long a window lasts: one calendar day, week or month.
///
/// The raw values are part of the record format and never change.
public enum Period: UInt8, CaseIterable, Sendable {
  case daily = 0
  case weekly = 1
  case monthly = 2
}
