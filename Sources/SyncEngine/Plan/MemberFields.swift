import RollcallCore
import Warehouse

/// The fields of one row of an audience, as the spool of a plan keeps them until it is known who represents the person.
struct FilledRow: Equatable {
    /// The hash of the fields that have a value.
    var content: Int64
    /// The object of these, without nulls; nil: it is still to be read, or the row is not sent.
    var object: [UInt8]?
    /// Units of the layout without a value.
    var empty = FieldBits()
    /// The fields that this sync may have given a value, by the entry of the snapshot with the row's own identifiers.
    var held = FieldBits()
    /// Whether Iterable has the person on the list, with other fields than these.
    var isChange = false
}

/// Reads the fields that are sent with the members of a list. No JSON is made of a row before it is known that it may be sent.
/// Used by one thread at a time.
final class MemberFields {
    /// What is known of the fields of the row that is being looked at.
    private enum Row {
        /// As the cells say.
        case read(content: Int64)
        case refused(FailureReason)
        /// As another reading has left them.
        case stored(FilledRow)
    }

    let shape: RecordShape
    private(set) var heldSets: HeldSets
    private let hash: SipHash
    /// Bytes that one object may have.
    private let largest: Int
    private let values: UnsafeMutableBufferPointer<FieldValue>
    private var watched: WatchedUnits
    private var row = Row.read(content: MemberTable.Content.none)

    /// - Parameters:
    ///   - largest: bytes that one member may have in a request.
    ///   - heldSets: of the members that were read.
    init(_ shape: RecordShape, _ fingerprinter: Fingerprinter, largest: Int, heldSets: HeldSets = HeldSets()) {
        self.shape = shape
        self.heldSets = heldSets
        watched = WatchedUnits(shape.nulls)
        hash = fingerprinter.contentHash(salt: "fields of members")
        // Each field that is cleared takes its name, four marks and the null.
        self.largest = largest - shape.layout.units.reduce(0) { $0 + $1.name.utf8.count + 8 }
        values = .allocate(capacity: shape.layout.fields.count)
        values.initialize(repeating: .null)
    }

    // SAFETY: `values` is owned by this object, initialised in `init`, and trivial values need no deinitialisation.
    deinit { values.deallocate() }

    private var filled: UnsafeBufferPointer<FieldValue> { UnsafeBufferPointer(values) }

    // MARK: Choosing the row

    /// Looks at a row until the next one is; its cells are valid only during the call that they come with.
    func look(at cells: UnsafeBufferPointer<RecordCell>) {
        do throws(InvalidField) {
            try shape.layout.read(cells, into: values)
        } catch {
            row = .refused(error.reason)
            return
        }
        var hasher = ContentHasher(hash)
        shape.layout.hash(filled, into: &hasher)
        let found = hasher.finish()
        row = .read(content: found == MemberTable.Content.none ? 1 : found)
    }

    /// Looks at what an earlier look has left.
    func look(at stored: FilledRow) { row = .stored(stored) }

    // MARK: What it says

    /// The hash of the fields that have a value.
    /// - Throws: ``RefusedRecord`` for a row with a value that cannot be sent, as far as a look at the cells tells.
    func content() throws(RefusedRecord) -> Int64 {
        switch row {
        case .read(let content): return content
        case .refused(let reason): throw RefusedRecord(reason: reason)
        case .stored(let stored): return stored.content
        }
    }

    /// Whether a null is due although the content is the one that was acknowledged.
    func clears(held: UInt32) -> Bool {
        guard case .read = row else { return false }
        return shape.layout.hasEmpty(watched.units(held, heldSets[held]), filled)
    }

    /// Looks into texts and JSON.
    func check() throws(RefusedRecord) {
        guard case .read = row else { return }
        do throws(InvalidField) {
            try shape.layout.check(filled)
        } catch {
            throw RefusedRecord(reason: error.reason)
        }
    }

    /// What is sent of the row, without nulls.
    /// - Parameter held: of the entry with the row's identifiers.
    func write(held: UInt32) throws(RefusedRecord) -> FilledRow {
        if case .stored(var stored) = row {
            stored.held = heldSets[held]
            return stored
        }
        let content = try content()
        try check()
        var object: [UInt8] = []
        shape.layout.write(filled, to: &object)
        guard object.count <= largest else { throw RefusedRecord(reason: tooLarge(object.count)) }
        return FilledRow(
            content: content, object: object, empty: shape.layout.emptyUnits(filled), held: heldSets[held])
    }

    private func tooLarge(_ bytes: Int) -> FailureReason {
        FailureReason(
            code: "value_too_long",
            reason: "The fields have \(bytes) bytes as JSON; one request takes \(largest) (limits.bytes_per_request).")
    }
}

/// Makes of the fields of a row, and of what the snapshot says of its person, the object that is sent.
struct MemberObjects: Sendable {
    private let nulls: NullPolicy?
    /// `"plan":null` for each unit.
    private let nullMembers: [[UInt8]]

    init(_ shape: RecordShape) {
        nulls = shape.nulls
        nullMembers = shape.layout.units.map { unit in
            var member: [UInt8] = []
            JSONBytes.append(quoted: unit.name, to: &member)
            return member + Array(":null".utf8)
        }
    }

    /// - Parameter held: the fields that this sync may have given a value, by all entries of the person.
    func object(of row: FilledRow, held: FieldBits) -> (bytes: [UInt8], held: HeldFields)? {
        guard let object = row.object, let due = nulls?.due(empty: row.empty, held: held) else { return nil }
        var bytes = object
        // Objects are sent whole, so that each unit is a member of the outermost one.
        if !due.nulls.isEmpty {
            bytes.removeLast()
            for index in due.nulls {
                if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
                bytes.append(contentsOf: nullMembers[index])
            }
            bytes.append(UInt8(ascii: "}"))
        }
        return (bytes, due.held)
    }
}
