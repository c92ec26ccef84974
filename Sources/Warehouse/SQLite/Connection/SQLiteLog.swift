import GRDB
import GRDBSQLite
import Synchronization

/// How long the write-ahead log of the file was after a connection's last commit. A file with a rollback journal has no such log.
///
/// By itself, SQLite copies a log that has grown long into the file at the end of the commit (`wal_autocheckpoint`). What is in the log
/// is durable already, so whoever waits for the commit need not wait for that too: the connection does it later, as often as SQLite
/// would. Source: https://sqlite.org/c3ref/wal_hook.html
final class SQLiteLog: Sendable {
    private let pages = Atomic(0)
    /// Pages from which on a log is long; 0 or less: none is.
    private let limit = Atomic(0)

    /// Looks at the commits of a connection in SQLite's place. One at a time, which must not outlive this object.
    func watch(_ database: Database) throws {
        guard let connection = database.sqliteConnection else { throw SQLiteFile.closed }
        let usual = try database.firstRow("PRAGMA wal_autocheckpoint") { $0.count(0) }
        limit.store(usual ?? 0, ordering: .relaxed)
        pages.store(0, ordering: .relaxed)
        // SAFETY: this object outlives the connection.
        sqlite3_wal_hook(
            connection,
            { context, _, _, pages in
                if let context {
                    let log = Unmanaged<SQLiteLog>.fromOpaque(context).takeUnretainedValue()
                    log.pages.store(Int(pages), ordering: .relaxed)
                }
                return SQLITE_OK
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    /// Whether the last commit has left it long; false from then on, until the next commit.
    func takeIsLong() -> Bool {
        let limit = limit.load(ordering: .relaxed)
        let pages = pages.exchange(0, ordering: .relaxed)
        return limit > 0 && pages >= limit
    }
}
