/// What a sync keeps equal: the `kind` of its configuration.
package enum RecordKind: String, Sendable, Codable, CaseIterable {
    case list
    case users
    case events
    case catalog
}
