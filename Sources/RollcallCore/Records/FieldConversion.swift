package import Foundation

/// How values of a column become values of a field: the closed table of casts. What a cast could lose in silence is refused
/// when the configuration is read; what one value does not fit is found row by row.
package struct FieldConversion: Sendable, Hashable, CustomStringConvertible {
    /// What the field is in Iterable.
    package let type: FieldType
    private let rule: Rule

    private enum Rule: Hashable {
        case long
        case decimal
        case boolean
        case day
        case timestamp
        case localTimestamp(TimeZone)
        case text
        case json
        /// JSON of numbers or dates, in which what is none stands as a text (`"NaN"`, `"infinity"`).
        case numbers
        case days
        /// A long, boolean or date, written as a string.
        case quotedLong
        case quotedBoolean
        case quotedDay
        /// Text of the form of the type.
        case parsedLong
        case parsedDecimal
        case parsedBoolean
        case parsedDate(TimeZone)
        case parsedJSON
        case point
    }

    /// Why a column cannot fill a field of the type, with what to do.
    package struct Refusal: Error, Sendable, Equatable {
        /// A clause: "a numeric column cannot become a boolean".
        package var reason: String
        package var hint: String
    }

    /// Of a single column.
    ///
    /// - Parameters:
    ///   - declared: the `type` of the configuration; nil: the column's own.
    ///   - zone: of columns and texts that know none.
    package init(_ family: ColumnFamily, as declared: DeclaredType?, zone: TimeZone = .gmt) throws(Refusal) {
        (type, rule) = try Self.find(family, declared, zone)
    }

    /// Of two columns, latitude and longitude.
    package init(latitude: ColumnFamily, longitude: ColumnFamily) throws(Refusal) {
        for family in [latitude, longitude] {
            switch family {
            // What SQLite does not declare is looked at value by value.
            case .long, .number, .decimal, .undeclared: continue
            default:
                throw Refusal(
                    reason: "a geo field needs two numbers, and one of its columns is \(family.description)",
                    hint: "Cast it in the query: CAST(column AS double precision).")
            }
        }
        (type, rule) = (.geoLocation, .point)
    }

    /// The same text in every process, for what two of them compare: `date localTimestamp Europe/Berlin`. The text that Swift
    /// makes of a private type has an address in it, and that of a time zone says whether it is the process's.
    package var description: String {
        switch rule {
        case .localTimestamp(let zone): "\(type) localTimestamp \(zone.identifier)"
        case .parsedDate(let zone): "\(type) parsedDate \(zone.identifier)"
        default: "\(type) \(rule)"
        }
    }

    private static func find(
        _ family: ColumnFamily, _ declared: DeclaredType?, _ zone: TimeZone
    ) throws(Refusal) -> (FieldType, Rule) {
        switch (family, declared) {
        case (.long, nil), (.long, .long): return (.long, .long)
        case (.long, .double): return (.double, .decimal)
        case (.long, .string): return (.string, .quotedLong)
        case (.number, nil), (.number, .double), (.decimal, nil), (.decimal, .double): return (.double, .decimal)
        case (.number, .long): return (.long, .long)
        case (.boolean, nil), (.boolean, .boolean): return (.boolean, .boolean)
        case (.boolean, .string): return (.string, .quotedBoolean)
        case (.date, nil), (.date, .date): return (.date, .day)
        case (.date, .string): return (.string, .quotedDay)
        case (.timestamp, nil), (.timestamp, .date): return (.date, .timestamp)
        case (.localTimestamp, nil), (.localTimestamp, .date): return (.date, .localTimestamp(zone))
        case (.text, nil), (.text, .string), (.undeclared, .string): return (.string, .text)
        case (.text, .long): return (.long, .parsedLong)
        case (.text, .double): return (.double, .parsedDecimal)
        case (.text, .boolean): return (.boolean, .parsedBoolean)
        case (.text, .date), (.undeclared, .date): return (.date, .parsedDate(zone))
        case (.text, .json), (.undeclared, .json): return (.object, .parsedJSON)
        case (.undeclared, .long): return (.long, .long)
        case (.undeclared, .double): return (.double, .decimal)
        case (.undeclared, .boolean): return (.boolean, .boolean)
        case (.json, nil), (.json, .json): return (.object, .json)
        case (.array(let element), nil), (.array(let element), .json): return (.array, try rule(ofElement: element))
        default: throw refusal(family, declared)
        }
    }

    /// Arrays travel as the JSON that the database makes of them, in which moments have the form of the database.
    private static func rule(ofElement family: ColumnFamily) throws(Refusal) -> Rule {
        switch family {
        case .long, .number, .decimal: return .numbers
        case .date: return .days
        case .timestamp, .localTimestamp:
            throw Refusal(
                reason: "an array of timestamps has no form that Iterable takes for dates",
                hint: "Cast it in the query: column::text[], or to date[].")
        case .unsupported:
            throw Refusal(
                reason: "an array of this type cannot be sent", hint: "Cast it in the query: column::text[].")
        default: return .json
        }
    }

    private static func refusal(_ family: ColumnFamily, _ declared: DeclaredType?) -> Refusal {
        switch (family, declared) {
        case (.undeclared, _):
            Refusal(
                reason: "SQLite does not say what type it has",
                hint: "Give the field a type: { column: ..., type: string }, or long, double, boolean, date, json.")
        case (.unsupported, _):
            Refusal(
                reason: "values of its type cannot be sent",
                hint: "Cast it in the query, for example CAST(column AS text).")
        case (_, .geo?):
            Refusal(
                reason: "a geo field needs two columns", hint: "Write { column: [latitude, longitude], type: geo }.")
        case (.number, _), (.decimal, _):
            Refusal(
                reason: "\(family.description) cannot become \(declared?.rawValue ?? "it") without losing digits",
                hint: "Leave type out to send double, or cast in the query, which says how to round.")
        default:
            Refusal(
                reason: "\(family.description) cannot become \(declared?.rawValue ?? "a field")",
                hint: "Leave type out, or cast in the query.")
        }
    }

    // MARK: One value

    /// The value of a field of one column, as far as a look at the cell tells: texts and JSON are looked into by
    /// ``FieldValue/check()`` only, once a row is to be sent.
    package func value(of cell: RecordCell) throws(FieldProblem) -> FieldValue {
        if case .null = cell { return .null }
        switch rule {
        case .long: return FieldValue(.number(.long(try Self.long(cell))))
        case .quotedLong:
            // A string has no range: digits that no integer of 64 bits holds are sent as they are.
            if case .decimal(let digits) = cell, digits.last.map({ (48...57).contains($0) }) == true {
                return FieldValue(.text(digits))
            }
            return FieldValue(.number(.long(try Self.long(cell))), isQuoted: true)
        case .decimal: return FieldValue(.number(try Self.decimal(cell)))
        case .boolean: return FieldValue(.boolean(try Self.boolean(cell)))
        case .quotedBoolean: return FieldValue(.boolean(try Self.boolean(cell)), isQuoted: true)
        case .day, .quotedDay: return FieldValue(.day(try Self.day(cell)))
        case .timestamp: return try Self.time(cell, zone: .gmt)
        case .localTimestamp(let zone): return try Self.time(cell, zone: zone)
        case .text: return FieldValue(.text(try Self.text(cell)))
        case .parsedLong: return FieldValue(.number(.long(try TextForm.long(Self.text(cell)))))
        case .parsedDecimal: return FieldValue(.number(.decimal(try TextForm.decimal(Self.text(cell)))))
        case .parsedBoolean: return FieldValue(.boolean(try TextForm.boolean(Self.text(cell))))
        case .parsedDate(let zone): return try Self.time(cell, zone: zone)
        case .json, .parsedJSON: return Self.document(try Self.jsonText(cell))
        case .numbers: return Self.document(try Self.numbers(Self.jsonText(cell)))
        case .days: return Self.document(try Self.days(Self.jsonText(cell)))
        case .point: throw .wrongStorage
        }
    }

    /// The value of a geo field.
    package static func point(_ latitude: RecordCell, _ longitude: RecordCell) throws(FieldProblem) -> FieldValue {
        switch (latitude, longitude) {
        case (.null, .null): return .null
        case (.null, _), (_, .null): throw .halfAPoint
        default: break
        }
        let (north, east) = (try decimal(latitude), try decimal(longitude))
        guard abs(north.approximation) <= 90, abs(east.approximation) <= 180 else { throw .pointOutOfRange }
        return FieldValue(.point(latitude: north, longitude: east))
    }

    private static func long(_ cell: RecordCell) throws(FieldProblem) -> Int64 {
        switch cell {
        case .integer(let value): return value
        case .decimal(let digits): return try TextForm.whole(digits)
        default: throw .wrongStorage
        }
    }

    private static func decimal(_ cell: RecordCell) throws(FieldProblem) -> FieldNumber {
        switch cell {
        case .integer(let value): return .whole(value)
        case .decimal(let digits):
            guard let last = digits.last, (48...57).contains(last) else { throw .notANumber }
            return .decimal(digits)
        case .real(let value):
            guard value.isFinite else { throw .notANumber }
            return .real(value)
        case .single(let value):
            guard value.isFinite else { throw .notANumber }
            return .single(value)
        default: throw .wrongStorage
        }
    }

    private static func boolean(_ cell: RecordCell) throws(FieldProblem) -> Bool {
        switch cell {
        case .boolean(let value): return value
        case .integer(0): return false
        case .integer(1): return true
        default: throw .wrongStorage
        }
    }

    private static func day(_ cell: RecordCell) throws(FieldProblem) -> Int {
        switch cell {
        case .infinity: throw .infiniteTime
        case .date(let days):
            guard CivilTime.writableDays.contains(days) else { throw .yearOutOfRange }
            return days
        case .text(let text):
            guard case .day(let days)? = CivilText(text) else { throw .wrongForm }
            return days
        default: throw .wrongStorage
        }
    }

    /// A moment, or a day where a text has no time.
    private static func time(_ cell: RecordCell, zone: TimeZone) throws(FieldProblem) -> FieldValue {
        switch cell {
        case .infinity: throw .infiniteTime
        case .timestamp(let microseconds): return try second(CivilTime.second(ofMicrosecond: microseconds))
        case .localTimestamp(let microseconds): return try second(ofLocal: microseconds, zone)
        case .text(let text):
            switch CivilText(text) {
            case .day(let day)?: return FieldValue(.day(day))
            case .timestamp(let microseconds)?: return try second(CivilTime.second(ofMicrosecond: microseconds))
            case .localTimestamp(let microseconds)?: return try second(ofLocal: microseconds, zone)
            case nil: throw .wrongForm
            }
        default: throw .wrongStorage
        }
    }

    private static func second(ofLocal microseconds: Int64, _ zone: TimeZone) throws(FieldProblem) -> FieldValue {
        let local = CivilTime.second(ofMicrosecond: microseconds)
        // The calendar library is asked about times that can be written only.
        guard CivilTime.writableDays.contains(CivilTime.day(ofSecond: local)) else { throw .yearOutOfRange }
        return try second(zone == .gmt ? local : CivilTime.second(ofLocal: local, in: zone))
    }

    private static func second(_ second: Int64) throws(FieldProblem) -> FieldValue {
        guard CivilTime.writableDays.contains(CivilTime.day(ofSecond: second)) else { throw .yearOutOfRange }
        return FieldValue(.second(second))
    }

    private static func text(_ cell: RecordCell) throws(FieldProblem) -> UnsafeRawBufferPointer {
        switch cell {
        case .text(let text): return text
        case .opaque: throw .opaque
        default: throw .wrongStorage
        }
    }

    private static func jsonText(_ cell: RecordCell) throws(FieldProblem) -> UnsafeRawBufferPointer {
        if case .json(let text) = cell { return text }
        return try text(cell)
    }

    private static func numbers(_ json: UnsafeRawBufferPointer) throws(FieldProblem) -> UnsafeRawBufferPointer {
        guard !json.contains(UInt8(ascii: "\"")) else { throw .notANumber }
        return json
    }

    private static func days(_ json: UnsafeRawBufferPointer) throws(FieldProblem) -> UnsafeRawBufferPointer {
        // Between every two quotes.
        for (place, text) in json.split(separator: UInt8(ascii: "\""), omittingEmptySubsequences: false).enumerated()
        where place % 2 == 1 {
            if case .day? = CivilText(UnsafeRawBufferPointer(rebasing: text)) { continue }
            throw text.contains(UInt8(ascii: "i")) ? .infiniteTime : .yearOutOfRange
        }
        return json
    }

    /// A JSON value that is `null` as a whole is none.
    private static func document(_ text: UnsafeRawBufferPointer) -> FieldValue {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }
        guard let first = text.first, first == UInt8(ascii: "n") || isBlank(first), text.count < 64 else {
            return FieldValue(.json(text))
        }
        return text.lazy.filter { !isBlank($0) }.elementsEqual("null".utf8) ? .null : FieldValue(.json(text))
    }
}

extension ColumnFamily: CustomStringConvertible {
    /// With its article, for messages.
    package var description: String {
        switch self {
        case .long: "an integer column"
        case .number, .decimal: "a decimal column"
        case .boolean: "a boolean column"
        case .date: "a date column"
        case .timestamp, .localTimestamp: "a timestamp column"
        case .text: "a text column"
        case .json: "a JSON column"
        case .array: "an array column"
        case .undeclared: "a column of no declared type"
        case .unsupported: "a column of a type that cannot be sent"
        }
    }
}
