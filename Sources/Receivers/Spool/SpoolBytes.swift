import Foundation

/// Writes numbers, texts and bytes one behind the other; numbers are big-endian, texts and bytes have their length before them.
struct SpoolWriter {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ content: some Collection<UInt8>) {
        append(UInt32(content.count))
        bytes.append(contentsOf: content)
    }

    mutating func append(_ text: String) { append(text.utf8) }

    mutating func append(_ time: Date) { append(time.timeIntervalSinceReferenceDate.bitPattern) }

    mutating func append<Value>(_ value: Value?, _ write: (inout SpoolWriter, Value) -> Void) {
        bytes.append(value == nil ? 0 : 1)
        if let value { write(&self, value) }
    }

    mutating func append(_ text: String?) { append(text) { $0.append($1) } }
    mutating func append(_ number: Int64?) { append(number) { $0.append($1) } }
    mutating func append(_ time: Date?) { append(time) { $0.append($1) } }
}

/// Reads what ``SpoolWriter`` wrote.
struct SpoolReader {
    /// The bytes are of another version, or damaged.
    struct Mismatch: Error {}

    private let bytes: [UInt8]
    private var place = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { place == bytes.count }

    mutating func number<Number: FixedWidthInteger>(_: Number.Type) throws(Mismatch) -> Number {
        let size = Number.bitWidth / 8
        guard bytes.count - place >= size else { throw Mismatch() }
        defer { place += size }
        return bytes[place..<place + size].reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    mutating func content() throws(Mismatch) -> ArraySlice<UInt8> {
        let count = Int(try number(UInt32.self))
        guard bytes.count - place >= count else { throw Mismatch() }
        defer { place += count }
        return bytes[place..<place + count]
    }

    mutating func text() throws(Mismatch) -> String { String(decoding: try content(), as: UTF8.self) }

    mutating func time() throws(Mismatch) -> Date {
        Date(timeIntervalSinceReferenceDate: Double(bitPattern: try number(UInt64.self)))
    }

    mutating func optional<Value>(
        _ read: (inout SpoolReader) throws(Mismatch) -> Value
    ) throws(Mismatch) -> Value? {
        switch try number(UInt8.self) {
        case 0: return nil
        case 1: return try read(&self)
        default: throw Mismatch()
        }
    }

    mutating func optionalText() throws(Mismatch) -> String? {
        try optional { (reader) throws(Mismatch) in try reader.text() }
    }

    mutating func optionalNumber() throws(Mismatch) -> Int64? {
        try optional { (reader) throws(Mismatch) in try reader.number(Int64.self) }
    }

    mutating func optionalTime() throws(Mismatch) -> Date? {
        try optional { (reader) throws(Mismatch) in try reader.time() }
    }
}
