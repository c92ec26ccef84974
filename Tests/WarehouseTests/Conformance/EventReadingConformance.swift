import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// How events are looked for, and the people whom a sync of users had acknowledged.
enum EventReadingConformance {
    static let tests = [
        ConformanceTest("events are read from a position on, with what has none and what is unfinished", reading),
        ConformanceTest("a hundred thousand events stream, and an error of the body ends them", stream),
        ConformanceTest("events in some states are read page by page", pages),
        ConformanceTest("events are found by their ids", ids),
        ConformanceTest("what is known of events is found by their keys", keys),
        ConformanceTest("nothing is known of events in tables which no run has upgraded yet", notUpgraded),
        ConformanceTest("events are found by key, id, and what they are known by while they are kept", known),
        ConformanceTest("events are counted by state", counts),
        ConformanceTest("people are acknowledged by any identifier, from a time on", acknowledged),
        ConformanceTest("what ids are made of is kept", scheme),
    ]

    private static let all: [Int: EventState] = [1: .sent, 2: .sending, 3: .skipped, 4: .waiting, 5: .rejected]

    /// `event state content position`, sorted.
    private static func read(
        _ scene: EventScene, from position: Int64?, sync: String = Scene.sync
    ) async throws -> [String] {
        let seen = Collected<String>()
        try await scene.warehouse.readEvents(sync: sync, from: position) {
            let numbers = [$0.content, $0.position].map { $0.map { "\($0)" } ?? "-" }.joined(separator: " ")
            seen.add("\($0.key.low >> 32) \($0.state) \(numbers)")
        }
        return seen.all.sorted()
    }

