import RollcallCore
import Warehouse

extension EventOracle {
    private var rows: [StoredEvent] { store.state.sortedEvents(of: "tracks") }

    /// After a run: what is known as sent was taken.
    func hasEnded() {
        for event in rows where event.state == .sent {
            guard let id = event.id, let key = keys[id] else {
                violated("an event is known as sent, and no row has its id")
                continue
            }
            if acknowledged[key] == nil { violated("\(key) is known as sent, and was never acknowledged") }
        }
    }

    /// Faults have stopped, enough runs have ended, and everybody had time to appear: each event is there once.
    func judgeEnd() {
        for event in rows where event.state.isUnfinished && !isContested(event.recordKey ?? "", meaning) {
            violated("\(event.recordKey ?? "") is still \(event.state), though everything has had its time")
        }
        for id in events.events.keys.sorted() {
            guard let key = keys[id] else {
                violated("there is an event under \(id), which is the id of no row")
                continue
            }
            let isMeant = acknowledged[key] != nil || backfilled.contains(key) || discarded.contains(key)
            if pardoned[key]?.contains(.wasThereBefore) == true && !isMeant {
                violated("\(key) is there, which was there before the first run")
            }
        }
        for (key, event) in meaning.wanted.sorted(by: { $0.key < $1.key }) { judge(key, event) }
        oracle.saw("events came to rest")
    }

    private func judge(_ key: String, _ event: Visits.Meaning.Event) {
        if pardoned[key]?.isEmpty == false || refused.contains(key) { return }
        guard let id = meaning.ids[key], let there = events.events[id] else {
            // Its person has never appeared, or the row is another person's now.
            if events.refusal(of: event.content) == nil { violated("\(key) is missing") }
            return
        }
        if tracks.updates && !stale.contains(key) && there.content != event.content {
            // What is refused now leaves what was there before.
            if events.refusal(of: event.content) != nil { return }
            violated("\(key) is \(there.content.summary), and the row says \(event.content.summary)")
        }
        if let kept = store.state.cursors["tracks"]?.keepFrom, let position = event.position, position < kept { return }
        if row(of: key)?.state != .sent { violated("\(key) is there and not known as sent") }
    }
}
