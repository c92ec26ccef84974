import RollcallCore
import Warehouse

/// What the records of a sync are, as far as reading and comparing them goes.
enum RecordSubject: Sendable {
    case items(CatalogSettings)
    /// - Parameter mapping: as the configuration has it.
    case people(UserSettings, mapping: ColumnMapping, project: ProjectType)
    /// - Parameter mapping: as the configuration has it.
    case events(EventSettings, mapping: ColumnMapping, project: ProjectType)

    var kind: RecordKind {
        switch self {
        case .items: .catalog
        case .people: .users
        case .events: .events
        }
    }

    /// As the run row has it.
    var target: String {
        switch self {
        case .items(let catalog): catalog.name
        case .people: "users"
        case .events(let events, _, _): events.target
        }
    }

    var fields: FieldSelection {
        switch self {
        case .items(let catalog): catalog.fields
        case .people(let users, _, _): users.fields
        case .events(let events, _, _): events.fields
        }
    }

    var duplicates: DuplicateRule {
        switch self {
        case .items(let catalog): catalog.duplicates
        case .people(let users, _, _): users.duplicates
        case .events: .refuse
        }
    }

    /// What becomes of a record whose row is gone, if this sync put it there; nil: it stays in Iterable.
    var removal: RollcallCore.Operation? {
        switch self {
        case .items(let catalog): catalog.mode == .mirror ? .delete : nil
        case .people(let users, _, _):
            switch users.onLeave {
            case .keep: nil
            case .clear: .clear
            case .delete: .delete
            }
        case .events: nil
        }
    }
}

extension EventSettings {
    /// The name of the events, as the run row has it; `events` where a column gives it.
    var target: String {
        switch name {
        case .constant(let name): name
        case .column: "events"
        }
    }
}

/// What a row is about: its key, and what Iterable knows the record by.
///
/// An object is reused from row to row, so that no text is made of a row. It is therefore not thread-safe.
final class RowSubject {
    /// The text of the key.
    private(set) var key: [UInt8] = []
    /// The item's id; nil for people.
    private(set) var item: [UInt8]?
    /// The normal form; nil: the row has none that can be used.
    private(set) var email: [UInt8]?
    private(set) var userID: [UInt8]?
    /// Why a second identifier is left out.
    private(set) var dropped: FailureReason?

    private let shape: RecordShape
    private let form: Form
    /// Of events.
    private var eventKey: EventKey?
    private let normalizer = IdentifierNormalizer()
    /// Memory of an identifier that the row before had.
    private var spareEmail: [UInt8] = []
    private var spareUserID: [UInt8] = []

    /// What is asked of each row.
    private enum Form {
        case item(encodesKey: Bool)
        case person(ProjectType)
        case event(ProjectType)
    }

    init(_ shape: RecordShape) {
        self.shape = shape
        form =
            switch shape.subject {
            case .items(let catalog): .item(encodesKey: catalog.encodesKey)
            case .people(_, _, let project): .person(project)
            case .events(_, _, let project): .event(project)
            }
        if case .events(let events, _, _) = shape.subject { eventKey = EventKey(namespace: events.namespace) }
    }

    /// Of an event whose id is made of its key.
    var derivedID: String { eventKey?.derivedID ?? "" }

    /// Whether the row has a key.
    enum Reading {
        case fine
        /// Nothing can be said of the record.
        case noKey(FailureReason, shown: Bool)
        /// The row has a key and cannot be sent.
        case invalid(FailureReason)
    }

    func read(
        _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>
    ) -> Reading {
        switch form {
        case .item(let encodesKey): readItem(cells, encodes: encodesKey)
        case .person(let project): readPerson(email, userID, cells, project)
        case .event(let project): readEvent(email, userID, cells, project)
        }
    }

    // MARK: Keys

