package import Foundation

extension FieldConstant {
    /// The constant as JSON of a field of a type; `zone` of dates that name none.
    /// - Throws: ``FieldProblem`` where the constant is not of the form of that type; ``FieldConversion/Refusal`` for types
    ///   that no constant has.
    package func json(as type: FieldType, zone: TimeZone = .gmt) throws -> [UInt8] {
        let conversion = try FieldConversion(.text, as: Self.declared(type), zone: zone)
        var text = text
        return try text.withUTF8 { bytes in
            let value = try conversion.value(of: .text(UnsafeRawBufferPointer(bytes)))
            try value.check()
            var json: [UInt8] = []
            value.write(to: &json)
            return json
        }
    }

    private static func declared(_ type: FieldType) -> DeclaredType {
        switch type {
        case .string: .string
        case .long: .long
        case .double: .double
        case .boolean: .boolean
        case .date: .date
        case .object, .array: .json
        case .geoLocation: .geo
        }
    }
}

extension RecordCell {
    /// Where the value stands among others of its column, for columns of integers, dates and timestamps, and texts that hold
    /// dates or timestamps; nil: unknown.
    package var rank: Int64? {
        switch self {
        case .integer(let value): value
        case .decimal(let digits): try? TextForm.whole(digits)
        case .date(let days): Self.microseconds(ofDay: days)
        case .timestamp(let microseconds), .localTimestamp(let microseconds): microseconds
        case .text(let text):
            switch CivilText(text) {
            case .day(let day)?: Self.microseconds(ofDay: day)
            case .timestamp(let microseconds)?, .localTimestamp(let microseconds)?: microseconds
            case nil: nil
            }
        default: nil
        }
    }

    private static func microseconds(ofDay day: Int) -> Int64? {
        let (product, isBeyond) = Int64(day).multipliedReportingOverflow(by: 86_400_000_000)
        return isBeyond ? nil : product
    }
}

extension RecordCell {
    /// Calls `body` with the text of a key: integers in digits, without the fraction of zeros that a numeric column may give
    /// them. `body` gets nil for NULL.
    /// - Returns: nil for a value of another kind, which is no key.
    package func withKey<R>(_ body: (UnsafeRawBufferPointer?) throws -> R) rethrows -> R? {
        switch self {
        case .null: return try body(nil)
        case .text(let text): return try body(text)
        case .integer(let number):
            return try withUnsafeTemporaryAllocation(byteCount: DecimalDigits.longest, alignment: 1) { memory in
                try body(DecimalDigits.write(number, toEndOf: memory))
            }
        case .decimal(let digits):
            let whole = digits.prefix { $0 != UInt8(ascii: ".") }
            let isWhole = digits.dropFirst(whole.count + 1).allSatisfy { $0 == UInt8(ascii: "0") }
            let number = whole.first == UInt8(ascii: "-") ? whole.dropFirst() : whole
            guard isWhole, !number.isEmpty, number.allSatisfy({ (48...57).contains($0) }) else { return nil }
            return try body(UnsafeRawBufferPointer(rebasing: whole))
        default: return nil
        }
    }
}
