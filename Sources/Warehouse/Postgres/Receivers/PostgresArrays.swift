import CLibPQ
import Foundation

/// Columns of rows as parameters of a statement: arrays in PostgreSQL's binary format, whose elements are written as in a binary
/// COPY. Nothing is quoted, and bytes are copied as they are.
enum PostgresElement: UInt32 {
    // Object ids of types, which are the same in every server (pg_type.dat).
    case bigint = 20
    case text = 25
    case timestamptz = 1184
}

extension PostgresSession {
    /// One column.
    /// - Parameter write: appends the value of a row, one and of the type of `element`.
    func array<Row>(
        _ element: PostgresElement, of rows: [Row], _ write: (inout BinaryCopyWriter, Row) -> Void
    ) throws -> [UInt8] {
        var values = BinaryCopyWriter(characters)
        for row in rows { write(&values, row) }
        let unknown = values.unknown
        if !unknown.isEmpty {
            try learn(unknown)
            values.fillGaps()
        }
        // One dimension, may have NULLs, type, size, first index.
        let header = [1, 1, element.rawValue, UInt32(rows.count), 1]
        return header.flatMap { number in withUnsafeBytes(of: number.bigEndian) { Array($0) } } + values.bytes
    }

    /// Runs a single statement whose parameters are such columns; the result is text.
    func query(_ sql: String, columns: [[UInt8]]) throws -> PostgresResult {
        let lengths = columns.map { Int32($0.count) }
        let formats = [Int32](repeating: 1, count: columns.count)
        var joined: [UInt8] = []
        joined.reserveCapacity(columns.reduce(0) { $0 + $1.count })
        for column in columns { joined.append(contentsOf: column) }
        let result = joined.withUnsafeBytes { bytes in
            // SAFETY: UInt8 and CChar have the same layout, and libpq has sent the bytes when the call returns.
            let start = bytes.bindMemory(to: CChar.self).baseAddress
            var offset = 0
            let values: [UnsafePointer<CChar>?] = columns.map { column in
                defer { offset += column.count }
                return start.map { $0 + offset }
            }
            return PQexecParams(connection, sql, Int32(columns.count), nil, values, lengths, formats, 0)
        }
        return try checked(PostgresResult(result))
    }
}
