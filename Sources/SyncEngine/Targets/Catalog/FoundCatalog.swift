import Foundation
import RollcallCore
import Warehouse

/// What Iterable says of the catalog that a sync is to keep.
struct FoundCatalog: FoundRecords {
    let resolver: CatalogResolver
    let shape: RecordShape
    /// Its fields; nil: the project has no such catalog.
    let fields: [RemoteField]?
    /// The fields that runs have given types.
    let known: [KnownField]
    /// What the sync kept until now.
    let binding: ListBinding?
    /// Other syncs that keep the catalog.
    let keepers: [String]
    /// Whether the sync has put items there, as far as is known.
    let hasRecords: Bool
    /// Items that are to be read back.
    let due: [ItemCheck]

    private var catalog: CatalogSettings { resolver.catalog }
    var planner: RecordPlanner { resolver.planner }

    let id: Int64? = nil
    var name: String? { catalog.name }
    var isThere: Bool { fields != nil && untyped.isEmpty }

    /// The sync's fields that have no type in Iterable. Only items that are written once a field has its type are found by it
    /// (source: Iterable's help centre, article 360033578351).
    var untyped: [RemoteField] {
        // By the bytes of the names: Iterable tells names apart that Swift's `==` takes for equal.
        let typed = Set((fields ?? []).filter { $0.type != nil }.map { Array($0.name.utf8) })
        return shape.types.filter { !typed.contains(Array($0.name.utf8)) }
    }

    /// The binding, where it is to this catalog.
    private var own: ListBinding? {
        binding.flatMap {
            $0.listName == resolver.boundName && $0.project?.baseURL == resolver.project.baseURL ? $0 : nil
        }
    }

    /// Whether the API key is another one than the sync's items were put with: most likely it was replaced, but it may belong to
    /// another project.
    var hasAnotherKey: Bool {
        guard hasRecords, let known = own?.project?.keyHash, let key = resolver.project.keyHash else { return false }
        return known != key
    }

    func refusal() async throws -> RunError? {
        if !keepers.isEmpty { return resolver.isTaken(by: keepers) }
        if hasRecords, own == nil, let binding, binding.listName?.hasPrefix("catalog:") == true {
            return resolver.isAnother(binding)
        }
        guard let fields else { return hasRecords ? resolver.isGone : catalog.create ? nil : resolver.isMissing }
        if let conflict = conflict(fields) { return conflict }
        // Whoever began to make it had it noted before.
        return catalog.documents == nil && !hasRecords && own?.createdAt == nil ? resolver.isAdopted : nil
    }

    private func conflict(_ fields: [RemoteField]) -> RunError? {
        for field in shape.types {
            guard let other = fields.first(where: { $0.name.utf8.elementsEqual(field.name.utf8) })?.type,
                other != field.type, let type = field.type
            else { continue }
            return RunError(
                code: "mapping_conflict",
                message:
                    "the field \"\(field.name)\" of the catalog \"\(catalog.name)\" is of type \(other) in Iterable, and the"
                    + " sync would send \(type); the type of a field stays for ever",
                hint: Self.way(to: other, of: field.name))
        }
        return nil
    }

    /// What to do about a field that has this type in Iterable. A point is made of two columns, and no cast makes it of one.
    private static func way(to type: String, of name: String) -> String {
        guard type == "geo_location" else {
            let cast = type == "object" ? "json" : type
            return "Write fields: \(name): { column: ..., type: \(cast) }, or send it under another name."
        }
        let point = "{ column: [lat, lon], type: geo }"
        return name.hasSuffix(FieldSetting.pointSuffix)
            ? "Write fields: \(name): \(point), or send it under another name."
            : "Send it under another name; a point is written fields: \(name)\(FieldSetting.pointSuffix): \(point)."
    }

