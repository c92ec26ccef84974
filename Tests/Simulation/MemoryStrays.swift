import Foundation
import RollcallCore
import Warehouse

/// Notes of what was sent without a lease.
extension MemoryState {
    mutating func noteStrays(_ run: SyncRun, _ changes: [Change], mayLandUntil: Date) {
        guard let entries = run.entrySet else { return }
        for change in changes
        where !strays.contains(where: { $0.run == run.id && $0.change.sequence == change.sequence }) {
            strays.append(
                Stray(
                    place: Place(sync: run.sync, entries: entries), run: run.id, change: change,
                    mayLandUntil: mayLandUntil))
        }
        strays.sort { ($0.run, $0.change.sequence) < ($1.run, $1.change.sequence) }
    }

    mutating func applyStrayNotes(_ sync: String, now: Date) -> Int {
        let notes = strays.filter { $0.place.sync == sync }
        strays.removeAll { $0.place.sync == sync }
        let entries = members.filter { $0.key.sync == sync }.flatMap { place, entries in
            entries.map { fingerprint, entry in
                var noted = NotedEntry(
                    entries: place.entries, fingerprint: fingerprint, identity: entry.member.identity,
                    record: entry.member.record, content: content(of: fingerprint, place), mark: entry.member.mark)
                noted.held = valuesHeld[place]?[fingerprint] ?? FieldBits()
                return noted
            }
        }
        // An event that comes twice is one event: there is nothing to put right.
        let others = notes.filter { $0.place.entries != .records(.events) }
        for entry in StrayNotes.apply(others.map(\.note), entries) { put(entry, sync, now: now) }
        for note in notes where note.mayLandUntil > now || note.change.operation == .rename {
            inDoubt.append(
                InDoubt(
                    place: note.place,
                    request: RequestInDoubt(
                        identity: note.change.identity, operation: note.change.operation,
                        mayLandUntil: note.mayLandUntil,
                        fingerprint: note.change.record == nil ? nil : note.change.fingerprint,
                        content: note.change.putContent)))
        }
        return notes.count
    }

    private mutating func put(_ noted: NotedEntry, _ sync: String, now: Date) {
        guard let mark = noted.mark else { return }
        let place = Place(sync: sync, entries: noted.entries)
        if noted.record == nil, members[place]?[noted.fingerprint] == nil, let content = noted.content {
            contents[place, default: [:]][noted.fingerprint] = content
        }
        var entry =
            members[place]?[noted.fingerprint]
            ?? MemberEntry(
                member: Member(
                    fingerprint: noted.fingerprint, identity: noted.identity, state: mark.state, listed: mark.listed,
                    record: noted.record),
                sinceRunID: "", since: now)
        entry.member.state = mark.state
        entry.member.listed = mark.listed
        if let run = noted.changedBy { (entry.sinceRunID, entry.since) = (run, now) }
        members[place, default: [:]][noted.fingerprint] = entry
        valuesHeld[place, default: [:]][noted.fingerprint] = noted.held.isEmpty ? nil : noted.held
    }
}

extension MemoryState.Stray {
    fileprivate var note: StrayNote {
        StrayNote(
            runID: run, entries: place.entries, fingerprint: change.fingerprint, identity: change.identity,
            record: change.record, content: change.content, operation: change.operation, mayLandUntil: mayLandUntil,
            held: change.held?.ifInDoubt)
    }
}
