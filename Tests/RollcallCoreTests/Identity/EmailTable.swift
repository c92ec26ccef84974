import Testing

/// An address as it may stand in a warehouse, and what becomes of it.
struct EmailCase: Sendable, CustomTestStringConvertible {
    let raw: String
    /// Code of the failure; nil for a valid address.
    let code: String?

    init(_ raw: String, _ code: String? = nil) {
        self.raw = raw
        self.code = code
    }

    var testDescription: String { "\(raw.debugDescription.prefix(80)) -> \(code ?? "valid")" }
}

/// Addresses with verdicts, beside those of ``CommonsTable``. Many are facts of the test tables of isemail,
/// python-email-validator and validator.js, judged by Rollcall's rules.
enum EmailTable {
    static let valid = [
        "A@Example.COM", "a@b.co", "user@example.email", "x@placeholder.email", "user.name+tag@example.co.uk",
        "1234567890@example.com", "a@1.com", "a@123.com", "a@a-b.com", "a@a--b.com", "a@xn--bcher-kva.ch",
        "user@bücher.ch", "a@ｇｍａｉｌ.com", "a@日本語。ＪＰ", "a@straße.de", "a@☃.net", "a@例え.テスト.jp",
        "\"a b\"@example.com", "\"a@b\"@example.com", "\"\"@example.com", "\"a\".\"b\"@example.com",
        "a.\"b c\".d@example.com",
        "\"a\\\\\"@example.com", "\"a\\\"@example.com", "\"a\\\"b\"@example.com", "\\\"@example.com",
        "a\\.@example.com",
        "\\>x@example.com", "user@[127.0.0.1]", "user@[255.255.255.255]", "user@[IPv6:::1]", "user@[IPv6:::]",
        "user@[IPv6:1:2:3:4:5:6:7:8]", "user@[IPv6:1:2:3:4:5:6:7::]", "user@[IPv6:::ffff:1.2.3.4]",
        "=cmd@example.com", "+a@example.com", "o'brien@example.com", "null@example.com", "`{|}~^#@example.com",
        "a@e164.arpa", "a@xn--0000000000.com", "a@1.xn--4dbc.com", "user@[ipv6:::1]", "user@[IPV6:::1]", "a@שלום.co.il",
        "a@臺北.tw", "\"a\".b@example.com", "a\\@b@example.com", "a@example.xn--vermgensberatung-pwb",
        "\u{feff}a@example.com\u{a0}", "\t a@example.com\r\n",
        String(repeating: "a", count: 64) + "@example.com",
        "a@" + String(repeating: "b", count: 63) + ".com",
        "a@" + CommonsTable.longDomain(252),
        "a@" + String(repeating: "ｂ", count: 63) + "." + String(repeating: "ｃ", count: 63) + ".com",
    ].map { EmailCase($0) }

    static let invalid =
        cases("email_empty", ["", " ", "\t\n", "\u{3000}\u{feff}\u{2029}"])
        + cases(
            "email_syntax",
            [
                "null", "a", "@", "user@", "bad@", "sayan", "000", "@example.com", "a@@", "a@b@c.com",
                "a b@example.com",
                "Name <a@example.com>x@example.com", "mailto:a@example.com", "a,b@example.com", "a;b@example.com",
                "a@b.com,c@d.com", "<a@example.com", "\"a@example.com", "a\"b@example.com", "\"a\"b@example.com",
                "a\"b\"@example.com", "\"a\"\"b\"@example.com", "\"a\".@example.com", ".\"a\"@example.com",
                "a\\@example.com",
                "a..b@example.com", ".a@example.com", "a.@example.com", "\"a\"..\"b\"@example.com", "()@example.com",
                "a[b@example.com", "a]b@example.com", "a:b@example.com", "\"\"\"@example.com",
            ])
        + cases("email_local_too_long", [String(repeating: "a", count: 65) + "@example.com"])
        + cases(
            "email_domain",
            [
                "a@example", "user@localhost", "a@com", "a@.com", "a@example.com.", "a@example..com", "a@-a.com",
                "a@a-.com",
                "a@a_b.com", "a@a b.com", "a@.", "na@example.com>", "a@b.com c",
                "a@example.com:25", "a@example.com/x", "a@ex%41mple.com", "a@[127.0.0.1", "a@127.0.0.1]", "a@[]",
                "a@[256.1.1.1]", "a@[01.1.1.1]", "a@[1.2.3]", "a@[1.2.3.4.5]", "a@[IPv6:1::2::3]", "a@[IPv6:12345::]",
                "a@[IPv6:g::]", "a@[IPv6:]", "a@[IPv6:1:2:3]", "a@[example.com]", "a@[x", "a@exa／mple.com", "a@bü_x.ch",
                "a@-bü.ch", "a@bü-.ch", "a@bü..ch", "a@bü.ch.", "a@٣.com", "a@\u{fffd}.com", "a@bü ch.ch", "a@bü:80.ch",
                "a@" + String(repeating: "b", count: 64) + ".com", "a@" + CommonsTable.longDomain(254),
                "a@" + String(repeating: "ü", count: 80) + ".ch", "a@\u{2028}b.com",
            ])
        + cases(
            "email_tld",
            [
                "x@a.tld", "x@a.tld-2", "x@xn--0.tld", "x@a.xn--jxalpdlp", "x@a.test", "x@a.local", "x@a.example",
                "x@a.localhost", "x@a.invalid", "a@example.c",
                "a@123.123.123.123",
                "a@example.comm", "a@example.co-m", "a@example.xn--zzzzz", "a@bücher.чч", "a@example.123",
                "a@example.internal", "a@example.onion", "a@example.juniper",
            ])
        + cases(
            "email_not_ascii",
            [
                "üser@example.com", "😀@example.com", "u\u{308}@example.com", "\"ü\"@example.com", "ü@bücher.ch",
                "a\u{a0}b@example.com", "\u{212a}@example.com", "пример@президент.рф",
            ])
        + cases(
            "email_invisible_character",
            [
                "a\u{200b}@example.com", "a@ex\u{200b}ample.com", "\u{200b}a@example.com", "a@example.com\u{200b}",
                "a\u{200c}b@example.com", "a\u{200d}b@example.com", "a\u{2060}b@example.com", "a\u{feff}b@example.com",
                "a@ex\u{feff}ample.com", "a@ex\u{2060}ample.com", "a@ex\u{200d}ample.com", "a@ex\u{ad}ample.com",
                "a@ex\u{fe0f}ample.com", "a\u{202e}b@example.com", "a@ex\u{34f}ample.com", "a\u{180e}b@example.com",
            ])
        + cases(
            "email_control_character",
            [
                "a\0b@example.com", "\0a@example.com", "a@example.com\0", "a@exa\0mple.com", "a\tb@example.com",
                "a\nb@example.com", "a@exam\r\nple.com", "a\u{7f}@example.com", "a\u{85}b@example.com", "a@b\u{9f}.com",
                "\"a\nb\"@example.com", "a\\\nb@example.com", "\u{85}a@example.com",
            ])
        + cases(
            "email_too_long",
            [
                "a@" + CommonsTable.longDomain(253), String(repeating: "a", count: 321),
                String(repeating: "a", count: 1100) + "@example.com", String(repeating: "ü", count: 700),
            ])

    private static func cases(_ code: String, _ addresses: [String]) -> [EmailCase] {
        addresses.map { EmailCase($0, code) }
    }
}
