import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// What receivers keep: events, rejected bodies, counts.
enum ReceiverConformance {
    static let tests = [
        ConformanceTest("the key of receivers is made once", key),
        ConformanceTest("an event that Iterable posted is read back whole", whole),
        ConformanceTest("an event that comes again raises its deliveries and makes no row", repeats),
        ConformanceTest("a group that is given again changes nothing", again),
        ConformanceTest("groups that are given together are stored once each", together),
        ConformanceTest("a group is stored whole or not at all", wholeOrNot),
        ConformanceTest("processes that store the same events at once count each delivery once", atOnce),
        ConformanceTest("odd bodies and long texts are stored beside the others of their group", odd),
        ConformanceTest("requests are counted by receiver, hour and outcome", counted),
        ConformanceTest("the newest 1,000 rejected bodies are kept", rejects),
        ConformanceTest("without tables receivers find nothing, and say what makes the tables", withoutTables),
    ]

    private typealias Scene = ReceiverScene

    @Sendable static func key(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let stores = [scene.store, try scene.second(), try scene.second()]
        let keys = try await withThrowingTaskGroup(of: [UInt8].self) { group in
            for store in stores { group.addTask { try await store.receiverKey() } }
            return try await group.reduce(into: Set<[UInt8]>()) { $0.insert($1) }
        }
        let key = try #require(keys.first)
        #expect(keys.count == 1 && key.count == 32 && Set(key).count > 8)
        #expect(try await scene.store.receiverKey() == key)
        try await fixture.execute("UPDATE \(fixture.state("receiver_key")) SET key = substr(key, 1, 31)")
        #expect(try await kind { _ = try await scene.store.receiverKey() } == .other)
    }

    @Sendable static func whole(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var event = Scene.event(1, payload: #"{"n": 12345678901234567890.120, "s": "é“\"\\日本\n😀 \\u{41}"}"#)
        event.destination = "marketing"
        event.eventName = "emailClick"
        event.email = "Ädä'\"\\{1,2}@example.com"
        event.userID = "u-1"
        event.occurredAt = Scene.noon.addingTimeInterval(-3.25)
        event.receivedAt = Scene.noon.addingTimeInterval(0.125)
        event.campaignID = .max
        event.templateID = .min
        event.messageID = "m-1"
        event.messageTypeID = 0
        event.channelID = 4
        event.workflowID = 5
        event.experimentID = 6
        event.url = "https://example.com/?q=é&r=%C3%A9"
        let bare = ReceivedEvent(
            eventID: Scene.id(2), receiver: Scene.receiver, receivedAt: Scene.noon, payload: Array("{}".utf8))
        let stored = try await scene.store(1, [event, bare])
        #expect(stored == StoredGroup(stored: [Scene.receiver: 2]))
        let found = try await scene.store.receivedEvents(ReceivedFilter(receiver: Scene.receiver, limit: 10))
        #expect(found.map(\.event) == [event, bare])
        #expect(found.map(\.deliveries) == [1, 1] && found.map(\.lastReceivedAt) == [event.receivedAt, Scene.noon])
        let names = """
            event_id, receiver, destination, event_name, email, user_id, campaign_id, template_id, message_id, message_type_id,
            channel_id, workflow_id, experiment_id, url
            """
        let row = try await scene.query(names, "iterable_events", "WHERE event_id = '\(Scene.id(1))'")
        #expect(
            row == [
                [
                    event.eventID, event.receiver, "marketing", "emailClick", event.email, "u-1", "\(Int64.max)",
                    "\(Int64.min)",
                    "m-1", "0", "4", "5", "6", event.url,
                ]
            ])
    }

