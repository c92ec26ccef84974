import Foundation
import RollcallCore
import Warehouse

/// A project whose profiles can be updated.
struct ReadyUsers: ReadyTarget {
    let resolver: UsersResolver
    /// Fields of the sync that the project does not have.
    let newFields: [RemoteField]
    /// Whether requests make new fields: only those of the first few records do.
    let isTrial: Bool

    let id: Int64? = nil

    func recordsPerRequest(_ operation: RollcallCore.Operation, _ limits: DestinationLimits) -> Int {
        limits.recordsPerRequest(.users, operation)
    }

    func request(_ operation: RollcallCore.Operation, for changes: ArraySlice<Change>, now: Date) -> DeliveryRequest {
        if operation == .rename, let change = changes.first {
            return .userRename(
                UserRename(email: change.formerEmail ?? "", newEmail: change.identity.email ?? ""))
        }
        if operation == .delete, let change = changes.first { return .userDeletion(deletion(of: change.identity)) }
        return .users(
            UsersRequest(
                operation, people: changes.map { .init(identity: $0.identity, object: $0.payload ?? []) },
                createsNewFields: isTrial))
    }

    /// By the email in email projects, where several people may have one userId; else by the userId, if there is one.
    private func deletion(of identity: Identity) -> UserDeletion {
        let isEmailProject = if case .people(_, _, .email) = resolver.planner.subject { true } else { false }
        if let userID = identity.userID, !isEmailProject { return .userID(userID) }
        return .email(identity.email ?? "")
    }

    /// A rename is never repeated when its answer was lost: whether it is still to be made, both addresses say.
    func foresee(_ request: DeliveryRequest) async -> DeliveryAnswer? {
        guard case .userRename(let rename) = request else { return nil }
        do {
            let isThere = try await resolver.hasProfile(email: rename.newEmail)
            let isOldThere = try await resolver.hasProfile(email: rename.email)
            switch (isOldThere, isThere) {
            case (true, false): return nil
            // It was made; or the person was deleted, and the next update makes the profile again.
            case (false, _): return .answered([.succeeded], httpStatus: 200)
            case (true, true): return .answered([.failed(Self.bothThere)], httpStatus: 200)
            }
        } catch {
            return .stop(RunError(any: error))
        }
    }

    private static let bothThere = FailureReason(
        code: "identity_conflict",
        reason: "Iterable has a profile with the new address already; merge the two there. Nothing is sent meanwhile.")

    /// No answer says that of profiles.
    func isGone(_ run: RunContext) async throws -> RunError {
        RunError(
            code: "unexpected_answer", message: "Iterable answered that there are no profiles to update",
            hint: "Check base_url, and any proxy between Rollcall and Iterable.")
    }

    // MARK: New fields

    /// Sends the records that show what the new fields are, one a request, and goes on only once Iterable has given all of these
    /// fields the types that are meant.
    func sendFirst(
        _ run: inout SyncRun, _ context: RunContext, _ delivery: (any ReadyTarget) -> Delivery
    ) async throws -> Delivery.Ending? {
        if newFields.isEmpty { return nil }
        let trial = delivery(ReadyUsers(resolver: resolver, newFields: newFields, isTrial: true))
        var shown: [RemoteField] = []
        for change in try await firstChanges(run, context) {
            // The records that the plan has put in front each show a further field, and no other one in a wrong way.
            let seen = newFields.map { (field: $0, shows: Self.shows($0, change.payload ?? [])) }
            let more = seen.filter { $0.shows == true && !shown.contains($0.field) }.map(\.field)
            if more.isEmpty || seen.contains(where: { $0.shows == false }) || context.stop.reason != nil { break }
            let (outcome, ending) = try await trial.deliver(only: change, &run)
            if ending.error != nil || ending.targetIsGone { return ending }
            guard outcome == .succeeded else { return .init(error: isRefused(outcome)) }
            shown += more
        }
        if shown.isEmpty { return nil }
        do {
            return try await types(of: shown, context).map { .init(error: $0) }
        } catch {
            return .init(error: RunError(any: error))
        }
    }

