import Foundation
import RollcallCore
import Warehouse

/// The rows that leave no event. A stream meets them again in each look, and counts them once.
extension EventDiff {
    /// Takes back that a row was read: in a stream, rows that were met before do not count.
    func uncount() { counts.rowsRead -= 1 }

    /// Counts a row that `event.names` leaves out, in a stream once. Most rows of a source may be such, so a stream remembers how many
    /// there were about a position, and not which; those that lie before its beginning were counted before it.
    func exclude(_ position: Int64?) {
        if let stream, let position {
            if let start = stream.startMark, position <= start { return uncount() }
            let place = position / (event.cells.isTime ? 1_000_000 : 1000)
            if stream.counted.add(UInt64(bitPattern: place), at: position) == 0 { return uncount() }
        }
        counts.excluded += 1
    }

    /// - Parameter hasKey: whether the row has a key, which the log then shows.
    func refuse(
        _ shown: (AudienceCell, AudienceCell), _ reason: FailureReason, hasKey: Bool = false,
        _ position: Int64? = nil
    ) throws {
        // A stream looks for rows without a position now and then; whether others of their key are sent may not depend on that.
        if hasKey, stream == nil || position != nil { noteRefused() }
        if let stream, let position {
            let hash = hasKey ? hash(of: subject.key, reason.code) : hash(of: shown, reason.code, position)
            if stream.counted.add(hash, at: position) == 0 { return uncount() }
        }
        counts.invalid += 1
        if let stream, position.map({ position in stream.startMark.map { position <= $0 } ?? false }) ?? true {
            oldInvalid += 1
        }
        try addInvalid(shown, withKey: hasKey, reason)
    }

    /// Of this reading: a row that is corrected before the next one holds up nothing there.
    private func noteRefused() {
        let fingerprint = subject.key.withUnsafeBytes { fingerprinter.fingerprint(record: $0) }
        let entry = table[fingerprint]
        guard isLookedInto(entry), entry.state != nil || !passesOverAll else { return }
        refused.insert(fingerprint)
        if entry.isSeen { noteBeside(fingerprint) }
    }

    /// Notes that a key has a row that cannot be sent, and another one, of which this is one.
    func noteBeside(_ fingerprint: Fingerprint) {
        if refusedBesideOthers[fingerprint] != nil { return }
        refusedBesideOthers[fingerprint] = RefusedRows(key: LoggedText.text(of: subject.key))
    }

    /// Notes that an event goes on with one of two identifiers; in a stream once.
    func note(_ dropped: FailureReason, _ shown: (AudienceCell, AudienceCell), _ position: Int64?) throws {
        if let stream, stream.counted.add(hash(of: subject.key, dropped.code), at: position) == 0 { return }
        try addInvalid(shown, isFailure: false, dropped)
    }

    /// - Parameter isFailure: false for a row that goes on without one of its identifiers.
    func addInvalid(
        _ shown: (AudienceCell, AudienceCell), withKey: Bool = true, isFailure: Bool = true, _ reason: FailureReason
    ) throws {
        try subject.key.withUnsafeBytes {
            try invalid.addInvalid(
                key: withKey ? $0 : nil, (shown.0.bytes, shown.1.bytes), isFailure: isFailure, reason)
        }
    }

    private func hash(of key: some Sequence<UInt8>, _ code: String) -> UInt64 {
        let bytes = Array(code.utf8) + [0] + Array(key)
        return bytes.withUnsafeBytes { fingerprinter.fingerprint(record: $0).high }
    }

    private func hash(of shown: (AudienceCell, AudienceCell), _ code: String, _ position: Int64) -> UInt64 {
        hash(
            of: "\(position) ".utf8 + (shown.0.bytes.map(Array.init) ?? []) + [0]
                + (shown.1.bytes.map(Array.init) ?? []), code)
    }

    /// How many of the rows of a key are counted: in a stream, those that no look has counted yet.
    func countedOnce(_ rows: Int, _ key: String, _ code: String, _ fingerprint: Fingerprint) -> Int {
        guard let stream else { return rows }
        return stream.counted.add(hash(of: Array(key.utf8), code), rows: rows, at: highest)
    }
}
