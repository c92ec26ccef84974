public import Foundation
import GRDB
import TemporaryFolders
public import Warehouse

/// A SQLite file in a temporary folder of its own, with a rollback journal as SQLite makes it.
public struct SQLiteFixture: WarehouseFixture {
    public let folder: URL
    public let path: String
    public let warehouse: any Warehouse

    public static func make() async throws -> SQLiteFixture { try await make(journalMode: "DELETE") }

    /// - Parameter busyTimeoutSeconds: how long the adapters wait for a lock.
    public static func make(
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

    public func second() throws -> any Warehouse { SQLiteWarehouse(path: path) }

    public func execute(_ sql: String) async throws {
        let outsider = try outsider()
        defer { try? outsider.close() }
        try await outsider.writeWithoutTransaction { try $0.execute(sql: sql) }
    }

    public func query(_ sql: String) async throws -> [[String?]] {
        let outsider = try outsider()
        defer { try? outsider.close() }
        return try await outsider.writeWithoutTransaction { database in
            try Row.fetchAll(database, sql: sql).map { row in
                row.databaseValues.map { String.fromDatabaseValue($0) ?? ($0.isNull ? nil : $0.description) }
            }
        }
    }

    public func state(_ table: String) -> String { "rollcall_" + table }

    public func tearDown() async {
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
public struct SQLiteWALFixture: WarehouseFixture {
    private let file: SQLiteFixture

    public static func make() async throws -> SQLiteWALFixture {
        SQLiteWALFixture(file: try await SQLiteFixture.make(journalMode: "WAL"))
    }

    public var warehouse: any Warehouse { file.warehouse }
    public func second() throws -> any Warehouse { try file.second() }
    public func execute(_ sql: String) async throws { try await file.execute(sql) }
    public func query(_ sql: String) async throws -> [[String?]] { try await file.query(sql) }
    public func state(_ table: String) -> String { file.state(table) }
    public func tearDown() async { await file.tearDown() }
}