    private func readItem(_ cells: UnsafeBufferPointer<RecordCell>, encodes: Bool) -> Reading {
        if let reason = readKey(cells) { return .noKey(reason, shown: false) }
        guard encodes else {
            guard ItemID.isValid(key) else { return .noKey(Reasons.invalidItemID, shown: true) }
            item = key
            return .fine
        }
        let id = ItemID.encode(key)
        guard ItemID.isValid(id) else { return .noKey(Reasons.itemIDTooLong, shown: true) }
        item = id
        return .fine
    }

    /// Of one column its text, of several a JSON array of theirs.
    private func readKey(_ cells: UnsafeBufferPointer<RecordCell>) -> FailureReason? {
        key.removeAll(keepingCapacity: true)
        if shape.keyCells.count == 1 {
            return append(cells[shape.keyCells[0]]) { key, text in key.append(contentsOf: text) }
        }
        for (place, cell) in shape.keyCells.enumerated() {
            key.append(UInt8(ascii: place == 0 ? "[" : ","))
            let failure = append(cells[cell]) { key, text in JSONBytes.append(quoted: text, to: &key) }
            if let failure { return failure }
        }
        key.append(UInt8(ascii: "]"))
        return nil
    }

    private func append(
        _ cell: RecordCell, _ body: (inout [UInt8], UnsafeRawBufferPointer) -> Void
    ) -> FailureReason? {
        var isNull = false
        let isTaken: Void? = cell.withKey { text in
            if let text { body(&key, text) } else { isNull = true }
        }
        if isTaken == nil { return Reasons.keyForm(shape.subject.kind) }
        return isNull ? Reasons.keyMissing : nil
    }

    // MARK: Events

    /// An event names its person by one identifier: of hybrid projects the userId, of email projects the email, where the row has both.
    private func readEvent(
        _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>, _ project: ProjectType
    ) -> Reading {
        if let failure = readEventKey(cells) { return .noKey(failure, shown: false) }
        let (emailFailure, userIDFailure) = (readEmail(email), readUserID(userID))
        dropped = nil
        switch project {
        case .email:
            if self.email != nil { self.userID = nil } else { dropped = Self.dropped(emailFailure, nil) }
        case .userID: self.email = nil
        case .hybrid:
            if self.userID != nil { self.email = nil } else { dropped = Self.dropped(nil, userIDFailure) }
        }
        guard self.email == nil && self.userID == nil else { return .fine }
        return .invalid(emailFailure ?? userIDFailure ?? AudienceDiff.Reasons.missing)
    }

    /// Why one of two identifiers is left out.
    private static func dropped(_ email: FailureReason?, _ userID: FailureReason?) -> FailureReason? {
        email.map { AudienceDiff.Reasons.dropped("email", $0) }
            ?? userID.map { AudienceDiff.Reasons.dropped("userId", $0) }
    }

    /// Reads the key of an event and nothing else.
    func readEventKey(_ cells: UnsafeBufferPointer<RecordCell>) -> FailureReason? {
        let families = shape.events?.keyFamilies ?? []
        switch eventKey?.read(shape.keyCells.lazy.map { cells[$0] }, families) {
        case .missing?: return Reasons.keyMissing
        case .floating?: return Reasons.keyFloating
        case .form?: return Reasons.keyForm(.events)
        case nil:
            key.removeAll(keepingCapacity: true)
            key.append(contentsOf: eventKey?.text ?? [])
            return nil
        }
    }

    // MARK: People

    private func readPerson(
        _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>, _ project: ProjectType
    ) -> Reading {
        let (emailFailure, userIDFailure) = (readEmail(email), readUserID(userID))
        if shape.keyCells.isEmpty {
            guard let name = shape.keyIsUserID ? self.userID : self.email else {
                let failure = shape.keyIsUserID ? userIDFailure : emailFailure
                return .noKey(failure ?? Reasons.keyMissing, shown: false)
            }
            key.removeAll(keepingCapacity: true)
            key.append(contentsOf: name)
        } else if let reason = readKey(cells) {
            return .noKey(reason, shown: false)
        }
        return identify(project, emailFailure, userIDFailure)
    }

