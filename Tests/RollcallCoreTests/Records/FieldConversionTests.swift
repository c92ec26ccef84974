import Foundation
import Testing

@testable import RollcallCore

/// A cell that owns its bytes.
enum OwnedCell: Sendable {
    case null, infinity, opaque
    case integer(Int64)
    case real(Double)
    case single(Float)
    case boolean(Bool)
    case date(Int)
    case timestamp(Int64)
    case localTimestamp(Int64)
    case decimal(String)
    case text(String)
    case rawText([UInt8])
    case json(String)

    func with<R>(_ body: (RecordCell) throws -> R) rethrows -> R {
        func bytes(_ text: String, _ make: (UnsafeRawBufferPointer) -> RecordCell) throws -> R {
            try Array(text.utf8).withUnsafeBytes { try body(make($0)) }
        }
        do {
            switch self {
            case .null: return try body(.null)
            case .infinity: return try body(.infinity)
            case .opaque: return try body(.opaque)
            case .integer(let value): return try body(.integer(value))
            case .real(let value): return try body(.real(value))
            case .single(let value): return try body(.single(value))
            case .boolean(let value): return try body(.boolean(value))
            case .date(let days): return try body(.date(days: days))
            case .timestamp(let value): return try body(.timestamp(microseconds: value))
            case .localTimestamp(let value): return try body(.localTimestamp(microseconds: value))
            case .decimal(let digits): return try bytes(digits) { .decimal($0) }
            case .text(let text): return try bytes(text) { .text($0) }
            case .rawText(let text): return try text.withUnsafeBytes { try body(.text($0)) }
            case .json(let text): return try bytes(text) { .json($0) }
            }
        }
    }
}

@Suite struct FieldConversionTests {
    /// Two processes compare the text: it has no address of the program in it, and does not say what the process's time zone is.
    @Test func theTextOfAConversionIsThatOfEveryProcess() throws {
        let zone = TimeZone.current
        func text(_ family: ColumnFamily, as type: DeclaredType? = nil) throws -> String {
            "\([RecordField(path: ["at"], source: .cell(0, try FieldConversion(family, as: type, zone: zone)))])"
        }
        #expect(try text(.localTimestamp).contains("cell(0, date localTimestamp \(zone.identifier))"))
        #expect(try text(.text, as: .date).contains("cell(0, date parsedDate \(zone.identifier))"))
        #expect(try text(.long, as: .string).contains("cell(0, string quotedLong)"))
    }

    /// The JSON of a value, or the name of its problem.
    private func sent(
        _ cell: OwnedCell, _ family: ColumnFamily, as type: DeclaredType? = nil, zone: TimeZone = .gmt
    ) throws -> String {
        let conversion = try FieldConversion(family, as: type, zone: zone)
        return cell.with { cell in
            do throws(FieldProblem) {
                let value = try conversion.value(of: cell)
                try value.check()
                var bytes: [UInt8] = []
                value.write(to: &bytes)
                return String(decoding: bytes, as: UTF8.self)
            } catch {
                return "\(error)"
            }
        }
    }