    /// - Throws: `RunError` `catalog_taken` among others.
    func take(_ run: RunContext) async throws {
        if let refusal = try await refusal() { throw refusal }
        // Until a run has been carried out with another key, it counts as another one.
        let wanted = hasAnotherKey ? own : nil
        try await bind(wanted ?? resolver.binding(createdAt: own?.createdAt), run)
        if shape.nulls == nil { return }
        let names = NullPolicy.names([], with: shape.layout)
        try await run.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            _ = try await run.warehouse.addFieldPlaces(run.lease, names)
        }
    }

    /// Of two syncs that take the catalog at once, the second sees the first.
    private func bind(_ binding: ListBinding, _ run: RunContext) async throws {
        let name = resolver.boundName
        let refused = try await run.warehouse.takeList(run.lease, binding) { claims in
            claims.filter { $0.binding?.listName == name && $0.openRun != nil }
        }
        let others = try await resolver.keepers()
        if !refused.isEmpty || !others.isEmpty { throw resolver.isTaken(by: refused.map(\.sync) + others) }
    }

    func ensure(_ run: RunContext) async throws -> any ReadyTarget {
        let untyped = untyped
        let began = fields == nil ? run.now : own?.createdAt
        // Written first: if this process dies now, the next one knows that the catalog is the sync's own.
        try await run.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            try await run.warehouse.saveListBinding(run.lease, resolver.binding(createdAt: began))
        }
        if !untyped.isEmpty {
            // Written first: whoever goes on after this process must send all items again.
            let noted = untyped.map { KnownField(name: $0.name, type: $0.type ?? "", createdByRun: run.runID) }
            try await run.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
                try await run.warehouse.noteFields(
                    run.lease, destination: resolver.sync.destination, scope: resolver.scope, noted)
            }
        }
        if fields == nil { try await resolver.create() }
        // Made by this run, or by one that died right after it.
        let isNew = began.map { abs(run.now.timeIntervalSince($0)) < Self.newSeconds } ?? false
        if !untyped.isEmpty { try await resolver.setTypes(untyped, isNew: isNew) }
        return ReadyCatalog(catalog: catalog, isNew: isNew, gone: resolver.isGone)
    }

    /// How long Iterable may not know a catalog that was just made, with room for clocks that differ.
    private static let newSeconds = 120.0

    // MARK: For the plan

    func circumstances(_ runID: String) -> RecordPlanner.Circumstances {
        .init(
            salt: salt(runID), preparations: preparations, hasAnotherKey: hasAnotherKey, checks: checks(runID))
    }

    private func checks(_ runID: String) -> ItemChecks? {
        guard let verify = catalog.verify else { return nil }
        return ItemChecks(due: due, most: verify.sample, sample: ItemSample(limit: verify.sample, runID: runID)) {
            [destination = resolver.destination, catalog] item throws(DestinationError) in
            try await destination.look(
                at: item, ofCatalog: catalog.name, keepsOtherFields: catalog.documents == .merge)
        }
    }

    func staged(_ plan: Plan, isHeld: Bool, _ run: RunContext) async throws {
        let notes = plan.itemNotes(isHeld: isHeld)
        if notes.isEmpty { return }
        try await run.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            try await run.warehouse.noteItemChecks(run.lease, run: run.runID, notes)
        }
    }

    /// What stands for the project and for the types that runs have given to the fields: with another salt every item goes up
    /// again.
    /// - Parameter runID: the run that is to give types to the fields that have none.
    func salt(_ runID: String) -> String {
        let untyped = Set(untyped.map { Array($0.name.utf8) })
        var project = [resolver.project.baseURL, resolver.project.keyHash ?? ""]
        // A sync that begins to replace whole items takes away what it kept until now.
        if catalog.documents == .merge { project.append("merge") }
        let fields = shape.types.compactMap { field in
            let run =
                untyped.contains(Array(field.name.utf8))
                ? runID : known.first { $0.name.utf8.elementsEqual(field.name.utf8) }?.createdByRun
            return run.map { "\(field.name)=\($0)" }
        }
        return (project + fields).joined(separator: "\n")
    }

    /// In words: what would be made first.
    var preparations: [String] {
        var words = fields == nil ? ["the catalog \"\(catalog.name)\" is made"] : []
        let untyped = untyped.map { "\($0.name) (\($0.type ?? ""))" }
        if !untyped.isEmpty { words.append("fields get their types, for ever: \(untyped.joined(separator: ", "))") }
        return words
    }
}
