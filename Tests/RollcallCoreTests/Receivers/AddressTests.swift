import Testing

@testable import RollcallCore

@Suite struct AddressTests {
    @Test(
        arguments: [
            ("10.0.0.1", [10, 0, 0, 1]), ("255.255.255.255", [255, 255, 255, 255]), ("::ffff:10.0.0.1", [10, 0, 0, 1]),
            ("::FFFF:0a00:0001", [10, 0, 0, 1]), ("::", [UInt8](repeating: 0, count: 16)),
            ("::1", [UInt8](repeating: 0, count: 15) + [1]),
            ("2001:db8::1", [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1]),
            ("1:2:3:4:5:6:7:8", [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]),
            ("1:2:3:4:5:6:7::", [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0]),
            ("64:ff9b::1.2.3.4", [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]),
            ("fe80::1%eth0", [0xfe, 0x80] + [UInt8](repeating: 0, count: 13) + [1]),
        ] as [(String, [UInt8])])
    func addressesAreRead(_ text: String, _ bytes: [UInt8]) {
        #expect(AddressText.bytes(text) == bytes)
    }

    @Test(arguments: [
        "", "10", "10.1", "10.0.0", "10.0.0.0.1", "10.0.0.256", "010.0.0.1", "10.0.0.01", "0x0a.0.0.1", "10.0.0.1 ",
        "10.0.0.-1",
        "10.0.0.1%eth0", "10.0.0.1:80", "localhost", "[::1]", ":", ":::", "1::2::3", "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::", "12345::", "::g", "::1.2.3", "1.2.3.4::", "::1%", "1:2:3:4:5:6:7:1.2.3.4", "١.١.١.١",
        "+1::",
    ])
    func otherTextsAreNone(_ text: String) {
        #expect(AddressText.bytes(text) == nil)
        #expect(AddressRange(text) == nil)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("10.1.2.3/8", "10.9.9.9", true),
        ("10.0.0.1", "10.0.0.1", true), ("10.0.0.1", "10.0.0.2", false), ("0.0.0.0/0", "203.0.113.7", true),
        ("192.168.1.128/25", "192.168.1.129", true), ("192.168.1.128/25", "192.168.1.127", false),
        ("10.0.0.0/8", "::ffff:10.1.1.1", true), ("::ffff:10.0.0.0/104", "10.1.1.1", true),
        ("::ffff:0.0.0.0/96", "8.8.8.8", true), ("::/0", "2001:db8::1", true), ("::/0", "10.0.0.1", false),
        ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::1", false),
        ("2001:db8::/33", "2001:db8:8000::1", false), ("10.0.0.0/8", "example.com", false), ("10.0.0.0/8", "", false),
    ])
    func rangesContainWhatBeginsAlike(_ range: String, _ address: String, _ isInside: Bool) throws {
        #expect(try #require(AddressRange(range)).contains(address) == isInside)
    }

    @Test(arguments: [
        "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/8/8", "::/129", "/8", "10.0.0.0/8 ",
        "fe80::1%eth0/64",
    ])
    func rangesWithWrongBitsAreNone(_ text: String) {
        #expect(AddressRange(text) == nil)
    }
}

@Suite struct ClientAddressTests {
    private let trusted = ["10.0.0.0/8", "::1"].compactMap { AddressRange($0) }

    @Test(
        arguments: [
            // What a stranger says of itself is not believed.
            ("203.0.113.7", ["1.1.1.1"], "203.0.113.7"),
            ("10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", ["1.1.1.1, 203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", ["1.1.1.1, 203.0.113.7, 10.0.0.9"], "203.0.113.7"),
            ("10.0.0.1", ["1.1.1.1", "203.0.113.7,10.0.0.9"], "203.0.113.7"),
            ("::1", ["[2001:db8::7]:443"], "2001:db8::7"), ("10.0.0.1", ["203.0.113.7:4711"], "203.0.113.7"),
            ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"), ("10.0.0.1", [], "10.0.0.1"),
            ("10.0.0.1", ["203.0.113.7, unknown"], nil), ("10.0.0.1", ["203.0.113.7,"], nil), ("10.0.0.1", [""], nil),
            (nil, ["203.0.113.7"], nil),
        ] as [(String?, [String], String?)])
    func clientIsTheLastHopThatIsNoTrustedProxy(_ peer: String?, _ forwarded: [String], _ client: String?) {
        #expect(ClientAddress.of(peer: peer, forwarded: forwarded, trusted: trusted) == client)
    }
}
