import RollcallCore
import Testing

/// Keys of records, and ids of catalogs' items.
@Suite struct RecordKeyTests {
    private func key(_ cell: RecordCell) -> String? {
        cell.withKey { $0.map { String(decoding: $0, as: UTF8.self) } ?? "NULL" }
    }

    private func withBytes<R>(_ text: String, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        Array(text.utf8).withUnsafeBytes { body($0) }
    }

    @Test(
        arguments: [
            ("12", "12"), ("12.00", "12"), ("-5.0", "-5"), ("0", "0"), ("12.50", nil), ("NaN", nil), ("Infinity", nil),
            ("-", nil), ("", nil), (".5", nil), ("1e5", nil), ("12.", "12"),
        ] as [(String, String?)])
    func numbersLoseAFractionOfZeros(_ digits: String, _ expected: String?) {
        #expect(withBytes(digits) { key(.decimal($0)) } == expected)
    }

    @Test func otherValues() {
        #expect(key(.null) == "NULL" && key(.integer(-7)) == "-7" && key(.integer(.min)) == "-9223372036854775808")
        #expect(withBytes(" a ") { key(.text($0)) } == " a ")
        #expect(key(.real(1)) == nil && key(.boolean(true)) == nil && key(.date(days: 1)) == nil && key(.opaque) == nil)
    }

    @Test func idsAreReversible() {
        let texts = ["a", "A", "-", "--", "a-2f", "a/", "é", "", "0", "a b", "\u{0}"]
        let ids = texts.map { String(decoding: ItemID.encode($0.utf8), as: UTF8.self) }
        #expect(ids == ["a", "A", "-2d", "-2d-2d", "a-2d2f", "a-2f", "-c3-a9", "", "0", "a-20b", "-00"])
        #expect(Set(ids).count == texts.count)
        for id in ids where !id.isEmpty { #expect(ItemID.isValid(Array(id.utf8))) }
        for wrong in ["", "a b", "a_b", "é", String(repeating: "x", count: 256)] {
            #expect(!ItemID.isValid(Array(wrong.utf8)))
        }
        #expect(ItemID.isValid(Array(String(repeating: "x", count: 255).utf8)))
    }

    @Test func ranks() {
        #expect(RecordCell.integer(5).rank == 5 && RecordCell.null.rank == nil && RecordCell.real(5).rank == nil)
        #expect(withBytes("18.00") { RecordCell.decimal($0).rank } == 18)
        #expect(withBytes("18.5") { RecordCell.decimal($0).rank } == nil)
        let day = withBytes("2026-01-02") { RecordCell.text($0).rank }
        let later = withBytes("2026-01-02 00:00:00.000001") { RecordCell.text($0).rank }
        #expect(day != nil && later == day.map { $0 + 1 } && RecordCell.date(days: 20_455).rank == day)
        #expect(withBytes("soon") { RecordCell.text($0).rank } == nil)
        #expect(RecordCell.date(days: .max).rank == nil && RecordCell.infinity.rank == nil)
    }

    @Test(
        arguments: [
            ("5", .long, .double, "5.0"), ("5", .long, .long, "5"), ("free", .string, .string, "\"free\""),
            ("true", .boolean, .boolean, "true"), ("5", .long, .string, "\"5\""),
            ("2026-01-02", .string, .date, "\"2026-01-02\""),
            ("free", .string, .long, nil), ("1.5", .double, .long, nil), ("tomorrow", .string, .date, nil),
            ("[1]", .string, .array, "[1]"), ("{", .string, .object, nil), ("1", .long, .geoLocation, nil),
        ] as [(String, FieldType, FieldType, String?)])
    func constants(_ text: String, _ own: FieldType, _ type: FieldType, _ expected: String?) {
        let json = try? FieldConstant(text: text, type: own).json(as: type)
        #expect(json.map { String(decoding: $0, as: UTF8.self) } == expected)
    }
}
