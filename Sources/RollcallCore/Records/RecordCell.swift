/// One value of a row as a warehouse gives it. Bytes are valid only during the call that the cell is given to.
package enum RecordCell {
    case null
    case integer(Int64)
    /// A number in decimal digits as SQL writes it: `-12.50`; also `NaN`, `Infinity` and `-Infinity`.
    case decimal(UnsafeRawBufferPointer)
    case real(Double)
    /// Single precision, which has another shortest text.
    case single(Float)
    case boolean(Bool)
    /// Days since 1970-01-01 in the Gregorian calendar, which is extended into the past.
    case date(days: Int)
    /// Microseconds since 1970-01-01 00:00:00 UTC.
    case timestamp(microseconds: Int64)
    /// The same for a clock on a wall whose zone is not known.
    case localTimestamp(microseconds: Int64)
    /// UTF-8; where a warehouse does not check that, neither is it checked here.
    case text(UnsafeRawBufferPointer)
    /// A JSON text.
    case json(UnsafeRawBufferPointer)
    /// A date or time beyond all others: `infinity`.
    case infinity
    /// Bytes that are no text, or a value of a type that cannot be sent.
    case opaque
}

extension RecordCell {
    /// The value as one of its column's declared type: SQLite has no truth values and no times, and stores 0 and 1, and texts. What
    /// is none of that type stays as it is, and so does a time with more than six digits behind the point, of which some would be lost.
    package func declared(as family: ColumnFamily) -> RecordCell {
        switch (family, self) {
        case (.boolean, .integer(0)): return .boolean(false)
        case (.boolean, .integer(1)): return .boolean(true)
        case (.date, .text(let text)):
            guard case .day(let days)? = CivilText(text) else { return self }
            return .date(days: days)
        case (.timestamp, .text(let text)), (.localTimestamp, .text(let text)):
            switch CivilText(text) {
            case .day(let days)?: return .date(days: days)
            case .timestamp(let microseconds)? where Self.isExact(text, microseconds):
                return .timestamp(microseconds: microseconds)
            case .localTimestamp(let microseconds)? where Self.isExact(text, microseconds):
                return .localTimestamp(microseconds: microseconds)
            default: return self
            }
        default: return self
        }
    }

    /// Whether the moment has all digits of the text, and can be written.
    private static func isExact(_ text: UnsafeRawBufferPointer, _ microseconds: Int64) -> Bool {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        let fraction = text.drop { $0 != UInt8(ascii: ".") }.dropFirst().prefix { digits.contains($0) }
        return fraction.dropFirst(6).allSatisfy { $0 == UInt8(ascii: "0") }
            && CivilTimeText.writable(microseconds: microseconds) != nil
    }
}