    @Test(
        arguments: [
            (.integer(7), .long, nil, "7"), (.integer(.min), .long, nil, "-9223372036854775808"),
            (.integer(.max), .long, nil, "9223372036854775807"), (.integer(0), .long, nil, "0"),
            (.integer(7), .long, .double, "7.0"), (.integer(-7), .long, .string, "\"-7\""),
            (.decimal("12"), .long, nil, "12"), (.decimal("9223372036854775807"), .long, nil, "9223372036854775807"),
            (.decimal("-9223372036854775808"), .long, nil, "-9223372036854775808"),
            (.decimal("9223372036854775808"), .long, nil, "beyondInt64"),
            (.decimal("1234567890123456789012345678901234567890"), .long, nil, "beyondInt64"),
            (.decimal("NaN"), .long, nil, "notANumber"), (.decimal("NaN"), .long, .string, "notANumber"),
            (.decimal("12345678901234567890"), .long, .string, "\"12345678901234567890\""),
            (.decimal("12.50"), .number, nil, "12.50"), (.decimal("3"), .number, nil, "3.0"),
            (
                .decimal("1234567890123456789012345678901234567890"), .number, nil,
                "1234567890123456789012345678901234567890.0"
            ),
            (.decimal("12.00"), .number, .long, "12"), (.decimal("12.01"), .number, .long, "hasFraction"),
            (.decimal("NaN"), .number, nil, "notANumber"), (.decimal("-Infinity"), .decimal, nil, "notANumber"),
            (.integer(3), .decimal, nil, "3.0"), (.real(0.1), .decimal, nil, "0.1"), (.real(3), .decimal, nil, "3.0"),
            (.real(1e20), .decimal, nil, "1.0e+20"), (.real(.leastNonzeroMagnitude), .decimal, nil, "5.0e-324"),
            (.real(-0.0), .decimal, nil, "-0.0"), (.real(.nan), .decimal, nil, "notANumber"),
            (.real(.infinity), .decimal, nil, "notANumber"), (.single(0.1), .decimal, nil, "0.1"),
            (.single(-.infinity), .decimal, nil, "notANumber"),
        ] as [(OwnedCell, ColumnFamily, DeclaredType?, String)])
    func numbers(_ cell: OwnedCell, _ family: ColumnFamily, _ type: DeclaredType?, _ expected: String) throws {
        #expect(try sent(cell, family, as: type) == expected)
    }

    @Test(
        arguments: [
            (.boolean(true), .boolean, nil, "true"), (.integer(0), .boolean, nil, "false"),
            (.integer(1), .boolean, nil, "true"), (.integer(2), .boolean, nil, "wrongStorage"),
            (.boolean(false), .boolean, .string, "\"false\""),
            (.date(19_782), .date, nil, "\"2024-02-29\""), (.date(19_782), .date, .string, "\"2024-02-29\""),
            (.date(2_932_897), .date, nil, "yearOutOfRange"), (.date(-719_163), .date, nil, "yearOutOfRange"),
            (.infinity, .date, nil, "infiniteTime"), (.infinity, .timestamp, nil, "infiniteTime"),
            (.timestamp(1_709_212_455_999_999), .timestamp, nil, "\"2024-02-29 13:14:15 +00:00\""),
            (.timestamp(-1), .timestamp, nil, "\"1969-12-31 23:59:59 +00:00\""),
            (.timestamp(.max), .timestamp, nil, "yearOutOfRange"),
            (.localTimestamp(.max), .localTimestamp, nil, "yearOutOfRange"),
            (.localTimestamp(.min), .localTimestamp, nil, "yearOutOfRange"),
            (.localTimestamp(0), .localTimestamp, nil, "\"1970-01-01 00:00:00 +00:00\""),
            (.text("2024-02-29"), .date, nil, "\"2024-02-29\""),
            (.text("2024-02-29 10:00:00"), .date, nil, "wrongForm"),
            (.text("2024-02-29 10:00:00+01"), .localTimestamp, nil, "\"2024-02-29 09:00:00 +00:00\""),
            (.text("soon"), .text, .date, "wrongForm"), (.integer(1_700_000_000), .localTimestamp, nil, "wrongStorage"),
        ] as [(OwnedCell, ColumnFamily, DeclaredType?, String)])
    func truthAndTime(_ cell: OwnedCell, _ family: ColumnFamily, _ type: DeclaredType?, _ expected: String) throws {
        #expect(try sent(cell, family, as: type) == expected)
    }

