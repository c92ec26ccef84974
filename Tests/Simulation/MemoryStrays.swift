import Foundation
import RollcallCore
import Warehouse

/// Notes of what was sent without a lease: the table of `Warehouse.settleStrays`, note by note.
extension MemoryState {
    mutating func noteStrays(_ run: SyncRun, _ changes: [Change], settlesAt: Date) {
        guard let list = run.listID else { return }
        for change in changes
        where !strays.contains(where: { $0.run == run.id && $0.change.sequence == change.sequence }) {
            strays.append(
                Stray(place: Place(sync: run.sync, list: list), run: run.id, change: change, settlesAt: settlesAt))
        }
        strays.sort { ($0.run, $0.change.sequence) < ($1.run, $1.change.sequence) }
    }

    mutating func settleStrays(_ sync: String, now: Date) -> Int {
        let notes = strays.filter { $0.place.sync == sync }
        strays.removeAll { $0.place.sync == sync }
        for note in notes.reversed() where note.change.operation == .unsubscribe {
            doubt(note, from: [.subscribed, .subscribing], to: .unsubscribing, now: now)
        }
        for note in notes.reversed() where note.change.operation == .subscribe {
            doubt(note, from: [.subscribed], to: .subscribing, except: note.change.fingerprint, now: now)
        }
        for note in notes.reversed() where note.change.operation == .subscribe {
            if members[note.place]?[note.change.fingerprint] != nil {
                members[note.place]?[note.change.fingerprint]?.member.listed = true
                continue
            }
            members[note.place, default: [:]][note.change.fingerprint] = MemberEntry(
                member: Member(
                    fingerprint: note.change.fingerprint, identity: note.change.identity, state: .subscribing,
                    listed: true), sinceRunID: note.run, since: now)
        }
        for note in notes where note.settlesAt > now {
            settling.append(
                Settling(
                    place: note.place,
                    request: SettlingRequest(
                        identity: note.change.identity, operation: note.change.operation, settlesAt: note.settlesAt)))
        }
        return notes.count
    }

    private mutating func doubt(
        _ note: Stray, from states: Set<MemberState>, to state: MemberState, except own: Fingerprint? = nil, now: Date
    ) {
        let named = note.change.identity
        for (fingerprint, entry) in members[note.place] ?? [:] where fingerprint != own {
            let known = entry.member.identity
            let isShared =
                (named.email != nil && known.email == named.email)
                || (named.userID != nil && known.userID == named.userID)
            guard isShared, states.contains(entry.member.state) else { continue }
            members[note.place]?[fingerprint]?.member.state = state
            members[note.place]?[fingerprint]?.sinceRunID = note.run
            members[note.place]?[fingerprint]?.since = now
        }
    }
}
