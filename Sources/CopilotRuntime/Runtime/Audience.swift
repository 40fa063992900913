internal import QuotaModel
internal import QuotaService

/// The clients that have shown who they are, by what they may see: whoever tells of a session looks at no others.
struct Audience {
  private var groups: [SessionViewer: [ObjectIdentifier: RuntimeClient]] = [:]
  private var viewers: [ObjectIdentifier: SessionViewer] = [:]

  /// A client has shown who it is, perhaps as somebody else than before.
  mutating func add(_ client: RuntimeClient) {
    remove(client)
    guard let viewer = client.identity?.viewer else { return }
    viewers[ObjectIdentifier(client)] = viewer
    groups[viewer, default: [:]][ObjectIdentifier(client)] = client
  }

  mutating func remove(_ client: RuntimeClient) {
    let id = ObjectIdentifier(client)
    guard let viewer = viewers.removeValue(forKey: id) else { return }
    groups[viewer]?[id] = nil
    if groups[viewer]?.isEmpty == true { groups[viewer] = nil }
  }

  /// What a client sees; nil for one that has gone.
  func viewer(of client: RuntimeClient) -> SessionViewer? { viewers[ObjectIdentifier(client)] }

  func clients(as viewer: SessionViewer) -> [RuntimeClient] {
    groups[viewer].map { Array($0.values) } ?? []
  }

  /// Whether there is anybody to tell of what this viewer sees.
  func hears(_ viewer: SessionViewer) -> Bool {
    groups[viewer] != nil || groups[.everybody] != nil
  }
}
