package import RollcallCore

/// Rollcall's own tables: whether they are there, and whether a run could work. The rules of ``Warehouse`` hold.
package protocol SchemaStore: Sendable {
    /// Version of the state tables; nil where there are none.
    func schemaVersion() async throws(WarehouseError) -> Int?
    /// Creates or upgrades the state tables, all or nothing; safe when two processes do it at once.
    /// Throws ``WarehouseError/Kind/schemaTooNew`` when the tables are of a newer binary.
    func migrate() async throws(WarehouseError) -> MigrationResult
    /// Connection, versions, rights and state tables: one finding each, with the SQL that fixes it. Writes nothing.
    func diagnose(_ sources: [AudienceSource]) async -> [Finding]
}
