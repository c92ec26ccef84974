/// The fields of a destination that runs have made or given a type. The rules of ``Warehouse`` hold.
package protocol FieldStore: Sendable {
    /// The fields of a scope, sorted by the bytes of their names.
    /// - Parameter scope: `users`, `event:NAME` or `catalog:NAME`.
    func knownFields(destination: String, scope: String) async throws(WarehouseError) -> [KnownField]
    /// Notes that `run` gives the fields their types, before it does so. A field that is known already is from this run on as well.
    func noteFields(
        _ lease: Lease, destination: String, scope: String, _ fields: [KnownField]
    ) async throws(WarehouseError)
    /// The names of fields that a sync has a place for, in the order of their places, from 0: the bits of ``FieldBits``. A name
    /// keeps its place for ever.
    func fieldPlaces(sync: String) async throws(WarehouseError) -> [String]
    /// Gives each of the names that has none the next place, in the order given; returns all as ``fieldPlaces(sync:)`` does.
    func addFieldPlaces(_ lease: Lease, _ names: [String]) async throws(WarehouseError) -> [String]
}

/// A field of a destination, as a row of `destination_fields` has it.
package struct KnownField: Sendable, Equatable {
    package var name: String
    /// Iterable's word for its type.
    package var type: String
    /// The run that gave the field its type; nil: it was there before.
    package var createdByRun: String?

    package init(name: String, type: String, createdByRun: String?) {
        self.name = name
        self.type = type
        self.createdByRun = createdByRun
    }
}
