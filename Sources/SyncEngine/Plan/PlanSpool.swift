import RollcallCore

/// The changes and validation records of a plan, as they come, in bounded memory. One task writes it, then it is read from
/// the start any number of times.
// SAFETY: it is written by the thread that compares (``AudienceDiff``), and read only after that has ended.
final class PlanSpool: @unchecked Sendable {
    /// A change before it has its place in the order.
    struct Entry {
        var kind: ChangeKind
        var operation: Operation
        var fingerprint: Fingerprint
        var identity: Identity
        /// Of one who enters, where members are sent with fields.
        var fields: FilledRow?
    }

    /// Whether members are sent with fields.
    private let hasFields: Bool
    private var entered = Spool()
    private let left = Spool()
    private let standing = Spool()
    private let records = Spool()

    /// Bytes of a value that are kept for the log; see ``Spool/append(cut:to:)``.
    static let loggedBytes = 1024

    init(hasFields: Bool = false) { self.hasFields = hasFields }

    /// - Parameter fields: only where members are sent with fields.
    func addEntered(
        _ kind: ChangeKind, _ fingerprint: Fingerprint, email: UnsafeRawBufferPointer?,
        userID: UnsafeRawBufferPointer?, fields: FilledRow? = nil
    ) throws {
        entered.append(byte: kind == .parked ? 1 : 0)
        entered.append(number: fingerprint.high)
        entered.append(number: fingerprint.low)
        entered.append(bytes: email)
        entered.append(bytes: userID)
        if hasFields { (fields ?? FilledRow(content: MemberTable.Content.none)).append(to: entered) }
        try entered.endRecord()
    }

    /// Takes out the entered entries for which `body` returns true. What `body` adds meanwhile is kept as it is.
    func removeEntered(where body: (Entry) throws -> Bool) throws {
        let reader = makeEnteredReader()
        entered = Spool()
        while let entry = try reader.next() {
            if try body(entry) { continue }
            try entry.identity.withBytes {
                try addEntered(entry.kind, entry.fingerprint, email: $0, userID: $1, fields: entry.fields)
            }
        }
    }

    func addLeft(_ kind: ChangeKind, _ member: Member) throws {
        left.append(byte: kind == .forget ? 1 : 0)
        left.append(number: member.fingerprint.high)
        left.append(number: member.fingerprint.low)
        left.append(text: member.identity.email)
        left.append(text: member.identity.userID)
        try left.endRecord()
    }

    func addRecord(
        isFailure: Bool, email: UnsafeRawBufferPointer?, userID: UnsafeRawBufferPointer?, _ reason: FailureReason
    ) throws {
        records.append(byte: isFailure ? 1 : 0)
        records.append(cut: email, to: PlanSpool.loggedBytes)
        records.append(cut: userID, to: PlanSpool.loggedBytes)
        records.append(text: reason.code)
        records.append(text: reason.reason)
        try records.endRecord()
    }

    /// Notes whom a row that cannot be sent stands for.
    func addStanding(_ fingerprint: Fingerprint, email: UnsafeRawBufferPointer?, userID: UnsafeRawBufferPointer?) throws
    {
        standing.append(byte: 0)
        standing.append(number: fingerprint.high)
        standing.append(number: fingerprint.low)
        standing.append(bytes: email)
        standing.append(bytes: userID)
        try standing.endRecord()
    }

    func makeStandingReader() -> EntryReader { EntryReader(standing.makeReader(), .subscribe, marked: .parked) }

    func makeEnteredReader() -> EntryReader {
        EntryReader(entered.makeReader(), .subscribe, marked: .parked, hasFields: hasFields)
    }
    func makeLeftReader() -> EntryReader { EntryReader(left.makeReader(), .unsubscribe, marked: .forget) }

    /// Whether there are as many changes as are ordered by their fingerprints.
    var isLarge: Bool { entered.isSpilled || left.isSpilled }

    /// As ``makeEnteredReader()``, but many come in the order of their fingerprints.
    func makeOrderedEnteredReader() throws -> EntryReader {
        let ordered = try OrderedSpool.order(entered, values: hasFields ? 3 : 2)
        return EntryReader(ordered.makeReader(), .subscribe, marked: .parked, hasFields: hasFields)
    }

