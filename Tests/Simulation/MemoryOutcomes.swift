import Foundation
import RollcallCore
import Warehouse

/// What outcomes do to the snapshot, the log, the outbox and the requests in doubt, record by record.
extension MemoryState {
    struct Record {
        var change: Change
        var outcome: RecordOutcome
        var httpStatus: Int?
        var attempts: Int
        var mayLandUntil: Date?
    }

    mutating func acknowledge(
        _ run: SyncRun, _ outcomes: [BatchOutcome], _ log: LogSettings, now: Date
    ) throws(WarehouseError) {
        guard run.entrySet != nil || outcomes.isEmpty else {
            throw WarehouseError(.conflict, "the run \(run.id) has outcomes but no list")
        }
        let records = outcomes.flatMap { batch in
            (outbox[run.id] ?? []).compactMap { change -> Record? in
                guard change.kind == .send, change.operation == batch.operation,
                    batch.sequences.contains(change.sequence)
                else { return nil }
                let outcome = batch.exceptions[change.sequence] ?? .succeeded
                return Record(
                    change: change, outcome: outcome, httpStatus: outcome.reason?.httpStatus ?? batch.httpStatus,
                    attempts: batch.attempts, mayLandUntil: batch.mayLandUntil)
            }
        }
        let failed = records.filter { $0.outcome.kind != .succeeded && $0.outcome.kind != .rejected }
        leaveToTheNextRun(failed.map(\.change), run, now: now)
        apply(records, run: run.id, sync: run.sync, run.entrySet, log, now: now)
        try saveProgress(run)
    }

    mutating func apply(
        _ records: [Record], run: String, sync: String, _ entries: EntrySet?, _ log: LogSettings, now: Date
    ) {
        if let entries {
            let place = MemoryState.Place(sync: sync, entries: entries)
            if entries == .records(.events) {
                for record in records { settle(record, of: sync, run: run, now: now) }
            } else {
                for record in records { supersede(record, place, run: run, now: now) }
                outdate(by: records, place, run: run)
                for record in records { carryOut(.own, on: record.change, record, place, run, now) }
            }
            for record in records { doubt(record, place) }
        }
        for record in records {
            let status = record.outcome.kind.logStatus
            // That an event waits is said once.
            let isSaid = record.outcome.kind == .waiting && record.change.event?.isWaiting == true
            if log.retain && !isSaid && (log.records == .all || record.outcome != .succeeded) {
                write(
                    run, sync, record.change, status: status, reason: record.outcome.reason,
                    httpStatus: record.httpStatus, attempts: record.attempts, now: now)
            }
        }
        let done = Set(records.map(\.change.sequence))
        outbox[run]?.removeAll { change in
            let hangsOnAnother = change.kind == .supersede || change.kind == .outdate
            return done.contains(change.sequence) || (hangsOnAnother && change.parent.map(done.contains) == true)
        }
    }

    private mutating func supersede(_ record: Record, _ place: Place, run: String, now: Date) {
        for older in outbox[run] ?? [] where older.kind == .supersede && older.parent == record.change.sequence {
            carryOut(.superseded, on: older, record, place, run, now)
        }
    }

    /// Requests that can land no more, but for renames: whether they were made is not known.
    mutating func forgetSettled(_ sync: String, _ now: Date) {
        inDoubt.removeAll { doubt in
            guard doubt.place.sync == sync, doubt.request.mayLandUntil < now else { return false }
            guard doubt.request.operation == .rename, let fingerprint = doubt.request.fingerprint else { return true }
            let entry = members[doubt.place]?[fingerprint]
            return entry.map { $0.member.identity.email == doubt.request.identity.email } ?? true
        }
    }

    private mutating func doubt(_ record: Record, _ place: Place) {
        if record.change.operation == .rename, record.outcome.kind != .notAttempted {
            inDoubt.removeAll { doubt in
                doubt.place == place && doubt.request.operation == .rename
                    && doubt.request.fingerprint == record.change.fingerprint
            }
        }
        guard let mayLandUntil = record.mayLandUntil, record.outcome.kind != .notAttempted else { return }
        inDoubt.append(
            InDoubt(
                place: place,
                request: RequestInDoubt(
                    identity: record.change.identity, operation: record.change.operation, mayLandUntil: mayLandUntil,
                    fingerprint: record.change.record == nil ? nil : record.change.fingerprint,
                    content: record.change.putContent)))
    }

