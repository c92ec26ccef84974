import Foundation
import RollcallCore
import Warehouse

/// What Iterable says of the catalog that a sync is to keep.
struct FoundCatalog: FoundTarget {
    let resolver: CatalogResolver
    let shape: RecordShape
    /// Its fields; nil: the project has no such catalog.
    let fields: [RemoteField]?
    /// The fields that runs have given types.
    let known: [KnownField]
    /// Whether the sync has put items there, as far as is known.
    let hasRecords: Bool

    private var catalog: CatalogSettings { resolver.catalog }

    let id: Int64? = nil
    var name: String? { catalog.name }
    var isThere: Bool { fields != nil && untyped.isEmpty }

    /// The sync's fields that have no type in Iterable. Only items that are written once a field has its type are found by it
    /// (source: Iterable's help centre, article 360033578351).
    var untyped: [RemoteField] {
        let typed = Set((fields ?? []).filter { $0.type != nil }.map(\.name))
        return shape.types.filter { !typed.contains($0.name) }
    }

    func refusal() async throws -> RunError? {
        guard let fields else { return hasRecords ? resolver.isGone : catalog.create ? nil : resolver.isMissing }
        if let conflict = conflict(fields) { return conflict }
        // Whoever began to make it had it noted before.
        return catalog.documents == nil && !hasRecords && known.isEmpty ? resolver.isAdopted : nil
    }

    private func conflict(_ fields: [RemoteField]) -> RunError? {
        for field in shape.types {
            guard let other = fields.first(where: { $0.name.utf8.elementsEqual(field.name.utf8) })?.type,
                other != field.type, let type = field.type
            else { continue }
            let cast = other == "geo_location" ? "geo" : other == "object" ? "json" : other
            return RunError(
                code: "mapping_conflict",
                message: "the field \"\(field.name)\" of the catalog \"\(catalog.name)\" is of type \(other) in Iterable, and the"
                    + " sync would send \(type); the type of a field stays for ever",
                hint: "Write fields: \(field.name): { column: ..., type: \(cast) }, or send it under another name.")
        }
        return nil
    }

    func take(_ run: RunContext) async throws {
        if let refusal = try await refusal() { throw refusal }
    }

    func ensure(_ run: RunContext) async throws -> any ReadyTarget {
        let untyped = untyped
        if !untyped.isEmpty {
            // Written first: whoever goes on after this process must send all items again.
            let noted = untyped.map { KnownField(name: $0.name, type: $0.type ?? "", createdByRun: run.runID) }
            try await run.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
                try await run.warehouse.noteFields(
                    run.lease, destination: resolver.sync.destination, scope: resolver.scope, noted)
            }
        }
        if fields == nil { try await resolver.create() }
        if !untyped.isEmpty { try await resolver.setTypes(untyped) }
        return ReadyCatalog(catalog: catalog, isNew: fields == nil, gone: resolver.isGone)
    }

    // MARK: For the plan

    /// What stands for the types that runs have given to the fields: with another salt every item goes up again.
    /// - Parameter runID: the run that is to give types to the fields that have none.
    func salt(_ runID: String) -> String {
        let untyped = Set(untyped.map(\.name))
        return shape.types.compactMap { field in
            let run =
                untyped.contains(field.name)
                ? runID : known.first { $0.name.utf8.elementsEqual(field.name.utf8) }?.createdByRun
            return run.map { "\(field.name)=\($0)" }
        }.joined(separator: "\n")
    }

    /// In words: what would be made first.
    var preparations: [String] {
        var words = fields == nil ? ["the catalog \"\(catalog.name)\" is made"] : []
        let untyped = untyped.map { "\($0.name) (\($0.type ?? ""))" }
        if !untyped.isEmpty { words.append("fields get their types, for ever: \(untyped.joined(separator: ", "))") }
        return words
    }
}
