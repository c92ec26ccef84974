internal import RollcallCore

/// Reads the whole file. What it returns counts only if nothing was reported.
struct ConfigurationReader {
    let context: ReadingContext
    private(set) var warehouses: [String: WarehouseSettings] = [:]
    private(set) var warehouseOrder: [String] = []
    private(set) var destinations: [String: DestinationSettings] = [:]
    private(set) var destinationOrder: [String] = []
    private(set) var syncs: [SyncSettings] = []
    private(set) var server: ServerSettings?
    private(set) var alerts: AlertSettings?

    init(_ context: ReadingContext) {
        self.context = context
        let root = SectionReader(
            context.document.root, section: RootKeys.section, path: "", position: Position(line: 1, column: 1),
            context: context, hint: "\"rollcall init\" writes a commented configuration to start from.")
        guard let root else { return }
        var warehouseDrafts: [String: WarehouseReader.Draft] = [:]
        for entry in root.named(RootKeys.warehouses, what: "warehouse") {
            let draft = WarehouseReader.read(entry.reader)
            warehouseDrafts[entry.name] = draft
            warehouses[entry.name] = draft.settings
            warehouseOrder.append(entry.name)
        }
        var destinationDrafts: [String: DestinationReader.Draft] = [:]
        for entry in root.named(RootKeys.destinations, what: "destination") {
            let draft = DestinationReader.read(entry.reader, name: entry.name)
            destinationDrafts[entry.name] = draft
            destinations[entry.name] = draft.settings
            destinationOrder.append(entry.name)
        }
        let reader = SyncReader(
            warehouseNames: root.names(RootKeys.warehouses), warehouses: warehouseDrafts,
            destinationNames: root.names(RootKeys.destinations), destinations: destinationDrafts)
        let drafts = root.named(RootKeys.syncs, what: "sync").map { reader.read($0.reader, name: $0.name) }
        syncs = drafts.compactMap(\.settings)
        checkTargets(drafts)
        if let section = root.section(RootKeys.server) { server = ServerReader.read(section) }
        if let section = root.section(RootKeys.alerts) { alerts = AlertReader.read(section) }
        if drafts.isEmpty, context.problems.isEmpty {
            context.warn(at: root.position(of: RootKeys.syncs), path: "syncs", "there are no syncs yet")
        }
    }

    /// The list or catalog of a project; two destinations with the same address and key are the same project.
    private struct ListIdentity: Hashable {
        var project: [[UInt8]]
        /// Bytes: two spellings of one name in Unicode are two names.
        var list: [UInt8]
    }

    /// Two syncs that keep one list would remove each other's members, and two that keep one catalog overwrite its items.
    /// Syncs of users may share a project: each keeps its own fields.
    private func checkTargets(_ drafts: [SyncReader.Draft]) {
        var keepers: [ListIdentity: SyncReader.Draft] = [:]
        for draft in drafts {
            guard let kept = draft.kept, let destination = draft.destination, let name = Self.name(of: kept.target)
            else { continue }
            let settings = destinations[destination]
            let project = (settings.map { [$0.baseURL, $0.apiKey.reveal()] } ?? [destination]).map { Array($0.utf8) }
            let what = kept.target.kind.rawValue
            let identity = ListIdentity(project: project, list: Array(name.utf8))
            if let other = keepers[identity] {
                context.report(
                    at: kept.position, path: "syncs.\(draft.name).\(what)",
                    "syncs.\(draft.name) keeps the same \(what) as syncs.\(other.name) (line \(other.position.line))",
                    expected: "one sync for each \(what)",
                    hint: kept.target.kind == .list
                        ? "Two syncs would remove each other's members. Join the audiences in one query, or give each "
                            + "sync its own list."
                        : "Two syncs would overwrite each other's items. Join the rows in one query, or give each sync its "
                            + "own catalog.")
            } else {
                keepers[identity] = draft
            }
        }
    }

    /// What no other sync of the project may keep; nil: others may keep it too.
    private static func name(of target: SyncTarget) -> String? {
        switch target {
        case .list(.id(let id)): "id \(id)"
        case .list(.name(let name, _)): "name \(name)"
        case .users: nil
        // Iterable tells names of catalogs apart without regard to case.
        case .catalog(let catalog): "catalog \(catalog.name.lowercased())"
        }
    }
}
