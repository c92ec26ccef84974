import RollcallCore

/// Turns the binary COPY of rows with content into cells, without copying a value that is text already.
final class PostgresRecordReader {
    private let identifiers: PostgresAudienceReader
    private let contents: [PostgresContent.Wire]
    private let decoders: [PostgresDecoder?]
    private let reader = BinaryCopyReader()
    // SAFETY: both are owned by this object and freed in `deinit`; cells are overwritten with each row, and each UUID has
    // the place of its column.
    private let cells: UnsafeMutableBufferPointer<RecordCell>
    private let scratch: UnsafeMutableRawBufferPointer

    /// - Parameter encoding: of the server, where texts come in its own bytes; nil: they are UTF-8.
    init(
        email: PostgresColumn.Wire?, userID: PostgresColumn.Wire?, contents: [PostgresContent.Wire],
        encoding: PostgresEncoding?
    ) {
        identifiers = PostgresAudienceReader(email: email, userID: userID, encoding: encoding)
        self.contents = contents
        decoders = contents.map { _ in encoding?.makeDecoder() }
        cells = .allocate(capacity: contents.count)
        cells.initialize(repeating: .null)
        scratch = .allocate(byteCount: contents.count * PostgresUUID.length, alignment: 1)
    }

    deinit {
        cells.deallocate()
        scratch.deallocate()
    }

    func read(
        _ message: UnsafeRawBufferPointer,
        _ body: (AudienceCell, AudienceCell, UnsafeBufferPointer<RecordCell>) throws -> Void
    ) throws {
        try reader.read(message, fields: identifiers.fields + contents.count) { try self.row(&$0, body) }
    }

    /// Calls `body` with the cells at the place in a row; they are valid until the next call.
    @inline(__always)
    func row(
        _ row: inout BinaryFieldCursor,
        _ body: (AudienceCell, AudienceCell, UnsafeBufferPointer<RecordCell>) throws -> Void
    ) throws {
        let (email, userID) = try identifiers.cells(&row)
        for index in contents.indices { cells[index] = try cell(row.field(), index) }
        try body(email, userID, UnsafeBufferPointer(cells))
    }

    private func cell(_ field: UnsafeRawBufferPointer?, _ index: Int) throws -> RecordCell {
        guard let bytes = field else { return .null }
        switch contents[index] {
        case .integer: return .integer(try BinaryFieldCursor.integer(bytes))
        case .numeric: return .decimal(bytes)
        case .double:
            guard bytes.count == 8 else { throw BinaryFieldCursor.broken }
            return .real(Double(bitPattern: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))))
        case .single:
            guard bytes.count == 4 else { throw BinaryFieldCursor.broken }
            return .single(Float(bitPattern: UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))))
        case .boolean: return .boolean(bytes.first == 1)
        case .date: return Self.date(try BinaryFieldCursor.integer(bytes))
        case .timestamp: return Self.time(try BinaryFieldCursor.integer(bytes)) { .timestamp(microseconds: $0) }
        case .localTimestamp:
            return Self.time(try BinaryFieldCursor.integer(bytes)) { .localTimestamp(microseconds: $0) }
        case .text, .castText: return text(bytes, index) { .text($0) }
        case .json, .array, .arrayOfCastText: return text(bytes, index) { .json($0) }
        case .uuid:
            let start = index * PostgresUUID.length
            let place = UnsafeMutableRawBufferPointer(rebasing: scratch[start..<start + PostgresUUID.length])
            try PostgresUUID.write(bytes, to: place)
            return .text(UnsafeRawBufferPointer(place))
        case .opaque: return .opaque
        }
    }

    /// Bytes that have no meaning in the server's encoding are no text.
    private func text(
        _ bytes: UnsafeRawBufferPointer, _ index: Int, _ make: (UnsafeRawBufferPointer) -> RecordCell
    ) -> RecordCell {
        guard let decoder = decoders[index] else { return make(bytes) }
        let decoded = decoder.cell(bytes, isIdentifier: true)
        guard decoded.isIdentifier, let text = decoded.bytes else { return .opaque }
        return make(text)
    }

    /// Days and microseconds count from 2000-01-01; the greatest and the least number stand for infinity (PostgreSQL's source,
    /// `datatype/timestamp.h`).
    private static func date(_ days: Int64) -> RecordCell {
        if days == Int64(Int32.max) || days == Int64(Int32.min) { return .infinity }
        return .date(days: Int(days) + 10_957)
    }

    private static func time(_ microseconds: Int64, _ make: (Int64) -> RecordCell) -> RecordCell {
        if microseconds == .max || microseconds == .min { return .infinity }
        let (since1970, isBeyond) = microseconds.addingReportingOverflow(BinaryCopyWriter.epoch)
        return make(isBeyond ? .max : since1970)
    }
}
