import RollcallCore
import Testing

@testable import SyncEngine

/// What stands in the log for a person who is not to be recognised there.
@Suite struct LogIdentityTests {
    @Test(arguments: [
        ("ada@example.com", "a***@example.com"), ("a@b.co", "a***@b.co"), ("\"a b\"@example.com", "\"***@example.com"),
        ("c-1007", "c***"), ("7", "7***"), ("", "***"), ("no at sign", "n***"),
        // Behind the @ of what is no email may stand anything.
        ("@ada", "***"), ("@", "***"), ("x@ada lovelace", "x***@***"), ("x@ada", "x***@***"),
        ("Ann <ann@example.com>", "A***@***"), ("a@b.com,ada@c.com", "a***@c.com"), ("a@b.com ada", "a***@***"),
        ("a@\u{fc}da.com", "a***@***"), ("a@[192.0.2.1]", "a***@***"), ("e\u{301}va@example.com", "e***@example.com"),
        ("👩‍👩‍👧‍👦x", "👩***"),
    ])
    func masks(_ value: String, _ expected: String) {
        #expect(Array(LogIdentity.mask(value).utf8) == Array(expected.utf8), "\(LogIdentity.mask(value))")
    }

    @Test func hashesAreTheSamePersonsOnlyWithTheSameKey() {
        let one = LogIdentity(.hashed, key: [UInt8](repeating: 1, count: 16))
        let other = LogIdentity(.hashed, key: [UInt8](repeating: 2, count: 16))
        #expect(one.of("ada@example.com") == one.of("ada@example.com"))
        #expect(one.of("ada@example.com") != other.of("ada@example.com"))
        #expect(one.of("ada@example.com") != one.of("Ada@example.com"))
        #expect(one.of("caf\u{e9}") != one.of("cafe\u{301}"))
        #expect(one.of("ada@example.com").wholeMatch(of: /hash:[0-9a-f]{32}/) != nil)
    }
}
