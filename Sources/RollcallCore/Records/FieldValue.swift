import Foundation

/// The value of one field as it is sent: of its type, within its limits. Bytes are valid only as long as those of its cells.
package struct FieldValue {
    /// What is sent.
    package enum Content {
        /// The field has no value.
        case null
        case boolean(Bool)
        case number(FieldNumber)
        case text(UnsafeRawBufferPointer)
        /// Days since 1970-01-01, of a year from 1 to 9999.
        case day(Int)
        /// Seconds since 1970-01-01 00:00:00 UTC, of a year from 1 to 9999.
        case second(Int64)
        case json(UnsafeRawBufferPointer)
        case point(latitude: FieldNumber, longitude: FieldNumber)
    }

    package var content: Content
    /// Whether a number or truth value is written as a JSON string.
    package var isQuoted: Bool

    package init(_ content: Content, isQuoted: Bool = false) {
        self.content = content
        self.isQuoted = isQuoted
    }

    package static var null: FieldValue { FieldValue(.null) }

    package var isNull: Bool {
        if case .null = content { return true }
        return false
    }
}

/// A finite number.
package enum FieldNumber {
    case long(Int64)
    /// An integer that is sent as a decimal number: `3.0`.
    case whole(Int64)
    /// Digits as SQL writes them; always sent with a fraction.
    case decimal(UnsafeRawBufferPointer)
    case real(Double)
    case single(Float)

    /// Its value, near enough to compare it with bounds.
    var approximation: Double {
        switch self {
        case .long(let value), .whole(let value): Double(value)
        case .decimal(let digits): Double(String(decoding: digits, as: UTF8.self)) ?? .nan
        case .real(let value): value
        case .single(let value): Double(value)
        }
    }
}

/// Why a value cannot be sent. The row is invalid; no other suffers.
package enum FieldProblem: Error, Sendable, Hashable, CaseIterable {
    case notANumber
    case beyondInt64
    case hasFraction
    case infiniteTime
    case yearOutOfRange
    case wrongForm
    case wrongStorage
    case opaque
    case tooLong
    case hasNUL
    case notUTF8
    case notJSON
    case repeatedKey
    case tooDeep
    case loneSurrogate
    case halfAPoint
    case pointOutOfRange

    /// Stable, for `sync_log`.
    package var code: String { self == .tooLong ? "value_too_long" : "invalid_value" }

    /// A clause that follows the field's name and a colon, without a full stop.
    package var clause: String {
        switch self {
        case .notANumber: "the number is NaN or infinite, which Iterable cannot hold"
        case .beyondInt64: "the number is beyond the range of 64-bit integers"
        case .hasFraction: "the number has a fraction, and the field is of type long"
        case .infiniteTime: "the time is infinite"
        case .yearOutOfRange: "the year is not between 1 and 9999"
        case .wrongForm: "the text is not of the form that the field's type asks for"
        case .wrongStorage: "the value is stored as another type than the column is declared with"
        case .opaque: "the value is bytes, not text"
        case .tooLong: "a text is longer than \(FieldLimits.longestText) characters"
        case .hasNUL: "a text has the character U+0000"
        case .notUTF8: "the text is not valid UTF-8"
        case .notJSON: "the text is not valid JSON"
        case .repeatedKey: "a JSON object has the same key twice"
        case .tooDeep: "the JSON is nested deeper than \(FieldLimits.deepestJSON) levels"
        case .loneSurrogate: "the JSON has half of a surrogate pair"
        case .halfAPoint: "one of latitude and longitude is NULL"
        case .pointOutOfRange: "the latitude is not between -90 and 90, or the longitude not between -180 and 180"
        }
    }
}

/// What values may be at most.
package enum FieldLimits {
    /// Unicode scalars in one text; Iterable takes about 32,000 (source: its help centre, article 208183076, for profile fields).
    package static let longestText = 32_000
    /// Bytes of one item of a catalog (source: Iterable's API description).
    package static let largestItem = 30_000
    /// Levels of objects and arrays within a JSON value. No document of people is so deep; parsers that call themselves
    /// for each level end far beyond it.
    package static let deepestJSON = 100
}

extension FieldValue {
    /// Whether Iterable gives a new field the type that is meant when this is its first value. A text that looks like a date would
    /// make it a date, `3.0` perhaps a long, an array in a field of objects the type of its elements, and an empty object or array
    /// says nothing (source: Iterable's help centre, article 208183076).
    package func shows(_ type: FieldType) -> Bool {
        switch content {
        case .null: return false
        case .text(let text): return CivilText(text) == nil
        case .day, .second: return type == .date && !isQuoted
        case .number(let number): return isQuoted || type != .double || number.hasFraction
        case .json(let text):
            let opens = text.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
            return opens == (type == .object ? UInt8(ascii: "{") : UInt8(ascii: "["))
                && text.contains { ASCII.isLetterOrDigit($0) || $0 == UInt8(ascii: "\"") }
                && (type != .string || Self.shows(written: text, as: type))
        default: return true
        }
    }

    /// ``shows(_:)`` of a value as JSON.
    /// - Parameter type: nil: the one that JSON says, where a number with a fraction, be it `.0`, is a double.
    package static func shows(written value: UnsafeRawBufferPointer, as type: FieldType?) -> Bool {
        let type = type ?? typeByForm(value)
        guard let value = try? JSONSerialization.jsonObject(with: Data(value), options: .fragmentsAllowed) else {
            return false
        }
        return shows(json: value, as: type)
    }

    /// Of a constant; of no meaning for objects and arrays.
    private static func typeByForm(_ json: UnsafeRawBufferPointer) -> FieldType {
        switch json.first {
        case UInt8(ascii: "\""): .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): .boolean
        default: json.contains { ".eE".utf8.contains($0) } ? .double : .long
        }
    }

    /// ``shows(_:)`` of a value of JSON that was read with `JSONSerialization`.
    package static func shows(json value: Any, as type: FieldType) -> Bool {
        switch value {
        case let number as NSNumber where type == .double: number.doubleValue != number.doubleValue.rounded()
        case let text as String where type == .string: !looksLikeDate(text)
        // Any of the elements may be the one that decides.
        case let array as [Any] where type == .string: areTextsThatAreNoDates(array)
        case let array as [Any]: !array.isEmpty && type != .object
        case let object as [String: Any]: !object.isEmpty
        default: true
        }
    }

    private static func areTextsThatAreNoDates(_ elements: [Any]) -> Bool {
        let texts = elements.compactMap { $0 as? String }
        return !texts.isEmpty && !texts.contains(where: looksLikeDate)
    }

    /// Whether Iterable would take a text for a date.
    package static func looksLikeDate(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { CivilText(UnsafeRawBufferPointer($0)) != nil }
    }
}

extension FieldNumber {
    /// Whether it has one as a number of 64 bits too.
    fileprivate var hasFraction: Bool {
        switch self {
        case .long, .whole: false
        case .real(let value): value != value.rounded()
        case .single(let value): value != value.rounded()
        case .decimal(let digits):
            Double(String(decoding: digits, as: UTF8.self)).map { $0 != $0.rounded() } ?? false
        }
    }
}