    private func identify(
        _ project: ProjectType, _ emailFailure: FailureReason?, _ userIDFailure: FailureReason?
    ) -> Reading {
        let missing = AudienceDiff.Reasons.missing
        switch project {
        case .email:
            guard email != nil else { return .invalid(emailFailure ?? missing) }
            dropped = Self.dropped(nil, userIDFailure)
        case .userID:
            guard userID != nil else { return .invalid(userIDFailure ?? missing) }
            dropped = Self.dropped(emailFailure, nil)
        case .hybrid:
            guard email != nil || userID != nil else { return .invalid(emailFailure ?? userIDFailure ?? missing) }
            dropped = Self.dropped(emailFailure, userIDFailure)
        }
        return .fine
    }

    /// - Returns: what is wrong with it; nil for one that is fine and for one that is missing.
    private func readEmail(_ cell: AudienceCell) -> FailureReason? {
        Self.empty(&email, into: &spareEmail)
        guard let raw = cell.bytes else { return nil }
        guard cell.isIdentifier else { return AudienceDiff.Reasons.unsupported }
        return normalizer.withEmail(raw) { normal in
            if normal.isEmpty { return nil }
            if let failure = EmailRules.failure(normal) { return failure }
            email = Self.filled(&spareEmail, normal)
            return nil
        }
    }

    private func readUserID(_ cell: AudienceCell) -> FailureReason? {
        Self.empty(&userID, into: &spareUserID)
        guard let raw = cell.bytes, !raw.isEmpty else { return nil }
        guard cell.isIdentifier else { return AudienceDiff.Reasons.unsupported }
        if let failure = UserIDRules.failure(raw) { return failure }
        userID = Self.filled(&spareUserID, raw)
        return nil
    }

    /// Takes an identifier away and keeps its memory for the next one.
    private static func empty(_ name: inout [UInt8]?, into spare: inout [UInt8]) {
        guard let taken = name.take() else { return }
        spare = taken
    }

    private static func filled(_ spare: inout [UInt8], _ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var name: [UInt8] = []
        swap(&name, &spare)
        name.removeAll(keepingCapacity: true)
        name.append(contentsOf: bytes)
        return name
    }

    var identity: Identity {
        Identity(
            email: email.map { String(decoding: $0, as: UTF8.self) },
            userID: userID.map { String(decoding: $0, as: UTF8.self) })
    }

    // MARK: What belongs to the content

    /// Both identifiers: they are sent with the record, and a change of one changes it.
    func hashIdentity(into hasher: inout ContentHasher) {
        hasher.add(email)
        hasher.add(userID)
    }

    // MARK: Reasons

    enum Reasons {
        static let keyMissing = FailureReason(code: "key_missing", reason: "The key column is NULL.")
        static let invalidItemID = FailureReason(
            code: "invalid_item_id",
            reason:
                "The key is not 1 to \(ItemID.longest) letters, digits and hyphens; key: { column: ..., encode: true }"
                + " takes any text.")
        static let itemIDTooLong = FailureReason(
            code: "invalid_item_id",
            reason: "The key is empty, or longer than \(ItemID.longest) characters once it is encoded.")

        /// Of events, in SQLite: whatever the column is declared as.
        static let keyFloating = FailureReason(
            code: "invalid_value",
            reason:
                "The key's value is stored as a floating point number, which names nothing; store a text or a whole number."
        )

        static func keyForm(_ kind: RecordKind) -> FailureReason {
            FailureReason(
                code: kind == .catalog ? "invalid_item_id" : "invalid_value",
                reason: kind == .events
                    ? "The key is not made of texts, numbers, truth values, dates and times of the years 1 to 9999."
                    : "The key is neither a text nor a whole number.")
        }
    }
}
