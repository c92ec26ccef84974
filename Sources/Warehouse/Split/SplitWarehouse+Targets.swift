package import Foundation

/// What syncs are bound to, fields, and items that are read back: all of it is the state's.
extension SplitWarehouse {
    // MARK: ListStore

    package func listBinding(sync: String) async throws(WarehouseError) -> ListBinding? {
        try await state.listBinding(sync: sync)
    }

    package func bindings(named name: String) async throws(WarehouseError) -> [ListBinding] {
        try await state.bindings(named: name)
    }

    package func saveListBinding(_ lease: Lease, _ binding: ListBinding) async throws(WarehouseError) {
        try await state.saveListBinding(lease, binding)
    }

    package func listClaims(besides sync: String, list: Int64?) async throws(WarehouseError) -> [ListClaim] {
        try await state.listClaims(besides: sync, list: list)
    }

    package func takeList(
        _ lease: Lease, _ binding: ListBinding, refuse: @escaping @Sendable ([ListClaim]) -> [ListClaim]
    ) async throws(WarehouseError) -> [ListClaim] {
        try await state.takeList(lease, binding, refuse: refuse)
    }

    package func abandon(_ lease: Lease, list: Int64?) async throws(WarehouseError) -> AbandonAttempt {
        try await state.abandon(lease, list: list)
    }

    // MARK: FieldStore

    package func knownFields(destination: String, scope: String) async throws(WarehouseError) -> [KnownField] {
        try await state.knownFields(destination: destination, scope: scope)
    }

    package func noteFields(
        _ lease: Lease, destination: String, scope: String, _ fields: [KnownField]
    ) async throws(WarehouseError) {
        try await state.noteFields(lease, destination: destination, scope: scope, fields)
    }

    package func fieldPlaces(sync: String) async throws(WarehouseError) -> [String] {
        try await state.fieldPlaces(sync: sync)
    }

    package func addFieldPlaces(_ lease: Lease, _ names: [String]) async throws(WarehouseError) -> [String] {
        try await state.addFieldPlaces(lease, names)
    }

    // MARK: ItemCheckStore

    package func itemChecks(
        sync: String, acceptedBefore time: Date, limit: Int
    ) async throws(WarehouseError) -> [ItemCheck] {
        try await state.itemChecks(sync: sync, acceptedBefore: time, limit: limit)
    }

    package func noteItemChecks(_ lease: Lease, run id: String, _ notes: ItemCheckNotes) async throws(WarehouseError) {
        try await state.noteItemChecks(lease, run: id, notes)
    }

    package func acceptItemChecks(_ lease: Lease, run id: String) async throws(WarehouseError) {
        try await state.acceptItemChecks(lease, run: id)
    }
}
