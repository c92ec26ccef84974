/// The verdicts that Apache Commons Validator's EmailValidatorTest asserts of its default instance, and where Rollcall
/// says otherwise.
enum CommonsTable {
    /// Addresses that Commons accepts.
    static let accepted: [String] =
        [
            "jsmith@apache.org", "jsmith@apache.com", "jsmith@apache.net", "jsmith@apache.info",
            "someone@yahoo.museum", "someone@yahoo.com", "someone@[216.109.118.76]",
            "andy.noble@data-workshop.com", "andy.o'reilly@data-workshop.com",
            "foo+bar@i.am.not.in.us.example.com", "joe!/blow@apache.org",
            "\"joeblow \"@apache.org", "\" joeblow\"@apache.org", "\" joe blow \"@apache.org",
            "someone@[IPv6:2001:db8::1]", "someone@[IPv6:::1]", "someone@[ipv6:fe80::1]",
            "someone@xn--d1abbgf6aiiy.xn--p1ai", "someone@президент.рф", "someone@www.bücher.ch",
            "abc-@abc.com", "abc_@abc.com", "abc-def@abc.com", "abc_def@abc.com", "me@att.net",
            "abc@school.school",
            "joe1blow@apache.org", "joe$blow@apache.org", "joe.ok@apache.org",
            "\"john\\\"doe\"@apache.org",
            "john56789.john56789.john56789.john56789.john56789.john56789.john@example.com",
            "\\>escape\\\\special\\^characters\\<@example.com", "Abc\\@def@example.com",
            "space\\ monkey@example.com",
        ]
        + ["joe-", "joe_", "joe+", "joe!", "joe*", "joe'", "joe%45", "joe?", "joe&", "joe="].map(atApache)
        + ["+joe", "!joe", "*joe", "'joe", "%joe45", "?joe", "&joe", "=joe"].map(atApache)
        + ["+", "!", "*", "'", "%", "?", "&", "="].map(atApache)
        + ["joe.", ".joe", "joe+", "joe@", "joe!", "joe*", "joe'", "joe(", "joe)", "joe,"].map(quotedAtApache)
        + ["joe%45", "joe;", "joe?", "joe&", "joe=", ".."].map(quotedAtApache)

    /// Addresses that Commons refuses.
    static let refused: [String] =
        [
            "jsmith@apache.", "jsmith@apache.c", "someone@yahoo.mu-seum", "andy-noble@data-workshop.-com",
            "andy-noble@data-workshop.c-om", "andy-noble@data-workshop.co-m", "andy.noble@data-workshop.com.",
            "andy.noble@\u{8f}data-workshop.com", "andy@o'reilly.data-workshop.com", "foo+bar@example+3.com",
            "test@%*.com", "test@^&#.com", "joeblow@apa,che.org", "joeblow@apache.o,rg", "joeblow@apache,org",
            "joe@ap/ache.org", "joe@apac!he.org", "joeblow @apache.org", "joeblow@ apache.org",
            " joeblow@apache.org", "joeblow@apache.org ", "joe blow@apache.org ", "joeblow@apa che.org ",
            "joe@localhost.localdomain", "joe@localhost", "someone@[2001:db8::1]", "someone@[::1]",
            "someone@[IPv6:216.109.118.76]", "someone@www.\u{fffd}.ch", "someone@-test.com", "someone@test-.com",
            "abc@abc_def.com", "me@at&t.net", "test@com", "test@.com", "Abc@def@example.com",
            "john56789.john56789.john56789.john56789.john56789.john56789.john5@example.com",
            String(repeating: "Loremipsumdolorsitamet.", count: 100) + "@gmail.com",
        ]
        + ["joe.", ".joe", ".", "joe..ok", "..", "joe(", "joe)", "joe,", "joe;"].map(atApache)
        + controls.map { "foo\($0)bar@domain.com" }
        + controls.map { "\"foo\($0)bar\"@domain.com" }
        + controls.map { "foo\\\($0)bar@domain.com" }

    /// An address on which Rollcall and Commons disagree.
    struct Deviation: Sendable {
        let address: String
        let isValidForCommons: Bool
        let why: String

        init(_ address: String, commons: Bool, _ why: String) {
            self.address = address
            isValidForCommons = commons
            self.why = why
        }
    }

    /// Every disagreement that is known; each is explained in docs/identifiers.md.
    static let deviations = [
        Deviation(" joeblow@apache.org", commons: false, "outer white space is trimmed first"),
        Deviation("joeblow@apache.org ", commons: false, "outer white space is trimmed first"),
        Deviation("üser@example.com", commons: true, "local parts outside ASCII are refused"),
        Deviation("😀@example.com", commons: true, "local parts outside ASCII are refused"),
        Deviation("\"ü\"@example.com", commons: true, "local parts outside ASCII are refused"),
        Deviation("a\u{200b}@example.com", commons: true, "invisible characters are refused"),
        Deviation("a\u{2060}b@example.com", commons: true, "invisible characters are refused"),
        Deviation("a@" + longDomain(253), commons: true, "the whole is limited to 254 characters"),
        Deviation("a@[ipv6:fe80::1%eth0]", commons: true, "an address literal has no zone"),
        Deviation("a@[ipv6:fe80::1/64]", commons: true, "an address literal has no prefix length"),
        Deviation("a@bücher.ch\u{3002}", commons: true, "a final dot is refused however it is written"),
        Deviation("a@xn--zzzzz9999.bücher.ch", commons: true, "UTS #46 checks A-labels beside a U-label"),
    ]

    /// The control characters, C0, DEL and C1.
    private static let controls = (Array(0...0x1f) + Array(0x7f...0x9f)).compactMap(Unicode.Scalar.init)
        .map(Character.init)

    private static func atApache(_ localPart: String) -> String { localPart + "@apache.org" }

    private static func quotedAtApache(_ localPart: String) -> String { "\"\(localPart)\"@apache.org" }

    /// A well-formed domain of this many characters, 66 or more, 4 of them the top-level domain with its dot.
    static func longDomain(_ count: Int) -> String {
        let label = String(repeating: "a", count: 60) + "."
        let whole = String(repeating: label, count: (count - 4) / 61)
        return whole + String(repeating: "b", count: count - 4 - whole.utf8.count) + ".com"
    }
}
