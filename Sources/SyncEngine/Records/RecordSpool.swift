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
    }

    private let puts = Spool()
    private let deletions = Spool()
    private let invalid = Spool()

    func add(_ entry: Entry) throws {
        let spool = entry.operation.direction == .put ? puts : deletions
        spool.append(byte: Self.code(entry.kind) | (entry.isKnown ? Self.known : 0))
        spool.append(number: entry.fingerprint.high)
        spool.append(number: entry.fingerprint.low)
        spool.append(text: entry.record.key)
        // Mostly the same.
        spool.append(text: entry.record.itemID == entry.record.key ? nil : entry.record.itemID)
        spool.append(number: UInt64(bitPattern: entry.record.content))
        entry.payload.withUnsafeBytes { spool.append(bytes: $0) }
        try spool.endRecord()
    }

    func addInvalid(key: UnsafeRawBufferPointer?, _ reason: FailureReason) throws {
        invalid.append(cut: key, to: PlanSpool.loggedBytes)
        invalid.append(text: reason.code)
        invalid.append(text: reason.reason)
        try invalid.endRecord()
    }

    private static let known: UInt8 = 4

    private static func code(_ kind: ChangeKind) -> UInt8 { UInt8(ChangeKind.allCases.firstIndex(of: kind) ?? 0) }

    /// Puts, then deletions.
    func makeReader() -> Reader { Reader(puts.makeReader(), deletions.makeReader()) }
    func makeInvalidReader() -> InvalidReader { InvalidReader(invalid.makeReader()) }

    final class Reader {
        private let puts: Spool.Reader
        private let deletions: Spool.Reader

        init(_ puts: Spool.Reader, _ deletions: Spool.Reader) {
            self.puts = puts
            self.deletions = deletions
        }

        func next() throws -> Entry? {
            let isPut = try !puts.isAtEnd()
            let reader = isPut ? puts : deletions
            if try reader.isAtEnd() { return nil }
            let head = try reader.byte()
            let fingerprint = try Fingerprint(high: reader.number(), low: reader.number())
            let key = try reader.text() ?? ""
            let itemID = try reader.text() ?? key
            return try Entry(
                kind: ChangeKind.allCases[Int(head & ~RecordSpool.known)], operation: isPut ? .put : .delete,
                fingerprint: fingerprint,
                record: RecordReference(
                    key: key, itemID: itemID, content: Int64(bitPattern: reader.number())),
                payload: reader.bytes() ?? [], isKnown: head & RecordSpool.known != 0)
        }
    }

    final class InvalidReader {
        private let reader: Spool.Reader

        init(_ reader: Spool.Reader) { self.reader = reader }

        func next() throws -> ValidationRecord? {
            if try reader.isAtEnd() { return nil }
            return try ValidationRecord(
                isFailure: true, email: nil, userID: nil, recordKey: reader.bytes(),
                reason: FailureReason(code: reader.text() ?? "", reason: reader.text() ?? ""))
        }
    }
}
