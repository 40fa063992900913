internal import QuotaModel
internal import Sessions

/// The model that a call goes to, and by which it is metered: what the provider really serves, which
/// need not be the session's (contract session-limits, section 5).
struct ServedModel: Hashable {
  /// What a request asks for where nobody names a model. It has no price unless the operator gives it
  /// one under that name: what an endpoint then serves, nobody here knows.
  private static let anonymous = "default"

  /// What the request calls it.
  let wireName: String
  let name: ModelName?
  /// nil: what it costs is not known.
  let price: ModelPrice?
  let bounds: ModelBounds?

  init(of session: Session, _ provider: Provider?, _ settings: SessionSettings) {
    let own = provider?.models ?? []
    let names: [ModelName]
    if !own.isEmpty {
      names = own
    } else if let model = session.model {
      names = [model]
    } else if provider == nil, let model = settings.defaultModel {
      // Only a request handler does what the request says; a provider serves what it has.
      names = [model]
    } else {
      names = (try? ModelName(Self.anonymous)).map { [$0] } ?? []
    }
    wireName = names.first?.description ?? Self.anonymous
    name = names.first { settings.prices[$0] != nil } ?? names.first
    price = name.flatMap { settings.prices[$0] }
    bounds = name.flatMap { settings.modelBounds[$0] }
  }
}