    @Test(
        arguments: [
            (.text("a\"b\\c\n\u{1}é😀"), .text, nil, "\"a\\\"b\\\\c\\u000a\\u0001é😀\""), (.text(""), .text, nil, "\"\""),
            (.text("1234"), .text, nil, "\"1234\""), (.text("2024-01-01"), .text, nil, "\"2024-01-01\""),
            (.text("a\u{0}b"), .text, nil, "hasNUL"), (.rawText([0x41, 0xFF]), .text, nil, "notUTF8"),
            (.rawText([0xC0, 0xAF]), .text, nil, "notUTF8"), (.opaque, .text, nil, "opaque"),
            (.integer(5), .text, nil, "wrongStorage"),
            (.text("007"), .text, .long, "7"), (.text("-12"), .text, .long, "-12"),
            (.text("+1"), .text, .long, "wrongForm"),
            (.text(" 1"), .text, .long, "wrongForm"), (.text("1.0"), .text, .long, "wrongForm"),
            (.text(""), .text, .long, "wrongForm"), (.text("9223372036854775808"), .text, .long, "beyondInt64"),
            (.text("007.50"), .text, .double, "7.50"), (.text("-1e5"), .text, .double, "-1.0e5"),
            (.text("1."), .text, .double, "wrongForm"), (.text("NaN"), .text, .double, "wrongForm"),
            (.text("1e999"), .text, .double, "notANumber"), (.text("TRUE"), .text, .boolean, "true"),
            (.text("false"), .text, .boolean, "false"), (.text("yes"), .text, .boolean, "wrongForm"),
            (.text("tr@e"), .text, .boolean, "wrongForm"),
            (.json("{\"a\": 1.10}"), .json, nil, "{\"a\": 1.10}"), (.json("null"), .json, nil, "null"),
            (.json(" null\n"), .json, nil, "null"),
            (.text("[1]"), .text, .json, "[1]"), (.text("{"), .text, .json, "notJSON"),
            (.json("{\"a\":1,\"a\":2}"), .json, nil, "repeatedKey"),
            (.json("[1,2.50,null]"), .array(.number), nil, "[1,2.50,null]"),
            (.json("[1,\"NaN\"]"), .array(.decimal), nil, "notANumber"),
            (.json("[\"2024-02-29\",null]"), .array(.date), nil, "[\"2024-02-29\",null]"),
            (.json("[\"infinity\"]"), .array(.date), nil, "infiniteTime"),
            (.json("[\"10000-01-01\"]"), .array(.date), nil, "yearOutOfRange"),
            (.json("[\"a\"]"), .array(.text), nil, "[\"a\"]"),
            (.null, .text, nil, "null"), (.null, .array(.text), nil, "null"),
        ] as [(OwnedCell, ColumnFamily, DeclaredType?, String)])
    func textsAndJSON(_ cell: OwnedCell, _ family: ColumnFamily, _ type: DeclaredType?, _ expected: String) throws {
        #expect(try sent(cell, family, as: type) == expected)
    }

    @Test func aTextMayHave32000Characters() throws {
        let longest = String(repeating: "é", count: 32_000)
        #expect(try sent(.text(longest), .text) == "\"\(longest)\"")
        #expect(try sent(.text(longest + "e"), .text) == "tooLong")
        #expect(FieldProblem.tooLong.code == "value_too_long" && FieldProblem.hasNUL.code == "invalid_value")
    }

