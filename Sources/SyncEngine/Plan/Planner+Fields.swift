import RollcallCore
import Warehouse

/// Lists whose members are sent with fields.
extension Planner {
    /// The fields that are sent with each member, with the places of their names; nil: none are.
    /// - Throws: `RunError` that names the key of the configuration, the column and what to do.
    func shape() async throws -> RecordShape? {
        guard let settings = sync.memberFields else { return nil }
        let shape = try RecordShape(settings, try await columns(), try await warehouse.columns(of: sync.audience))
        return shape.placed(try await warehouse.fieldPlaces(sync: sync.name))
    }

    func memberFields(_ shape: RecordShape?, _ key: [UInt8], _ snapshot: LoadedTable? = nil) -> MemberFields? {
        shape.map {
            MemberFields(
                $0, Fingerprinter(key: key), largest: destination.limits.bytesPerRequest - Self.identifierBytes,
                heldSets: snapshot?.heldSets ?? HeldSets())
        }
    }

    /// More than the identifiers of one member and the rest of a request have.
    private static let identifierBytes = 1000
    /// Rows between two reports of the progress.
    private static let progressRows = 5000

    /// Reads the audience with the columns of the fields: in one part, and row by row.
    func stream(
        _ shape: RecordShape, into diff: AudienceDiff, onRows: @escaping @Sendable (Int) throws -> Void
    ) async throws {
        let feed = RowFeed(columns: shape.columns.fields.count, reading: warehouse.readingProcessors) {
            email, userID, cells, _ in
            try diff.row(email, userID, cells)
            if diff.counts.rowsRead.isMultiple(of: Self.progressRows) { try onRows(diff.counts.rowsRead) }
        }
        try await feed.during {
            try await warehouse.readRecords(sync.audience, columns: shape.columns, parts: 1) {
                try feed.row($1, $2, $3)
            }
        }
    }

    // MARK: Without fields

    /// Whom Iterable refused for the value of a field, before the fields were taken out of the sync, is sent again.
    func takeUpRefused(_ diff: AudienceDiff, list: Int64?) async throws {
        let refused: MemberTable.Marks = [.member, .rejected]
        guard let list, diff.fields == nil, diff.table.count(with: refused) > 0,
            try await !warehouse.fieldPlaces(sync: sync.name).isEmpty
        else { return }
        try await forEachMember(of: diff, list: list, with: refused) { diff.takeUp($0) }
    }

    // MARK: What is sent

    /// What it takes to make the objects of the members that are sent; nil: there are none.
    func changedFields(
        _ diff: AudienceDiff, _ sharing: SharedIdentifiers, _ overshared: OversharedIdentifiers, key: [UInt8]
    ) async throws -> ChangedFields? {
        guard let fields = diff.fields else { return nil }
        var changed = ChangedFields(objects: MemberObjects(fields.shape), names: fields.shape.layout.units.map(\.name))
        for (fingerprint, numbers) in sharing.heldByOthers {
            changed.heldByOthers[fingerprint] = numbers.reduce(into: FieldBits()) { $0.formUnion(fields.heldSets[$1]) }
        }
        var missing: Set<Fingerprint> = []
        let reader = diff.spool.makeEnteredReader()
        while let entry = try reader.next() {
            guard entry.kind == .send, sharing.merged[entry.fingerprint] == nil, let row = entry.fields else {
                continue
            }
            if row.isChange { changed.members += 1 }
            if row.object == nil { missing.insert(entry.fingerprint) }
        }
        if !missing.isEmpty {
            changed.found = try await rows(of: missing, overshared, fields.shape, diff.columns, key: key)
        }
        return changed
    }

    /// The fields of entries that turned out to be sent after their rows had gone by, by a second reading. Whose row is gone
    /// meanwhile is left out.
    private func rows(
        of entries: Set<Fingerprint>, _ overshared: OversharedIdentifiers, _ shape: RecordShape,
        _ columns: IdentifierColumns, key: [UInt8]
    ) async throws -> [Fingerprint: FilledRow] {
        let wanted = WantedFields(entries, overshared)
        let finder = AudienceDiff(
            columns: columns, fingerprinter: Fingerprinter(key: key), resend: PlanScope(),
            snapshot: LoadedTable(MemberTable()), fields: memberFields(shape, key))
        finder.wanted = wanted
        try await stop.breakingOff {
            try await stream(shape, into: finder) { [stop] _ in
                if stop.reason != nil { throw CancellationError() }
            }
        }
        return wanted.found
    }
}

/// What it takes to make the objects of the members that a plan sends.
struct ChangedFields: Sendable {
    let objects: MemberObjects
    /// Of the units, in their order.
    let names: [String]
    /// The fields that this sync may have given a value, by other entries of the person whom a row represents.
    var heldByOthers: [Fingerprint: FieldBits] = [:]
    /// The fields of rows that were not kept when they went by.
    var found: [Fingerprint: FilledRow] = [:]
    /// Members who are on the list with other fields.
    var members = 0

    /// In whole sentences, for people.
    /// - Parameter hasDifferences: whether rows with the same identifiers have different fields.
    func notes(hasDifferences: Bool) -> [String] {
        var notes: [String] = []
        if members > 0 {
            let who = members == 1 ? "member is" : "members are"
            notes.append(
                "\(members) \(who) subscribed again, because the fields are others than those that Iterable acknowledged."
            )
        }
        if hasDifferences {
            notes.append(
                "Rows with the same identifiers have different fields; the fields of one of them are sent, always of the same"
                    + " one. Give each person one row to choose it.")
        }
        return notes
    }

    /// What a change of a member says of the fields. Of a row that is gone meanwhile nothing is sent but the subscription.
    func fill(_ change: inout Change, _ entry: PlanSpool.Entry) {
        guard change.operation == .subscribe, let row = entry.fields else { return }
        guard change.kind == .send else {
            change.content = row.content
            return
        }
        let filled = row.object == nil ? found[entry.fingerprint] : row
        var held = row.held
        if let others = heldByOthers[entry.fingerprint] { held.formUnion(others) }
        guard let filled, let object = objects.object(of: filled, held: held) else {
            change.content = MemberTable.Content.none
            return
        }
        (change.content, change.payload, change.held) = (filled.content, object.bytes, object.held)
    }
}
