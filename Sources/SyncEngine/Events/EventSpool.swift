import Foundation
import RollcallCore

/// One event of a plan.
struct EventEntry {
    var kind: ChangeKind
    var fingerprint: Fingerprint
    /// The text of the key.
    var key: String
    var content: Int64
    var identity: Identity
    var event: EventReference
    /// As it is sent; empty for one that is skipped.
    var payload: [UInt8]
    /// With ``ChangeKind/parked`` and ``ChangeKind/wait``: why it is not sent.
    var refusal: FailureReason?

    /// Has the event sent under another id.
    mutating func take(id: String) {
        payload.replaceSubrange(..<EventRow.beginning(id: event.id).count, with: EventRow.beginning(id: id))
        event.id = id
    }
}

/// The events of a plan, in bounded memory but for what says their order. One task writes it, then it is read any number of times.
// SAFETY: it is written by the thread that compares (``EventDiff``), then by the planner alone, and read only after that.
final class EventSpool: @unchecked Sendable {
    /// Where an event is, and where it stands among others.
    struct Place {
        var order: Int64
        var fingerprint: Fingerprint
        /// A hash of its person.
        var person: UInt64
        fileprivate var start: Int
        fileprivate var size: Int
        var kind: ChangeKind
        /// With ``ChangeKind/parked`` and ``ChangeKind/wait``: why it is not sent, if it is not for want of its person.
        var cause: Cause?
        var isLedger: Bool
        /// Whether it was sent, and nothing is known of it.
        var isInDoubt: Bool
    }

    enum Cause {
        /// An earlier event of its person waits.
        case isBehindAnother
        /// It happened longer ago than a stream may send it.
        case isTooOld
    }

    private let sent = Spool()
    private let skipped = Spool()
    /// Of the events that are sent or wait.
    private(set) var places: [Place] = []
    /// Of events that the source replaces: since when they are known, and whether they wait.
    private var earlier: [Fingerprint: (firstSeen: Date, isWaiting: Bool)] = [:]
    /// Of events that were sent under another id than their keys give now: that id.
    private var ids: [Fingerprint: String] = [:]

    /// - Parameters:
    ///   - person: a hash of the person.
    ///   - isInDoubt: whether it was sent, and nothing is known of it.
    ///   - isLedger: whether it comes from what earlier runs have left, and not from the source.
    func add(_ entry: EventEntry, person: UInt64, isLedger: Bool = false, isInDoubt: Bool = false) throws {
        let spool = entry.kind == .skip ? skipped : sent
        let start = spool.byteCount
        Self.write(entry, to: spool)
        if entry.kind != .skip {
            places.append(
                Place(
                    order: entry.event.order, fingerprint: entry.fingerprint, person: person,
                    start: start, size: spool.byteCount - start, kind: entry.kind, cause: nil, isLedger: isLedger,
                    isInDoubt: isInDoubt))
        }
        try spool.endRecord()
    }

    func entry(at place: Place) throws -> EventEntry {
        let copy = Spool()
        try sent.withBytes(at: place.start, count: place.size) { copy.append(raw: $0) }
        var entry = try Self.read(copy.makeReader())
        if let known = earlier[entry.fingerprint] {
            (entry.event.firstSeen, entry.event.isWaiting) = (known.firstSeen, known.isWaiting)
        }
        if let id = ids[entry.fingerprint] { entry.take(id: id) }
        return entry
    }

    /// Says of an event since when it is known: its row takes the place of what an earlier run has left.
    func replace(_ key: Fingerprint, _ event: EventReference) { earlier[key] = (event.firstSeen, event.isWaiting) }

    /// Says of an event under which id it was sent: it is sent again under that one.
    func keep(id: String, of key: Fingerprint) { ids[key] = id }

