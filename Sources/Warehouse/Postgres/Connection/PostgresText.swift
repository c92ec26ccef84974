import Foundation
import RollcallCore

/// How values become text for SQL.
enum PostgresText {
    /// SQL: the database's time in whole milliseconds, one moment for all rows of a statement. Without the SELECT each row would
    /// have its own, and what was written together could be put in order by it.
    static let now = "(SELECT date_trunc('milliseconds', clock_timestamp()))"

    /// The one way in which a name from outside reaches SQL.
    ///
    /// Goes by Unicode scalars, as the server does by bytes: a quote with a combining mark after it is one `Character`
    /// for Swift, and no quote to a search for `"`, but ends the name in SQL all the same.
    static func identifier(_ name: String) -> String {
        var quoted = "\""
        for scalar in LoggedText.withoutNUL(name).unicodeScalars {
            if scalar == "\"" { quoted.unicodeScalars.append("\"") }
            quoted.unicodeScalars.append(scalar)
        }
        quoted.unicodeScalars.append("\"")
        return quoted
    }

    /// A time-out of the server in milliseconds; 0: none.
    static func milliseconds(_ seconds: Double) -> Int {
        seconds <= 0 ? 0 : Int(min(max(seconds * 1000, 1), 2_000_000_000))
    }

    /// An array literal of numbers.
    static func array<T: BinaryInteger>(_ values: [T?]) -> String {
        "{" + values.map { $0.map { "\($0)" } ?? "NULL" }.joined(separator: ",") + "}"
    }

    /// An array literal of texts that the database can hold; ``PostgresSession/array(_:)`` makes one of any texts.
    static func array(_ values: [String?]) -> String {
        "{" + values.map { $0.map(element) ?? "NULL" }.joined(separator: ",") + "}"
    }

    private static func element(_ text: String) -> String {
        var quoted = "\""
        for scalar in LoggedText.withoutNUL(text).unicodeScalars {
            if scalar == "\"" || scalar == "\\" { quoted.unicodeScalars.append("\\") }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }

    static func uuid(_ fingerprint: Fingerprint) -> String { fingerprint.bytes.hexadecimal }

    /// Reads pairs of hexadecimal digits; anything else (the dashes of a UUID) is passed over.
    static func bytes(hexadecimal text: String) -> [UInt8] {
        let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    /// The 16 bytes of a run id; nil if it is no UUID.
    static func runID(_ id: String) -> [UInt8]? {
        guard UUID(uuidString: id) != nil else { return nil }
        return bytes(hexadecimal: id)
    }

    /// Dates outside the years 1 to 9999 become the nearest of them.
    static func milliseconds(_ date: Date) -> Int64 {
        let exact = (date.timeIntervalSince1970 * 1000).rounded()
        return exact.isNaN ? latest : Int64(max(Double(earliest), min(Double(latest), exact)))
    }

    private static let earliest: Int64 = -62_135_596_800_000  // 0001-01-01
    private static let latest: Int64 = 253_402_300_799_999  // 9999-12-31
}