    @Sendable static func repeats(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let first = try await scene.store(
            1, [Scene.event(3), Scene.event(1), Scene.event(3, at: 2), Scene.event(2), Scene.event(3, at: 1)])
        #expect(first == StoredGroup(stored: [Scene.receiver: 3], repeated: [Scene.receiver: 2]))
        let second = try await scene.store(
            2, [Scene.event(1, at: -5, payload: #"{"other": 1}"#), Scene.event(4, at: 7)])
        #expect(second == StoredGroup(stored: [Scene.receiver: 1], repeated: [Scene.receiver: 1]))
        #expect(try await scene.deliveries() == [1: 2, 2: 1, 3: 3, 4: 1])
        let found = try await scene.store.receivedEvents(ReceivedFilter(receiver: Scene.receiver, limit: 10))
        let times = Dictionary(
            uniqueKeysWithValues: found.map { row in
                (
                    row.event.eventID,
                    [row.event.receivedAt, row.lastReceivedAt].map { $0.timeIntervalSince(Scene.noon) }
                )
            })
        #expect(times[Scene.id(3)] == [0, 2] && times[Scene.id(1)] == [0, 0] && times[Scene.id(4)] == [7, 7])
        #expect(found.allSatisfy { $0.event.payload == Array("{}".utf8) }, "the first body stays")
        #expect(try await scene.counts() == ["-1 repeated 1", "0 repeated 2", "0 stored 4"])
    }

    @Sendable static func again(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var group = Scene.group(5, [Scene.event(1), Scene.event(2)])
        group.rejects = [
            RejectedBody(receiver: Scene.receiver, receivedAt: Scene.noon, reason: "not_json", body: "x")
        ]
        group.counts = [ReceiverCount(receiver: Scene.receiver, hour: Scene.noon, outcome: .filtered, count: 3)]
        #expect(try await !scene.store.storeReceived(group).wasThere)
        for sequence in [5, 4, Int64.min] {
            group.sequence = sequence
            #expect(try await scene.store.storeReceived(group) == StoredGroup(wasThere: true))
        }
        #expect(try await scene.deliveries() == [1: 1, 2: 1])
        #expect(try await scene.counts() == ["0 filtered 3", "0 stored 2"])
        #expect(try await scene.query("count(*)", "iterable_rejects") == [["1"]])
        // Numbers may be left out, those of another writer are others, and one may be without anything.
        #expect(try await scene.store(9, [Scene.event(1)]).repeated == [Scene.receiver: 1])
        #expect(try await scene.store(5, [Scene.event(1)], writer: "w-2").repeated == [Scene.receiver: 1])
        #expect(try await scene.store(10, []) == StoredGroup())
        #expect(try await scene.store(10, [Scene.event(1)]).wasThere)
        #expect(try await scene.deliveries() == [1: 3, 2: 1])
    }

    @Sendable static func together(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await scene.store(1, [Scene.event(1)])
        var counted = Scene.group(3, [])
        counted.counts = [ReceiverCount(receiver: Scene.receiver, hour: Scene.noon, outcome: .filtered, count: 2)]
        counted.rejects = [
            RejectedBody(receiver: Scene.receiver, receivedAt: Scene.noon, reason: "not_json", body: "x")
        ]
        let groups = [
            Scene.group(1, [Scene.event(1)]), Scene.group(2, [Scene.event(2), Scene.event(1)]), counted,
            Scene.group(5, [Scene.event(3), Scene.event(2)]),
        ]
        let first = try await scene.store.storeReceived(groups)
        #expect(
            first == StoredGroups(skipped: 1, stored: [Scene.receiver: 2], repeated: [Scene.receiver: 2]))
        let more = groups + [Scene.group(6, [Scene.event(3)])]
        let second = try await scene.store.storeReceived(more)
        #expect(second == StoredGroups(skipped: 4, repeated: [Scene.receiver: 1]))
        #expect(try await scene.store.storeReceived(groups) == StoredGroups(skipped: 4))
        #expect(try await scene.store.storeReceived([]) == StoredGroups())
        #expect(try await scene.store(6, [Scene.event(1)]).wasThere)
        #expect(try await scene.deliveries() == [1: 2, 2: 2, 3: 2])
        #expect(try await scene.counts() == ["0 filtered 2", "0 repeated 3", "0 stored 3"])
        #expect(try await scene.query("count(*)", "iterable_rejects") == [["1"]])
    }

    @Sendable static func wholeOrNot(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let group = Scene.group(1, [Scene.event(1)])
        let short = fixture.state("receiver_counts").replacing("rollcall.", with: "")
        try await fixture.execute("ALTER TABLE \(fixture.state("receiver_counts")) RENAME TO elsewhere")
        #expect(try await kind { _ = try await scene.store.storeReceived(group) } == .stateMissing)
        #expect(try await scene.deliveries().isEmpty)
        let moved = fixture.state("elsewhere").replacing("rollcall_", with: "")
        try await fixture.execute("ALTER TABLE \(moved) RENAME TO \(short)")
        #expect(try await scene.store.storeReceived(group) == StoredGroup(stored: [Scene.receiver: 1]))
        #expect(try await scene.counts() == ["0 stored 1"])
    }

    @Sendable static func atOnce(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let stores = [scene.store, try scene.second(), try scene.second()]
        let stored = try await withThrowingTaskGroup(of: Int.self) { tasks in
            for (number, store) in stores.enumerated() {
                tasks.addTask {
                    var new = 0
                    for sequence in 1...8 {
                        // Each in another order; all of them three times.
                        let numbers = (0..<60).map { ($0 * [7, 11, 13][number] + sequence) % 60 }
                        let group = Scene.group(Int64(sequence), numbers.map { Scene.event($0) }, writer: "w-\(number)")
                        new += try await store.storeReceived(group).stored[Scene.receiver] ?? 0
                    }
                    return new
                }
            }
            return try await tasks.reduce(0, +)
        }
        #expect(stored == 60)
        #expect(try await scene.deliveries() == Dictionary(uniqueKeysWithValues: (0..<60).map { ($0, 24) }))
        #expect(try await scene.counts() == ["0 repeated \(60 * 23)", "0 stored 60"])
    }

    /// Bodies that are JSON and that some database does not take unchanged, or would show as something enormous.
    static let oddBodies = [
        #"{"n": 1e400000, "s": "1e5"}"#, #"{"n": [1e-20000]}"#, #"{"n": -123456789e99999999999999999999}"#,
        #"{"n": \#(String(repeating: "9", count: 200_000))}"#, #"{"n": 0.\#(String(repeating: "1", count: 20_000))}"#,
        "{\"n\": [\(String(repeating: "1e9999, ", count: 3))1]}", #"{"s": "\ud800"}"#, #"{"s": "\u0000"}"#,
        #"{"s": "e1e400000\"1e400000"}"#,
        "{\"a\": " + String(repeating: "[", count: 99) + String(repeating: "]", count: 99) + "}",
        #"{"k\\": {"": 1.50, "x": -0.0, "y": 1e5, "t": true}}"#,
    ]

    @Sendable static func odd(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var events = oddBodies.enumerated().map { Scene.event($0 + 1, at: Double(-$0), payload: $1) }
        // Random, so that no index can hold it packed.
        let long = (0..<4000).map { _ in String(format: "%08x", UInt32.random(in: 0...UInt32.max)) }.joined()
        var named = Scene.event(50, at: -50, name: long)
        (named.email, named.userID, named.messageID, named.url, named.destination) = (long, long, long, long, long)
        events += [named, Scene.event(51, at: -51, name: "")]
        let stored = try await scene.store(1, events)
        #expect(stored == StoredGroup(stored: [Scene.receiver: events.count]))
        let found = try await scene.store.receivedEvents(ReceivedFilter(receiver: Scene.receiver, limit: 100))
        #expect(found.map(\.event.eventID) == events.map(\.eventID))
        // Those that the database does not take are kept as they are; of the others numbers may be written otherwise.
        for (row, body) in zip(found, oddBodies).prefix(8) { #expect(row.event.payload == Array(body.utf8)) }
        for row in found.dropFirst(8).prefix(3) {
            _ = try JSONSerialization.jsonObject(with: Data(row.event.payload))
        }
        #expect(found.first { $0.event.eventID == Scene.id(50) }?.event == named)
        #expect(try await scene.store(2, events) == StoredGroup(repeated: [Scene.receiver: events.count]))
        // No view fails for them.
        #expect(try await scene.query("count(*)", "latest_unsubscribes") == [["0"]])
        #expect(try await scene.query("count(*)", "email_engagement") == [["0"]])
    }

    @Sendable static func counted(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var group = Scene.group(
            1,
            [
                Scene.event(1, at: -0.001), Scene.event(2), Scene.event(3, at: 3599.999), Scene.event(3, at: 3600),
                Scene.event(4, receiver: "other"),
                // To the millisecond this is the next hour, where it is stored.
                Scene.event(5, at: 7199.9996),
            ])
        group.counts = ReceiverOutcome.allCases.filter { $0 != .stored && $0 != .repeated }.map {
            ReceiverCount(receiver: Scene.receiver, hour: Scene.noon, outcome: $0, count: 2)
        }
        let stored = try await scene.store.storeReceived(group)
        #expect(stored.stored == [Scene.receiver: 4, "other": 1] && stored.repeated == [Scene.receiver: 1])
        var next = ReceivedGroup(writer: "w-1", sequence: 2)
        next.counts = [
            ReceiverCount(
                receiver: Scene.receiver, hour: Scene.noon.addingTimeInterval(1800), outcome: .test, count: 5),
            ReceiverCount(receiver: Scene.receiver, hour: Scene.noon, outcome: .test, count: 0),
        ]
        #expect(try await scene.store.storeReceived(next) == StoredGroup())
        let others = ["filtered 2", "rejected 2", "stored 2", "test 7", "too_large 2", "unauthorized 2"]
        let noon = (others + ["unavailable 2", "without_user 2"]).map { "0 \($0)" }
        let later = ["1 repeated 1", "2 stored 1"]
        #expect(try await scene.counts() == ["-1 stored 1"] + noon + later)
        #expect(try await scene.counts(since: 3599) == noon + later, "the hour that the time is in counts whole")
        #expect(try await scene.counts(since: 3600) == later)
        #expect(try await scene.counts("other") == ["0 stored 1"])
        #expect(
            try await scene.query("count", "receiver_counts", "WHERE receiver = 'other' AND outcome = 'stored'") == [
                ["1"]
            ])
    }

    @Sendable static func rejects(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        func reject(_ number: Int, _ receiver: String) -> RejectedBody {
            RejectedBody(
                receiver: receiver, receivedAt: Scene.noon.addingTimeInterval(Double(number)), reason: "not_json",
                body: "\(number) é\u{FFFD}\"\\")
        }
        var group = Scene.group(1, [])
        group.rejects = [reject(0, "other")] + (1...600).map { reject($0, Scene.receiver) }
        _ = try await scene.store.storeReceived(group)
        #expect(try await scene.store.rejectedBodies(receiver: "other", limit: 5) == [reject(0, "other")])
        group.sequence = 2
        group.rejects = (601...1002).map { reject($0, Scene.receiver) }
        _ = try await scene.store.storeReceived(group)
        #expect(try await scene.query("count(*)", "iterable_rejects") == [["1000"]])
        #expect(try await scene.store.rejectedBodies(receiver: "other", limit: 5).isEmpty)
        let newest = try await scene.store.rejectedBodies(receiver: Scene.receiver, limit: 2)
        #expect(newest == [reject(1002, Scene.receiver), reject(1001, Scene.receiver)])
        let all = try await scene.store.rejectedBodies(receiver: Scene.receiver, limit: 5000)
        #expect(all.count == 1000 && all.last == reject(3, Scene.receiver))
        // One that arrived before all that are kept is not kept.
        group.sequence = 3
        group.rejects = [reject(-1, Scene.receiver)]
        _ = try await scene.store.storeReceived(group)
        #expect(try await scene.store.rejectedBodies(receiver: Scene.receiver, limit: 5000) == all)
    }

    /// Of tables that lack those of receivers, too.
    static func expectNone(_ warehouse: any Warehouse) async throws {
        let store = try #require(warehouse as? any ReceiverStore)
        let filter = ReceivedFilter(receiver: Scene.receiver, limit: 5)
        #expect(try await store.receivedEvents(filter).isEmpty)
        #expect(try await store.rejectedBodies(receiver: Scene.receiver, limit: 5).isEmpty)
        let summaries = try await store.receiverSummaries([Scene.receiver], since: Scene.noon)
        #expect(summaries == [Scene.receiver: ReceiverSummary()])
        #expect(try await store.pruneReceived(receiver: Scene.receiver, before: Scene.noon, limit: 5) == 0)
    }

    @Sendable static func withoutTables(_ fixture: any WarehouseFixture) async throws {
        try await expectNone(fixture.warehouse)
        let store = try #require(fixture.warehouse as? any ReceiverStore)
        let error = try await failure { _ = try await store.storeReceived(Scene.group(1, [Scene.event(1)])) }
        #expect(error?.kind == .stateMissing && error?.error.hint?.contains("rollcall migrate") == true)
        #expect(try await kind { _ = try await store.receiverKey() } == .stateMissing)
        #expect(
            try await kind { _ = try await store.changeReceiverAlert(receiver: "r", from: nil, to: "late") }
                == .stateMissing)
        #expect(try await store.schemaVersion() == nil)
    }
}
