internal import RollcallCore

/// Reads the whole file. What it returns counts only if nothing was reported.
struct ConfigurationReader {
    let context: ReadingContext
    private(set) var warehouses: [String: WarehouseSettings] = [:]
    private(set) var warehouseOrder: [String] = []
    private(set) var stateWarehouses: [String: String] = [:]
    private(set) var destinations: [String: DestinationSettings] = [:]
    private(set) var destinationOrder: [String] = []
    private(set) var syncs: [SyncSettings] = []
    private(set) var receivers: [ReceiverSettings] = []
    private(set) var receiverListen = ReceiverListenSettings()
    private(set) var server: ServerSettings?
    private(set) var alerts: AlertSettings?

    init(_ context: ReadingContext) {
        self.context = context
        let root = SectionReader(
            context.document.root, section: RootKeys.section, path: "", position: Position(line: 1, column: 1),
            context: context, hint: "\"rollcall init\" writes a commented configuration to start from.")
        guard let root else { return }
        var warehouseDrafts: [String: WarehouseReader.Draft] = [:]
        let warehouseEntries = root.named(RootKeys.warehouses, what: "warehouse")
        for entry in warehouseEntries {
            let draft = WarehouseReader.read(entry.reader)
            warehouseDrafts[entry.name] = draft
            warehouses[entry.name] = draft.settings
            warehouseOrder.append(entry.name)
        }
        stateWarehouses = StateReader(names: root.names(RootKeys.warehouses), entries: warehouseEntries).read()
        var destinationDrafts: [String: DestinationReader.Draft] = [:]
        let hasReceivers = root.isMeant(RootKeys.receivers)
        if !hasReceivers { root.require(RootKeys.destinations) }
        for entry in root.named(RootKeys.destinations, what: "destination", isRequired: !hasReceivers) {
            let draft = DestinationReader.read(
                entry.reader, name: entry.name, warehouseNames: root.names(RootKeys.warehouses),
                stateWarehouses: stateWarehouses)
            destinationDrafts[entry.name] = draft
            destinations[entry.name] = draft.settings
            destinationOrder.append(entry.name)
        }
        let reader = SyncReader(
            warehouseNames: root.names(RootKeys.warehouses), warehouses: warehouseDrafts,
            destinationNames: root.names(RootKeys.destinations), destinations: destinationDrafts)
        let drafts = root.named(RootKeys.syncs, what: "sync").map { reader.read($0.reader, name: $0.name) }
        syncs = drafts.compactMap(\.settings)
        SyncRelations(
            context: context, destinations: destinations, stateWarehouses: stateWarehouses,
            names: root.names(RootKeys.syncs), drafts: drafts
        ).check()
        let section = root.section(RootKeys.server)
        server = section.map(ServerReader.read)
        readReceivers(root, section, destinationDrafts)
        if let section = root.section(RootKeys.alerts) { alerts = AlertReader.read(section) }
        if drafts.isEmpty, receivers.isEmpty, context.problems.isEmpty {
            context.warn(at: root.position(of: RootKeys.syncs), path: "syncs", "there are no syncs yet")
        }
    }

    private mutating func readReceivers(
        _ root: SectionReader, _ server: SectionReader?, _ destinations: [String: DestinationReader.Draft]
    ) {
        let entries = root.named(RootKeys.receivers, what: "receiver")
        let listen = ReceiverListenReader.read(
            server, server: self.server ?? ServerSettings(), hasReceivers: !entries.isEmpty, context: context)
        if let listen { receiverListen = listen }
        let reader = ReceiverReader(
            listen: listen, warehouseNames: root.names(RootKeys.warehouses), stateWarehouses: stateWarehouses,
            destinationNames: root.names(RootKeys.destinations), destinations: destinations)
        receivers = reader.read(entries)
    }
}
