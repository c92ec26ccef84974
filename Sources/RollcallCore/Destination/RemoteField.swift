/// A field of profiles, or of a catalog, as Iterable tells it.
package struct RemoteField: Sendable, Equatable {
    package var name: String
    /// Iterable's word: `string`, `long`, `double`, `boolean`, `date`, `object`, `geo_location` …; unknown ones stay as they are.
    /// nil: a catalog holds values of the field, but it has no type, so that collections cannot use it.
    package var type: String?

    package init(name: String, type: String?) {
        self.name = name
        self.type = type
    }
}