    private mutating func carryOut(
        _ relation: EntryTransition.Relation, on change: Change, _ record: Record, _ place: Place, _ run: String,
        _ now: Date
    ) {
        let old = members[place]?[change.fingerprint]
        let write = EntryTransition.next(
            relation, old?.member.mark, record.change.operation.direction, record.outcome.kind,
            mayStillLand: record.mayLandUntil != nil,
            isSame: relation != .own || record.change.operation.direction == .remove || isSame(change, place))
        let newlyHeld = relation == .own ? held(record) : nil
        switch write {
        case .keep:
            if old != nil, let newlyHeld { valuesHeld[place, default: [:]][change.fingerprint] = newlyHeld }
            if relation == .own, change.operation == .rename, record.outcome == .succeeded, let old {
                let renamed = identity(change, record, old.member.identity)
                members[place]?[change.fingerprint]?.member.identity = renamed
                if renamed != old.member.identity {
                    members[place]?[change.fingerprint]?.sinceRunID = run
                    members[place]?[change.fingerprint]?.since = now
                }
            }
        case .drop:
            members[place]?[change.fingerprint] = nil
            forgetContent(of: change.fingerprint, place)
        case .put(let mark):
            let identity = identity(change, record, old?.member.identity)
            // Of a member of a list the fingerprint says who it is.
            let isSame = old?.member.state == mark.state && (change.record == nil || old?.member.identity == identity)
            var member = Member(
                fingerprint: change.fingerprint, identity: identity,
                state: mark.state,
                listed: mark.listed, record: change.record)
            if mark.state == .rejected { member.rejection = rejection(record) ?? old?.member.rejection }
            members[place, default: [:]][change.fingerprint] = MemberEntry(
                member: member, sinceRunID: isSame ? old?.sinceRunID ?? run : run,
                since: isSame ? old?.since ?? now : now)
            if old == nil || newlyHeld != nil { valuesHeld[place, default: [:]][change.fingerprint] = newlyHeld }
            let isPut = relation == .own && record.change.operation.direction == .put
            keepContent(change, place, isPut: isPut, old?.member.mark, mark)
        }
    }

    /// A record may get another identifier; one that its row does not name any more is still its own in Iterable.
    private func identity(_ change: Change, _ record: Record, _ old: Identity?) -> Identity {
        // Only where the change that names it succeeded.
        if let old, change.record == nil || record.outcome != .succeeded { return old }
        return Identity(email: change.identity.email ?? old?.email, userID: change.identity.userID ?? old?.userID)
    }

    /// The fields that hold a value after the outcome of a change that puts something; nil: those of before.
    private func held(_ record: Record) -> FieldBits? {
        guard let held = record.change.held, record.change.operation.direction == .put else { return nil }
        let mayStillLand = record.mayLandUntil != nil
        switch record.outcome.kind {
        case .succeeded: return held.ifDone
        case .unknown: return held.ifInDoubt
        case .failed, .rejected: return mayStillLand ? held.ifInDoubt : nil
        case .notAttempted, .waiting: return nil
        }
    }

    private func rejection(_ record: Record) -> FailureReason? {
        guard case .rejected(let reason) = record.outcome else { return nil }
        return FailureReason(code: reason.code, reason: reason.reason, httpStatus: record.httpStatus)
    }

    // MARK: Without a request

    mutating func applyLocalChanges(
        _ run: SyncRun, _ log: LogSettings, now: Date
    ) throws(WarehouseError) -> PerOperation {
        let place = Place(sync: run.sync, entries: run.entrySet ?? .list(0))
        var parked = PerOperation()
        for change in outbox[run.id] ?? [] where change.kind == .parked {
            parked[change.operation] += 1
            let refusal =
                change.refusal.map { FailureReason(code: $0.code, reason: $0.reason) }
                ?? members[place]?[change.fingerprint]?.member.rejection ?? .refusedEarlier
            if log.retain {
                write(
                    run.id, run.sync, change, status: "failed", reason: refusal, httpStatus: refusal.httpStatus,
                    attempts: 0, now: now)
            }
        }
        for change in outbox[run.id] ?? [] where change.kind == .forget {
            guard let mark = members[place]?[change.fingerprint]?.member.mark, EntryTransition.isForgotten(mark) else {
                continue
            }
            members[place]?[change.fingerprint] = nil
            forgetContent(of: change.fingerprint, place)
        }
        for change in outbox[run.id] ?? [] where change.kind == .release {
            members[place]?[change.fingerprint]?.member.listed = false
        }
        applyLocalEvents(run, log, now: now)
        outbox[run.id]?.removeAll { [.parked, .forget, .release, .skip, .wait].contains($0.kind) }
        if let index = runs.firstIndex(where: { $0.run.id == run.id }) {
            if run.listID != nil { runs[index].run.listID = run.listID }
            if runs[index].run.status == .running { runs[index].run.counts.addFailed(parked) }
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
            let records = lost.map {
                Record(
                    change: $0, outcome: .unknown(.answerNotRecorded), httpStatus: nil, attempts: 1,
                    mayLandUntil: now.addingTimeInterval(settleSeconds))
            }
            leaveToTheNextRun(outbox[orphan.run.id] ?? [], orphan.run, now: now)
            apply(records, run: orphan.run.id, sync: sync, orphan.run.entrySet, log, now: now)
            let isEmpty = hasEmptyOutbox(orphan.run.id)
            giveUpRest(orphan.run, .endedBeforeSending, log, now: now)
            guard let index = runs.firstIndex(where: { $0.run.id == orphan.run.id }) else { continue }
            var unknown = PerOperation()
            for change in lost { unknown[change.operation] += 1 }
            runs[index].run.interrupt(unknown: unknown, at: now)
            let isDone = isEmpty && runs[index].run.counts.notAttempted.total == 0
            moveCursor(of: orphan.run.id, sync, isDone: isDone)
        }
        return orphans.compactMap { self.run($0.run.id) }
    }
}
