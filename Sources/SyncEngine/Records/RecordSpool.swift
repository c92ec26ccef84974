import RollcallCore

/// The records of a plan that are put or deleted, and the rows that are invalid, as they come, in bounded memory. One task
/// writes it, then it is read from the start any number of times.
// SAFETY: it is written by the thread that compares (``RecordDiff``), and read only after that has ended.
final class RecordSpool: @unchecked Sendable {
    /// A change before it has its place in the order.
    struct Entry {
        var kind: ChangeKind
        var operation: Operation
        var fingerprint: Fingerprint
        var record: RecordReference
        /// Empty where it is deleted.
        var payload: [UInt8]
        /// Whether the snapshot has the record.
        var isKnown: Bool
        /// Whether it may be in Iterable because of this sync, which has not let go of it.
        var isOwned = false
        /// Of people.
        var identity = Identity(email: nil, userID: nil)
        var held: HeldFields?
        /// New fields that the record has a value of, as places; see ``Canary``.
        var newFields = FieldBits()
        /// Those of them of which the value shows what type is meant.
        var shownFields = FieldBits()
        /// Of a stream: in the column of its cursor; nil: the row has none there.
        var position: Int64?
    }

    /// Of all its records.
    let kind: RecordKind
    private let puts = Spool()
    private let deletions = Spool()
    private let invalid = Spool()
    /// Whether the snapshot has one of its records.
    private(set) var hasKnown = false

    init(_ kind: RecordKind) { self.kind = kind }

    func add(_ entry: Entry) throws {
        let spool = entry.operation.direction == .put ? puts : deletions
        if entry.isKnown { hasKnown = true }
        spool.append(
            byte: Self.code(entry.kind) | (entry.isKnown ? Self.known : 0) | (entry.isOwned ? Self.owned : 0)
                | (entry.position == nil ? 0 : Self.placed))
        spool.append(byte: UInt8(kind.operations.firstIndex(of: entry.operation) ?? 0))
        spool.append(number: entry.fingerprint.high)
        spool.append(number: entry.fingerprint.low)
        spool.append(text: entry.record.key)
        // Mostly the same.
        spool.append(text: entry.record.itemID == entry.record.key ? nil : entry.record.itemID)
        spool.append(number: UInt64(bitPattern: entry.record.content))
        spool.append(text: entry.identity.email)
        spool.append(text: entry.identity.userID)
        append(entry.held?.ifDone, to: spool)
        append(entry.held?.ifInDoubt, to: spool)
        append(entry.newFields.isEmpty ? nil : entry.newFields, to: spool)
        if !entry.newFields.isEmpty { append(entry.shownFields, to: spool) }
        if let position = entry.position { spool.append(number: UInt64(bitPattern: position)) }
        entry.payload.withUnsafeBytes { spool.append(bytes: $0) }
        try spool.endRecord()
    }

    private func append(_ bits: FieldBits?, to spool: Spool) {
        guard let bits else { return spool.append(bytes: nil) }
        bits.bytes.withUnsafeBytes { spool.append(bytes: $0) }
    }

    /// - Parameter isFailure: false for a row that goes on without one of its identifiers.
    func addInvalid(
        key: UnsafeRawBufferPointer?, _ identity: (email: UnsafeRawBufferPointer?, userID: UnsafeRawBufferPointer?),
        isFailure: Bool = true, _ reason: FailureReason
    ) throws {
        invalid.append(byte: isFailure ? 1 : 0)
        invalid.append(cut: key, to: PlanSpool.loggedBytes)
        invalid.append(cut: identity.email, to: PlanSpool.loggedBytes)
        invalid.append(cut: identity.userID, to: PlanSpool.loggedBytes)
        try end(reason)
    }

    /// - Parameter identity: nil: it is not known.
    func addInvalid(_ key: String, _ identity: Identity?, _ reason: FailureReason) throws {
        invalid.append(byte: 1)
        invalid.append(cut: key, to: PlanSpool.loggedBytes)
        invalid.append(cut: identity?.email, to: PlanSpool.loggedBytes)
        invalid.append(cut: identity?.userID, to: PlanSpool.loggedBytes)
        try end(reason)
    }

    private func end(_ reason: FailureReason) throws {
        invalid.append(text: reason.code)
        invalid.append(text: reason.reason)
        try invalid.endRecord()
    }

    var hasInvalid: Bool { invalid.byteCount > 0 }

    private static let kindMask: UInt8 = 7
    private static let known: UInt8 = 8
    private static let placed: UInt8 = 16
    private static let owned: UInt8 = 32

    private static func code(_ kind: ChangeKind) -> UInt8 { UInt8(ChangeKind.allCases.firstIndex(of: kind) ?? 0) }

    /// Puts, then deletions.
    func makeReader() -> Reader { Reader(kind, puts.makeReader(), deletions.makeReader()) }
    func makeInvalidReader() -> InvalidReader { InvalidReader(invalid.makeReader()) }

    final class Reader {
        private let kind: RecordKind
        private let puts: Spool.Reader
        private let deletions: Spool.Reader

        init(_ kind: RecordKind, _ puts: Spool.Reader, _ deletions: Spool.Reader) {
            self.kind = kind
            self.puts = puts
            self.deletions = deletions
        }

        func next() throws -> Entry? {
            let isPut = try !puts.isAtEnd()
            let reader = isPut ? puts : deletions
            if try reader.isAtEnd() { return nil }
            let head = try reader.byte()
            let operation = kind.operations[Int(try reader.byte())]
            let fingerprint = try Fingerprint(high: reader.number(), low: reader.number())
            let key = try reader.text() ?? ""
            let itemID = try reader.text() ?? key
            var entry = try Entry(
                kind: ChangeKind.allCases[Int(head & RecordSpool.kindMask)], operation: operation,
                fingerprint: fingerprint,
                record: RecordReference(
                    key: key, itemID: kind == .catalog ? itemID : nil, content: Int64(bitPattern: reader.number())),
                payload: [], isKnown: head & RecordSpool.known != 0, isOwned: head & RecordSpool.owned != 0)
            entry.identity = Identity(email: try reader.text(), userID: try reader.text())
            let (ifDone, ifInDoubt) = (try reader.bytes(), try reader.bytes())
            if let ifDone, let ifInDoubt {
                entry.held = HeldFields(ifDone: FieldBits(bytes: ifDone), ifInDoubt: FieldBits(bytes: ifInDoubt))
            }
            entry.newFields = FieldBits(bytes: try reader.bytes() ?? [])
            if !entry.newFields.isEmpty { entry.shownFields = FieldBits(bytes: try reader.bytes() ?? []) }
            if head & RecordSpool.placed != 0 { entry.position = Int64(bitPattern: try reader.number()) }
            entry.payload = try reader.bytes() ?? []
            return entry
        }
    }

    final class InvalidReader {
        private let reader: Spool.Reader

        init(_ reader: Spool.Reader) { self.reader = reader }

        func next() throws -> ValidationRecord? {
            if try reader.isAtEnd() { return nil }
            let isFailure = try reader.byte() == 1
            let recordKey = try reader.bytes()
            return try ValidationRecord(
                isFailure: isFailure, email: reader.bytes(), userID: reader.bytes(), recordKey: recordKey,
                reason: FailureReason(code: reader.text() ?? "", reason: reader.text() ?? ""))
        }
    }
}
