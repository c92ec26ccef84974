extension FieldConstant {
    /// The constant as JSON of a field of a type.
    /// - Throws: ``FieldProblem`` where the constant is not of the form of that type; ``FieldConversion/Refusal`` for types
    ///   that no constant has.
    public func json(as type: FieldType) throws -> [UInt8] {
        let conversion = try FieldConversion(.text, as: Self.declared(type))
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
    /// these; nil: it cannot be told.
    public var rank: Int64? {
        switch self {
        case .integer(let value): value
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