    @Sendable static func reading(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        try await scene.enter(
            all.merging([6: .sent, 7: .rejected, 8: .waiting]) { first, _ in first },
            positions: [6: nil, 7: nil, 8: nil])
        let every = [
            "1 sent 5 100", "2 sending 5 200", "3 skipped 5 300", "4 waiting 5 400", "5 rejected 5 500", "6 sent 5 -",
            "7 rejected 5 -", "8 waiting 5 -",
        ]
        for position: Int64? in [nil, .min, 100] { #expect(try await read(scene, from: position) == every) }
        #expect(try await read(scene, from: 101) == Array(every.dropFirst()))
        #expect(try await read(scene, from: 500) == [every[1]] + every[3...])
        #expect(try await read(scene, from: .max) == [every[1], every[3]] + every[5...])
        for position: Int64? in [nil, 100] { #expect(try await read(scene, from: position, sync: "other").isEmpty) }
        let table = fixture.state("seen_events")
        try await fixture.execute("UPDATE \(table) SET content = NULL WHERE state = 'skipped'")
        #expect(try await read(scene, from: nil)[2] == "3 skipped - 300")
    }

    /// As ``read(_:from:sync:)``.
    private static func known(
        _ scene: EventScene, _ events: some Sequence<Int>, sync: String = Scene.sync
    ) async throws -> [String] {
        try await scene.warehouse.knownEvents(sync: sync, keys: events.map(Scene.fingerprint)).map {
            let numbers = [$0.content, $0.position].map { $0.map { "\($0)" } ?? "-" }.joined(separator: " ")
            return "\($0.key.low >> 32) \($0.state) \(numbers)"
        }.sorted()
    }

    @Sendable static func keys(_ fixture: any WarehouseFixture) async throws {
        #expect(try await fixture.warehouse.knownEvents(sync: Scene.sync, keys: [Scene.fingerprint(1)]).isEmpty)
        let scene = try await EventScene.make(fixture)
        try await scene.enter(all, positions: [5: nil])
        let every = [
            "1 sent 5 100", "2 sending 5 200", "3 skipped 5 300", "4 waiting 5 400", "5 rejected 5 -",
        ]
        #expect(try await known(scene, 1...10_000) == every)
        #expect(try await known(scene, [4, 99, 2, 4]) == [every[1], every[3]])
        #expect(try await known(scene, []).isEmpty)
        #expect(try await known(scene, 1...5, sync: "other").isEmpty)
    }

    @Sendable static func notUpgraded(_ fixture: any WarehouseFixture) async throws {
        try await UpgradeConformance.make(7, fixture)
        #expect(try await fixture.warehouse.knownEvents(sync: Scene.sync, keys: [Scene.fingerprint(1)]).isEmpty)
    }

    @Sendable static func stream(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        let isSQLite = fixture is SQLiteFixture || fixture is SQLiteWALFixture
        let (key, time) = isSQLite ? ("randomblob(16)", "'2026-01-01T00:00:00.000Z'") : ("gen_random_uuid()", "now()")
        try await fixture.execute(
            """
            INSERT INTO \(fixture.state("seen_events")) (sync_name, event_key, event_id, content, state, run_id, at, position)
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
            SELECT 'vip', \(key), 'e-' || i, i, 'sent', '\(Scene.id(1))', \(time), i FROM n
            """)
        for (position, count, sum): (Int64?, Int, Int64) in [
            (nil, 100_000, 5_000_050_000), (50_001, 50_000, 3_750_025_000),
        ] {
            let seen = Collected<Int64>()
            try await scene.warehouse.readEvents(sync: Scene.sync, from: position) { seen.add($0.content ?? 0) }
            #expect(seen.all.count == count && seen.all.reduce(0, +) == sum)
        }
        struct Stop: Error {}
        let few = Collected<Int>()
        await #expect(throws: Stop.self) {
            try await scene.warehouse.readEvents(sync: Scene.sync, from: nil) { _ in
                few.add(1)
                if few.all.count == 3 { throw Stop() }
            }
        }
        #expect(few.all.count == 3)
    }

    @Sendable static func pages(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        let states: [EventState] = [.sent, .sending, .skipped, .waiting, .rejected]
        try await scene.enter(Dictionary(uniqueKeysWithValues: (1...25).map { ($0, states[$0 % 5]) }))
        func page(_ states: Set<EventState>, _ last: Int?, _ limit: Int) async throws -> [Int] {
            try await scene.warehouse.events(
                sync: Scene.sync, in: states, after: last.map(Scene.fingerprint), limit: limit
            ).map { Int($0.key.low >> 32) }
        }
        #expect(try await page([.sending, .waiting], nil, 3) == [1, 3, 6])
        #expect(try await page([.sending, .waiting], 6, 3) == [8, 11, 13])
        #expect(try await page([.sending, .waiting], 18, 10) == [21, 23])
        #expect(try await page([.sending, .waiting], 23, 10) == [])
        #expect(try await page([.rejected], 4, 2) == [9, 14])
        #expect(try await page(Set(EventState.allCases), nil, 100) == Array(1...25))
        #expect(try await page(Set(EventState.allCases), 23, 100) == [24, 25])
        #expect(try await page([], nil, 100) == [])
        #expect(try await page([.sent], nil, 0) == [])
        let others = try await scene.warehouse.events(sync: "other", in: [.waiting], after: nil, limit: 9)
        #expect(others.isEmpty)
    }

    @Sendable static func ids(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        try await scene.enter(all)
        func find(_ ids: [String], sync: String = Scene.sync) async throws -> [String] {
            try await scene.warehouse.events(sync: sync, ids: ids).map { "\($0.key.low >> 32) \($0.state)" }.sorted()
        }
        // One that is skipped has no id.
        #expect(
            try await find(["e-5", "e-1", "e-2", "e-1", "e-3", "E-4", "nothing"]) == [
                "1 sent", "2 sending", "5 rejected",
            ])
        #expect(try await find([]) == [])
        #expect(try await find(["e-1"], sync: "other") == [])
        #expect(try await find((1...10_000).map { "e-\($0)" }).count == 4)
        // Two keys may have one id.
        let table = fixture.state("seen_events")
        try await fixture.execute("UPDATE \(table) SET event_id = 'e-1' WHERE event_id = 'e-2'")
        #expect(try await find(["e-1"]) == ["1 sent", "2 sending"])
    }

