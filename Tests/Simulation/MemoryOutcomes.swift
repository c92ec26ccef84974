import Foundation
import RollcallCore
import Warehouse

/// What outcomes do to the snapshot, the log, the outbox and the settling requests: the table of
/// `Warehouse.acknowledge`, record by record.
extension MemoryState {
    struct Record {
        var change: Change
        var outcome: RecordOutcome
        var httpStatus: Int?
        var attempts: Int
        var settlesAt: Date?
    }

    mutating func acknowledge(
        _ run: SyncRun, _ outcomes: [BatchOutcome], _ log: LogSettings, now: Date
    ) throws(WarehouseError) {
        guard run.listID != nil || outcomes.isEmpty else {
            throw WarehouseError(.other, "the run \(run.id) has outcomes but no list")
        }
        let records = outcomes.flatMap { batch in
            (outbox[run.id] ?? []).compactMap { change -> Record? in
                guard change.kind == .send, change.operation == batch.operation,
                    batch.sequences.contains(change.sequence)
                else { return nil }
                let outcome = batch.exceptions[change.sequence] ?? .succeeded
                return Record(
                    change: change, outcome: outcome, httpStatus: outcome.reason?.httpStatus ?? batch.httpStatus,
                    attempts: batch.attempts, settlesAt: batch.settlesAt)
            }
        }
        apply(records, run: run.id, sync: run.sync, list: run.listID, log, now: now)
        try saveProgress(run)
    }

    mutating func apply(
        _ records: [Record], run: String, sync: String, list: Int64?, _ log: LogSettings, now: Date
    ) {
        for record in records {
            if let list { move(record, MemoryState.Place(sync: sync, list: list), run: run, now: now) }
            let name = record.outcome.logged
            if log.retain && (log.records == .all || name != "succeeded") {
                write(
                    run, sync, record.change, status: name, reason: record.outcome.reason,
                    httpStatus: record.httpStatus, attempts: record.attempts, now: now)
            }
        }
        let done = Set(records.map(\.change.sequence))
        outbox[run]?.removeAll { change in
            done.contains(change.sequence) || (change.kind == .supersede && change.parent.map(done.contains) == true)
        }
    }

    private mutating func move(_ record: Record, _ place: Place, run: String, now: Date) {
        let (change, maybe) = (record.change, record.settlesAt != nil)
        let older = (outbox[run] ?? []).filter { $0.kind == .supersede && $0.parent == change.sequence }
        switch (change.operation, record.outcome) {
        case (.subscribe, .succeeded):
            for old in older { members[place]?[old.fingerprint] = nil }
            put(change, .subscribed, listed: true, place, run, now)
        case (.subscribe, .rejected(let reason)):
            put(change, .rejected, listed: maybe, place, run, now, reason: reason, httpStatus: record.httpStatus)
        case (.subscribe, .unknown):
            if members[place]?[change.fingerprint]?.member.state != .subscribed {
                put(change, .subscribing, listed: true, place, run, now)
            }
        case (.subscribe, .failed):
            guard maybe else { break }
            if members[place]?[change.fingerprint] == nil {
                put(change, .subscribing, listed: true, place, run, now)
            } else {
                members[place]?[change.fingerprint]?.member.listed = true
            }
        case (.unsubscribe, .succeeded):
            for old in older { members[place]?[old.fingerprint] = nil }
            members[place]?[change.fingerprint] = nil
        case (.unsubscribe, .unknown),
            (.unsubscribe, .failed) where maybe,
            (.unsubscribe, .rejected) where maybe:
            for old in older {
                guard let state = members[place]?[old.fingerprint]?.member.state,
                    state == .subscribed || state == .subscribing
                else { continue }
                members[place]?[old.fingerprint]?.member.state = .unsubscribing
                members[place]?[old.fingerprint]?.sinceRunID = run
                members[place]?[old.fingerprint]?.since = now
            }
            put(change, .unsubscribing, listed: true, place, run, now)
        default: break
        }
        guard let settlesAt = record.settlesAt, record.outcome.logged != "not_attempted" else { return }
        settling.append(
            Settling(
                place: place,
                request: SettlingRequest(
                    identity: change.identity, operation: change.operation, settlesAt: settlesAt)))
    }