    private func firstChanges(_ run: SyncRun, _ context: RunContext) async throws -> [Change] {
        let (id, limit) = (run.id, newFields.count)
        return try await context.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            try await context.warehouse.changes(run: id, after: 0, limit: limit)
        }
    }

    /// Whether the object gives the field a value by which Iterable sees its type; nil: it gives it none.
    private static func shows(_ field: RemoteField, _ object: [UInt8]) -> Bool? {
        var value = (try? JSONSerialization.jsonObject(with: Data(object))) as? [String: Any]
        value = value?["dataFields"] as? [String: Any]
        let path = field.name.components(separatedBy: ".")
        for name in path.dropLast() { value = value?[name] as? [String: Any] }
        guard let last = value?[path[path.count - 1]], !(last is NSNull) else { return nil }
        switch last {
        case let number as NSNumber where field.type == FieldType.double.rawValue:
            return number.doubleValue != number.doubleValue.rounded()
        case let text as String where field.type == FieldType.string.rawValue: return !FieldValue.looksLikeDate(text)
        case let array as [Any] where field.type == FieldType.string.rawValue:
            return array.contains { ($0 as? String).map { !FieldValue.looksLikeDate($0) } ?? false }
        case let array as [Any]: return !array.isEmpty && field.type != FieldType.object.rawValue
        case let object as [String: Any]: return !object.isEmpty
        default: return true
        }
    }

    /// Waits until the fields are there.
    /// - Returns: why nothing more may be sent.
    private func types(of shown: [RemoteField], _ context: RunContext) async throws -> RunError? {
        var missing = shown
        for pause in Self.patience {
            let fields = try await resolver.remoteFields()
            for wanted in shown {
                let found = fields.first { $0.name.utf8.elementsEqual(wanted.name.utf8) }
                guard let type = found?.type, type != wanted.type, !(type == "nested" && wanted.type == "object") else {
                    continue
                }
                return isAnother(wanted, type)
            }
            missing = shown.filter { wanted in !fields.contains { $0.name.utf8.elementsEqual(wanted.name.utf8) } }
            if missing.isEmpty { return try await note(shown, context) }
            await context.stop.sleep(for: .seconds(pause), on: context.clock)
            if context.stop.reason != nil { return nil }
        }
        return RunError(
            code: "canary_failed",
            message: "Iterable took the first records, and does not show the new fields"
                + " \(missing.map(\.name).joined(separator: ", ")) after \(Self.patience.reduce(0, +)) seconds",
            hint: "Nothing more was sent. Make the fields in Iterable, or run again later.")
    }

    /// Seconds between two looks, 90 in all.
    private static let patience = [1, 2, 5, 10, 15, 15, 20, 22]

    private func note(_ made: [RemoteField], _ context: RunContext) async throws -> RunError? {
        let fields = made.map { KnownField(name: $0.name, type: $0.type ?? "", createdByRun: context.runID) }
        try await context.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            try await context.warehouse.noteFields(
                context.lease, destination: resolver.sync.destination, scope: UsersResolver.scope, fields)
        }
        return nil
    }

    private func isAnother(_ wanted: RemoteField, _ type: String) -> RunError {
        RunError(
            code: "canary_failed",
            message:
                "the new field \"\(wanted.name)\" has become one of type \(type) in Iterable, and \(wanted.type ?? "")"
                + " was meant",
            hint: "Nothing more was sent. The type stays for ever: send the column under another name.")
    }

    private func isRefused(_ outcome: RecordOutcome) -> RunError {
        RunError(
            code: "canary_failed",
            message:
                "the record that was sent first, to make new fields, was not taken: \(outcome.reason?.reason ?? "")",
            hint:
                "Nothing more was sent. The log of the run names the record: correct it; or make the fields in Iterable."
        )
    }
}

extension RunError {
    /// Iterable took records without some of their fields.
    static func fieldsDropped(_ names: Set<String>, _ kind: RecordKind) -> RunError {
        RunError(
            code: "field_dropped",
            message: "Iterable took the records without these fields, which the project does not have:"
                + " \(names.sorted().joined(separator: ", "))",
            hint: kind == .events
                ? "Set new_fields: create to have them made; or take them out."
                : "Make the fields in Iterable, then run with --full; or take them out.")
    }
}
