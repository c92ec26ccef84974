import Foundation
import RollcallCore
import SeededRandom
import Testing

@testable import SyncEngine

/// The events of a plan come out in their order, however many there are.
@Suite struct EventSpoolTests {
    private static func entry(
        _ key: String, person: String, order: Int64, kind: ChangeKind = .send, payload: Int = 5
    ) -> EventEntry {
        var hash = UInt64(14_695_981_039_346_656_037)
        for byte in key.utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
        return EventEntry(
            kind: kind, fingerprint: Fingerprint(high: hash, low: 1), key: key, content: order,
            identity: Identity(email: "\(person)@example.com", userID: nil),
            event: EventReference(
                id: "id-\(key)", name: "seen", order: order, position: order % 2 == 0 ? order : nil,
                firstSeen: Date(timeIntervalSince1970: 1000), isWaiting: order % 3 == 0),
            payload: Array(repeating: UInt8(ascii: "x"), count: payload))
    }

    private static func read(_ spool: EventSpool) throws -> [EventEntry] {
        try spool.places.map { try spool.entry(at: $0) }
    }

    @Test func anEntryComesBackAsItWas() throws {
        let spool = EventSpool()
        var refused = Self.entry("7", person: "ann", order: 4)
        refused.refusal = FailureReason(code: "code", reason: "Reason.")
        try spool.add(refused, person: 1)
        let found = try Self.read(spool)[0]
        #expect(found.event == refused.event && found.key == "7" && found.content == 4)
        #expect(found.identity == refused.identity && found.payload == refused.payload)
        #expect(found.fingerprint == refused.fingerprint && found.refusal == refused.refusal)
    }

    @Test func anEventTakesTheIDThatItWasSentWith() throws {
        let spool = EventSpool()
        var entry = Self.entry("7", person: "ann", order: 4)
        entry.payload = Array(#"{"id":"id-7","eventName":"id-7"}"#.utf8)
        try spool.add(entry, person: 1)
        spool.keep(id: "former-7", of: entry.fingerprint)
        let found = try Self.read(spool)[0]
        #expect(found.event.id == "former-7")
        #expect(String(decoding: found.payload, as: UTF8.self) == #"{"id":"former-7","eventName":"id-7"}"#)
    }

    /// Beyond the megabyte that is kept in memory, with large entries among small ones.
    @Test func thePersonsEventsAreOrderedByTimeAndThenByKey() throws {
        var random = SeededGenerator(seed: 3)
        let spool = EventSpool()
        var expected: [String: [(order: Int64, key: Int)]] = [:]
        for key in 0..<20_000 {
            let (person, order) = (random.next(below: 50), Int64(random.next(below: 40)))
            let payload = key % 1000 == 0 ? 300_000 : 200
            try spool.add(
                Self.entry("\(key)", person: "p\(person)", order: order, payload: payload), person: UInt64(person))
            expected["p\(person)@example.com", default: []].append((order, key))
        }
        try spool.arrange { _ in true }
        var found: [String: [(order: Int64, key: Int)]] = [:]
        var last = Int64.min
        for place in spool.places {
            let entry = try spool.entry(at: place)
            #expect(place.order >= last && entry.event.order == place.order && entry.fingerprint == place.fingerprint)
            last = place.order
            found[entry.identity.email ?? "", default: []].append((place.order, Int(entry.key) ?? -1))
        }
        #expect(found.count == 50)
        for (person, events) in expected {
            let sorted = events.sorted { ($0.order, $0.key) < ($1.order, $1.key) }
            #expect(found[person]?.map { $0.key } == sorted.map { $0.key }, "\(person)")
        }
    }

    @Test func theOrderOfKeysIsOne() throws {
        // Each of these comes before the next where two are compared as numbers or as texts, and the last before the
        // first.
        let keys = ["9", "10", "1a"]
        var orders: Set<[String]> = []
        for permutation in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let spool = EventSpool()
            for index in permutation { try spool.add(Self.entry(keys[index], person: "ann", order: 1), person: 1) }
            try spool.arrange { _ in true }
            orders.insert(try Self.read(spool).map(\.key))
        }
        #expect(orders.count == 1, "\(orders)")
    }

    @Test func whatIsNotWantedIsLeftOutAndWhatIsSkippedIsApart() throws {
        let spool = EventSpool()
        for key in 1...6 {
            let kind = key.isMultiple(of: 3) ? ChangeKind.skip : .send
            try spool.add(
                Self.entry("\(key)", person: "ann", order: Int64(10 - key), kind: kind), person: 1, isLedger: key == 2)
        }
        try spool.arrange { !$0.isLedger }
        #expect(try Self.read(spool).map(\.key) == ["5", "4", "1"])
        spool.change(1, kind: .wait)
        #expect(spool.places.map(\.kind) == [.send, .wait, .send])
        for _ in 0..<2 {
            let reader = spool.makeSkipReader()
            var skipped: [String] = []
            while let entry = try reader.next() { skipped.append(entry.key) }
            #expect(skipped == ["3", "6"])
        }
    }
}
