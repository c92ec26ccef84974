import RollcallCore
import Warehouse

/// What a warehouse knows of the fields that members of lists were sent with: beside each entry the hash of these, as
/// `list_members` has it.
extension MemoryState {
    /// The hash of what an entry has; nil: a member of a list of whose fields nothing is known.
    func content(of fingerprint: Fingerprint, _ place: Place) -> Int64? {
        members[place]?[fingerprint]?.member.record?.content ?? contents[place]?[fingerprint]
    }

    /// Whether an entry has what a change puts. A member who is sent without fields has no content.
    func isSame(_ change: Change, _ place: Place) -> Bool {
        guard let put = change.putContent, members[place]?[change.fingerprint] != nil else { return true }
        return content(of: change.fingerprint, place) == put
    }

    /// The content of an entry that was put by the outcome of a change, where the entry is a member of a list.
    /// - Parameters:
    ///   - isPut: whether the change is the entry's own, and puts something.
    ///   - old: the entry before.
    mutating func keepContent(_ change: Change, _ place: Place, isPut: Bool, _ old: EntryMark?, _ mark: EntryMark) {
        guard isPut, change.record == nil else { return }
        if let content = change.content {
            contents[place, default: [:]][change.fingerprint] = content
        } else if old?.state != .subscribed && mark.state != .unsubscribing {
            // What was in doubt, or refused, is not known once the doubt or the refusal is gone.
            contents[place]?[change.fingerprint] = nil
        }
    }

    /// Takes away what is known of an entry beside its mark.
    mutating func forgetContent(of fingerprint: Fingerprint, _ place: Place) {
        valuesHeld[place]?[fingerprint] = nil
        contents[place]?[fingerprint] = nil
    }

    /// What other entries of the person say of their fields is void: see ``ChangeKind/outdate``.
    mutating func outdate(by records: [Record], _ place: Place, run: String) {
        let changes = outbox[run] ?? []
        for record in records {
            let mayBeDone = record.outcome.kind == .unknown || record.mayLandUntil != nil
            guard record.outcome == .succeeded || mayBeDone, record.outcome.kind != .notAttempted else { continue }
            for other in changes where other.kind == .outdate && other.parent == record.change.sequence {
                contents[place]?[other.fingerprint] = nil
                if record.outcome == .succeeded { valuesHeld[place]?[other.fingerprint] = nil }
            }
        }
    }
}
