/// A field of profiles, or of a catalog, as Iterable tells it.
public struct RemoteField: Sendable, Equatable {
    public var name: String
    /// Iterable's word: `string`, `long`, `double`, `boolean`, `date`, `object`, `geo_location` …; unknown ones stay as they are.
    /// nil: a catalog holds values of the field, but it has no type, so that collections cannot use it.
    public var type: String?

    public init(name: String, type: String?) {
        self.name = name
        self.type = type
    }
}
