import Foundation
import GRDB
import GRDBSQLite
import RollcallCore

/// A value to bind.
enum SQLiteValue: Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    /// Stored as TEXT byte for byte, whatever the bytes are.
    case rawText([UInt8])
    case blob([UInt8])

    static func of(_ value: String?) -> SQLiteValue { value.map { .text($0) } ?? .null }
    static func of(_ value: Int?) -> SQLiteValue { value.map { .integer(Int64($0)) } ?? .null }
    static func of(_ value: Int64?) -> SQLiteValue { value.map { .integer($0) } ?? .null }
    static func of(_ value: Bool) -> SQLiteValue { .integer(value ? 1 : 0) }
    static func of(_ value: Date?) -> SQLiteValue { value.map { .text(SQLiteTime.text($0)) } ?? .null }
    static func of(_ value: Fingerprint) -> SQLiteValue { .blob(value.bytes) }
}

/// A statement of GRDB's whose values are bound and read through SQLite's C interface: nothing is allocated per row, bytes stay as
/// they are, and a value of an unexpected type is converted instead of ending the process. Lives within one database access.
final class SQLitePrepared {
    private let statement: Statement
    private let connection: OpaquePointer
    /// Whether the connection keeps the statement for the next one who has the same text.
    private let isCached: Bool
    /// SQLite's own copy of what is bound: the Swift bytes live only during the call.
    // SAFETY: SQLITE_TRANSIENT is defined as this cast of -1; SQLite compares it and never calls it.
    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    /// For the C interface.
    var pointer: OpaquePointer { statement.sqliteStatement }

    /// - Parameters:
    ///   - sql: a single statement.
    ///   - isCached: whether it is compiled once for each connection. The text is kept as long as the connection is open, so it must
    ///     not be made of values.
    /// - Throws: `SQLITE_MISUSE`, a `DatabaseError`, where there is more than one statement.
    init(_ database: Database, _ sql: String, isCached: Bool = false) throws {
        guard let connection = database.sqliteConnection else { throw SQLiteFile.closed }
        self.connection = connection
        let statement = try isCached ? database.cachedStatement(sql: sql) : database.makeStatement(sql: sql)
        // One that stands at a row keeps its place: what reads that row may need the same statement.
        let isBusy = sqlite3_stmt_busy(statement.sqliteStatement) != 0
        self.statement = try isBusy ? database.makeStatement(sql: sql) : statement
        self.isCached = isCached && !isBusy
    }

    /// A cached statement lets go of its row, and of the lock on the file with it, and of the values that were bound.
    deinit {
        guard isCached else { return }
        sqlite3_reset(pointer)
        sqlite3_clear_bindings(pointer)
    }

    /// Binds every parameter of the statement (`:name`) from `values`.
    func bind(_ values: [String: SQLiteValue]) throws {
        let count = sqlite3_bind_parameter_count(pointer)
        guard count > 0 else { return }
        for index in 1...count {
            let name = sqlite3_bind_parameter_name(pointer, index).map { String(cString: $0 + 1) } ?? ""
            guard let value = values[name] else {
                throw DatabaseError(resultCode: .SQLITE_MISUSE, message: "no value for parameter \(index) \(name)")
            }
            try bind(index, value)
        }
    }

    /// Binds one parameter; the first is 1.
    func bind(_ index: Int32, _ value: SQLiteValue) throws {
        let code =
            switch value {
            case .null: sqlite3_bind_null(pointer, index)
            case .integer(let number): sqlite3_bind_int64(pointer, index, number)
            case .real(let number): sqlite3_bind_double(pointer, index, number)
            case .text(let text): bindText(index, text)
            case .rawText(let bytes):
                bytes.withUnsafeBufferPointer { bindText(index, $0) }
            case .blob(let bytes):
                bytes.withUnsafeBytes {
                    $0.isEmpty
                        ? sqlite3_bind_zeroblob(pointer, index, 0)
                        : sqlite3_bind_blob(pointer, index, $0.baseAddress, Int32(clamping: $0.count), Self.copied)
                }
            }
        try Self.check(connection, code)
    }

    private func bindText(_ index: Int32, _ text: String) -> Int32 {
        var text = text
        return text.withUTF8 { bindText(index, $0) }
    }

    private func bindText(_ index: Int32, _ bytes: UnsafeBufferPointer<UInt8>) -> Int32 {
        guard !bytes.isEmpty else { return sqlite3_bind_text(pointer, index, "", 0, Self.copied) }
        // SAFETY: UInt8 and CChar have the same layout, and SQLite copies the bytes during the call.
        return bytes.withMemoryRebound(to: CChar.self) {
            sqlite3_bind_text(pointer, index, $0.baseAddress, Int32(clamping: $0.count), Self.copied)
        }
    }

    /// True: there is a row. False: the statement has ended.
    func step() throws -> Bool {
        switch sqlite3_step(pointer) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code:
            try Self.check(connection, code)
            return false
        }
    }

    func reset() { sqlite3_reset(pointer) }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(pointer, column) == SQLITE_NULL }

    func integer(_ column: Int32) -> Int64? {
        isNull(column) ? nil : sqlite3_column_int64(pointer, column)
    }

    func real(_ column: Int32) -> Double? {
        isNull(column) ? nil : sqlite3_column_double(pointer, column)
    }

    func count(_ column: Int32) -> Int { Int(sqlite3_column_int64(pointer, column)) }

    /// Broken UTF-8 is shown with U+FFFD; a NUL byte does not end the text.
    func text(_ column: Int32) -> String? {
        guard !isNull(column), let start = sqlite3_column_text(pointer, column) else { return nil }
        let bytes = UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(pointer, column)))
        return String(decoding: bytes, as: UTF8.self)
    }

    func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
        let start = sqlite3_column_blob(pointer, column)
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(pointer, column)))
    }

    func date(_ column: Int32) -> Date? { text(column).flatMap(SQLiteTime.date) }

    private static func check(_ connection: OpaquePointer, _ code: Int32) throws {
        guard code != SQLITE_OK else { return }
        let extended = sqlite3_extended_errcode(connection)
        throw DatabaseError(
            resultCode: ResultCode(rawValue: extended & 0xff == code & 0xff ? extended : code),
            message: String(cString: sqlite3_errmsg(connection)))
    }
}

extension Database {
    /// Runs one INSERT, UPDATE or DELETE and returns the number of rows it changed.
    @discardableResult
    func change(_ sql: String, _ values: [String: SQLiteValue] = [:]) throws -> Int {
        let statement = try prepared(sql, values)
        while try statement.step() {}
        return changesCount
    }

    /// All rows of one SELECT.
    func rows<T>(
        _ sql: String, _ values: [String: SQLiteValue] = [:], _ read: (SQLitePrepared) throws -> T
    ) throws -> [T] {
        let statement = try prepared(sql, values)
        var rows: [T] = []
        while try statement.step() { rows.append(try read(statement)) }
        return rows
    }

    /// The first row of one SELECT.
    func firstRow<T>(
        _ sql: String, _ values: [String: SQLiteValue] = [:], _ read: (SQLitePrepared) throws -> T
    ) throws -> T? {
        let statement = try prepared(sql, values)
        return try statement.step() ? read(statement) : nil
    }

    private func prepared(_ sql: String, _ values: [String: SQLiteValue]) throws -> SQLitePrepared {
        // SQLite answers some PRAGMAs when it compiles them, and a cached one would give the old answer.
        let statement = try SQLitePrepared(self, sql, isCached: !sql.hasPrefix("PRAGMA"))
        try statement.bind(values)
        return statement
    }
}
