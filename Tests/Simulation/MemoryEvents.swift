package import Foundation
package import RollcallCore
package import Warehouse

extension MemoryWarehouse {
    package func eventCursor(sync: String) async throws(WarehouseError) -> EventCursor? { state.cursors[sync] }

    package func eventsBegunAt(sync: String) async throws(WarehouseError) -> Date? {
        state.cursors[sync] == nil ? state.begunAt[sync] : nil
    }

    package func readEvents(
        sync: String, from position: Int64?, _ body: @escaping @Sendable (KnownEvent) throws -> Void
    ) async throws {
        for event in state.sortedEvents(of: sync) where event.isToBeRead(from: position) {
            try body(event.known)
        }
    }

    package func knownEvents(sync: String, keys: [Fingerprint]) async throws(WarehouseError) -> [KnownEvent] {
        let events = state.events[sync] ?? [:]
        return Set(keys).sorted().compactMap { events[$0]?.known }
    }

    package func events(
        sync: String, in states: Set<EventState>, after key: Fingerprint?, limit: Int
    ) async throws(WarehouseError) -> [StoredEvent] {
        let found = state.sortedEvents(of: sync).filter { event in
            states.contains(event.state) && (key.map { event.key > $0 } ?? true)
        }
        return Array(found.prefix(max(0, limit)))
    }

    package func events(sync: String, ids: [String]) async throws(WarehouseError) -> [StoredEvent] {
        let wanted = Set(ids)
        return state.sortedEvents(of: sync).filter { event in event.id.map(wanted.contains) ?? false }
    }

    package func events(
        sync: String, knownAs text: String, key: Fingerprint, limit: Int
    ) async throws(WarehouseError) -> [StoredEvent] {
        let found = state.sortedEvents(of: sync).filter { event in
            event.key == key
                || [event.id, event.identity.email, event.identity.userID, event.recordKey].contains(text)
        }
        return Array(found.sorted { $0.at > $1.at }.prefix(max(0, limit)))
    }

    package func eventCounts(sync: String) async throws(WarehouseError) -> [EventState: Int] {
        state.sortedEvents(of: sync).reduce(into: [:]) { $0[$1.state, default: 0] += 1 }
    }

    package func areAcknowledged(
        sync: String, _ people: [Identity], before time: Date
    ) async throws(WarehouseError) -> [Bool] {
        let known = (state.members[.init(sync: sync, entries: .records(.users))] ?? [:]).values.filter {
            $0.member.state == .subscribed && $0.since <= time
        }
        let emails = Set(known.compactMap(\.member.identity.email))
        let userIDs = Set(known.compactMap(\.member.identity.userID))
        return people.map { person in
            (person.email.map(emails.contains) ?? false) || (person.userID.map(userIDs.contains) ?? false)
        }
    }

    package func mapping(sync: String) async throws(WarehouseError) -> String? { state.mappings[sync] }

    package func saveMapping(_ lease: Lease, _ scheme: String) async throws(WarehouseError) {
        try write(lease) { state, _ in state.mappings[lease.sync] = scheme }
    }
}

extension StoredEvent {
    fileprivate var known: KnownEvent { KnownEvent(key: key, state: state, content: content, position: position) }

    fileprivate func isToBeRead(from position: Int64?) -> Bool {
        guard let position, let own = self.position else { return true }
        return own >= position || state.isUnfinished
    }
}

// MARK: What runs do to events

extension MemoryState {
    func sortedEvents(of sync: String) -> [StoredEvent] { (events[sync] ?? [:]).values.sorted { $0.key < $1.key } }

    /// What an outcome makes of an event.
    mutating func settle(_ record: Record, of sync: String, run: String, now: Date) {
        switch record.outcome {
        case .succeeded: put(.sent, record.change, nil, sync, run, now)
        case .rejected(var reason), .failed(var reason):
            reason.httpStatus = record.httpStatus
            put(.rejected, record.change, reason, sync, run, now)
        case .unknown: put(.sending, record.change, nil, sync, run, now)
        case .waiting(var reason):
            reason.httpStatus = reason.httpStatus ?? record.httpStatus
            put(.waiting, record.change, reason, sync, run, now)
        case .notAttempted: break
        }
    }

    /// What needs no request: events that are skipped, that wait, or whose person has never appeared.
    mutating func applyLocalEvents(_ run: SyncRun, _ log: LogSettings, now: Date) {
        for change in outbox[run.id] ?? [] where change.event != nil {
            switch change.kind {
            case .skip:
                if let known = events[run.sync]?[change.fingerprint] {
                    let position = higher(known.position, change.event?.position)
                    events[run.sync]?[change.fingerprint]?.position = position
                } else {
                    put(.skipped, change, nil, run.sync, run.id, now)
                }
            case .wait:
                put(.waiting, change, change.refusal, run.sync, run.id, now)
                guard log.retain, change.event?.isWaiting == false else { continue }
                write(
                    run.id, run.sync, change, status: "waiting", reason: change.refusal,
                    httpStatus: change.refusal?.httpStatus, attempts: 0, now: now)
            case .parked: put(.rejected, change, change.refusal ?? .refusedEarlier, run.sync, run.id, now)
            default: break
            }
        }
    }

    /// What a person has discarded is never sent. What was sent before, or refused, stays so.
    mutating func discardEvents(of run: String, _ sync: String, now: Date) {
        for change in outbox[run] ?? [] where change.event != nil {
            let old = events[sync]?[change.fingerprint]
            if old?.state.isUnfinished ?? true {
                put(.skipped, change, nil, sync, run, now)
            } else {
                let position = higher(old?.position, change.event?.position)
                events[sync]?[change.fingerprint]?.position = position
            }
        }
    }

    private func higher(_ first: Int64?, _ second: Int64?) -> Int64? { [first, second].compactMap(\.self).max() }

    private mutating func put(
        _ state: EventState, _ change: Change, _ reason: FailureReason?, _ sync: String, _ run: String, _ now: Date
    ) {
        let old = events[sync]?[change.fingerprint]
        let isSame = old?.state == state && old?.content == change.record?.content
        var event = StoredEvent(
            key: change.fingerprint, state: state, id: state == .skipped ? nil : change.event?.id, event: nil,
            position: higher(old?.position, change.event?.position), content: change.record?.content, reason: reason,
            runID: isSame ? old?.runID ?? run : run, at: isSame ? old?.at ?? now : now)
        if state != .sent && state != .skipped {
            event.event = change.event
            event.event?.isWaiting = state == .waiting
            (event.recordKey, event.identity, event.payload) = (change.record?.key, change.identity, change.payload)
        }
        events[sync, default: [:]][change.fingerprint] = event
    }

    // MARK: How far a sync has read

    /// Whether nothing that a run has staged is left to be carried out.
    func hasEmptyOutbox(_ run: String) -> Bool { outbox[run]?.isEmpty ?? true }

    /// The cursor that a run has staged is the sync's own if the run is done with everything it has planned; keys that
    /// no reading comes to again are forgotten then.
    mutating func moveCursor(of run: String, _ sync: String, isDone: Bool) {
        guard let cursor = stagedCursors.removeValue(forKey: run), isDone else { return }
        cursors[sync] = cursor
        guard let kept = cursor.keepFrom else { return }
        events[sync] = events[sync]?.filter { _, event in
            event.state.isUnfinished || (event.position.map { $0 >= kept } ?? true)
        }
    }
}
