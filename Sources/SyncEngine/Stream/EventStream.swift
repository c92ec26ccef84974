import Foundation
import RollcallCore
import Warehouse

/// A stream of events.
struct EventStream: StreamSource {
    private(set) var found: any FoundTarget
    private var events: FoundEvents
    private var follower: StreamFollower
    private var next: StreamLook?
    /// What the latest look has found.
    private var changes: EventChanges?
    private let key: [UInt8]

    init(_ events: FoundEvents, _ settings: StreamSettings, _ cursor: EventSettings.Cursor, key: [UInt8]) {
        (found, self.events, self.key) = (events, events, key)
        follower = StreamFollower(
            settings, cursor, isTime: events.shape.events?.isTime ?? false, startMark: events.cursor?.watermark)
    }

    var cursor: EventCursor? { follower.cursor }

    var pace: StreamPace {
        get { follower.pace }
        set { follower.pace = newValue }
    }

    mutating func beginRow(_ found: any FoundTarget, _ context: RunContext) async throws {
        if let events = found as? FoundEvents { (self.found, self.events) = (events, events) }
        follower.beginRow()
        _ = try await context.applyStrayNotes()
    }

    mutating func isDue(_ run: SyncRun, mayHaveChanged: Bool, _ context: RunContext) -> Bool {
        next = follower.look(
            run.counts, mayHaveChanged: mayHaveChanged, at: context.now, now: context.clock.uptime)
        return next != nil
    }

    mutating func look(_ context: RunContext) async throws -> StreamFinding {
        guard let next else { throw RunError(code: "internal", message: "no look at the events is due") }
        let plan = try await events.look(key: key, next)
        guard let changes = plan.changes as? EventChanges else {
            throw RunError(code: "internal", message: "the plan of \(context.sync.name) has no events")
        }
        self.changes = changes
        return StreamFinding(
            plan: plan, isEmpty: changes.isEmpty && plan.counts == RunCounts(), newRecords: changes.newEvents,
            oldest: changes.oldest, isCut: changes.isCut, cursor: changes.cursor,
            waiting: next.readsUnfinished ? plan.counts.waiting : nil,
            reader: { EventPlanReader(changes, after: $0) })
    }

    mutating func looked(
        _ finding: StreamFinding, _ ending: Delivery.Ending, began: Duration, _ context: RunContext
    ) {
        guard let next, let changes else { return }
        follower.looked(next, changes, waiting: waiting(changes, ending), began: began, now: context.clock.uptime)
    }

    /// Hashes of those of whom an event waits or has no answer.
    private func waiting(_ changes: EventChanges, _ ending: Delivery.Ending) -> Set<UInt64> {
        let fingerprinter = Fingerprinter(key: key)
        let stopped = ending.stopped.map { identity in
            identity.withBytes { fingerprinter.fingerprint(email: $0, userID: $1).high }
        }
        return Set(changes.spool.places.lazy.filter { $0.kind == .wait }.map(\.person)).union(stopped)
    }
}
