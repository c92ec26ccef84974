import CLibPQ
import Foundation

/// One result of libpq, cleared exactly once. Values are in text form.
struct PostgresResult: ~Copyable {
    let pointer: OpaquePointer?

    init(_ pointer: OpaquePointer?) { self.pointer = pointer }

    deinit { PQclear(pointer) }

    var status: ExecStatusType { PQresultStatus(pointer) }
    var rowCount: Int { Int(PQntuples(pointer)) }
    var columnCount: Int { Int(PQnfields(pointer)) }

    /// Rows that an INSERT, UPDATE or DELETE touched.
    var affectedRows: Int { Int(String(cString: PQcmdTuples(pointer))) ?? 0 }

    func columnName(_ column: Int) -> String {
        PQfname(pointer, Int32(column)).map { String(cString: $0) } ?? ""
    }

    func columnType(_ column: Int) -> UInt32 { PQftype(pointer, Int32(column)) }

    /// nil: NULL, or outside the result.
    func text(_ row: Int, _ column: Int) -> String? {
        guard PQgetisnull(pointer, Int32(row), Int32(column)) == 0,
            let value = PQgetvalue(pointer, Int32(row), Int32(column))
        else { return nil }
        let length = Int(PQgetlength(pointer, Int32(row), Int32(column)))
        return String(decoding: UnsafeRawBufferPointer(start: value, count: length), as: UTF8.self)
    }

    func integer(_ row: Int, _ column: Int) -> Int64? { text(row, column).flatMap { Int64($0) } }

    func count(_ row: Int, _ column: Int) -> Int { Int(integer(row, column) ?? 0) }

    func boolean(_ row: Int, _ column: Int) -> Bool { text(row, column) == "t" }

    /// A column that was selected as milliseconds since 1970.
    func date(_ row: Int, _ column: Int) -> Date? {
        integer(row, column).map { Date(timeIntervalSince1970: Double($0) / 1000) }
    }

    /// One server error's field.
    func errorField(_ code: Int32) -> String? {
        PQresultErrorField(pointer, code).map { String(cString: $0) }
    }
}
