import GRDB
import GRDBSQLite
import Synchronization

/// Long reads: each has its own connection and thread, and can be stopped.
final class SQLiteStreams: Sendable {
    /// Stops one read, from any thread.
    final class Stop: Sendable {
        enum Cause: Int, Sendable {
            case cancelled = 1
            case closed = 2
        }

        private let state = Atomic<Int>(0)

        var isSet: Bool { state.load(ordering: .relaxed) != 0 }

        func set(_ cause: Cause) {
            _ = state.compareExchange(expected: 0, desired: cause.rawValue, ordering: .relaxed)
        }

        func check() throws {
            switch Cause(rawValue: state.load(ordering: .relaxed)) {
            case nil: return
            case .cancelled: throw CancellationError()
            case .closed: throw SQLiteFile.closed
            }
        }
    }

    /// An error of the caller's `body`, which is passed on as it is.
    struct BodyFailure: Error {
        var error: any Error
    }

    private struct Registry {
        var isClosed = false
        var running: [ObjectIdentifier: Stop] = [:]
    }

    /// SQLite looks at the stop after this number of its virtual machine's steps, some milliseconds of work.
    private static let stepsBetweenChecks: Int32 = 100_000

    private let file: SQLiteFile
    private let registry = Mutex(Registry())

    init(file: SQLiteFile) { self.file = file }

    /// Runs `body` in one read transaction on a fresh connection. Errors are `WarehouseError`, `CancellationError`,
    /// or what a ``BodyFailure`` carries.
    func run(_ body: @escaping @Sendable (Database, Stop) throws -> Void) async throws {
        let stop = Stop()
        let wait = WarehouseWait.current
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Result<Void, any Error>, Never>) in
                SeparateThread.begin("rollcall.sqlite.stream") {
                    continuation.resume(
                        returning: WarehouseWait.$current.withValue(wait) { self.attempt(stop, body) })
                }
            }
        } onCancel: {
            stop.set(.cancelled)
        }
        try result.get()
    }

    /// Ends all reads, and refuses new ones.
    func close() {
        registry.withLock { registry in
            registry.isClosed = true
            for stop in registry.running.values { stop.set(.closed) }
        }
    }

    private func attempt(_ stop: Stop, _ body: (Database, Stop) throws -> Void) -> Result<Void, any Error> {
        let isClosed = registry.withLock { registry in
            if !registry.isClosed { registry.running[ObjectIdentifier(stop)] = stop }
            return registry.isClosed
        }
        guard !isClosed else { return .failure(SQLiteFile.closed) }
        defer { registry.withLock { _ = $0.running.removeValue(forKey: ObjectIdentifier(stop)) } }
        do {
            try stop.check()
            let (connection, opened) = try file.opening(file.openReader)
            defer { try? connection.close() }
            do {
                try connection.inDatabase { try Self.transaction($0, stop, body) }
            } catch let error as DatabaseError {
                throw file.isReplaced(opened) ? file.replaced : error
            }
            // A journal is found by its name: it may have been the other file's.
            if file.isReplaced(opened) { throw file.replaced }
            return .success(())
        } catch let failure as BodyFailure {
            return .failure(failure.error)
        } catch let error as CancellationError {
            return .failure(error)
        } catch {
            return .failure(Result { try stop.check() }.failure ?? file.explain(error))
        }
    }

    private static func transaction(
        _ database: Database, _ stop: Stop, _ body: (Database, Stop) throws -> Void
    ) throws {
        // SAFETY: `stop` outlives the handler, which is taken away before this function returns.
        sqlite3_progress_handler(
            database.sqliteConnection, stepsBetweenChecks,
            { context in
                guard let context else { return 0 }
                return Unmanaged<Stop>.fromOpaque(context).takeUnretainedValue().isSet ? 1 : 0
            }, Unmanaged.passUnretained(stop).toOpaque())
        defer { sqlite3_progress_handler(database.sqliteConnection, 0, nil, nil) }
        try database.inTransaction(.deferred) {
            try body(database, stop)
            return .commit
        }
    }
}

extension Result where Success == Void, Failure == any Error {
    fileprivate var failure: (any Error)? {
        if case .failure(let error) = self { error } else { nil }
    }
}
