import RollcallCore
import Testing

@testable import SyncEngine

/// The text of a key, and the id that is made of it. The ids were made by Python, as ``OrderIDs`` says.
@Suite struct EventKeyTests {
    /// A cell that owns its bytes.
    enum Value: Sendable {
        case null
        case integer(Int64)
        case decimal(String)
        case real(Double)
        case boolean(Bool)
        case date(Int)
        case timestamp(Int64)
        case localTimestamp(Int64)
        case text(String)
        case bytes([UInt8])
        case json(String)
        case infinity
        case opaque

        func withCell<R>(_ body: (RecordCell) throws -> R) rethrows -> R {
            switch self {
            case .null: try body(.null)
            case .integer(let number): try body(.integer(number))
            case .decimal(let digits): try Array(digits.utf8).withUnsafeBytes { try body(.decimal($0)) }
            case .real(let number): try body(.real(number))
            case .boolean(let isTrue): try body(.boolean(isTrue))
            case .date(let days): try body(.date(days: days))
            case .timestamp(let microseconds): try body(.timestamp(microseconds: microseconds))
            case .localTimestamp(let microseconds): try body(.localTimestamp(microseconds: microseconds))
            case .text(let text): try Array(text.utf8).withUnsafeBytes { try body(.text($0)) }
            case .bytes(let bytes): try bytes.withUnsafeBytes { try body(.text($0)) }
            case .json(let text): try Array(text.utf8).withUnsafeBytes { try body(.json($0)) }
            case .infinity: try body(.infinity)
            case .opaque: try body(.opaque)
            }
        }
    }

    /// Calls `body` with the cells of all values.
    private func withCells<R>(
        _ values: ArraySlice<Value>, _ cells: [RecordCell] = [], _ body: ([RecordCell]) throws -> R
    ) rethrows -> R {
        guard let first = values.first else { return try body(cells) }
        return try first.withCell { try withCells(values.dropFirst(), cells + [$0], body) }
    }

    private struct Key: Equatable {
        var text: String
        var id: String
        var problem: EventKey.Problem?
    }

    private func key(
        _ values: [Value], _ families: [ColumnFamily], namespace: String = "orders"
    ) -> Key {
        var key = EventKey(namespace: namespace)
        let problem = withCells(values[...]) { key.read($0, families) }
        return Key(text: String(decoding: key.text, as: UTF8.self), id: key.derivedID, problem: problem)
    }

    // MARK: Known ids

    @Test(
        arguments: [
            (.integer(17), .long, "17", "rc-141c92856c19bbc2363467253f2d6dd2086df79e"),
            (.integer(-5), .long, "-5", "rc-6ce76ccab43b058349eb3ff7fbc69d9543161ff5"),
            (
                .decimal("12345678901234567890123"), .long, "12345678901234567890123",
                "rc-6bcb719e3605d0ff02645854d063f6d6af268a08"
            ),
            (.decimal("12.50"), .decimal, "12.50", "rc-3d3b95b299fe89c8e35315c87de4dd83e87a54d2"),
            (.decimal("17"), .number, "17", "rc-99e72c9c998507a263c75b68193b44c785e08211"),
            (.text("17"), .text, "17", "rc-7433c310eff7bbd1fb1b349a31c29ec15bf8eeaa"),
            (.text("Zoë 🎉"), .text, "Zoë 🎉", "rc-f1f4dbbbf2d2392e5745bf1f9e693e50a8f75dbb"),
            (.text(""), .text, "", "rc-248d896e3256244c1b47dabb5d1a76d33623aac3"),
            (.boolean(true), .boolean, "true", "rc-fb728ef98bab832f8300ccd33bc3c225161d20bc"),
            (.date(19_782), .date, "2024-02-29", "rc-db0a25c938a894637567632c84cefc5d9b4139c1"),
            (
                .timestamp(1_795_939_200_000_000), .timestamp, "2026-11-29T08:00:00Z",
                "rc-a9c7e9a7a89b2ae473566975d411ff45075cffa6"
            ),
            (
                .localTimestamp(1_795_939_200_000_250), .localTimestamp, "2026-11-29T08:00:00.000250Z",
                "rc-dd0c539872911ed320c5d6d2bed5597e2c727929"
            ),
        ] as [(Value, ColumnFamily, String, String)])
    func aValueHasATextAndMakesAnID(_ value: Value, _ family: ColumnFamily, _ text: String, _ id: String) {
        #expect(key([value], [family]) == Key(text: text, id: id))
    }

