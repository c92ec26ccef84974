import Dispatch
import GRDB
import Synchronization

/// One connection, opened when it is first needed, with its own thread. Work runs to its end even when the task
/// that waits for it is cancelled, so that bookkeeping is never cut off.
final class SQLiteWorker: Sendable {
    private enum State {
        case unopened
        case open(DatabaseQueue, SQLiteFile.Identity)
        case closed
    }

    private let file: SQLiteFile
    private let open: @Sendable () throws -> DatabaseQueue
    private let thread: DispatchQueue
    private let state = Mutex(State.unopened)
    private let log = SQLiteLog()

    init(label: String, file: SQLiteFile, open: @escaping @Sendable () throws -> DatabaseQueue) {
        self.file = file
        self.open = open
        self.thread = DispatchQueue(label: label)
    }

    /// Runs `body` in a transaction of this kind.
    ///
    /// - Parameters:
    ///   - file: the one that must be open; whichever is at the path where none is given.
    ///   - isSynced: whether the transaction is on the disk when it ends, however SQLite was built: `synchronous = EXTRA`, which
    ///     is FULL and, of a rollback journal, that its end is on the disk too.
    /// - Throws: ``WarehouseError/Kind/replaced`` where it is another, and where what was written is in a file that no longer
    ///   stands at the path. What was read from such a file is read again from the one that does.
    func run<T: Sendable>(
        _ kind: Database.TransactionKind, in file: SQLiteFile.Identity? = nil, isSynced: Bool = false,
        _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(WarehouseError) -> T {
        try await runKnowing(kind, in: file, isSynced: isSynced, body).0
    }

    /// As ``run(_:in:isSynced:_:)``; says which file it was done in.
    func runKnowing<T: Sendable>(
        _ kind: Database.TransactionKind, in file: SQLiteFile.Identity? = nil, isSynced: Bool = false,
        _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(WarehouseError) -> (T, SQLiteFile.Identity) {
        let wait = WarehouseWait.current
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<(T, SQLiteFile.Identity), WarehouseError>, _>) in
            thread.async {
                continuation.resume(
                    returning: Result {
                        try WarehouseWait.$current.withValue(wait) { try self.perform(kind, file, isSynced, body) }
                    }.mapError(self.file.explain))
                self.shortenLog()
            }
        }
        return try result.get()
    }

    func close() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            thread.async {
                self.state.withLock { state in
                    if case .open(let connection, _) = state { try? connection.close() }
                    state = .closed
                }
                continuation.resume()
            }
        }
    }

    /// How often a read is begun when the file is replaced under it.
    private static let readings = 5

    private func perform<T>(
        _ kind: Database.TransactionKind, _ wanted: SQLiteFile.Identity?, _ isSynced: Bool,
        _ body: (Database) throws -> T
    ) throws -> (T, SQLiteFile.Identity) {
        for _ in 0..<Self.readings {
            let (connection, opened) = try connection()
            guard wanted == nil || wanted == opened else { throw file.replaced }
            let result: T
            do {
                result = try Self.transaction(connection, kind, isSynced, body)
            } catch let error as DatabaseError {
                dropIfUndone(connection)
                // SQLite itself refuses to write a file that was moved.
                guard file.isReplaced(opened) else { throw error }
                if kind == .deferred { continue }
                throw file.replaced
            }
            if !file.isReplaced(opened) { return (result, opened) }
            guard kind == .deferred, wanted == nil else { break }
        }
        throw file.replaced
    }

    private static func transaction<T>(
        _ connection: DatabaseQueue, _ kind: Database.TransactionKind, _ isSynced: Bool, _ body: (Database) throws -> T
    ) throws -> T {
        try connection.inDatabase { database in
            var result: T?
            func run() throws {
                try database.inTransaction(kind) {
                    result = try body(database)
                    return .commit
                }
            }
            if isSynced { try synced(database, run) } else { try run() }
            guard let result else { throw WarehouseError(.other, "A transaction ended without a result.") }
            return result
        }
    }

    private static func synced(_ database: Database, _ body: () throws -> Void) throws {
        let usual = try database.firstRow("PRAGMA synchronous") { $0.count(0) }
        try database.execute(sql: "PRAGMA synchronous = EXTRA")
        defer { if let usual { try? database.execute(sql: "PRAGMA synchronous = \(usual)") } }
        try body()
    }

    /// Copies a write-ahead log that has grown long into the file, when whoever waits for the commit has the answer. What was synced
    /// must not be lost by it, so this is synced too. Where it fails, the next commit leads here again, as it is with SQLite itself.
    private func shortenLog() {
        guard log.takeIsLong(), case .open(let connection, _) = state.withLock({ $0 }) else { return }
        try? connection.inDatabase { database in
            try Self.synced(database) { _ = try database.firstRow("PRAGMA wal_checkpoint(PASSIVE)") { _ in } }
        }
    }

    /// Lets go of a connection whose transaction could not even be rolled back; the next call opens another.
    private func dropIfUndone(_ connection: DatabaseQueue) {
        guard connection.inDatabase({ $0.isInsideTransaction }) else { return }
        try? connection.close()
        state.withLock { if case .open = $0 { $0 = .unopened } }
    }

    /// The open connection; a new one where another file has taken the place of the one that was opened.
    private func connection() throws -> (DatabaseQueue, SQLiteFile.Identity) {
        try state.withLock { state in
            if case .closed = state { throw SQLiteFile.closed }
            if case .open(let connection, let opened) = state {
                if try opened == file.identity() { return (connection, opened) }
                try? connection.close()
                state = .unopened
            }
            let opened = try file.opening(open)
            try opened.0.inDatabase { try log.watch($0) }
            state = .open(opened.0, opened.1)
            return opened
        }
    }
}
