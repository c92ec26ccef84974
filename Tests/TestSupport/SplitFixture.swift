package import RollcallCore
package import Warehouse

/// Two fresh databases for one test: audiences are read in one, and state lives in the other. The tests fill the source themselves;
/// where it has a standby, the adapters read that.
package struct SplitFixture: WarehouseFixture {
    package let source: any WarehouseFixture
    package let stateFixture: any WarehouseFixture
    /// Of the cluster that the source is in.
    package let standby: PostgresCluster?
    private let adapter: SplitWarehouse

    package static func make() async throws -> SplitFixture {
        try SplitFixture(source: await SQLiteFixture.make(), state: await PostgresFixture.make())
    }

    package init(
        source: any WarehouseFixture, state: any WarehouseFixture, standby: PostgresCluster? = nil
    ) throws {
        self.source = source
        stateFixture = state
        self.standby = standby
        adapter = try Self.adapter(
            source: Self.reader(source, standby) ?? source.warehouse, state: state.warehouse)
    }

    package var warehouse: any Warehouse { adapter }

    package func second() throws -> any Warehouse {
        try Self.adapter(source: Self.reader(source, standby) ?? source.second(), state: stateFixture.second())
    }

    /// The superuser's connection string to what is read; nil where that is a file.
    package var readURL: Secret? {
        guard let postgres = source as? PostgresFixture else { return nil }
        return standby.map { Secret($0.socketURL(database: postgres.database)) } ?? postgres.url
    }

    private static func reader(_ source: any WarehouseFixture, _ standby: PostgresCluster?) -> (any Warehouse)? {
        guard let standby, let postgres = source as? PostgresFixture else { return nil }
        return PostgresWarehouse(url: Secret(standby.socketURL(database: postgres.database)), stateSchema: "none")
    }

    private static func adapter(source: any Warehouse, state: any Warehouse) throws -> SplitWarehouse {
        guard let source = source as? any ServiceWarehouse, let state = state as? any ServiceWarehouse else {
            throw PostgresCluster.Failure(description: "a warehouse of a fixture is none that is served")
        }
        return SplitWarehouse(source: source, state: state)
    }

    // MARK: Outsiders

    /// Statements that name a state table are for the database with the state.
    private func isOfState(_ sql: String) -> Bool { sql.contains(stateFixture.state("")) }

    package func execute(_ sql: String) async throws {
        if isOfState(sql) { return try await stateFixture.execute(sql) }
        try await source.execute(sql)
        if let standby, let postgres = source as? PostgresFixture {
            try await standby.awaitReplay(of: postgres.cluster)
        }
    }

    package func query(_ sql: String) async throws -> [[String?]] {
        try await isOfState(sql) ? stateFixture.query(sql) : source.query(sql)
    }

    package func state(_ table: String) -> String { stateFixture.state(table) }

    /// The clusters are the test's to stop.
    package func tearDown() async {
        await adapter.close()
        await source.tearDown()
        await stateFixture.tearDown()
    }
}