    @Test func theTextOfSeveralValuesIsAnArray() {
        let values: [Value] = [.integer(1), .text("a\"b"), .boolean(false), .date(-1)]
        #expect(
            key(values, [.long, .text, .boolean, .date], namespace: "shop")
                == Key(
                    text: #"["1","a\"b","false","1969-12-31"]"#, id: "rc-a931d69721fdd78662c680108d180041ad13c88f"))
    }

    @Test func theIDsOfTheTestsAreThoseOfTheEngine() {
        for number in OrderIDs.derived.indices {
            #expect(key([.integer(Int64(number))], [.long]).id == OrderIDs.derived[number])
        }
    }

    // MARK: What is one key and what is not

    @Test func aWholeNumberIsOneKeyInWhateverFormItComes() {
        let expected = key([.integer(17)], [.long])
        for digits in ["17", "17.", "17.0", "17.000"] {
            #expect(key([.decimal(digits)], [.long]) == expected, "\(digits)")
        }
    }

    @Test func whatLooksAlikeIsNotOneKey() {
        let texts = [ColumnFamily](repeating: .text, count: 2)
        let keys = [
            key([.text("a"), .text("bc")], texts), key([.text("ab"), .text("c")], texts),
            key([.text("a,bc")], [.text]), key([.text(#"["a","bc"]"#)], [.text]),
            key([.text("abc"), .text("")], texts),
            key([.text(""), .text("abc")], texts), key([.text("abc")], [.text]),
            key([.text("a"), .text("bc")], texts, namespace: "other"), key([.integer(1)], [.long]),
            key([.text("1")], [.text]), key([.decimal("1")], [.number]), key([.boolean(true)], [.boolean]),
            key([.text("true")], [.text]), key([.date(0)], [.date]), key([.text("1970-01-01")], [.text]),
            key([.timestamp(0)], [.timestamp]), key([.integer(1)], [.long], namespace: ""),
        ]
        #expect(Set(keys.map(\.id)).count == keys.count)
        #expect(keys[0].id == "rc-b9a2e0da4ca4a43c4dcddac993e47f7eac10c99d")
        #expect(keys[1].id == "rc-06f79549f4a787a9ee690658f32414ca947d7e91")
        #expect(keys.last?.id == "rc-d8fbe592cb83b85d87847a24d58579c2facc5ee1")
        // A namespace that ends as the first value begins.
        #expect(
            key([.text("bc")], [.text], namespace: "a").id != key([.text("c")], [.text], namespace: "ab").id)
    }

    @Test func momentsOfBothKindsOfTimestampsAreOne() {
        #expect(key([.timestamp(5)], [.timestamp]) == key([.localTimestamp(5)], [.localTimestamp]))
    }

    @Test func aReadingLeavesNothingForTheNext() {
        var read = EventKey(namespace: "orders")
        for value in [Value.text("a long one that comes first"), .null, .real(1.5), .integer(17)] {
            _ = value.withCell { read.read([$0], [.long]) }
        }
        #expect(read.derivedID == OrderIDs.derived[17] && read.text == Array("17".utf8))
    }

    /// What SQLite stores in a column of a type that it has no values of is the key that Postgres would give.
    @Test(
        arguments: [
            (.integer(1), .boolean(true), .boolean), (.integer(0), .boolean(false), .boolean),
            (.text("2024-02-29"), .date(19_782), .date),
            (.text("2026-11-29 08:00:00"), .localTimestamp(1_795_939_200_000_000), .localTimestamp),
            (.text("2026-11-29T10:00:00+02:00"), .timestamp(1_795_939_200_000_000), .localTimestamp),
            (.text("2026-11-29 08:00:00.00025"), .timestamp(1_795_939_200_000_250), .timestamp),
            (.integer(17), .decimal("17"), .number), (.integer(17), .decimal("17"), .decimal),
        ] as [(Value, Value, ColumnFamily)])
    func aStoredValueIsOfTheDeclaredType(_ stored: Value, _ meant: Value, _ family: ColumnFamily) {
        #expect(key([stored], [family]) == key([meant], [family]))
        #expect(key([stored], [family]).id != key([stored], [.undeclared]).id)
    }

    /// A value that is none of the declared type is a key as it is stored.
    @Test(
        arguments: [
            (.integer(2), .boolean, "2"), (.text("true"), .boolean, "true"), (.text("2024-02-30"), .date, "2024-02-30"),
            (.text("2024-02-29 08:00:00"), .date, "2024-02-29 08:00:00"), (.text("soon"), .localTimestamp, "soon"),
            (.text("a"), .long, "a"),
            (.text("2026-11-29 08:00:00.1234567"), .timestamp, "2026-11-29 08:00:00.1234567"),
            (.text("0001-01-01 00:00:00+02:00"), .timestamp, "0001-01-01 00:00:00+02:00"),
        ] as [(Value, ColumnFamily, String)])
    func anotherValueIsAsItIsStored(_ stored: Value, _ family: ColumnFamily, _ text: String) {
        #expect(key([stored], [family]) == key([stored], [.undeclared]))
        #expect(key([stored], [family]).text == text)
    }

    // MARK: What is no key

    @Test(
        arguments: [
            (.null, .missing), (.real(1.5), .floating), (.real(1), .floating), (.infinity, .form), (.opaque, .form),
            (.json("1"), .form), (.decimal("NaN"), .form), (.decimal("Infinity"), .form), (.text("a\u{0}b"), .form),
            (.bytes([0xFF]), .form), (.bytes([0xC0, 0x80]), .form), (.date(2_932_897), .form), (.date(-719_163), .form),
            (.timestamp(253_402_300_800_000_000), .form), (.timestamp(-62_135_596_800_000_001), .form),
            (.timestamp(.max), .form), (.timestamp(.min), .form),
            // Of the year 5874897, which PostgreSQL has.
            (.date(2_145_042_905), .form),
        ] as [(Value, EventKey.Problem)])
    func theseAreNoKeys(_ value: Value, _ problem: EventKey.Problem) {
        #expect(key([value], [.text]).problem == problem)
        #expect(key([.integer(1), value], [.long, .text]).problem == problem)
    }

    @Test func theFirstAndLastMomentsOfTheCalendarAreKeys() {
        #expect(key([.date(2_932_896)], [.date]).text == "9999-12-31")
        #expect(key([.date(-719_162)], [.date]).text == "0001-01-01")
        #expect(key([.timestamp(253_402_300_799_999_999)], [.timestamp]).text == "9999-12-31T23:59:59.999999Z")
        #expect(key([.timestamp(-62_135_596_800_000_000)], [.timestamp]).text == "0001-01-01T00:00:00Z")
        #expect(key([.timestamp(-1)], [.timestamp]).text == "1969-12-31T23:59:59.999999Z")
    }
}
