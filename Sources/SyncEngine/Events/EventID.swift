import Crypto
import Foundation
import RollcallCore

/// The key of an event: its text for people, and what a derived id is made of.
///
/// A derived id is `rc-` and the first 40 hexadecimal digits of SHA-256 over the namespace and the values of the key. Of each value
/// its family and its canonical text are hashed, each with its length as 8 bytes, big-endian, before it; so the id is the same on
/// every machine, from either database, and after the state was lost. The family is that of the column, where the value is one of it.
struct EventKey {
    /// Of one column its text, of several a JSON array of their texts.
    private(set) var text: [UInt8] = []
    private var hashed: [UInt8]
    private let start: Int
    private var value: [UInt8] = []

    init(namespace: String) {
        hashed = []
        Self.append(Array(namespace.utf8), to: &hashed)
        start = hashed.count
    }

    /// Why a row has no key.
    enum Problem { case missing, floating, form }

    /// - Parameter families: of the columns.
    mutating func read(_ cells: some Collection<RecordCell>, _ families: [ColumnFamily]) -> Problem? {
        text.removeAll(keepingCapacity: true)
        hashed.removeSubrange(start...)
        let isList = families.count > 1
        for (index, cell) in cells.enumerated() {
            if isList { text.append(UInt8(ascii: index == 0 ? "[" : ",")) }
            if case .null = cell { return .missing }
            guard let family = canonical(cell.declared(as: families[index]), families[index]) else {
                return Self.isFloating(cell) ? .floating : .form
            }
            Self.append(Array(family.utf8), to: &hashed)
            Self.append(value, to: &hashed)
            if isList {
                value.withUnsafeBytes { JSONBytes.append(quoted: $0, to: &text) }
            } else {
                text.append(contentsOf: value)
            }
        }
        if isList { text.append(UInt8(ascii: "]")) }
        return nil
    }

    private static func isFloating(_ cell: RecordCell) -> Bool {
        switch cell {
        case .real, .single: true
        default: false
        }
    }

    var derivedID: String {
        "rc-" + SHA256.hash(data: hashed).prefix(20).hexadecimal
    }

    /// Puts the canonical text of a value into `value`.
    /// - Returns: its family; nil: such a value is no part of a key.
    private mutating func canonical(_ cell: RecordCell, _ family: ColumnFamily) -> String? {
        value.removeAll(keepingCapacity: true)
        switch cell {
        case .integer(let number):
            value.append(contentsOf: String(number).utf8)
            return family == .decimal || family == .number ? "decimal" : "long"
        case .decimal(let digits):
            if family == .long, let whole = try? wholeDigits(digits) {
                value.append(contentsOf: whole)
                return "long"
            }
            guard digits.last.map({ (48...57).contains($0) }) == true else { return nil }
            value.append(contentsOf: digits)
            return "decimal"
        case .boolean(let isTrue):
            value.append(contentsOf: (isTrue ? "true" : "false").utf8)
            return "boolean"
        case .date(let days):
            guard EventTime.isWritable(days: days) else { return nil }
            value.append(contentsOf: EventTime.dateText(days: days).utf8)
            return "date"
        case .timestamp(let microseconds), .localTimestamp(let microseconds):
            guard EventTime.isWritable(microseconds: microseconds) else { return nil }
            value.append(contentsOf: EventTime.text(microseconds: microseconds).utf8)
            return "timestamp"
        case .text(let bytes):
            // What is not UTF-8, or has a NUL, has no text that a log could show.
            guard String(validating: bytes, as: UTF8.self) != nil, !bytes.contains(0) else { return nil }
            value.append(contentsOf: bytes)
            return "string"
        default: return nil
        }
    }

    private enum NotWhole: Error { case fraction }

    private func wholeDigits(_ digits: UnsafeRawBufferPointer) throws -> [UInt8] {
        let whole = digits.prefix { $0 != UInt8(ascii: ".") }
        guard digits.dropFirst(whole.count + 1).allSatisfy({ $0 == UInt8(ascii: "0") }),
            whole.last.map({ (48...57).contains($0) }) == true
        else { throw NotWhole.fraction }
        return Array(whole)
    }

    private static func append(_ bytes: [UInt8], to hashed: inout [UInt8]) {
        withUnsafeBytes(of: UInt64(bytes.count).bigEndian) { hashed.append(contentsOf: $0) }
        hashed.append(contentsOf: bytes)
    }
}

/// Moments as microseconds since 1970.
enum EventTime {
    static let day: Int64 = 86_400_000_000

    /// Whether the day is of a year from 1 to 9999.
    static func isWritable(days: Int) -> Bool {
        let (moment, isBeyond) = Int64(days).multipliedReportingOverflow(by: day)
        return !isBeyond && isWritable(microseconds: moment)
    }

    /// Whether the moment is of a year from 1 to 9999.
    static func isWritable(microseconds: Int64) -> Bool { CivilTimeText.writable(microseconds: microseconds) != nil }

    static func microseconds(_ date: Date) -> Int64 { Int64((date.timeIntervalSince1970 * 1e6).rounded()) }

    /// Whole seconds, fractions cut off towards the past.
    static func seconds(_ microseconds: Int64) -> Int64 {
        let (seconds, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        return rest < 0 ? seconds - 1 : seconds
    }

    /// `yyyy-MM-dd`.
    static func dateText(days: Int) -> String { String(text(microseconds: Int64(days) * day).prefix(10)) }

    /// As RFC 3339 has it, in UTC: `2026-11-29T08:00:00Z`, with six places after the point where there is a fraction.
    static func text(microseconds: Int64) -> String { CivilTimeText.text(microseconds: microseconds) }
}
