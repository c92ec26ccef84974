import Foundation
import RollcallCore
import Warehouse

/// What earlier runs have left, and whose events wait.
extension EventPlanner {
    private static let page = 1000
    private static let restSeconds = 60.0

    /// Adds what earlier runs have left: events that wait, that are in doubt, and, where that is asked for, that were refused.
    /// - Returns: how many wait since an earlier run.
    func addUnfinished(_ diff: EventDiff, _ circumstances: Circumstances) async throws -> Int {
        var waiting = 0
        var states: Set<EventState> = [.sending, .waiting]
        if circumstances.scope.retriesRejected { states.insert(.rejected) }
        var last: Fingerprint?
        while true {
            let page = try await warehouse.events(sync: sync.name, in: states, after: last, limit: Self.page)
            for stored in page {
                guard var event = stored.event, let payload = stored.payload, let key = stored.recordKey else {
                    continue
                }
                if let only = circumstances.scope.only, !only.utf8.elementsEqual(key.utf8) { continue }
                event.isWaiting = stored.state == .waiting
                if event.isWaiting { waiting += 1 }
                if diff.table[stored.key].isTaken { diff.spool.replace(stored.key, event) }
                let entry = EventEntry(
                    kind: .send, fingerprint: stored.key, key: key, content: stored.content ?? 0,
                    identity: stored.identity, event: event, payload: payload)
                try diff.spool.add(
                    entry, person: diff.person(stored.identity), isLedger: true, isInDoubt: stored.state == .sending)
            }
            last = page.last?.key
            if page.count < Self.page { return waiting }
        }
    }

    /// Where another sync must have had the people acknowledged first: what has none yet waits, or fails where it has waited too long.
    func hold(_ diff: EventDiff, _ circumstances: Circumstances) async throws {
        guard let users = settings.after else { return }
        var (start, isProved) = (0, false)
        while start < diff.spool.places.count {
            let end = min(start + Planner.memberPage, diff.spool.places.count)
            let entries = try (start..<end).map { try diff.spool.entry(at: diff.spool.places[$0]) }
            let areReady = try await warehouse.areAcknowledged(
                sync: users, entries.map(\.identity), before: circumstances.now.addingTimeInterval(-Self.restSeconds))
            for (index, (entry, isReady)) in zip(entries, areReady).enumerated() where !isReady {
                // What may have been sent goes again, whoever its person is now.
                if diff.spool.places[start + index].isInDoubt { continue }
                let hasTime = mayStillAppear(entry.event, circumstances.now)
                if !hasTime, !isProved {
                    try await refuseUsersElsewhere()
                    isProved = true
                }
                diff.spool.change(start + index, kind: hasTime ? .wait : .parked)
            }
            start = end
        }
    }

    /// Throws `state_elsewhere` or `state_unknown` where the state of the sync of users is not here, or may not be: then no person counts as
    /// acknowledged, and no event may be given up for it.
    private func refuseUsersElsewhere() async throws {
        guard let usersSync else { return }
        let home = search?.home ?? sync.warehouse
        if let place = try await warehouse.stateElsewhere(sync: usersSync.name) {
            throw RunError.stateElsewhere(usersSync, in: place, home: home, isMarked: true)
        }
        guard try await warehouse.fingerprintKey(sync: usersSync.name, newKey: nil) == nil else { return }
        if let problem = await search?.look(for: [usersSync.name]).problem(of: usersSync) { throw problem }
    }

    private func mayStillAppear(_ event: EventReference, _ now: Date) -> Bool {
        now.timeIntervalSince(event.firstSeen) < Double(settings.waitForUserSeconds)
    }

    /// What a stream does not send now: later events of people of whom one waits, and events that are too old.
    func setAside(_ diff: EventDiff, _ stream: StreamLook, _ circumstances: Circumstances) {
        let oldest = sync.guards.maxAgeSeconds.map {
            EventTime.microseconds(circumstances.now) - Int64($0) * 1_000_000
        }
        for (index, place) in diff.spool.places.enumerated() where place.kind == .send && !place.isLedger {
            if let oldest, place.order < oldest, circumstances.cells.createdAt != nil {
                diff.spool.change(index, kind: .parked, for: .isTooOld)
            } else if !stream.readsUnfinished, stream.blocked.contains(place.person) {
                diff.spool.change(index, kind: .wait, for: .isBehindAnother)
            }
        }
    }
}