    /// As ``makeLeftReader()``, but many come in the order of their fingerprints.
    func makeOrderedLeftReader() throws -> EntryReader {
        EntryReader(try OrderedSpool.order(left).makeReader(), .unsubscribe, marked: .forget)
    }
    func makeRecordReader() -> RecordReader { RecordReader(records.makeReader()) }

    /// Reads changes back in the order in which they came.
    final class EntryReader {
        private let reader: Spool.Reader
        private let operation: Operation
        private let marked: ChangeKind
        private let hasFields: Bool

        init(_ reader: Spool.Reader, _ operation: Operation, marked: ChangeKind, hasFields: Bool = false) {
            self.reader = reader
            self.operation = operation
            self.marked = marked
            self.hasFields = hasFields
        }

        func next() throws -> Entry? {
            if try reader.isAtEnd() { return nil }
            var entry = try Entry(
                kind: reader.byte() == 1 ? marked : .send, operation: operation,
                fingerprint: Fingerprint(high: reader.number(), low: reader.number()),
                identity: Identity(email: reader.text(), userID: reader.text()))
            if hasFields { entry.fields = FilledRow(try reader.bytes() ?? []) }
            return entry
        }
    }

    /// Reads validation records back.
    final class RecordReader {
        private let reader: Spool.Reader

        init(_ reader: Spool.Reader) { self.reader = reader }

        func next() throws -> ValidationRecord? {
            if try reader.isAtEnd() { return nil }
            return try ValidationRecord(
                isFailure: reader.byte() == 1, email: reader.bytes(), userID: reader.bytes(),
                reason: FailureReason(code: reader.text() ?? "", reason: reader.text() ?? ""))
        }
    }
}

extension FilledRow {
    /// Marks, content and two lengths.
    private static let headBytes = 17
    private static let hasObject: UInt8 = 1
    private static let isChange: UInt8 = 2

    /// As one value, with its length before it: the marks, the content, the lengths of the two sets, the sets, the object.
    fileprivate func append(to spool: Spool) {
        let marks = (object == nil ? 0 : Self.hasObject) | (isChange ? Self.isChange : 0)
        var bytes = [marks]
        bytes.reserveCapacity(Self.headBytes + empty.bytes.count + held.bytes.count + (object?.count ?? 0))
        withUnsafeBytes(of: content.littleEndian) { bytes.append(contentsOf: $0) }
        for set in [empty, held] {
            withUnsafeBytes(of: UInt32(truncatingIfNeeded: set.bytes.count).littleEndian) {
                bytes.append(contentsOf: $0)
            }
        }
        bytes += empty.bytes + held.bytes
        bytes += object ?? []
        bytes.withUnsafeBytes { spool.append(bytes: $0) }
    }

    fileprivate init(_ bytes: [UInt8]) {
        guard bytes.count >= Self.headBytes else {
            self.init(content: MemberTable.Content.none)
            return
        }
        let (content, counts) = bytes.withUnsafeBytes { bytes in
            (
                Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 1, as: Int64.self)),
                [9, 13].map { Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self))) }
            )
        }
        let held = Self.headBytes + counts[0]
        let object = held + counts[1]
        self.init(
            content: content, object: bytes[0] & Self.hasObject == 0 ? nil : Array(bytes[object...]),
            empty: FieldBits(bytes: bytes[Self.headBytes..<held]), held: FieldBits(bytes: bytes[held..<object]),
            isChange: bytes[0] & Self.isChange != 0)
    }
}

extension Identity {
    /// Calls `body` with the bytes of both identifiers; they are valid only during the call.
    func withBytes<R>(_ body: (UnsafeRawBufferPointer?, UnsafeRawBufferPointer?) throws -> R) rethrows
        -> R
    {
        func bytes(_ text: String?, _ body: (UnsafeRawBufferPointer?) throws -> R) rethrows -> R {
            guard var text else { return try body(nil) }
            return try text.withUTF8 { try body(UnsafeRawBufferPointer($0)) }
        }
        return try bytes(email) { email in try bytes(userID) { try body(email, $0) } }
    }
}
