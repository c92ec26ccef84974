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
    /// What its records are made of, and what they were last made of; nil: nothing is known of that.
    let mapping: String
    let sentMapping: String?
    private let whole = WholeRun()

    let id: Int64? = nil
    let name: String? = UsersResolver.scope
    let isThere = true
    var planner: RecordPlanner { resolver.planner }

    private var sync: SyncSettings { resolver.sync }

    /// Fields of the sync that the project does not have.
    var unknown: [RemoteField] { preflight.unknown }

    private var own: ListBinding? { binding.flatMap { $0.listName == UsersResolver.scope ? $0 : nil } }

    private var hasAnotherKey: Bool {
        guard hasRecords, let known = own?.project?.keyHash, let key = resolver.project.keyHash else { return false }
        return known != key
    }

    private var hasAnotherMapping: Bool { hasRecords && sentMapping != nil && sentMapping != mapping }

    // MARK: What stands in the way

    func refusal() async throws -> RunError? {
        if hasRecords, let known = own?.project?.baseURL, known != resolver.project.baseURL { return isAnother(known) }
        if let mismatch = preflight.mismatch { return mismatch }
        return resolver.users.newFields == .refuse ? preflight.unknownFields(advice: Self.newFieldsAdvice) : nil
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

    private var preflight: FieldPreflight {
        FieldPreflight(wanted: shape.types, there: fields, destination: sync.destination)
    }

    private static let newFieldsAdvice =
        "A field that is made can never be deleted: to have these made, set new_fields: create."

    // MARK: Taking it

    func take(_ run: RunContext) async throws {
        if let refusal = try await refusal() { throw refusal }
        let names = NullPolicy.names([], with: shape.layout)
        try await run.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            _ = try await run.warehouse.addFieldPlaces(run.lease, names)
        }
    }

    func staged(_ plan: Plan, isHeld: Bool, _ run: RunContext) async throws {
        whole.note(plan)
        // Of another mapping nothing is left to be sent.
        guard !isHeld, plan.counts.planned.total == 0, whole.isWhole, hasAnotherMapping else { return }
        try await resolver.save(mapping, run)
    }

    func ensure(_ run: RunContext) async throws -> any ReadyTarget {
        // Until a run has been carried out with another key, it counts as another one.
        if !hasAnotherKey { try await resolver.bind(run) }
        let lookUps = ProfileLookUps(resolver: resolver, context: run, hasAnotherKey: hasAnotherKey)
        return ReadyUsers(
            resolver: resolver, lookUps: lookUps, newFields: unknown, whole: whole,
            newMapping: sentMapping == mapping ? nil : mapping)
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
            },
            hasAnotherMapping: hasAnotherMapping)
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
