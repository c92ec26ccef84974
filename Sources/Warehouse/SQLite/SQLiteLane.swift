import Dispatch
import GRDB
import Synchronization

/// One connection, opened when it is first needed, with a thread of its own. Work runs to its end even when the task
/// that waits for it is cancelled, so that bookkeeping is never cut off.
final class SQLiteLane: Sendable {
    private enum State {
        case unopened
        case open(DatabaseQueue, SQLiteFile.Identity)
        case closed
    }

    private let file: SQLiteFile
    private let open: @Sendable () throws -> DatabaseQueue
    private let thread: DispatchQueue
    private let state = Mutex(State.unopened)

    init(label: String, file: SQLiteFile, open: @escaping @Sendable () throws -> DatabaseQueue) {
        self.file = file
        self.open = open
        self.thread = DispatchQueue(label: label)
    }

    /// Runs `body` in a transaction of this kind.
    func run<T: Sendable>(
        _ kind: Database.TransactionKind, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(WarehouseError) -> T {
        let wait = WarehouseWait.current
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<T, WarehouseError>, _>) in
            thread.async {
                continuation.resume(
                    returning: Result { try WarehouseWait.$current.withValue(wait) { try self.perform(kind, body) } }
                        .mapError(self.file.explain))
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

    private func perform<T>(_ kind: Database.TransactionKind, _ body: (Database) throws -> T) throws -> T {
        try connection().inDatabase { database in
            var result: T?
            try database.inTransaction(kind) {
                result = try body(database)
                return .commit
            }
            guard let result else { throw WarehouseError(.other, "A transaction ended without a result.") }
            return result
        }
    }

    /// The open connection; a new one where another file has taken the place of the one that was opened.
    private func connection() throws -> DatabaseQueue {
        try state.withLock { state in
            if case .closed = state { throw SQLiteFile.closed }
            let present = try file.identity()
            if case .open(let connection, let opened) = state {
                if opened == present { return connection }
                try? connection.close()
                state = .unopened
            }
            let connection = try open()
            state = .open(connection, present)
            return connection
        }
    }
}
