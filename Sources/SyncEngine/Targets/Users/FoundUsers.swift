import Foundation
import RollcallCore
import Warehouse

/// What Iterable says of the fields that a sync of users is to fill.
struct FoundUsers: FoundRecords {
    let resolver: UsersResolver
    let shape: RecordShape
    /// The fields of the project's profiles.
    let fields: [RemoteField]
    /// What the sync kept until now.
    let binding: ListBinding?
    /// Whether the sync has sent records, as far as is known.
    let hasRecords: Bool

    let id: Int64? = nil
    let name: String? = UsersResolver.scope
    let isThere = true
    var planner: RecordPlanner { resolver.planner }

    private var sync: SyncSettings { resolver.sync }

    /// Fields of the sync that the project does not have.
    var unknown: [RemoteField] { shape.types.filter { wanted in !fields.contains { $0.isNamed(wanted.name) } } }

    private var own: ListBinding? { binding.flatMap { $0.listName == UsersResolver.scope ? $0 : nil } }

    private var hasAnotherKey: Bool {
        guard hasRecords, let known = own?.project?.keyHash, let key = resolver.project.keyHash else { return false }
        return known != key
    }

    // MARK: What stands in the way

    func refusal() async throws -> RunError? {
        if hasRecords, let known = own?.project?.baseURL, known != resolver.project.baseURL { return isAnother(known) }
        if let mismatch { return mismatch }
        return resolver.users.newFields == .refuse ? unknownFields : nil
    }

    private func isAnother(_ known: String) -> RunError {
        RunError(
            code: "project_changed",
            message: "sync \(sync.name) has updated the profiles of \(known), and the configuration names"
                + " \(resolver.project.baseURL) now",
            hint:
                "`rollcall abandon \(sync.name)` forgets what it sent there, and leaves it there; then the next run sends"
                + " everything to the new project. Or give the sync another name.")
    }

    private var mismatch: RunError? {
        for wanted in shape.types {
            guard let type = wanted.type, let other = fields.first(where: { $0.isNamed(wanted.name) })?.type,
                !Self.fits(type, other)
            else { continue }
            return RunError(
                code: "type_mismatch",
                message:
                    "the field \"\(wanted.name)\" is of type \(other) in Iterable, and the sync would send \(type);"
                    + " the type of a field stays for ever",
                hint: Self.cast(wanted.name, to: other))
        }
        return nil
    }

    /// Iterable calls an array of objects, where it may be searched by its elements, `nested`
    /// (source: its help centre, article 208183076).
    private static func fits(_ sent: String, _ theirs: String) -> Bool {
        sent == theirs || (sent == FieldType.object.rawValue && theirs == "nested")
    }

    private static func cast(_ name: String, to type: String) -> String {
        switch type {
        case FieldType.geoLocation.rawValue:
            "Write fields: \(name): { column: [latitude, longitude], type: geo }, or send it under another name."
        case FieldType.object.rawValue, "nested":
            "Write fields: \(name): { column: ..., type: json }, or send it under another name."
        case let type where DeclaredType(rawValue: type) != nil:
            "Write fields: \(name): { column: ..., type: \(type) }; where that is refused, cast the column in the query, or"
                + " send it under another name."
        default: "Send it under another name."
        }
    }

    private var unknownFields: RunError? {
        guard let first = unknown.first else { return nil }
        let names = unknown.prefix(20).map { "\"\($0.name)\" (\($0.type ?? ""))" }.joined(separator: ", ")
        let more = unknown.count > 20 ? " and \(unknown.count - 20) more" : ""
        let known = fields.map(\.name)
        let near =
            known.first { $0.lowercased() == first.name.lowercased() }.map {
                "Iterable has \"\($0)\", you wrote \"\(first.name)\"; names are case-sensitive."
            }
            ?? EditDistance.nearest(to: first.name, among: known).map {
                "Iterable has no \"\(first.name)\"; did you mean \"\($0)\"?"
            }
        return RunError(
            code: "field_unknown",
            message: "the project has no profile \(unknown.count == 1 ? "field" : "fields") \(names)\(more)",
            hint: (near.map { $0 + " " } ?? "")
                + "A field that is made can never be deleted: to have these made, set new_fields: create."
                + " `rollcall fields \(sync.destination)` shows those that there are.")
    }

    // MARK: Taking it

    func take(_ run: RunContext) async throws {
        if let refusal = try await refusal() { throw refusal }
        let names = NullPolicy.names([], with: shape.layout)
        try await run.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            _ = try await run.warehouse.addFieldPlaces(run.lease, names)
        }
    }

    func ensure(_ run: RunContext) async throws -> any ReadyTarget {
        try await run.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            try await run.warehouse.saveListBinding(run.lease, resolver.binding)
        }
        return ReadyUsers(resolver: resolver, newFields: unknown, isTrial: false)
    }

    // MARK: For the plan

    func circumstances(_ runID: String) -> RecordPlanner.Circumstances {
        let project = resolver.project
        let missing = unknown
        return .init(
            salt: [project.baseURL, project.keyHash ?? "", resolver.users.nested.rawValue].joined(separator: "\n"),
            hasAnotherKey: hasAnotherKey,
            newFields: shape.layout.fields.indices.filter { index in
                missing.contains { $0.isNamed(shape.layout.fields[index].name) }
            })
    }

    /// For `check`.
    var description: String {
        let new = unknown.map { "\($0.name) (\($0.type ?? ""))" }
        return "profiles with \(fields.count) fields"
            + (new.isEmpty ? "" : "; a run makes, for ever: \(new.joined(separator: ", "))")
    }
}

extension RemoteField {
    /// By bytes: Iterable tells names apart that Swift's `==` takes for equal.
    fileprivate func isNamed(_ name: String) -> Bool { self.name.utf8.elementsEqual(name.utf8) }
}