    @Test func timesWithoutAZoneAreInTheOneThatIsGiven() throws {
        let berlin = try #require(TimeZone(identifier: "Europe/Berlin"))
        #expect(
            try sent(.localTimestamp(1_720_000_000_000_000), .localTimestamp, zone: berlin)
                == "\"2024-07-03 07:46:40 +00:00\"")
        #expect(
            try sent(.text("2024-07-03 09:46:40"), .text, as: .date, zone: berlin) == "\"2024-07-03 07:46:40 +00:00\"")
        #expect(
            try sent(.text("2024-07-03 09:46:40Z"), .text, as: .date, zone: berlin) == "\"2024-07-03 09:46:40 +00:00\"")
    }

    /// Every pair that is not named here is an error of the configuration.
    @Test func theTableOfCastsIsClosed() {
        let families: [ColumnFamily] = [
            .long, .number, .decimal, .boolean, .date, .timestamp, .localTimestamp, .text, .json, .array(.long),
            .array(.timestamp), .array(.unsupported), .undeclared, .unsupported,
        ]
        let types: [DeclaredType?] = [nil] + DeclaredType.allCases
        var allowed: [String] = []
        for family in families {
            for type in types {
                guard let conversion = try? FieldConversion(family, as: type) else { continue }
                allowed.append("\(family) as \(type?.rawValue ?? "it is"): \(conversion.type.rawValue)")
            }
        }
        #expect(
            allowed == [
                "an integer column as it is: long", "an integer column as string: string",
                "an integer column as long: long", "an integer column as double: double",
                "a decimal column as it is: double", "a decimal column as long: long",
                "a decimal column as double: double",
                "a decimal column as it is: double", "a decimal column as double: double",
                "a boolean column as it is: boolean", "a boolean column as string: string",
                "a boolean column as boolean: boolean",
                "a date column as it is: date", "a date column as string: string", "a date column as date: date",
                "a timestamp column as it is: date", "a timestamp column as date: date",
                "a timestamp column as it is: date", "a timestamp column as date: date",
                "a text column as it is: string", "a text column as string: string", "a text column as long: long",
                "a text column as double: double", "a text column as boolean: boolean", "a text column as date: date",
                "a text column as json: object",
                "a JSON column as it is: object", "a JSON column as json: object",
                "an array column as it is: array", "an array column as json: array",
                "a column of no declared type as string: string", "a column of no declared type as long: long",
                "a column of no declared type as double: double", "a column of no declared type as boolean: boolean",
                "a column of no declared type as date: date", "a column of no declared type as json: object",
            ])
    }

    @Test func refusalsSayWhatToDo() throws {
        func refusal(_ family: ColumnFamily, _ type: DeclaredType?) -> String? {
            do throws(FieldConversion.Refusal) {
                _ = try FieldConversion(family, as: type)
                return nil
            } catch {
                return "\(error.reason). \(error.hint)"
            }
        }
        #expect(
            refusal(.decimal, .long)
                == "a decimal column cannot become long without losing digits."
                + " Leave type out to send double, or cast in the query, which says how to round.")
        #expect(
            refusal(.undeclared, nil)
                == "SQLite does not say what type it has. Give the field a type: { column: ..., type: string }, or long,"
                + " double, boolean, date, json.")
        #expect(
            refusal(.unsupported, nil)
                == "values of its type cannot be sent. Cast it in the query, for example CAST(column AS text).")
        #expect(
            refusal(.json, .string) == "a JSON column cannot become string. Leave type out, or cast in the query.")
    }

    @Test func pointsAreCheckedAndWrittenAsTheyAre() {
        func point(_ latitude: OwnedCell, _ longitude: OwnedCell) -> String {
            latitude.with { latitude in
                longitude.with { longitude in
                    do throws(FieldProblem) {
                        var bytes: [UInt8] = []
                        try FieldConversion.point(latitude, longitude).write(to: &bytes)
                        return String(decoding: bytes, as: UTF8.self)
                    } catch {
                        return "\(error)"
                    }
                }
            }
        }
        #expect(point(.decimal("52.520"), .real(13.405)) == "{\"lat\":52.520,\"lon\":13.405}")
        #expect(point(.integer(-90), .integer(180)) == "{\"lat\":-90.0,\"lon\":180.0}")
        #expect(point(.null, .null) == "null")
        #expect(point(.real(1), .null) == "halfAPoint" && point(.null, .real(1)) == "halfAPoint")
        #expect(point(.real(90.1), .real(0)) == "pointOutOfRange" && point(.real(0), .real(-181)) == "pointOutOfRange")
        #expect(point(.real(.nan), .real(0)) == "notANumber" && point(.text("1"), .real(0)) == "wrongStorage")
        #expect(throws: FieldConversion.Refusal.self) { try FieldConversion(latitude: .long, longitude: .text) }
        #expect((try? FieldConversion(latitude: .decimal, longitude: .number))?.type == .geoLocation)
        #expect((try? FieldConversion(latitude: .undeclared, longitude: .undeclared))?.type == .geoLocation)
    }
}
