import Foundation
import RollcallCore
import Warehouse

@testable import Simulation

/// What the comparison of two warehouses does and looks at where the sync is one of events.
extension StoreComparison {
    // MARK: Calls

    /// An event names its person by one identifier.
    func addEvent(_ person: Int, to change: inout Change) {
        change.record?.itemID = nil
        change.identity = Identity(
            email: person % 2 == 0 ? "p\(person)@example.com" : nil, userID: person % 2 == 0 ? nil : "u\(person)")
        change.event = EventReference(
            id: change.kind == .skip ? "" : "rc-\(person)", name: dice.pick(["visit", "order"]),
            order: Int64(dice.below(3)), position: dice.chance(80) ? Int64(person) : nil,
            firstSeen: Date(timeIntervalSince1970: 1_780_000_000), isWaiting: dice.chance(30))
        switch change.kind {
        case .skip: (change.payload, change.identity) = (nil, Identity(email: nil, userID: nil))
        case .wait: change.refusal = FailureReason(code: "waiting_for_user", reason: "It waits.")
        case .parked: change.refusal = FailureReason(code: "user_not_found", reason: "No such person.")
        default: break
        }
    }

    /// Where a plan of events moves the cursor.
    func cursor() -> EventCursor? {
        guard kind == .events, dice.chance(80) else { return nil }
        var cursor = EventCursor(column: "seq", isTime: dice.chance(50))
        let (highest, kept) = (Int64(dice.below(1000)), Int64(dice.below(8)))
        cursor.watermark = dice.chance(50) ? highest : nil
        if dice.chance(50) { cursor.lastSweepAt = Date(timeIntervalSince1970: 1_785_000_000) }
        cursor.sweepFrom = dice.chance(50) ? 5 : nil
        cursor.earlierSweepFrom = dice.chance(50) ? -7 : nil
        cursor.lateRows = dice.below(3)
        cursor.keepFrom = dice.chance(50) ? kept : nil
        cursor.begunAt = dice.chance(50) ? Date(timeIntervalSince1970: 1_784_000_000) : nil
        return cursor
    }

    func bindEvents(_ lease: Lease) async {
        let scheme = dice.pick(["one", "two"])
        await both("save scheme", { _ in "done" }) { try await $0.saveMapping(lease, scheme) }
        guard dice.chance(10) else { return }
        await both("abandon", { if case .inDoubt = $0 { "settling" } else { "done" } }) {
            try await $0.abandon(lease, list: nil)
        }
        await forgetEndedRun()
    }

    // MARK: Comparing the tables

    func compareEvents() async {
        await both("cursor") { try await $0.eventCursor(sync: "vip") }
        await both("start of events") { try await $0.eventsBegunAt(sync: "vip") }
        await both("scheme") { try await $0.mapping(sync: "vip") }
        await both(
            "event counts",
            { counts in
                counts.filter { $0.value > 0 }.map { "\($0.key) \($0.value)" }.sorted().joined(separator: ", ")
            }
        ) { try await $0.eventCounts(sync: "vip") }
        let position: Int64? = dice.pick([nil, nil, 3])
        await both("known events", { $0.joined(separator: "\n") }) { warehouse in
            let lines = Lines()
            try await warehouse.readEvents(sync: "vip", from: position) { lines.add(StoreComparison.shown($0)) }
            return lines.sorted
        }
        await both("events by key", { $0.map(Self.shown).sorted().joined(separator: "\n") }) {
            try await $0.knownEvents(sync: "vip", keys: (0..<20).map(Self.fingerprint))
        }
        let (states, after) = (Set(EventState.allCases.filter { _ in dice.chance(60) }), dice.below(5))
        let limit = dice.pick([2, 100])
        await both("events", { $0.map(Self.shown).joined(separator: "\n") }) {
            try await $0.events(
                sync: "vip", in: states, after: after == 0 ? nil : Self.fingerprint(after), limit: limit)
        }
        await both("events by id", { $0.map(Self.shown).sorted().joined(separator: "\n") }) {
            try await $0.events(sync: "vip", ids: ["rc-1", "rc-2", "rc-3", "rc-9"])
        }
        let text = dice.pick(["rc-4", "k5", "u3", "p6@example.com"])
        await both("events of \(text)", { $0.map(Self.shown).sorted().joined(separator: "\n") }) {
            try await $0.events(sync: "vip", knownAs: text, key: Self.fingerprint(7), limit: 100)
        }
    }

    /// Whether people are known to a sync of users.
    func comparePeople() async {
        let people = (0..<8).map { person in
            Identity(email: person % 2 == 0 ? "p\(person)@example.com" : nil, userID: "u\(person)")
        }
        let before = Date(timeIntervalSince1970: dice.chance(80) ? 4_000_000_000 : 1_000_000_000)
        await both("acknowledged people") { try await $0.areAcknowledged(sync: "vip", people, before: before) }
    }

    /// The content of what was never sent is left open.
    private static func shown(_ event: KnownEvent) -> String {
        let content = event.state == .skipped ? nil : event.content
        return "\(event.key) \(event.state) \(content.map { "\($0)" } ?? "-")"
    }

    /// When it got its state is each database's own clock.
    private static func shown(_ event: StoredEvent) -> String {
        let known = event.event.map {
            "\($0.id) \($0.name) \($0.order) \($0.firstSeen.timeIntervalSince1970) \($0.isWaiting)"
        }
        let content = event.state == .skipped ? nil : event.content
        return [
            "\(event.key) \(event.state) \(event.runID) \(event.identity)", event.id ?? "-", known ?? "-",
            event.position.map { "\($0)" } ?? "-", event.recordKey ?? "-", content.map { "\($0)" } ?? "-",
            event.payload.map { String(decoding: $0, as: UTF8.self) } ?? "-", event.reason?.code ?? "-",
        ].joined(separator: " ")
    }
}
