import Foundation
import RollcallCore

/// Rows in PostgreSQL's binary COPY format (PostgreSQL's documentation, COPY, "Binary Format").
struct BinaryCopyWriter {
    private(set) var bytes: [UInt8]
    /// What the database can hold; nil: whatever is written.
    private let characters: StorableCharacters?
    /// Texts that are still to be put in, for which characters must be asked about first.
    private var gaps: [(offset: Int, text: String)] = []
    /// Signature, no flags, no header extension.
    private static let header: [UInt8] =
        Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0] + [UInt8](repeating: 0, count: 8)
    /// Microseconds between 1970 and 2000, where PostgreSQL's timestamps begin.
    static let epoch: Int64 = 946_684_800_000_000

    /// Begins with the header.
    init() {
        bytes = Self.header
        characters = nil
    }

    /// Rows without the header.
    init(_ characters: StorableCharacters) {
        bytes = []
        self.characters = characters
    }

    mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }
    mutating func beginRow(fields: Int16) { append(fields) }
    mutating func finish() { append(Int16(-1)) }

    /// Characters that must be asked about before ``fillGaps()``; none where the bytes are whole.
    var unknown: Set<Unicode.Scalar> { Set(gaps.lazy.flatMap(\.text.unicodeScalars)) }

    /// Puts in the texts that waited for an answer about their characters.
    mutating func fillGaps() {
        let (written, waiting) = (bytes, gaps)
        (bytes, gaps) = ([], [])
        var start = 0
        for gap in waiting {
            bytes += written[start..<gap.offset]
            text(gap.text)
            start = gap.offset
        }
        bytes += written[start...]
    }
    mutating func null() { append(Int32(-1)) }

    mutating func text(_ value: String?) {
        guard let value else { return null() }
        guard let characters else { return append(utf8: value) }
        let stored = LoggedText.withoutNUL(value)
        if let written = characters.written(stored) {
            append(utf8: written)
        } else {
            gaps.append((bytes.count, stored))
        }
    }

    private mutating func append(utf8 value: String) {
        var value = value
        value.withUTF8 { text in
            append(Int32(text.count))
            bytes.append(contentsOf: text)
        }
    }

    mutating func raw(_ value: [UInt8]?) {
        guard let value else { return null() }
        append(Int32(value.count))
        bytes.append(contentsOf: value)
    }

    mutating func integer(_ value: Int32?) {
        guard let value else { return null() }
        append(Int32(4))
        append(value)
    }

    mutating func integer(_ value: Int64?) {
        guard let value else { return null() }
        append(Int32(8))
        append(value)
    }

    mutating func boolean(_ value: Bool) {
        append(Int32(1))
        append(UInt8(value ? 1 : 0))
    }

    mutating func fingerprint(_ value: Fingerprint) {
        append(Int32(16))
        append(value.high)
        append(value.low)
    }

    /// Kept to the millisecond.
    mutating func date(_ value: Date?) {
        integer(value.map { PostgresText.milliseconds($0) * 1000 - Self.epoch })
    }

    private mutating func append<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }
}

/// Reads the messages of a binary COPY. The server sends each row in one message; the first has the header before it.
final class BinaryCopyReader {
    private static let headerLength = 19
    /// Behind a pointer: a property would be guarded against overlapping use, at a cost for each row.
    private let isFirst: UnsafeMutablePointer<Bool>

    init() {
        // SAFETY: owned by this value and freed in its `deinit`.
        isFirst = .allocate(capacity: 1)
        isFirst.initialize(to: true)
    }

    deinit { isFirst.deallocate() }

    /// Calls `row` for each row that begins in the message, with a cursor at its first field.
    @inline(__always)
    func read(
        _ message: UnsafeRawBufferPointer, fields: Int, _ row: (inout BinaryFieldCursor) throws -> Void
    ) throws {
        var cursor = BinaryFieldCursor(message)
        if isFirst.pointee {
            isFirst.pointee = false
            try cursor.skip(Self.headerLength)
        }
        while !cursor.isAtEnd {
            let count = try cursor.integer(Int16.self)
            if count == -1 { return }
            guard Int(count) == fields else { throw BinaryFieldCursor.broken }
            try row(&cursor)
        }
    }
}

/// A place in one message of a binary COPY.
struct BinaryFieldCursor {
    static let broken = WarehouseError(.other, "Postgres sent a COPY stream that is not understood.")
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { offset >= bytes.count }

    mutating func skip(_ count: Int) throws {
        guard offset + count <= bytes.count else { throw Self.broken }
        offset += count
    }

    @inline(__always)
    mutating func integer<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
        guard offset + MemoryLayout<T>.size <= bytes.count else { throw Self.broken }
        defer { offset += MemoryLayout<T>.size }
        return T(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
    }

    /// A field that is an integer of 2, 4 or 8 bytes.
    static func integer(_ bytes: UnsafeRawBufferPointer) throws -> Int64 {
        switch bytes.count {
        case 8: Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
        case 4: Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
        case 2: Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self)))
        default: throw broken
        }
    }

    /// The next field's bytes; nil: NULL.
    @inline(__always)
    mutating func field() throws -> UnsafeRawBufferPointer? {
        let length = Int(try integer(Int32.self))
        return length == -1 ? nil : try bytes(length)
    }

    /// This number of bytes from here on.
    @inline(__always)
    mutating func bytes(_ length: Int) throws -> UnsafeRawBufferPointer {
        guard length >= 0, offset + length <= bytes.count else { throw Self.broken }
        defer { offset += length }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])
    }
}
