import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// What is read of receivers, what alerts note, and what retention deletes.
enum ReceiverReadingConformance {
    static let tests = [
        ConformanceTest("received events come newest first, in pages, and by name", pages),
        ConformanceTest("a summary is about the newest 1,000 events of a receiver", summaries),
        ConformanceTest("what alerts say of a receiver is changed by one process", alert),
        ConformanceTest("retention deletes the oldest events of its receiver", retention),
        ConformanceTest("retention forgets processes that are gone, and old counts", forgotten),
    ]

    private typealias Scene = ReceiverScene

    @Sendable static func pages(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        // Seven at one time, then ten at another each; every third of another name.
        let events = (1...17).map { number in
            Scene.event(
                number, at: number <= 7 ? 0 : Double(number), name: number % 3 == 0 ? "emailClick" : "emailOpen")
        }
        try await scene.store(1, events.shuffled() + [Scene.event(99, at: 99, receiver: "other")])
        func read(_ name: String?) async throws -> [Int] {
            var filter = ReceivedFilter(receiver: Scene.receiver, eventName: name, limit: 4)
            var numbers: [Int] = []
            while true {
                let page = try await scene.store.receivedEvents(filter)
                numbers += page.compactMap { Int($0.event.eventID, radix: 16) }
                guard let last = page.last?.event, page.count == 4 else { return numbers }
                filter.before = (last.receivedAt, last.eventID)
            }
        }
        #expect(try await read(nil) == Array((1...17).reversed()))
        #expect(try await read("emailClick") == [15, 12, 9, 6, 3])
        #expect(try await read("emailclick").isEmpty)
        #expect(try await scene.store.receivedEvents(ReceivedFilter(receiver: Scene.receiver, limit: 0)).isEmpty)
        #expect(try await scene.store.receivedEvents(ReceivedFilter(receiver: "nowhere", limit: 4)).isEmpty)
    }

    @Sendable static func summaries(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        // The oldest 100 alone have none; of the newest 1,000 every fourth has one.
        var events = (1...1100).map { Scene.event($0, at: Double($0)) }
        for index in events.indices where index >= 100 && index % 4 == 0 { events[index].userID = "u" }
        for (page, start) in stride(from: 0, to: 1100, by: 500).enumerated() {
            try await scene.store(Int64(page + 1), Array(events[start..<min(start + 500, 1100)]))
        }
        var other = Scene.event(2000, receiver: "other")
        other.userID = "u"
        try await scene.store(9, [other])
        let found = try await scene.store.receiverSummaries(
            [Scene.receiver, "other", "silent", "other"], since: Scene.noon)
        #expect(found.keys.sorted() == [Scene.receiver, "other", "silent"].sorted())
        let summary = try #require(found[Scene.receiver])
        #expect(summary.newest == 1000 && summary.newestWithUserID == 250)
        #expect(summary.latestAt == Scene.noon.addingTimeInterval(1100) && summary.alertState == nil)
        #expect(summary.counts.map(\.count) == [1100])
        #expect(found["other"]?.newest == 1 && found["other"]?.newestWithUserID == 1)
        #expect(found["other"]?.latestAt == Scene.noon && found["other"]?.counts.map(\.receiver) == ["other"])
        #expect(found["silent"] == ReceiverSummary())
        #expect(try await scene.store.receiverSummaries([], since: Scene.noon).isEmpty)
        // Another version may count what this one does not know.
        try await fixture.execute(
            "UPDATE \(fixture.state("receiver_counts")) SET outcome = 'later' WHERE receiver = 'other'")
        #expect(try await scene.counts("other").isEmpty)
    }

    @Sendable static func alert(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let stores = [scene.store, try scene.second(), try scene.second()]
        let changes = try await withThrowingTaskGroup(of: Bool.self) { group in
            for store in stores {
                group.addTask {
                    try await store.changeReceiverAlert(receiver: Scene.receiver, from: nil, to: "silent")
                }
            }
            return try await group.reduce(into: [Bool]()) { $0.append($1) }
        }
        #expect(changes.count { $0 } == 1)
        func change(_ old: String?, _ new: String, _ receiver: String = Scene.receiver) async throws -> Bool {
            try await scene.store.changeReceiverAlert(receiver: receiver, from: old, to: new)
        }
        #expect(try await !change("ok", "late"))
        #expect(try await !change("silent", "silent"))
        #expect(try await change("silent", "ok"))
        #expect(try await change(nil, "silent", "other"))
        let found = try await scene.store.receiverSummaries([Scene.receiver, "other"], since: Scene.noon)
        #expect(found[Scene.receiver]?.alertState == "ok" && found["other"]?.alertState == "silent")
    }

    @Sendable static func retention(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await scene.store(
            1,
            (1...9).map { Scene.event($0, at: Double($0)) } + [
                Scene.event(50, receiver: "other"), Scene.event(9, at: 0),
            ])
        // It arrived early, and again later.
        try await scene.store(2, [Scene.event(2, at: 1000)])
        func prune(_ seconds: Double, _ limit: Int) async throws -> Int {
            try await scene.store.pruneReceived(
                receiver: Scene.receiver, before: Scene.noon.addingTimeInterval(seconds), limit: limit)
        }
        #expect(try await prune(1, 100) == 0)
        #expect(try await prune(6, 2) == 2)
        #expect(try await scene.deliveries().keys.sorted() == [3, 4, 5, 6, 7, 8, 9, 50])
        #expect(try await prune(6, 100) == 3)
        #expect(try await prune(6, 100) == 0)
        #expect(try await scene.deliveries().keys.sorted() == [6, 7, 8, 9, 50])
        // What comes after its row is gone makes another one.
        #expect(try await scene.store(3, [Scene.event(2, at: 2000)]).stored == [Scene.receiver: 1])
    }

    @Sendable static func forgotten(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let old = Date().addingTimeInterval(-420 * 86_400)
        let young = Date().addingTimeInterval(-380 * 86_400)
        for (number, time) in [old, young].enumerated() {
            var event = Scene.event(number)
            event.receivedAt = time
            try await scene.store(1, [event], writer: "w-\(number)")
        }
        let time = fixture.isSQLite ? "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-31 days')" : "now() - interval '31 days'"
        try await fixture.execute(
            "UPDATE \(fixture.state("receiver_writers")) SET seen_at = \(time) WHERE writer = 'w-0'")
        #expect(try await scene.store.pruneReceived(receiver: "other", before: Date(), limit: 10) == 0)
        #expect(try await scene.query("writer", "receiver_writers") == [["w-1"]])
        #expect(try await scene.query("count(*)", "receiver_counts") == [["2"]])
        #expect(try await scene.store.pruneReceived(receiver: Scene.receiver, before: Date(), limit: 10) == 2)
        #expect(try await scene.query("sum(count)", "receiver_counts") == [["1"]])
        #expect(try await scene.store(1, [Scene.event(7)], writer: "w-1").wasThere)
    }
}

extension WarehouseFixture {
    var isSQLite: Bool { self is SQLiteFixture || self is SQLiteWALFixture }
}
