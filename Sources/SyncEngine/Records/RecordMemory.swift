import Foundation
import RollcallCore
import Warehouse

/// What a stream of users or of a catalog knows between its looks: what was acknowledged, and what the last sweep has found in
/// the whole source.
// SAFETY: a stream looks at its source once at a time, and the rows of a look come from one thread.
final class RecordMemory: @unchecked Sendable {
    /// What was acknowledged; nil: it is to be read.
    var table: RecordTable?
    /// Rows that leave no change and were counted.
    var counted = CountedRows()
    /// Keys of which one row does not say what is right: the last sweep, or a look after it, has found rows that cannot be sent,
    /// that contradict each other, or that are of the same person as another key's. With the lowest position of those that cannot
    /// be sent; nil: none tells.
    private var doubtful: [Fingerprint: Int64?] = [:]
    /// Of keys with several rows, the one that a column says is the newest.
    private var newest: [Fingerprint: NewestRow] = [:]
    /// Of people: which record has an identifier, by its row or in Iterable.
    private var owners = FingerprintRows<PackedFingerprint>()
    /// Records that were planned and not taken, with the content that they had.
    private var failed: [Fingerprint: Int64] = [:]
    /// Records that were left out for a while, or have no answer: the cursor moves past their rows, and a later look reads those
    /// again.
    private(set) var leftOut: [Fingerprint: LeftOut] = [:]
    /// Whether the last sweep has left records waiting for an address to change hands.
    var hasWaiting = false
    /// Records that count as waiting: those of the last sweep, and those whose profiles a look has renamed, until they are sent.
    var waiting: Set<Fingerprint> = []

    // Of the present row of `sync_runs`.
    /// Acknowledged records whose content has become another one.
    var changed: Set<Fingerprint> = []
    /// Records whose profiles were given another address, or were to be.
    var renamed: Set<Fingerprint> = []
    /// What the looks between sweeps have counted.
    var counts = RunCounts()

    /// Gives the table away, so that it is not copied.
    func takeTable() -> RecordTable {
        defer { table = nil }
        return table ?? RecordTable()
    }

    func beginRow() { (changed, renamed, counts) = ([], [], RunCounts()) }

    // MARK: What a row must wait for

    /// Whether one of these identifiers is that of another record.
    func isOfAnother(_ names: [Fingerprint], than record: Fingerprint) -> Bool {
        names.contains { owners.number(of: $0).map { owners[$0].fingerprint != record } ?? false }
    }

    /// Whether the key has, or may have, another row that a look does not read.
    func mayHaveOtherRow(_ record: Fingerprint, outside window: RecordWindow) -> Bool {
        guard let lowest = doubtful[record] else { return false }
        return lowest.map { !window.contains($0) } ?? true
    }

    /// Whether the key has, or had when it was last read, a row that does not say what is right.
    func isDoubtful(_ record: Fingerprint) -> Bool { doubtful[record] != nil }

    /// Whether the record was planned with this content and not taken: it waits for the next sweep, or another content.
    func hasFailed(_ record: Fingerprint, _ content: Int64) -> Bool { failed[record] == content }

    func newestRow(_ record: Fingerprint) -> NewestRow? { newest[record] }

    /// Whether the record was sent with this content and has no answer, and is not to be sent again yet.
    func awaits(_ record: Fingerprint, _ content: Int64, at time: Date) -> Bool {
        guard let left = leftOut[record] else { return false }
        return left.pause != nil && left.content == content && left.until > time
    }

    /// What the next look reads because of records that were left out: rows from a position, and those without one.
    func due(at time: Date) -> (isAny: Bool, from: Int64?, withoutPosition: Bool) {
        let places = leftOut.values.lazy.filter { $0.until <= time }.compactMap(\.place)
        return (!places.isEmpty, places.compactMap(\.position).min(), places.contains(.withoutPosition))
    }

    /// Whether the last sweep has no answer for a record.
    var hasUnansweredOfSweep: Bool { leftOut.values.contains { $0.place == nil } }

    // MARK: After a look

    /// Forgets what was known of the source: a sweep has read all of it.
    func forgetSource() { (doubtful, newest, owners, failed, leftOut) = ([:], [:], FingerprintRows(), [:], [:]) }

    /// Forgets what a look between sweeps has judged again, as it has read all of its window.
    func forget(_ records: some Sequence<Fingerprint>, judgedBy look: RecordLook) {
        for record in records {
            if case let position?? = doubtful[record], look.window.contains(position) { doubtful[record] = nil }
        }
        leftOut = leftOut.filter { _, left in
            guard left.until <= look.time else { return true }
            return switch left.place {
            case .at(let position): !look.window.contains(position)
            case .withoutPosition: !look.takesRowsWithoutPosition
            case nil: true
            }
        }
    }

    /// - Parameter position: the lowest of its rows that cannot be sent; nil: only a sweep tells what is right.
    func doubt(_ record: Fingerprint, since position: Int64?) {
        guard let known = doubtful[record] else { return doubtful[record] = .some(position) }
        doubtful[record] = .some(known.flatMap { known in position.map { min($0, known) } })
    }

    func note(_ rows: [Fingerprint: NewestRow]) { newest.merge(rows) { $0.rank > $1.rank ? $0 : $1 } }

    /// - Parameter left: where a record has several rows, the lowest position counts.
    func leaveOut(_ record: Fingerprint, _ left: LeftOut) {
        var left = left
        if case .at(let known)? = leftOut[record]?.place, case .at(let position)? = left.place {
            left.place = .at(min(known, position))
        }
        (failed[record], leftOut[record]) = (nil, left)
    }

    /// Notes whose identifiers these are, as far as they are no other record's.
    func own(_ names: [Fingerprint: Fingerprint]) { for (name, record) in names { own(name, record) } }

    /// As ``own(_:)``, of the identifiers of the rows that were read.
    func own(_ persons: PersonContests?, in table: RecordTable) { persons?.forEachOwner(in: table, own) }

    private func own(_ name: Fingerprint, _ record: Fingerprint) {
        _ = owners.number(adding: name, PackedFingerprint(record))
    }

    func fail(_ record: Fingerprint, _ content: Int64) { (failed[record], leftOut[record]) = (content, nil) }

    func succeed(_ record: Fingerprint) { (failed[record], leftOut[record]) = (nil, nil) }
}

extension RecordMemory {
    /// The newest of several rows of a key.
    struct NewestRow: Sendable {
        var content: Int64
        var rank: Int64
    }

    /// A record that waits for a later look.
    struct LeftOut: Sendable {
        enum Place: Sendable, Equatable {
            case at(Int64)
            case withoutPosition

            init(_ position: Int64?) { self = position.map(Self.at) ?? .withoutPosition }

            var position: Int64? { if case .at(let position) = self { position } else { nil } }
        }

        var content: Int64
        /// Where its row is; nil: only a sweep looks for it.
        var place: Place?
        /// Before which time it is not sent.
        var until: Date
        /// In seconds, of one that was sent and has no answer: how long it is not sent again.
        var pause: Double?
    }
}

/// How one look of a stream at users or a catalog differs from a run.
struct RecordLook: Sendable {
    let memory: RecordMemory
    /// Of the warehouse, when it is made.
    let time: Date
    let window: RecordWindow
    let cursor: CursorCell
    /// Whether rows without a position are read.
    let takesRowsWithoutPosition: Bool
    /// How many records are taken at most; more end the reading.
    let mostNew: Int
    /// What rows that leave no change are counted by.
    let counted: CountedRows

    /// Whether only a part of the source is read.
    var isPartial: Bool { !window.isSweep }
}
