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
    }

    private var entered = Spool()
    private let left = Spool()
    private let records = Spool()

    /// Bytes of a value that are kept for the log; see ``Spool/append(cut:to:)``.
    static let loggedBytes = 1024

    func addEntered(
        _ kind: ChangeKind, _ fingerprint: Fingerprint, email: UnsafeRawBufferPointer?,
        userID: UnsafeRawBufferPointer?
    ) throws {
        entered.append(byte: kind == .parked ? 1 : 0)
        entered.append(number: fingerprint.high)
        entered.append(number: fingerprint.low)
        entered.append(bytes: email)
        entered.append(bytes: userID)
        try entered.endRecord()
    }

    /// Takes out the entered entries for which `body` returns true. What `body` adds meanwhile is kept as it is.
    func removeEntered(where body: (Entry) throws -> Bool) throws {
        let reader = makeEnteredReader()
        entered = Spool()
        while let entry = try reader.next() {
            if try body(entry) { continue }
            try entry.identity.withBytes {
                try addEntered(entry.kind, entry.fingerprint, email: $0, userID: $1)
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

    func makeEnteredReader() -> EntryReader { EntryReader(entered.makeReader(), .subscribe, marked: .parked) }
    func makeLeftReader() -> EntryReader { EntryReader(left.makeReader(), .unsubscribe, marked: .forget) }

    /// As ``makeEnteredReader()``, but many come in the order of their fingerprints.
    func makeOrderedEnteredReader() throws -> EntryReader {
        EntryReader(try OrderedSpool.order(entered).makeReader(), .subscribe, marked: .parked)
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

        init(_ reader: Spool.Reader, _ operation: Operation, marked: ChangeKind) {
            self.reader = reader
            self.operation = operation
            self.marked = marked
        }

        func next() throws -> Entry? {
            if try reader.isAtEnd() { return nil }
            return try Entry(
                kind: reader.byte() == 1 ? marked : .send, operation: operation,
                fingerprint: Fingerprint(high: reader.number(), low: reader.number()),
                identity: Identity(email: reader.text(), userID: reader.text()))
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
