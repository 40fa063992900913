extension BudgetChange: Described {
  @inlinable
  public static func describe<Coder: FactCoder & ~Escapable>(
    _ change: BudgetChange?, to coder: inout Coder
  ) throws(Coder.Failure) -> BudgetChange {
    BudgetChange(
      budget: try coder.member("budget_id", change?.budget),
      old: try coder.optional("old_nano_aiu", change.map(\.old)),
      new: try coder.member("new_nano_aiu", change?.new),
      access: try BudgetAccess.describeOptional(change.map(\.access), to: &coder))
  }
}

extension BudgetAccess {
  /// `open`, or the ids of the `members`; nil where nothing is said about it.
  @inlinable
  public static func describeOptional<Coder: FactCoder & ~Escapable>(
    _ access: BudgetAccess??, to coder: inout Coder
  ) throws(Coder.Failure) -> BudgetAccess? {
    let isOpen = try coder.optional("open", access.map { $0 == .open ? true : nil })
    let members = try coder.optionalList(
      "members", access.map { $0?.members }, of: "ids of users", atMost: maximumMemberCount)
    if let access { return access }
    if Coder.hasOneForm, isOpen == false || members.map({ $0 != Set($0).sorted() }) ?? false {
      try coder.refuse("members", "must be in order, each once")
    }
    guard let members else { return isOpen.map { $0 ? .open : .nobody } }
    if isOpen == true { try coder.refuse("members", "must be absent where open is true") }
    return .members(Set(members).sorted())
  }

  @inlinable
  var members: [UserID]? {
    switch self {
    case .open: nil
    case .members(let members): members
    }
  }
}
