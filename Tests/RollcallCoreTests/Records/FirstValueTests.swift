import RollcallCore
import Testing

/// Which values show Iterable the type that a new field is to have.
@Suite struct FirstValueTests {
    private func shows(_ type: FieldType, _ text: String, _ content: (UnsafeRawBufferPointer) -> FieldValue.Content)
        -> Bool
    {
        Array(text.utf8).withUnsafeBytes { FieldValue(content($0)).shows(type) }
    }

    @Test(arguments: [
        (FieldType.string, #"["2026-01-01"]"#, false), (.string, #"["2026-01-01", "red"]"#, false),
        (.string, #"["red", "2026-01-01"]"#, false), (.string, #"["red", "blue"]"#, true),
        (.string, "[]", false),
        (.string, #"["red"]"#, true), (.object, #"{"a":1}"#, true), (.object, "{}", false), (.object, "[1]", false),
        (.long, "[1]", true), (.date, #"["2026-01-01"]"#, true),
    ])
    func ofDocuments(_ type: FieldType, _ text: String, _ isShown: Bool) {
        #expect(shows(type, text) { .json($0) } == isShown)
    }

    @Test(arguments: [
        ("1.5", true), ("1.0", false), ("12e-1", true), ("9007199254740993.5", false), ("1", false),
    ])
    func ofDecimals(_ digits: String, _ isShown: Bool) {
        #expect(shows(.double, digits) { .number(.decimal($0)) } == isShown)
    }

    @Test func ofTextsAndDays() {
        #expect(shows(.string, "2026-01-01") { .text($0) } == false)
        #expect(shows(.string, "red") { .text($0) })
        #expect(FieldValue(.day(20_000)).shows(.date))
        #expect(!FieldValue(.day(20_000)).shows(.string), "a date to Iterable, quoted or not")
    }
}
