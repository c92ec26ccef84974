package import Warehouse

/// A fresh, private database for one test, with its adapter. The conformance suite runs on every kind.
package protocol WarehouseFixture: Sendable {
    static func make() async throws -> Self
    /// The adapter under test; its state tables do not exist yet.
    var warehouse: any Warehouse { get }
    /// Another adapter on the same database, as a second process would have it.
    func second() throws -> any Warehouse
    /// Runs SQL as an outsider, not through the adapter.
    func execute(_ sql: String) async throws
    /// Rows as text, NULL as nil.
    func query(_ sql: String) async throws -> [[String?]]
    /// Name of a state table for SQL: `rollcall.sync_runs`, `rollcall_sync_runs`.
    func state(_ table: String) -> String
    /// The database that audiences are read from: itself, but of a ``SplitFixture``.
    var source: any WarehouseFixture { get }
    /// Ends connections and deletes the database.
    func tearDown() async
}

extension WarehouseFixture {
    package var source: any WarehouseFixture { self }
}