    private mutating func put(
        _ change: Change, _ state: MemberState, listed: Bool, _ place: Place, _ run: String, _ now: Date,
        reason: FailureReason? = nil, httpStatus: Int? = nil
    ) {
        let old = members[place]?[change.fingerprint]
        let isSame = old?.member.state == state
        if isSame && (state == .subscribed || state == .unsubscribing) { return }
        var member = Member(
            fingerprint: change.fingerprint, identity: old?.member.identity ?? change.identity, state: state,
            listed: listed || old?.member.listed == true)
        member.rejection = reason.map { FailureReason(code: $0.code, reason: $0.reason, httpStatus: httpStatus) }
        members[place, default: [:]][change.fingerprint] = MemberEntry(
            member: member, sinceRunID: isSame ? old?.sinceRunID ?? run : run, since: isSame ? old?.since ?? now : now)
    }

    // MARK: Without a request

    mutating func applyLocalChanges(
        _ run: SyncRun, _ log: LogSettings, now: Date
    ) throws(WarehouseError) -> PerOperation {
        let place = Place(sync: run.sync, list: run.listID ?? 0)
        var parked = PerOperation()
        for change in outbox[run.id] ?? [] where change.kind == .parked {
            parked[change.operation] += 1
            let refusal =
                members[place]?[change.fingerprint]?.member.rejection
                ?? FailureReason(code: "rejected", reason: "Iterable refused this person in an earlier run.")
            if log.retain {
                write(
                    run.id, run.sync, change, status: "failed", reason: refusal, httpStatus: refusal.httpStatus,
                    attempts: 0, now: now)
            }
        }
        for change in outbox[run.id] ?? [] where change.kind == .forget {
            guard let member = members[place]?[change.fingerprint]?.member, member.state == .rejected, !member.listed
            else { continue }
            members[place]?[change.fingerprint] = nil
        }
        outbox[run.id]?.removeAll { $0.kind == .parked || $0.kind == .forget }
        if let index = runs.firstIndex(where: { $0.run.id == run.id }) {
            if run.listID != nil { runs[index].run.listID = run.listID }
            if runs[index].run.status == .running {
                runs[index].run.counts.failed.subscribe += parked.subscribe
                runs[index].run.counts.failed.unsubscribe += parked.unsubscribe
            }
        }
        return parked
    }

    // MARK: Runs of processes that ended

    mutating func recover(_ sync: String, settleSeconds: Double, _ log: LogSettings, now: Date) -> [SyncRun] {
        let orphans = runs.filter { $0.run.sync == sync && ($0.run.status == .queued || $0.run.status == .running) }
        for orphan in orphans {
            let lost = (outbox[orphan.run.id] ?? []).filter {
                $0.kind == .send && $0.sequence <= orphan.claimedThrough
            }
            let reason = FailureReason(
                code: "interrupted",
                reason: "The process ended before Iterable's answer was recorded; the next run settles this.")
            let records = lost.map {
                Record(
                    change: $0, outcome: .unknown(reason), httpStatus: nil, attempts: 1,
                    settlesAt: now.addingTimeInterval(settleSeconds))
            }
            apply(records, run: orphan.run.id, sync: sync, list: orphan.run.listID, log, now: now)
            let unsent = FailureReason(
                code: "interrupted", reason: "The process ended before this was sent; the next run sends it.")
            giveUpRest(orphan.run.id, sync, unsent, log, now: now)
            guard let index = runs.firstIndex(where: { $0.run.id == orphan.run.id }) else { continue }
            var counts = runs[index].run.counts
            counts.unknown += lost.count
            counts.rowsRead = counts.invalid + counts.duplicates + counts.audience
            counts.notAttempted =
                counts.planned.total - counts.succeeded.total - counts.failed.total - counts.unknown
            runs[index].run.counts = counts
            runs[index].run.status = .interrupted
            runs[index].run.finishedAt = now
        }
        return orphans.compactMap { self.run($0.run.id) }
    }
}

extension RecordOutcome {
    /// The status under which it is logged.
    var logged: String {
        switch self {
        case .succeeded: "succeeded"
        case .failed, .rejected: "failed"
        case .unknown: "unknown"
        case .notAttempted: "not_attempted"
        }
    }

    var reason: FailureReason? {
        switch self {
        case .succeeded: nil
        case .failed(let reason), .rejected(let reason), .unknown(let reason), .notAttempted(let reason): reason
        }
    }
}
