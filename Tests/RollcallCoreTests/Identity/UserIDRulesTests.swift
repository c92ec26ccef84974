import Testing

@testable import RollcallCore

@Suite struct UserIDRulesTests {
    @Test(arguments: [
        "1", "01", "001", "abc", "ABC", "a b", "a  b c", "!", "~", "null", "-1", "a@b.c", "<script>", "'; DROP TABLE x",
        "550e8400-e29b-41d4-a716-446655440000", String(repeating: "x", count: 51), String(repeating: "x", count: 52),
        "a" + String(repeating: " ", count: 50) + "b",
    ])
    func accepted(_ raw: String) {
        #expect(UserIDRules.failure(raw) == nil)
    }

    @Test(arguments: [
        ("", "user_id_empty"), (" ", "user_id_empty"), ("\t\u{a0}", "user_id_empty"),
        (" a", "user_id_outer_space"), ("a ", "user_id_outer_space"), (" a ", "user_id_outer_space"),
        ("\ta", "user_id_outer_space"), ("a\n", "user_id_outer_space"), ("a\r\n", "user_id_outer_space"),
        ("\u{a0}a", "user_id_outer_space"), ("a\u{3000}", "user_id_outer_space"), ("\u{feff}a", "user_id_outer_space"),
        ("é", "user_id_not_printable_ascii"), ("e\u{301}", "user_id_not_printable_ascii"),
        ("a\tb", "user_id_not_printable_ascii"), ("a\0b", "user_id_not_printable_ascii"),
        ("a\0", "user_id_not_printable_ascii"), ("a\u{7f}", "user_id_not_printable_ascii"),
        ("a\u{200b}", "user_id_not_printable_ascii"), ("\u{200b}", "user_id_not_printable_ascii"),
        ("１２３", "user_id_not_printable_ascii"), (String(repeating: "é", count: 30), "user_id_not_printable_ascii"),
        (String(repeating: "x", count: 53), "user_id_too_long"),
        (String(repeating: "x", count: 500), "user_id_too_long"),
        (String(repeating: "é", count: 105), "user_id_too_long"),
    ])
    func refused(_ raw: String, _ code: String) {
        #expect(UserIDRules.failure(raw)?.code == code)
    }

    @Test(arguments: [[0x61, 0xff, 0x62], [0xc3], [0xed, 0xa0, 0x80], [0x31, 0x80]] as [[UInt8]])
    func invalidUTF8IsRefused(_ raw: [UInt8]) {
        #expect(UserIDRules.failure(raw)?.code == "user_id_invalid_utf8")
    }
}