    @Sendable static func known(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        try await scene.enter(all)
        func find(_ text: String, _ event: Int = 99, limit: Int = 10) async throws -> [Int] {
            try await scene.warehouse.events(
                sync: Scene.sync, knownAs: text, key: Scene.fingerprint(event), limit: limit
            ).map { Int($0.key.low >> 32) }
        }
        for event in all.keys {
            #expect(try await find("nothing", event) == [event], "by its key")
            let isWhole = ![1, 3].contains(event)
            #expect(try await find("e-\(event)") == (event == 3 ? [] : [event]), "by its id")
            for text in ["k/\(event)", "p\(event)@example.com", "u\(event)"] {
                #expect(try await find(text) == (isWhole ? [event] : []), "by \(text)")
            }
        }
        #expect(try await find("U2") == [], "byte for byte")
        // The latest first; each once.
        let table = fixture.state("seen_events")
        let isSQLite = fixture is SQLiteFixture || fixture is SQLiteWALFixture
        let later = isSQLite ? "'2100-01-01T00:00:00.000Z'" : "'2100-01-01'"
        try await fixture.execute(
            """
            UPDATE \(table) SET user_id = 'u', record_key = 'u' WHERE state IN ('sending', 'waiting', 'rejected');
            UPDATE \(table) SET at = \(later) WHERE state = 'waiting';
            """)
        #expect(try await find("u", 2) == [4, 2, 5])
        #expect(try await find("u", 2, limit: 2) == [4, 2])
        let other = try await scene.warehouse.events(
            sync: "other", knownAs: "u", key: Scene.fingerprint(2), limit: 10)
        #expect(other.isEmpty)
    }

