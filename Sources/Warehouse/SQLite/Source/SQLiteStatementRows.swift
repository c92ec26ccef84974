import GRDBSQLite
import RollcallCore

/// Reads rows of many columns by stepping through a statement: a function, as ``SQLiteRows`` uses, may have 127 arguments only, and
/// beside the values of a wide row the step costs little.
enum SQLiteStatementRows {
    /// The name of the first column. Where it has another one, the query has not ended where it seemed to.
    static let mark = "rollcall_row"

    /// Calls `body` for each row, with the cells of the columns of `fields`; columns count from 0 behind the first. An error of
    /// `body` ends the reading and is thrown as a ``SQLiteStreams/BodyFailure``.
    static func read(
        _ statement: SQLitePrepared, fields: Range<Int>,
        _ body: (SQLiteStatementRow, UnsafeBufferPointer<RecordCell>) throws -> Void
    ) throws {
        let name = sqlite3_column_name(statement.pointer, 0).map { String(cString: $0) }
        guard name == mark, Int(sqlite3_column_count(statement.pointer)) == fields.upperBound + 1 else {
            throw SQLiteRows.broken
        }
        // SAFETY: freed when this function returns; `body` has the cells during its call only.
        let cells = UnsafeMutableBufferPointer<RecordCell>.allocate(capacity: fields.count)
        cells.initialize(repeating: .null)
        defer { cells.deallocate() }
        let row = SQLiteStatementRow(statement: statement.pointer)
        while try statement.step() {
            for (place, column) in fields.enumerated() { cells[place] = cell(row, column) }
            do {
                try body(row, UnsafeBufferPointer(cells))
            } catch {
                throw SQLiteStreams.BodyFailure(error: error)
            }
        }
    }

    private static func cell(_ row: SQLiteStatementRow, _ column: Int) -> RecordCell {
        switch row.type(column) {
        case SQLITE_NULL: .null
        case SQLITE_INTEGER: .integer(row.integer(column))
        case SQLITE_FLOAT: .real(row.real(column))
        case SQLITE_TEXT: .text(row.text(column))
        default: .opaque
        }
    }
}

/// The row at which a statement stands; columns count from 0 behind the first.
struct SQLiteStatementRow: SQLiteValues {
    fileprivate let statement: OpaquePointer

    func type(_ column: Int) -> Int32 { sqlite3_column_type(statement, Int32(column + 1)) }
    func integer(_ column: Int) -> Int64 { sqlite3_column_int64(statement, Int32(column + 1)) }
    func real(_ column: Int) -> Double { sqlite3_column_double(statement, Int32(column + 1)) }

    func text(_ column: Int) -> UnsafeRawBufferPointer {
        bytes(column, UnsafeRawPointer(sqlite3_column_text(statement, Int32(column + 1))))
    }

    func blob(_ column: Int) -> UnsafeRawBufferPointer {
        bytes(column, sqlite3_column_blob(statement, Int32(column + 1)))
    }

    private func bytes(_ column: Int, _ start: UnsafeRawPointer?) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: start, count: start == nil ? 0 : Int(sqlite3_column_bytes(statement, Int32(column + 1))))
    }
}
