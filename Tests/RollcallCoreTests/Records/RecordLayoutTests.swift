import Foundation
import Testing

@testable import RollcallCore

@Suite struct RecordLayoutTests {
    private static let key = SipHash(key: Array(0..<16))

    private static func field(_ name: String, _ cell: Int, fallback: String? = nil) -> RecordField {
        // swift-format-ignore: NeverUseForceTry
        let conversion = try! FieldConversion(.text, as: nil)
        return RecordField(
            path: name.split(separator: ".").map(String.init), source: .cell(cell, conversion),
            fallback: fallback.map { Array($0.utf8) })
    }

    private static func hash(_ layout: RecordLayout, _ values: UnsafeBufferPointer<FieldValue>) -> Int64 {
        var hasher = ContentHasher(key)
        layout.hash(values, into: &hasher)
        return hasher.finish()
    }

    private struct Result: Equatable {
        var object: String
        var hash: Int64
        var presence: [Bool]
    }

    /// What becomes of a row of texts.
    private func result(
        _ layout: RecordLayout, _ cells: [String?], nulls: @escaping (Int) -> Bool = { _ in false }
    ) throws -> Result {
        let bytes = cells.map { $0.map { Array($0.utf8) } }
        func withCells<R>(_ place: Int, _ found: [RecordCell], _ body: ([RecordCell]) throws -> R) rethrows -> R {
            guard place < bytes.count else { return try body(found) }
            guard let value = bytes[place] else { return try withCells(place + 1, found + [.null], body) }
            return try value.withUnsafeBytes { try withCells(place + 1, found + [.text($0)], body) }
        }
        return try withCells(0, []) { cells in
            let values = UnsafeMutableBufferPointer<FieldValue>.allocate(capacity: layout.fields.count)
            defer { values.deallocate() }
            try cells.withUnsafeBufferPointer { try layout.read($0, into: values) }
            let read = UnsafeBufferPointer(values)
            try layout.check(read)
            var object: [UInt8] = []
            layout.write(read, nulls: nulls, to: &object)
            return Result(
                object: String(decoding: object, as: UTF8.self), hash: Self.hash(layout, read),
                presence: layout.units.map { layout.hasValue($0, read) })
        }
    }

