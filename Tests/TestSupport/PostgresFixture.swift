import Foundation
public import RollcallCore
public import Warehouse

/// A fresh database of the shared cluster for one test.
public struct PostgresFixture: WarehouseFixture {
    public let cluster: PostgresCluster
    public let database: String
    private let adapter: PostgresWarehouse

    public static func make() async throws -> PostgresFixture {
        try await make(on: PostgresCluster.shared())
    }

    /// On a cluster of the test's own.
    /// - Parameter encoding: the server's name of it; that of the cluster, UTF8, where none is given.
    public static func make(
        on cluster: PostgresCluster, encoding: String? = nil
    ) async throws -> PostgresFixture {
        let database = "t_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
        let kind = encoding.map { " ENCODING '\($0)' LOCALE 'C'" } ?? ""
        try await cluster.run("CREATE DATABASE \(database) TEMPLATE template0\(kind)")
        return PostgresFixture(cluster: cluster, database: database)
    }

    /// In an encoding other than the cluster's.
    public static func make(encoding: String) async throws -> PostgresFixture {
        try await make(on: PostgresCluster.shared(), encoding: encoding)
    }

    private init(cluster: PostgresCluster, database: String) {
        self.cluster = cluster
        self.database = database
        adapter = PostgresWarehouse(url: Secret(cluster.socketURL(database: database)), stateSchema: "rollcall")
    }

    public var warehouse: any Warehouse { adapter }

    /// The superuser's connection string, over the Unix socket.
    public var url: Secret { Secret(cluster.socketURL(database: database)) }

    public func second() throws -> any Warehouse {
        PostgresWarehouse(url: url, stateSchema: "rollcall")
    }

    public func execute(_ sql: String) async throws {
        _ = try await cluster.run(sql, database: database)
    }

    public func query(_ sql: String) async throws -> [[String?]] {
        try await cluster.run(sql, database: database)
    }

    public func state(_ table: String) -> String { "rollcall.\(table)" }

    public func tearDown() async {
        await adapter.close()
        _ = try? await cluster.run("DROP DATABASE IF EXISTS \(database) WITH (FORCE)")
    }
}
