import Foundation
package import RollcallCore
package import Warehouse

/// A fresh database of the shared cluster for one test.
package struct PostgresFixture: WarehouseFixture {
    package let cluster: PostgresCluster
    package let database: String
    private let adapter: PostgresWarehouse

    package static func make() async throws -> PostgresFixture {
        try await make(on: PostgresCluster.shared())
    }

    /// On a cluster of the test's own.
    /// - Parameter encoding: the server's name of it; that of the cluster, UTF8, where none is given.
    package static func make(
        on cluster: PostgresCluster, encoding: String? = nil
    ) async throws -> PostgresFixture {
        let database = "t_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
        let kind = encoding.map { " ENCODING '\($0)' LOCALE 'C'" } ?? ""
        try await cluster.run("CREATE DATABASE \(database) TEMPLATE template0\(kind)")
        return PostgresFixture(cluster: cluster, database: database)
    }

    /// In an encoding other than the cluster's.
    package static func make(encoding: String) async throws -> PostgresFixture {
        try await make(on: PostgresCluster.shared(), encoding: encoding)
    }

    private init(cluster: PostgresCluster, database: String) {
        self.cluster = cluster
        self.database = database
        adapter = PostgresWarehouse(url: Secret(cluster.socketURL(database: database)), stateSchema: "rollcall")
    }

    package var warehouse: any Warehouse { adapter }

    /// The superuser's connection string, over the Unix socket.
    package var url: Secret { Secret(cluster.socketURL(database: database)) }

    package func second() throws -> any Warehouse {
        PostgresWarehouse(url: url, stateSchema: "rollcall")
    }

    package func execute(_ sql: String) async throws {
        _ = try await cluster.run(sql, database: database)
    }

    package func query(_ sql: String) async throws -> [[String?]] {
        try await cluster.run(sql, database: database)
    }

    package func state(_ table: String) -> String { "rollcall.\(table)" }

    package func tearDown() async {
        await adapter.close()
        _ = try? await cluster.run("DROP DATABASE IF EXISTS \(database) WITH (FORCE)")
    }
}
