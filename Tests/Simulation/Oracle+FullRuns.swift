import RollcallCore
import Warehouse

extension Oracle {
    /// What a full run was to send once more, and did not, must be sent by the next run.
    func judgeUnsent(_ run: SyncRun, _ changes: [Change]) {
        guard run.full, let entries = run.entrySet else { return }
        let place = MemoryState.Place(sync: run.sync, entries: entries)
        for change in changes
        where change.kind == .send && change.operation.direction == .put && change.operation != .rename {
            guard let member = store.state.members[place]?[change.fingerprint]?.member, member.state == .subscribed
            else {
                continue
            }
            if store.state.isSame(change, place) {
                let name = change.record?.key ?? "\(change.identity)"
                violated("the full run \(run.id) has not sent \(name), and the next one will not")
            }
            saw("a full run left a rest")
        }
    }
}

extension History {
    /// The run has ended without these changes, or they had outcomes that are no success.
    func hasLeft(_ run: SyncRun, _ changes: [Change]) {
        guard run.full else { return }
        oracle.judgeUnsent(run, changes)
        if run.kind == .list { listFields.hasLeft(changes) }
    }
}

extension Change {
    /// Whether the change has one of these outcomes, and no success.
    func hasFailed(_ outcomes: [BatchOutcome]) -> Bool {
        outcomes.contains { batch in
            guard kind == .send, operation == batch.operation, batch.sequences.contains(sequence) else { return false }
            let outcome = batch.exceptions[sequence]?.kind ?? .succeeded
            return outcome != .succeeded && outcome != .rejected
        }
    }
}
