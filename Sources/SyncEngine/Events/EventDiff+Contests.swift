import Foundation
import RollcallCore
import Warehouse

/// What is decided when all rows have come: which of the rows of one key is right, and which of the keys has an id.
extension EventDiff {
    /// Decides between the rows of one key, and the keys of one id.
    /// - Parameter known: ids that other keys were sent with.
    func resolveContests(known: [String: Fingerprint]) throws {
        for (id, owner) in owners where known[id].map({ $0 != owner }) ?? false { sharedIDs.insert(owner) }
        contestRefused()
        for (fingerprint, contest) in contests.sorted(by: { $0.key < $1.key }) {
            let isUncounted = table[fingerprint].isUncounted
            if contest.winner(.refuse) != nil {
                // The first row is the event, or in a stream was met before.
                let others = contest.rows - 1
                let counted = countedOnce(others, contest.key, "duplicate", fingerprint)
                counts.rowsRead -= others - counted
                counts.duplicates += counted
                continue
            }
            let reason = contest.refused == nil ? Self.differentRows : Self.refusedRow
            let counted = countedOnce(contest.rows, contest.key, reason.code, fingerprint)
            counts.rowsRead -= contest.rows - counted - (isUncounted ? 1 : 0)
            contradict(fingerprint, rows: counted)
            for _ in 0..<counted { try invalid.addInvalid(contest.key, nil, reason) }
        }
        for place in spool.places where !place.isLedger && !contradicted.contains(place.fingerprint) {
            let hasAnotherID = try hasAnotherID(place, known)
            guard hasAnotherID || sharedIDs.contains(place.fingerprint) else { continue }
            let (entry, reason) = (try spool.entry(at: place), hasAnotherID ? Self.changedID : Self.sharedID)
            let counted = countedOnce(1, entry.key, reason.code, place.fingerprint)
            counts.rowsRead -= 1 - counted
            contradict(place.fingerprint, rows: counted)
            if counted > 0 { try invalid.addInvalid(entry.key, entry.identity, reason) }
        }
    }

    /// A row that cannot be sent contradicts all others of its key, where it matters what they hold.
    private func contestRefused() {
        for (fingerprint, rows) in refusedBesideOthers {
            let entry = table[fingerprint]
            guard isLookedInto(entry), entry.state != nil || !passesOverAll else { continue }
            if contests[fingerprint] == nil {
                contests[fingerprint] = KeyContest(key: rows.key, content: entry.content ?? 0, rank: nil)
            }
            contests[fingerprint]?.refused = rows
        }
    }

    /// Whether nothing that is new is sent, whatever it holds.
    var passesOverAll: Bool { scope.only == nil && scope.rule == .from(nil) }

    private func contradict(_ fingerprint: Fingerprint, rows: Int) {
        contradicted.insert(fingerprint)
        if !table[fingerprint].isUncounted { counts.audience -= 1 }
        if table[fingerprint].isUnchanged { counts.unchanged -= 1 }
        counts.invalid += rows
    }

    /// Whether an event that was sent, or may have been, has another id in its column now: it would be a second event in Iterable.
    private func hasAnotherID(_ place: EventSpool.Place, _ known: [String: Fingerprint]) throws -> Bool {
        guard event.cells.id != nil, let state = table[place.fingerprint].state, state != .skipped else { return false }
        return known[try spool.entry(at: place).event.id] != place.fingerprint
    }

    /// Ids that columns give.
    var givenIDs: [String] { owners.keys.sorted() }

    private static let differentRows = FailureReason(
        code: "duplicate_key", reason: "Another row has the same key and another event; neither is sent.")
    private static let refusedRow = FailureReason(
        code: "duplicate_key", reason: "Another row has the same key and cannot be sent; neither is sent.")
    private static let changedID = FailureReason(
        code: "invalid_event_id", reason: "The event was sent with another id, and would be a second one with this.")
    private static let sharedID = FailureReason(
        code: "duplicate_key", reason: "Another key has the same event id; one would replace the other in Iterable.")
}