    /// Puts the events in the order in which they are sent, and leaves out those that `isWanted` does not want.
    func arrange(_ isWanted: (Place) -> Bool) throws {
        places.removeAll { !isWanted($0) }
        // Only the events of one person have an order; persons are kept together where times are equal.
        places.sort { ($0.order, $0.person, $0.start) < ($1.order, $1.person, $1.start) }
        var start = 0
        while start < places.count {
            var end = start + 1
            while end < places.count, places[end].order == places[start].order,
                places[end].person == places[start].person
            { end += 1 }
            if end - start > 1 { try arrangeByKey(start..<end) }
            start = end
        }
    }

    private func arrangeByKey(_ range: Range<Int>) throws {
        var keyed = try places[range].map { (key: try entry(at: $0).key, place: $0) }
        keyed.sort { Self.precedes($0.key, $1.key) }
        places.replaceSubrange(range, with: keyed.map(\.place))
    }

    /// Whole numbers by their value, then everything else by its bytes.
    private static func precedes(_ first: String, _ second: String) -> Bool {
        switch (Int64(first), Int64(second)) {
        case (let one?, let other?): one < other
        case (.some, nil): true
        case (nil, .some): false
        case (nil, nil): first.utf8.lexicographicallyPrecedes(second.utf8)
        }
    }

    func change(_ index: Int, kind: ChangeKind, for cause: Cause? = nil) {
        places[index].kind = kind
        places[index].cause = cause
    }

    /// Whether nothing is sent, waits or is skipped.
    var isEmpty: Bool { places.isEmpty && skipped.byteCount == 0 }

    func makeSkipReader() -> SkipReader { SkipReader(skipped.makeReader()) }

    final class SkipReader {
        private let reader: Spool.Reader

        init(_ reader: Spool.Reader) { self.reader = reader }

        func next() throws -> EventEntry? { try reader.isAtEnd() ? nil : try EventSpool.read(reader) }
    }

    // MARK: Bytes

    private static func write(_ entry: EventEntry, to spool: Spool) {
        spool.append(byte: UInt8(ChangeKind.allCases.firstIndex(of: entry.kind) ?? 0))
        spool.append(byte: entry.event.isWaiting ? 1 : 0)
        spool.append(number: entry.fingerprint.high)
        spool.append(number: entry.fingerprint.low)
        spool.append(text: entry.key)
        spool.append(number: UInt64(bitPattern: entry.content))
        spool.append(text: entry.identity.email)
        spool.append(text: entry.identity.userID)
        spool.append(text: entry.event.id)
        spool.append(text: entry.event.name)
        spool.append(number: UInt64(bitPattern: entry.event.order))
        spool.append(byte: entry.event.position == nil ? 0 : 1)
        spool.append(number: UInt64(bitPattern: entry.event.position ?? 0))
        spool.append(number: entry.event.firstSeen.timeIntervalSince1970.bitPattern)
        spool.append(text: entry.refusal?.code)
        spool.append(text: entry.refusal?.reason)
        entry.payload.withUnsafeBytes { spool.append(bytes: $0) }
    }

    private static func read(_ reader: Spool.Reader) throws -> EventEntry {
        let kind = ChangeKind.allCases[Int(try reader.byte())]
        let isWaiting = try reader.byte() == 1
        let fingerprint = try Fingerprint(high: reader.number(), low: reader.number())
        let key = try reader.text() ?? ""
        let content = Int64(bitPattern: try reader.number())
        let identity = Identity(email: try reader.text(), userID: try reader.text())
        let (id, name) = (try reader.text() ?? "", try reader.text() ?? "")
        let order = Int64(bitPattern: try reader.number())
        let hasPosition = try reader.byte() == 1
        let position = Int64(bitPattern: try reader.number())
        let firstSeen = Date(timeIntervalSince1970: Double(bitPattern: try reader.number()))
        let (code, reason) = (try reader.text(), try reader.text())
        return EventEntry(
            kind: kind, fingerprint: fingerprint, key: key, content: content, identity: identity,
            event: EventReference(
                id: id, name: name, order: order, position: hasPosition ? position : nil, firstSeen: firstSeen,
                isWaiting: isWaiting),
            payload: try reader.bytes() ?? [],
            refusal: code.map { FailureReason(code: $0, reason: reason ?? "") })
    }
}
