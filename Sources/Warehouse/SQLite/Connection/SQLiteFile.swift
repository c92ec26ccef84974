import CSQLite
import Foundation
import GRDB

/// The database file: what it is, and how connections to it are opened. The file belongs to the user, so nothing here
/// creates it, changes its journal mode or touches its permissions.
struct SQLiteFile: Sendable {
    /// Absolute path.
    let path: String
    /// How long a statement waits for another program's lock.
    let busyTimeoutSeconds: Double

    /// SQLite counts how much memory it uses, under one lock for all connections of the process, at which connections that work
    /// at the same time wait for each other. Nothing here asks for that number. It can be switched off before the first
    /// connection only; later this changes nothing.
    private static let countsNoMemory = sqlite_counts_no_memory()

    init(path: String, busyTimeoutSeconds: Double) {
        _ = Self.countsNoMemory
        self.path = URL(fileURLWithPath: path).standardizedFileURL.path
        self.busyTimeoutSeconds = busyTimeoutSeconds
    }

    /// Which file stands at the path, so that a replaced file is noticed. Never opens the file: closing a descriptor
    /// of it would drop the locks that SQLite holds in this process.
    struct Identity: Sendable, Equatable {
        var device: UInt64
        var inode: UInt64
    }

    /// Throws ``WarehouseError/Kind/missing`` or ``WarehouseError/Kind/permission`` where no readable file is at the path.
    func identity() throws(WarehouseError) -> Identity {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw unreachable(errno)
        }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw WarehouseError(
                .missing, "\(path) is a folder, not a SQLite database.",
                hint: "Let `path` name the database file in it.")
        }
        guard access(path, R_OK) == 0 else {
            throw WarehouseError(
                .permission, "The SQLite database \(path) cannot be read: \(Self.reason(errno)).",
                hint: "Let the user who runs Rollcall read and write the file and its folder.")
        }
        return Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }

    /// Whether another file, or none, stands at the path now.
    func isReplaced(_ opened: Identity) -> Bool { (try? identity()) != opened }

    var replaced: WarehouseError {
        WarehouseError(
            .replaced, "Another file has taken the place of the SQLite database \(path) while it was in use.",
            hint:
                "The run sends nothing more, and the next one works with the file that is there now. To load rows without"
                + " ending a run, write them into the same file in one transaction.")
    }

    private func unreachable(_ code: Int32) -> WarehouseError {
        let kind = code == EACCES ? WarehouseError.Kind.permission : .missing
        let folder = (path as NSString).deletingLastPathComponent
        let hint =
            access(folder, F_OK) == 0
            ? "Correct `path`; relative paths count from the configuration's folder. Rollcall makes no file; where this is to"
                + " be a new one, for state, make an empty one: `touch \(quotedPath)`."
            : "There is no folder \(folder). Correct `path`; relative paths count from the configuration's folder."
        return WarehouseError(
            kind, "There is no SQLite database at \(path): \(Self.reason(code)).",
            hint: code == EACCES ? "Let the user who runs Rollcall enter the folder and read the file." : hint)
    }

    /// The path as a shell reads it.
    private var quotedPath: String {
        let isPlain = path.utf8.allSatisfy { byte in
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
                || UInt8(ascii: "-")...UInt8(ascii: "9") ~= byte || byte == UInt8(ascii: "_")
        }
        return isPlain ? path : "'" + path.replacingOccurrences(of: "'", with: "'\\''") + "'"
    }

    private static func reason(_ code: Int32) -> String { String(cString: strerror(code)).lowercased() }

    /// Opens the one connection that writes.
    func openWriter() throws -> DatabaseQueue {
        try open(label: "rollcall.sqlite.writer") { database in
            // All are of this connection alone: work tables in memory, nothing of them in the user's file, and room for the
            // pages of a large transaction, which would else be written twice.
            try database.execute(sql: "PRAGMA temp_store = MEMORY")
            try database.execute(sql: "PRAGMA cache_size = -8192")
            try database.execute(sql: SQLiteOutcomes.workTables)
        }
    }

    /// Opens a connection that cannot write. It is not opened as read-only, because such a connection could not fix
    /// the journal that a crashed writer left.
    func openReader() throws -> DatabaseQueue {
        try open(label: "rollcall.sqlite.reader") { database in
            try database.execute(sql: "PRAGMA query_only = ON")
        }
    }

    /// A connection together with the file that it has open, whatever happens at the path meanwhile.
    func opening(_ open: () throws -> DatabaseQueue) throws -> (DatabaseQueue, Identity) {
        for _ in 0..<5 {
            let before = try identity()
            let connection = try open()
            if !isReplaced(before) { return (connection, before) }
            try? connection.close()
        }
        throw replaced
    }

    private func open(label: String, prepare: @escaping @Sendable (Database) throws -> Void) throws -> DatabaseQueue {
        _ = try identity()
        var configuration = Configuration()
        configuration.label = label
        let waiting = SQLiteWaiting(path: path, seconds: busyTimeoutSeconds)
        configuration.busyMode = .callback { waiting.tryAgain(after: $0) }
        configuration.foreignKeysEnabled = false
        // Where even the rollback fails, as in a file that was moved, GRDB would end the process. The workers drop the connection.
        configuration.allowsUnsafeTransactions = true
        configuration.prepareDatabase(prepare)
        return try DatabaseQueue(path: path, configuration: configuration)
    }
}
