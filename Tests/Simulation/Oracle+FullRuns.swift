import RollcallCore
import Warehouse

extension Oracle {
    /// What a full run was to send once more, and did not, must not count as acknowledged: the next run would leave it out.
    func judgeUnsent(_ run: SyncRun, _ changes: [Change]) {
        guard run.full, let entries = run.entrySet else { return }
        let place = MemoryState.Place(sync: run.sync, entries: entries)
        for change in changes where change.kind == .send && change.operation.direction == .put {
            guard change.operation != .rename, let entry = store.state.members[place]?[change.fingerprint] else {
                continue
            }
            if entry.member.state == .subscribing { saw("a full run left a rest") }
            guard entry.member.state == .subscribed, store.state.isSame(change, place) else { continue }
            violated("the full run \(run.id) has not sent \(change.identity), who counts as acknowledged")
        }
    }
}

extension Change {
    /// Whether the change has one of these outcomes, and no success.
    func hasFailed(_ outcomes: [BatchOutcome]) -> Bool {
        outcomes.contains { batch in
            guard kind == .send, operation == batch.operation, batch.sequences.contains(sequence) else { return false }
            let outcome = batch.exceptions[sequence]?.kind ?? .succeeded
            return outcome != .succeeded
        }
    }
}
