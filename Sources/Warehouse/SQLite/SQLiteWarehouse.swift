import Dispatch
package import Foundation
import GRDB
import RollcallCore
import Synchronization

/// A warehouse in one SQLite file. The file is the user's: it is never created, and its journal mode, permissions and
/// other persistent settings stay as they are. Works in WAL mode and with rollback journals; in the latter SQLite lets
/// no writer commit while an audience is being read.
///
/// One connection writes (every transaction takes the write lock at its start), one reads what is small, and each
/// audience or snapshot that is streamed, and each watch, has a separate one. All are opened when they are first needed.
package final class SQLiteWarehouse: Warehouse {
    let file: SQLiteFile
    let writer: SQLiteWorker
    let reader: SQLiteWorker
    let streams: SQLiteStreams
    let leases = SQLiteLeaseFiles()
    let watches = OpenWatches()

    /// - Parameters:
    ///   - path: the database file; relative paths count from the working directory. It is not touched here.
    ///   - busyTimeoutSeconds: how long to wait for another program's lock before giving up with
    ///     ``WarehouseError/Kind/busy``, 0 or more.
    package init(path: String, busyTimeoutSeconds: Double = 10) {
        let file = SQLiteFile(path: path, busyTimeoutSeconds: busyTimeoutSeconds)
        self.file = file
        writer = SQLiteWorker(label: "rollcall.sqlite.writer", file: file) { try file.openWriter() }
        reader = SQLiteWorker(label: "rollcall.sqlite.reader", file: file) { try file.openReader() }
        streams = SQLiteStreams(file: file)
    }

    package var waitSeconds: Double { file.busyTimeoutSeconds }

    package func close() async {
        await watches.close()
        streams.close()
        await writer.close()
        await reader.close()
    }

    // MARK: Schema

    package func schemaVersion() async throws(WarehouseError) -> Int? {
        try await reader.run(.deferred) { try SQLiteMigrations.version($0) }
    }

    package func migrate() async throws(WarehouseError) -> MigrationResult {
        // Nothing is locked where nothing is to be done.
        let version = try await reader.run(.deferred) { database in
            try SQLiteMigrations.refuseNewer(database)
            return try SQLiteMigrations.version(database)
        }
        if let version, version >= SQLiteMigrations.newest { return MigrationResult(from: version, to: version) }
        return try await writer.run(.immediate) { try SQLiteMigrations.apply($0) }
    }

    package func now() async throws(WarehouseError) -> Date {
        try await reader.run(.deferred) { try Self.now($0) }
    }

    // MARK: Ways to the database

    /// Reads in one transaction; `none` where the state tables do not exist yet.
    func read<T: Sendable>(
        _ none: T, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(WarehouseError) -> T {
        try await reader.run(.deferred) { try SQLiteMigrations.version($0) == nil ? none : body($0) }
    }

    /// Writes in one transaction that holds the write lock from its start.
    func write<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws(WarehouseError) -> T {
        try await writer.run(.immediate, body)
    }

    /// Writes while the lease is still its holder's, in the file in which it was taken; the write lock keeps it so until the end
    /// of the transaction.
    func write<T: Sendable>(
        _ lease: Lease, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(WarehouseError) -> T {
        try await writer.run(.immediate, in: leases.file(of: lease)) { database in
            try SQLiteLeases.prove(database, lease)
            return try body(database)
        }
    }

    static func now(_ database: Database) throws -> Date {
        guard let now = try database.firstRow("SELECT \(SQLiteTime.now)", [:], { $0.date(0) }) ?? nil else {
            throw WarehouseError(.other, "SQLite does not tell the time.")
        }
        return now
    }
}
