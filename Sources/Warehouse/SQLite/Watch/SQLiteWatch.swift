import GRDB
import Synchronization

/// Asks SQLite whether another connection has committed to the file, over a separate connection. What Rollcall itself commits
/// counts too.
final class SQLiteWatch: SourceWatch {
    /// A number means nothing to another connection.
    private struct Version: Equatable, Sendable {
        var number: Int64?
        var connection: Int
    }

    private struct Seen: Equatable {
        var version: Version
        var file: SQLiteFile.Identity
    }

    private let worker: SQLiteWorker
    private let watches: OpenWatches
    private let connections: Counter
    private let seen = Mutex<Seen?>(nil)

    /// How many connections were opened.
    private final class Counter: Sendable {
        let count = Atomic(0)
    }

    init(_ file: SQLiteFile, _ watches: OpenWatches) {
        let connections = Counter()
        self.connections = connections
        self.watches = watches
        worker = SQLiteWorker(label: "rollcall.sqlite.watch", file: file) {
            connections.count.add(1, ordering: .relaxed)
            return try file.openReader()
        }
    }

    var wakes: WakeState { .none }

    func mayHaveChanged() async -> Bool {
        let now = await look()
        return seen.withLock { seen in
            defer { seen = now }
            return now == nil || now != seen
        }
    }

    /// nil where the file cannot be read; whoever reads it then says why.
    private func look() async -> Seen? {
        let found = try? await worker.runKnowing(.deferred) { [connections] database in
            let number = try database.firstRow("PRAGMA data_version") { $0.integer(0) } ?? nil
            return Version(number: number, connection: connections.count.load(ordering: .relaxed))
        }
        return found.map { Seen(version: $0.0, file: $0.1) }
    }

    func end() async {
        await worker.close()
        watches.remove(self)
    }
}