    @Sendable static func counts(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        #expect(try await scene.warehouse.eventCounts(sync: Scene.sync).values.allSatisfy { $0 == 0 })
        try await scene.enter(all.merging([6: .sent]) { first, _ in first })
        #expect(
            try await scene.warehouse.eventCounts(sync: Scene.sync)
                == [.sent: 2, .sending: 1, .skipped: 1, .waiting: 1, .rejected: 1])
        #expect(try await scene.warehouse.eventCounts(sync: "other").isEmpty)
    }

    // MARK: People

    /// Profiles that a sync of users has: the first is acknowledged, of the second nothing is known, the third is refused, and
    /// the fourth has a userId alone.
    private static func enterUsers(_ scene: Scene) async throws {
        var run = Scene.run(50)
        (run.kind, run.listID, run.target) = (.users, nil, "users")
        try await scene.warehouse.openRun(scene.lease, run)
        run.counts.planned.update = 4
        var changes = (1...4).map { person in
            Change(
                sequence: Int64(person), kind: .send, operation: .update, fingerprint: Scene.fingerprint(person),
                identity: Scene.identity(person), record: RecordReference(key: "k\(person)", content: 1),
                payload: Array("{}".utf8))
        }
        changes[3].identity.email = nil
        try await scene.warehouse.stage(scene.lease, run, plan: Plan(changes), log: LogSettings())
        let exceptions: [Int64: RecordOutcome] = [
            2: .unknown(Scene.reason("lost")), 3: .rejected(Scene.reason("invalid")),
        ]
        try await scene.acknowledge(run, [Scene.batch(.update, 1...4, exceptions)])
    }

    @Sendable static func acknowledged(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let before = try await scene.warehouse.now().addingTimeInterval(-1)
        try await enterUsers(scene)
        let after = try await scene.warehouse.now().addingTimeInterval(1)
        let people = [
            Scene.identity(1), Identity(email: "p1@example.com", userID: nil), Identity(email: nil, userID: "u1"),
            Identity(email: "p1@example.com", userID: "other"), Identity(email: "other@example.com", userID: "u1"),
            Scene.identity(2), Scene.identity(3), Identity(email: nil, userID: "u4"), Scene.identity(4),
            Identity(email: "p4@example.com", userID: nil), Identity(email: nil, userID: nil), Scene.identity(1),
            Identity(email: "P1@example.com", userID: "U1"),
        ]
        let known = try await scene.warehouse.areAcknowledged(sync: Scene.sync, people, before: after)
        #expect(
            known == [
                true, true, true, true, true, false, false, true, true, false, false, true, false,
            ])
        for (sync, time) in [(Scene.sync, before), ("other", after)] {
            let none = try await scene.warehouse.areAcknowledged(sync: sync, people, before: time)
            #expect(none == people.map { _ in false })
        }
        #expect(try await scene.warehouse.areAcknowledged(sync: Scene.sync, [], before: after).isEmpty)
        let many = (1...10_000).map(Scene.identity)
        let found = try await scene.warehouse.areAcknowledged(sync: Scene.sync, many, before: after)
        #expect(found.count == 10_000 && found.indices.filter { found[$0] } == [0, 3])
        // To the millisecond at which the record came into its state.
        let since = try await scene.warehouse.members(
            sync: Scene.sync, of: .records(.users), knownAs: Identity(email: nil, userID: "u1"))
        let moment = try #require(since.first?.since)
        for (time, isKnown) in [(moment, true), (moment.addingTimeInterval(-0.001), false)] {
            let found = try await scene.warehouse.areAcknowledged(sync: Scene.sync, [people[0]], before: time)
            #expect(found == [isKnown])
        }
        // Records of another kind are no people.
        try await fixture.execute("UPDATE \(fixture.state("synced_records")) SET kind = 'catalog'")
        let items = try await scene.warehouse.areAcknowledged(sync: Scene.sync, people, before: after)
        #expect(items.allSatisfy { !$0 })
    }

    // MARK: Others

    @Sendable static func scheme(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        let warehouse = scene.warehouse
        #expect(try await warehouse.mapping(sync: Scene.sync) == nil)
        _ = try await warehouse.fingerprintKey(sync: Scene.sync, newKey: [UInt8](repeating: 7, count: 16))
        #expect(try await warehouse.mapping(sync: Scene.sync) == nil)
        for scheme in ["namespace \"örders\", key \"id\"", "column \"id\""] {
            try await warehouse.saveMapping(scene.lease, scheme)
            #expect(try await warehouse.mapping(sync: Scene.sync) == scheme)
        }
        #expect(try await warehouse.mapping(sync: "other") == nil)
        #expect(try await warehouse.fingerprintKey(sync: Scene.sync, newKey: nil) == [UInt8](repeating: 7, count: 16))
    }

    /// There are no events, whether or not the tables are there, and whatever their version is.
    static func expectNone(_ warehouse: any Warehouse) async throws {
        let person = Scene.identity(1)
        let states = Set(EventState.allCases)
        #expect(try await warehouse.eventCursor(sync: Scene.sync) == nil)
        #expect(try await warehouse.mapping(sync: Scene.sync) == nil)
        for position: Int64? in [nil, 5] {
            try await warehouse.readEvents(sync: Scene.sync, from: position) { _ in throw Unexpected("an event") }
        }
        for key in [nil, Scene.fingerprint(1)] {
            #expect(try await warehouse.events(sync: Scene.sync, in: states, after: key, limit: 9).isEmpty)
        }
        #expect(try await warehouse.events(sync: Scene.sync, ids: ["e-1"]).isEmpty)
        let known = try await warehouse.events(
            sync: Scene.sync, knownAs: "e-1", key: Scene.fingerprint(1), limit: 9)
        #expect(known.isEmpty)
        #expect(try await warehouse.eventCounts(sync: Scene.sync).isEmpty)
        let time = Date(timeIntervalSince1970: 4_000_000_000)
        #expect(try await warehouse.areAcknowledged(sync: "users", [person, person], before: time) == [false, false])
    }
}
