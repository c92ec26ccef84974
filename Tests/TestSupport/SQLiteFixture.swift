package import Foundation
import GRDB
import TemporaryFolders
package import Warehouse

/// A SQLite file in a temporary folder of its own, with a rollback journal as SQLite makes it.
package struct SQLiteFixture: WarehouseFixture {
    package let folder: URL
    package let path: String
    package let warehouse: any Warehouse

    package static func make() async throws -> SQLiteFixture { try await make(journalMode: "DELETE") }

    /// - Parameter busyTimeoutSeconds: how long the adapters wait for a lock.
    package static func make(
        journalMode: String, busyTimeoutSeconds: Double = 120, folder parent: URL? = nil
    ) async throws -> SQLiteFixture {
        var folder = try TemporaryFolders.path("sqlite")
        if let parent { folder = parent.appendingPathComponent(folder.lastPathComponent) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let fixture = SQLiteFixture(folder: folder, busyTimeoutSeconds: busyTimeoutSeconds)
        _ = try await fixture.query("PRAGMA journal_mode = \(journalMode)")
        return fixture
    }

    private init(folder: URL, busyTimeoutSeconds: Double) {
        self.folder = folder
        path = folder.appendingPathComponent("shop.sqlite").path
        warehouse = SQLiteWarehouse(path: path, busyTimeoutSeconds: busyTimeoutSeconds)
    }

    package func second() throws -> any Warehouse { SQLiteWarehouse(path: path) }

    package func execute(_ sql: String) async throws {
        let outsider = try outsider()
        defer { try? outsider.close() }
        try await outsider.writeWithoutTransaction { try $0.execute(sql: sql) }
    }

    package func query(_ sql: String) async throws -> [[String?]] {
        let outsider = try outsider()
        defer { try? outsider.close() }
        return try await outsider.writeWithoutTransaction { database in
            try Row.fetchAll(database, sql: sql).map { row in
                row.databaseValues.map { String.fromDatabaseValue($0) ?? ($0.isNull ? nil : $0.description) }
            }
        }
    }

    package func state(_ table: String) -> String { "rollcall_" + table }

    package func tearDown() async {
        await warehouse.close()
        try? FileManager.default.removeItem(at: folder)
    }

    /// A connection as another program would have it.
    private func outsider() throws -> DatabaseQueue {
        var configuration = Configuration()
        // A COMMIT that is refused leaves its transaction open, until the connection goes.
        configuration.allowsUnsafeTransactions = true
        configuration.busyMode = .timeout(120)
        return try DatabaseQueue(path: path, configuration: configuration)
    }
}

/// The same in WAL mode.
package struct SQLiteWALFixture: WarehouseFixture {
    private let file: SQLiteFixture

    package static func make() async throws -> SQLiteWALFixture {
        SQLiteWALFixture(file: try await SQLiteFixture.make(journalMode: "WAL"))
    }

    package var warehouse: any Warehouse { file.warehouse }
    package func second() throws -> any Warehouse { try file.second() }
    package func execute(_ sql: String) async throws { try await file.execute(sql) }
    package func query(_ sql: String) async throws -> [[String?]] { try await file.query(sql) }
    package func state(_ table: String) -> String { file.state(table) }
    package func tearDown() async { await file.tearDown() }
}
