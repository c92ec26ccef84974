import GRDB
import GRDBSQLite
import RollcallCore

/// Has SQLite hand the rows of a SELECT to us from within: they are the arguments of an aggregate function, which SQLite
/// calls as it finds them. To leave its machine for each row and enter it again takes as long as finding the row.
///
/// Nothing is allocated for a row, and its bytes stay as they are. The order of the rows is SQLite's choice.
enum SQLiteRows {
    private static let function = "rollcall_rows"

    /// What a SELECT of these columns selects instead.
    static func call(_ columns: [String]) -> String { "\(function)(\(columns.joined(separator: ", ")))" }

    /// Calls `body` for each row of a statement that selects a ``call(_:)``. An error of `body` ends the reading and is thrown
    /// as a ``SQLiteStreams/BodyFailure``.
    ///
    /// - Parameters:
    ///   - columns: how many.
    ///   - statement: prepares it; it cannot be prepared before.
    /// - Throws: ``WarehouseError/Kind/query`` where the statement was another one than it seemed.
    static func read(
        _ database: Database, columns: Int, _ statement: () throws -> SQLitePrepared,
        _ body: @escaping (SQLiteRow) throws -> Void
    ) throws {
        let target = Target(body)
        try declare(database, columns, target)
        do {
            let statement = try statement()
            let isWhole = try statement.step() && statement.integer(0) == target.rows && !statement.step()
            guard isWhole, target.hasEnded else { throw broken }
        } catch {
            throw target.failure.map { SQLiteStreams.BodyFailure(error: $0) } ?? error
        }
    }

    /// What a query can do that is put between others' words.
    static let broken = WarehouseError(
        .query, "The audience query was refused: it does not end where it seems to.",
        hint: "Look for a comment that is not closed (`/*` without `*/`) or a parenthesis too many.")

    private final class Target {
        let body: (SQLiteRow) throws -> Void
        var failure: (any Error)?
        var rows: Int64 = 0
        /// Whether SQLite has asked for the aggregate's value.
        var hasEnded = false

        init(_ body: @escaping (SQLiteRow) throws -> Void) { self.body = body }

        func take(_ row: SQLiteRow, _ context: OpaquePointer) {
            rows &+= 1
            do {
                try body(row)
            } catch {
                failure = error
                sqlite3_result_error_code(context, SQLITE_ABORT)
            }
        }
    }

    /// Gives the number of rows. Of the connection from now on; nothing that the database file holds, as a view or a trigger, can call it.
    private static func declare(_ database: Database, _ columns: Int, _ target: Target) throws {
        // SAFETY: SQLite keeps the retained target until it calls the last closure, once, when the function is replaced or the
        // connection is closed; the others are called before that, by the one thread that uses the connection.
        let code = sqlite3_create_function_v2(
            database.sqliteConnection, function, Int32(columns), SQLITE_UTF8 | SQLITE_DIRECTONLY,
            Unmanaged.passRetained(target).toOpaque(), nil,
            { context, _, values in
                guard let context, let values, let target = sqlite3_user_data(context) else { return }
                Unmanaged<Target>.fromOpaque(target)._withUnsafeGuaranteedRef {
                    $0.take(SQLiteRow(values: values), context)
                }
            },
            { context in
                guard let context, let target = sqlite3_user_data(context) else { return }
                Unmanaged<Target>.fromOpaque(target)._withUnsafeGuaranteedRef {
                    $0.hasEnded = true
                    sqlite3_result_int64(context, $0.rows)
                }
            },
            { target in
                if let target { Unmanaged<Target>.fromOpaque(target).release() }
            })
        guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
    }
}

/// The values of a row, valid only until the next one.
protocol SQLiteValues {
    func type(_ column: Int) -> Int32
    func integer(_ column: Int) -> Int64
    func text(_ column: Int) -> UnsafeRawBufferPointer
    func blob(_ column: Int) -> UnsafeRawBufferPointer
}

/// One row, valid only during the call that it is given to.
struct SQLiteRow: SQLiteValues {
    fileprivate let values: UnsafeMutablePointer<OpaquePointer?>

    @inline(__always)
    func type(_ column: Int) -> Int32 { sqlite3_value_type(values[column]) }

    @inline(__always)
    func integer(_ column: Int) -> Int64 { sqlite3_value_int64(values[column]) }

    /// As UTF-8, whatever the value's type and the database's encoding are.
    @inline(__always)
    func text(_ column: Int) -> UnsafeRawBufferPointer {
        bytes(column, UnsafeRawPointer(sqlite3_value_text(values[column])))
    }

    @inline(__always)
    func blob(_ column: Int) -> UnsafeRawBufferPointer { bytes(column, sqlite3_value_blob(values[column])) }

    @inline(__always)
    private func bytes(_ column: Int, _ start: UnsafeRawPointer?) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_value_bytes(values[column])))
    }
}

/// The text forms of one column's values.
final class SQLiteCells {
    private let column: Int?
    /// Room for the digits of an integer.
    // SAFETY: owned by this object, freed in `deinit`; cells into it are valid until the next call, as `cell(_:)` says.
    private let digits = UnsafeMutableRawBufferPointer.allocate(byteCount: DecimalDigits.longest, alignment: 1)

    /// - Parameter column: nil: always NULL.
    init(column: Int?) { self.column = column }

    deinit { digits.deallocate() }

    /// The value in a row; valid as long as the row, and until the next call.
    @inline(__always)
    func cell(_ row: some SQLiteValues) -> AudienceCell {
        guard let column else { return .null }
        switch row.type(column) {
        case SQLITE_TEXT: return AudienceCell(bytes: present(row.text(column)))
        case SQLITE_NULL: return .null
        case SQLITE_INTEGER: return AudienceCell(bytes: DecimalDigits.write(row.integer(column), toEndOf: digits))
        case SQLITE_BLOB: return AudienceCell(bytes: present(row.blob(column)), isIdentifier: false)
        default: return AudienceCell(bytes: present(row.text(column)), isIdentifier: false)
        }
    }

    /// An empty value has no address in SQLite, but is there.
    @inline(__always)
    private func present(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        bytes.baseAddress == nil ? UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(digits)[..<0]) : bytes
    }
}