    @Test func membersStandInTheOrderOfTheirNames() throws {
        let layout = RecordLayout(
            [
                Self.field("plan", 0), Self.field("address.city", 1), Self.field("address.zip.code", 2),
                Self.field("Zone", 3), Self.field("address", 9),
            ].dropLast())
        #expect(layout.units.map(\.name) == ["Zone", "address", "plan"])
        let whole = try result(layout, ["free", "Berlin", "10115", "a\"b"])
        #expect(whole.object == #"{"Zone":"a\"b","address":{"city":"Berlin","zip":{"code":"10115"}},"plan":"free"}"#)
        #expect(whole.presence == [true, true, true])
        let part = try result(layout, [nil, nil, "10115", nil])
        #expect(part.object == #"{"address":{"zip":{"code":"10115"}}}"# && part.presence == [false, true, false])
        #expect(try result(layout, [nil, nil, nil, nil]).object == "{}")
        #expect(
            try result(layout, [nil, nil, nil, "x"]) { $0 == 1 }.object == #"{"Zone":"x","address":null}"#,
            "a null is written only where it is asked for and there is no value")
        #expect(
            try result(layout, ["p", "c", nil, "x"]) { _ in true }.object
                == #"{"Zone":"x","address":{"city":"c"},"plan":"p"}"#)
    }

    @Test func constantsAndDefaults() throws {
        let layout = RecordLayout([
            Self.field("plan", 0, fallback: "\"free\""),
            RecordField(path: ["source"], source: .constant, fallback: Array("\"warehouse\"".utf8)),
        ])
        #expect(try result(layout, ["pro"]).object == #"{"plan":"pro","source":"warehouse"}"#)
        #expect(try result(layout, [nil]).object == #"{"plan":"free","source":"warehouse"}"#)
    }

    @Test func theHashIsOfNamesAndValuesAlone() throws {
        let one = RecordLayout([Self.field("a", 0), Self.field("b", 1)])
        let other = RecordLayout([Self.field("b", 0), Self.field("c", 2), Self.field("a", 1)])
        let hash = try result(one, ["x", "y"]).hash
        #expect(try result(other, ["y", "x", nil]).hash == hash, "another order, and a field more that is empty")
        var different: Set<Int64> = [hash]
        for cells in [["y", "x"], ["xy", nil], [nil, "xy"], ["x", nil], [nil, nil], ["x", "y "], ["", "xy"]]
            as [[String?]]
        {
            #expect(different.insert(try result(one, cells).hash).inserted, "\(cells)")
        }
        let renamed = RecordLayout([Self.field("ab", 0), Self.field("b", 1)])
        #expect(different.insert(try result(renamed, ["x", "y"]).hash).inserted)
        let nested = RecordLayout([Self.field("a.b", 0)])
        let flat = RecordLayout([RecordField(path: ["a.b"], source: nested.fields[0].source)])
        #expect(try result(nested, ["x"]).hash != result(flat, ["x"]).hash)
    }

    @Test func aValueThatCannotBeSentIsNamed() throws {
        let layout = RecordLayout([Self.field("a", 0), Self.field("address.city", 1)])
        let invalid = try #require(throws: InvalidField.self) { try result(layout, ["x", "a\u{0}"]) }
        #expect(invalid.field == "address.city" && invalid.problem == .hasNUL)
        #expect(
            invalid.reason
                == FailureReason(
                    code: "invalid_value", reason: "The field address.city: a text has the character U+0000."))
    }

    /// Text, number, truth value and date of the same letters are different contents, as their JSON is.
    @Test func formsOfOneTextAreDifferentContents() throws {
        var seen: Set<Int64> = []
        var forms: [(OwnedCell, ColumnFamily, DeclaredType?)] = [
            (.integer(1), .long, nil), (.integer(1), .long, .string), (.integer(1), .long, .double),
            (.boolean(true), .boolean, nil), (.boolean(true), .boolean, .string), (.text("1"), .text, nil),
            (.date(1), .date, nil), (.timestamp(1_000_000), .timestamp, nil),
            (.json("1"), .json, nil),
        ]
        forms.append((.null, .text, nil))
        for (cell, family, type) in forms {
            let layout = RecordLayout([
                RecordField(path: ["a"], source: .cell(0, try FieldConversion(family, as: type)))
            ])
            let hash = try cell.with { cell in
                let values = UnsafeMutableBufferPointer<FieldValue>.allocate(capacity: 1)
                defer { values.deallocate() }
                try [cell].withUnsafeBufferPointer { try layout.read($0, into: values) }
                return Self.hash(layout, UnsafeBufferPointer(values))
            }
            #expect(seen.insert(hash).inserted, "\(cell) of \(family) as \(String(describing: type))")
        }
    }

    /// The hash is kept in warehouses: other words would make every record of every sync one that has changed.
    @Test func whatIsHashedStaysAsItIs() throws {
        let forms: [(OwnedCell, ColumnFamily, DeclaredType?, UInt64, [UInt64])] = [
            (.boolean(false), .boolean, nil, 1, []), (.boolean(true), .boolean, nil, 2, []),
            (.boolean(false), .boolean, .string, 3, []), (.boolean(true), .boolean, .string, 4, []),
            (.integer(-1207), .long, nil, 0x20, [UInt64(bitPattern: -1207)]),
            (.integer(.min), .long, .string, 0x30, [1 << 63]),
            (.integer(3), .long, .double, 0x21, [Double(3).bitPattern]),
            (.integer(.max), .long, .double, 0x22, [UInt64(Int64.max)]),
            (.real(1234567.125), .number, nil, 0x21, [Double(1234567.125).bitPattern]),
            (.single(0.1), .number, nil, 0x23, [UInt64(Float(0.1).bitPattern)]),
            (.decimal("-0012.50"), .decimal, nil, 0x25, [5, text("12.50"), 0]),
            (.decimal("7"), .decimal, nil, 0x24, [1, text("7"), 0]),
            (.decimal("007.0"), .decimal, nil, 0x24, [1, text("7"), 0]),
            (.decimal("-00e3"), .decimal, nil, 0x25, [1, text("0"), 2, text("e3")]),
            (.text("Zoë"), .text, nil, 5, [4, text("Zoë")]), (.text(""), .text, nil, 5, [0]),
            (.text("eight by"), .text, nil, 5, [8, text("eight by")]),
            (.text("eight bytes"), .text, nil, 5, [11, text("eight by"), text("tes")]),
            (.date(-2), .date, nil, 6, [UInt64(bitPattern: -2)]),
            (.timestamp(258_000_000), .timestamp, nil, 7, [258]),
            (.json(#"{"a":1}"#), .json, nil, 8, [7, text(#"{"a":1}"#)]),
        ]
        for (cell, family, type, form, words) in forms {
            let layout = RecordLayout([
                RecordField(path: ["a", "b"], source: .cell(0, try FieldConversion(family, as: type))),
                RecordField(path: ["c"], source: .constant, fallback: Array("7".utf8)),
            ])
            let hash = try cell.with { cell in
                let values = UnsafeMutableBufferPointer<FieldValue>.allocate(capacity: 2)
                defer { values.deallocate() }
                try [cell].withUnsafeBufferPointer { try layout.read($0, into: values) }
                return Self.hash(layout, UnsafeBufferPointer(values))
            }
            var expected = ContentHasher(Self.key)
            for word in [mark("a\u{0}b") | form] + words + [mark("c") | 0xff, 1, text("7")] { expected.add(word) }
            #expect(hash == expected.finish(), "\(cell) of \(family)")
        }
    }

    /// Up to eight bytes, the first one lowest.
    private func text(_ text: String) -> UInt64 { text.utf8.reversed().reduce(0) { $0 << 8 | UInt64($1) } }

    private func mark(_ name: String) -> UInt64 {
        Array(name.utf8).withUnsafeBytes { SipHash(key: []).hash($0).0 & ~0xff }
    }
}
