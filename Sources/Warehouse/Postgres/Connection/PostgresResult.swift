import CLibPQ
import Foundation
import RollcallCore

/// One result of libpq, cleared exactly once. Values are in text form unless the query asked for binary ones.
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
    func columnModifier(_ column: Int) -> Int32 { PQfmod(pointer, Int32(column)) }

    /// Whether the value is NULL, or outside the result.
    func isNull(_ row: Int, _ column: Int) -> Bool { PQgetisnull(pointer, Int32(row), Int32(column)) != 0 }

    /// nil: NULL, or outside the result.
    func text(_ row: Int, _ column: Int) -> String? {
        value(row, column).map { String(decoding: $0, as: UTF8.self) }
    }

    func integer(_ row: Int, _ column: Int) -> Int64? { text(row, column).flatMap { Int64($0) } }

    /// A bigint of a binary result; nil: NULL, or of another size.
    func binaryInteger(_ row: Int, _ column: Int) -> Int64? {
        value(row, column).flatMap { $0.count == 8 ? Int64(bigEndian: $0.loadUnaligned(as: Int64.self)) : nil }
    }

    /// The bytes of a bytea of a binary result; nil: NULL.
    func bytes(_ row: Int, _ column: Int) -> [UInt8]? { value(row, column).map { Array($0) } }

    /// A uuid of a text result; nil: NULL.
    func textFingerprint(_ row: Int, _ column: Int) -> Fingerprint? {
        text(row, column).flatMap { Fingerprint(bytes: PostgresText.bytes(hexadecimal: $0)) }
    }

    /// A uuid of a binary result; nil: NULL, or of another size.
    func fingerprint(_ row: Int, _ column: Int) -> Fingerprint? {
        guard let bytes = value(row, column), bytes.count == 16 else { return nil }
        return Fingerprint(
            high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }

    /// The value's bytes, which live as long as the result; nil: NULL, or outside the result.
    private func value(_ row: Int, _ column: Int) -> UnsafeRawBufferPointer? {
        guard PQgetisnull(pointer, Int32(row), Int32(column)) == 0,
            let value = PQgetvalue(pointer, Int32(row), Int32(column))
        else { return nil }
        return UnsafeRawBufferPointer(start: value, count: Int(PQgetlength(pointer, Int32(row), Int32(column))))
    }

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
