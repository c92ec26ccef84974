import RollcallCore
import Warehouse

/// Items that a run reads back, as Iterable accepted them some time ago and says nothing of what became of each.
struct ItemChecks: Sendable {
    /// What is due.
    let due: [ItemCheck]
    /// Items that one run looks at.
    let most: Int
    /// Chooses those of the items that the run puts which later ones read back.
    let sample: ItemSample
    /// Looks at one item.
    let look: @Sendable (CatalogRequest.Item) async throws(DestinationError) -> ItemFinding

    /// The same, where later runs read back fewer items.
    func telling(of items: Int, runID: String) -> ItemChecks {
        ItemChecks(due: due, most: most, sample: ItemSample(limit: min(items, most), runID: runID), look: look)
    }

    /// Reads back what is due, as far as the rows are as they were put, one item after the other.
    func carryOut(_ diff: RecordDiff, _ stop: StopSignal) async -> ItemVerdicts {
        var verdicts = ItemVerdicts()
        let unchanged = diff.unchangedItems
        for check in due where stop.reason == nil {
            // A check of what was put before is still there where the item was put again with other content.
            guard let entry = unchanged[check.fingerprint], entry.record.content == check.content else {
                // Of one whose row has changed, or gone, the row may be as it was before anything else of it is sent.
                if !diff.stands(check) { verdicts.notes.done.append(check) }
                continue
            }
            if verdicts.looks == most { continue }
            let item = CatalogRequest.Item(id: entry.record.itemID ?? entry.record.key, document: entry.payload)
            do throws(DestinationError) {
                verdicts.add(try await look(item), of: check, entry)
            } catch {
                // What cannot be read now is read by the next run: no run fails, or waits, for it.
                verdicts.unread = error.error
                return verdicts
            }
        }
        return verdicts
    }
}

/// What was found.
struct ItemVerdicts: Sendable {
    /// Items that are put again.
    private(set) var again: [RecordSpool.Entry] = []
    /// Items that were put again before, and are not as they were put all the same.
    private(set) var setAside: [RecordSpool.Entry] = []
    private(set) var verified = 0
    /// Why the rest was not looked at.
    fileprivate(set) var unread: RunError?
    fileprivate(set) var notes = ItemCheckNotes()

    fileprivate var looks: Int { verified + notVerified }
    var notVerified: Int { again.count + setAside.count }

    fileprivate mutating func add(_ finding: ItemFinding, of check: ItemCheck, _ entry: RecordSpool.Entry) {
        switch finding {
        case .same:
            verified += 1
            notes.done.append(check)
        case .differs, .missing:
            if check.hasFailed {
                setAside.append(entry)
                notes.setAside.append(check)
                notes.reason = Self.reason(isLast: true)
            } else {
                again.append(entry)
                notes.added.append(
                    ItemCheck(fingerprint: check.fingerprint, content: check.content, hasFailed: true))
            }
        }
    }

    /// The changes that fail: each item that is not as it was put has one.
    var failures: [(entry: RecordSpool.Entry, reason: FailureReason)] {
        again.map { ($0, Self.reason(isLast: false)) } + setAside.map { ($0, Self.reason(isLast: true)) }
    }

    private static func reason(isLast: Bool) -> FailureReason {
        FailureReason(
            code: "not_verified",
            reason: isLast
                ? "Iterable accepted the item twice and does not have it as it was put; it is not put again until its row changes."
                : "Iterable accepted the item and does not have it as it was put; it is put again.")
    }

    /// In whole sentences, for people.
    var texts: [String] {
        var texts: [String] = []
        if verified + notVerified > 0 {
            let failed = notVerified == 0 ? "" : "; put again: \(again.count), set aside: \(setAside.count)"
            texts.append(
                "Of \(verified + notVerified) items read back, \(verified) are as they were put\(failed).")
        }
        if let unread {
            texts.append("Items were not read back, which the next run does: \(unread.message)")
        }
        return texts
    }
}

/// The items of a plan that are to be read back by a later run: a random sample. One task fills it.
final class ItemSample: @unchecked Sendable {
    // SAFETY: `stage` reads the plan from one thread at a time, and it is asked for its items once that has ended.
    private let limit: Int
    private let salt: UInt64
    /// By rank, the lowest first.
    private var chosen: [(rank: UInt64, check: ItemCheck)] = []

    /// - Parameter runID: another run chooses others.
    init(limit: Int, runID: String) {
        self.limit = limit
        // FNV-1a.
        salt = runID.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }

    /// Begins from the start.
    func reset() { chosen.removeAll() }

    func add(_ change: Change) {
        guard change.kind == .send, change.operation == .put, let record = change.record else { return }
        let rank = Self.mixed(change.fingerprint.low ^ salt)
        if chosen.count == limit, let last = chosen.last, rank >= last.rank { return }
        let place = chosen.firstIndex { $0.rank > rank } ?? chosen.endIndex
        chosen.insert((rank, ItemCheck(fingerprint: change.fingerprint, content: record.content)), at: place)
        if chosen.count > limit { chosen.removeLast() }
    }

    var checks: [ItemCheck] { chosen.map(\.check) }

    /// The last step of SplitMix64, so that every bit of the number counts.
    private static func mixed(_ number: UInt64) -> UInt64 {
        var mixed = number
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

extension Plan {
    /// What a run notes of items to be read back once its plan is staged: what was found, and which items later runs read back.
    /// - Parameter isHeld: a held run may never be carried out. Where it is not, what was found is found again by the next one; where it
    ///   is, what it puts is read back some time after that.
    func itemNotes(isHeld: Bool) -> ItemCheckNotes {
        guard let records = changes as? RecordChanges else { return ItemCheckNotes() }
        var notes = records.verdicts.notes
        if isHeld { (notes.done, notes.setAside, notes.isHeld) = ([], [], true) }
        let others = Set(notes.added.map(\.fingerprint))
        let again = Set(records.verdicts.again.map(\.fingerprint))
        notes.added += (records.sample?.checks ?? []).filter {
            !others.contains($0.fingerprint) && !again.contains($0.fingerprint)
        }
        return notes
    }
}
