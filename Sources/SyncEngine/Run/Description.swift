import RollcallCore
import Warehouse

extension SyncPipeline {
    /// In words: which columns carry the identifiers, or the key and the fields. Throws where they cannot.
    package func describeColumns() async throws -> String {
        if let events = resolver as? EventsResolver {
            return events.settings.description(of: try await events.planner.shape())
        }
        if sync.kind != .list,
            let planner = (resolver as? CatalogResolver)?.planner ?? (resolver as? UsersResolver)?.planner
        {
            return describe(try await planner.shape())
        }
        let columns = try await planner.columns()
        let parts = [columns.email.map { "email from \($0)" }, columns.userID.map { "userId from \($0)" }]
        let identifiers = parts.compactMap(\.self).joined(separator: ", ")
        guard let shape = try await planner.shape() else { return identifiers }
        return "\(identifiers); fields \(shape.fieldNames.joined(separator: ", "))"
    }

    private func describe(_ shape: RecordShape) -> String {
        let keys = shape.keyCells.map { shape.columns.fields[$0] }
        let identifiers = shape.columns.identifiers
        let parts = [
            keys.isEmpty ? nil : "\(sync.kind == .catalog ? "id" : "key") from \(keys.joined(separator: ", "))",
            identifiers.email.map { "email from \($0)" }, identifiers.userID.map { "userId from \($0)" },
        ]
        return "\(parts.compactMap(\.self).joined(separator: ", ")); fields \(shape.fieldNames.joined(separator: ", "))"
    }

    /// What the first rows of an audience say of identifiers that many share.
    package struct SharingFinding: Sendable {
        /// Identifiers that count as none, by these rows alone; the most shared ones first.
        package var found: [OversharedIdentifier]
        package var rows: Int
        /// Whether these are all rows.
        package var isWhole: Bool
    }

    /// Rows after which ``findOversharing(seconds:)`` has seen enough.
    static let sharingRows = 100_000

    /// Looks for identifiers that count as none among the first rows of the audience, as far as they come in some seconds; nil
    /// where rows carry no two identifiers. Writes nothing.
    /// - Parameter seconds: how long it looks at most.
    package func findOversharing(seconds: Double = 10) async throws -> SharingFinding? {
        guard sync.kind == .list, settings.projectType == .hybrid else { return nil }
        let columns = try await planner.columns()
        let diff = AudienceDiff(
            columns: columns, fingerprinter: Fingerprinter(key: freshKey()), resend: .init(),
            snapshot: LoadedTable(MemberTable()))
        guard diff.readsBoth else { return nil }
        let isWhole = try await readSome(into: diff, columns: columns, seconds)
        _ = diff.table.markSharing()
        var overshared = try diff.findOvershared(limit: sync.identity.maxSharing)
        overshared.discount(isMet: diff.hasMet)
        return SharingFinding(found: overshared.list, rows: diff.counts.rowsRead, isWhole: isWhole)
    }

    /// - Returns: whether all rows were read.
    private func readSome(
        into diff: AudienceDiff, columns: IdentifierColumns, _ seconds: Double
    ) async throws -> Bool {
        try await within(seconds) {
            try await planner.stream(into: diff, columns: columns) { rows in
                if rows >= Self.sharingRows { throw Enough() }
            }
        }
    }

    /// Ends a reading that has gone far enough.
    struct Enough: Error {}

    /// Reads as far as some seconds go, or until `read` throws ``Enough``.
    /// - Returns: whether it has come to its end.
    func within(_ seconds: Double, _ read: @escaping @Sendable () async throws -> Void) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                do {
                    try await read()
                    return true
                } catch is Enough {
                    return false
                } catch is CancellationError {
                    return false
                }
            }
            group.addTask {
                try? await clock.sleep(for: .seconds(seconds))
                return false
            }
            defer { group.cancelAll() }
            let first = try await group.next() ?? false
            group.cancelAll()
            // No row is compared any more once the reading has ended.
            try await group.waitForAll()
            return first
        }
    }

    /// In words: the list or catalog, or that it will be made. Throws where a run would fail because of it.
    package func describeTarget() async throws -> String {
        let found = try await resolver.find()
        if let refusal = try await found.refusal() { throw refusal }
        if let catalog = found as? FoundCatalog {
            let first = catalog.preparations.joined(separator: "; ")
            return "\"\(catalog.resolver.catalog.name)\""
                + (first.isEmpty ? "" : ": the first run prepares it: \(first)")
        }
        if let users = found as? FoundUsers { return users.description }
        if let events = found as? FoundEvents { return events.description }
        guard let list = (found as? FoundList)?.resolver else { return found.name ?? "" }
        return try await describe(list, found)
    }

    private func describe(_ resolver: ListResolver, _ found: any FoundTarget) async throws -> String {
        guard let id = found.id else {
            if case .name(let name, _) = resolver.list {
                return "\"\(name)\" does not exist yet; the first run makes it"
            }
            throw resolver.gone
        }
        let lists = try await destination.lists()
        guard let list = lists.first(where: { $0.id == id }) else { throw resolver.gone }
        guard list.listType == "Standard" else {
            throw RunError(
                code: "list_type",
                message: "list \(id) \"\(list.name)\" is of type \(list.listType); only Standard lists can be kept",
                hint: "Choose a Standard list.")
        }
        return "\(id) \"\(list.name)\""
    }
}
