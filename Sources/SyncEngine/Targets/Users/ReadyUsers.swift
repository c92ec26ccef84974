import Foundation
import RollcallCore
import Warehouse

/// A project whose profiles can be updated.
struct ReadyUsers: ReadyTarget {
    let resolver: UsersResolver
    let lookUps: ProfileLookUps
    /// Fields of the sync that the project does not have.
    let newFields: [RemoteField]
    /// Whether requests make new fields: only those of the first few records do.
    var isTrial = false
    let whole: WholeRun
    /// What the records are made of, where they were made of something else, or nothing is known; nil: of the same.
    let newMapping: String?

    let id: Int64? = nil

    func recordsPerRequest(_ operation: RollcallCore.Operation, _ limits: DestinationLimits) -> Int {
        limits.recordsPerRequest(.users, operation)
    }

    func request(_ operation: RollcallCore.Operation, for changes: ArraySlice<Change>, now: Date) -> DeliveryRequest {
        if let rename = changes.first?.rename { return .userRename(rename) }
        if operation == .delete, let change = changes.first { return .userDeletion(deletion(of: change.identity)) }
        return .users(
            UsersRequest(
                operation, people: changes.map { .init(identity: $0.identity, object: $0.payload ?? []) },
                createsNewFields: isTrial))
    }

    /// By the email in email projects, where several people may have one userId; else by the userId, if there is one.
    private func deletion(of identity: Identity) -> UserDeletion {
        if let userID = identity.userID, resolver.identifiedAs != .email { return .userID(userID) }
        return .email(identity.email ?? "")
    }

    // MARK: Looks at Iterable

    func withhold(_ batch: [Change]) async throws -> [Int64: RecordOutcome] {
        try await lookUps.outcomes(of: batch)
    }

    /// In hybrid projects a profile may have been made by its address alone. An update under the userId is refused then, and one
    /// under the address gives the profile its userId; but only where it has none, or another person would get the row.
    func mayHaveOtherForm(_ change: Change, refusedFor reason: FailureReason) -> Bool {
        resolver.identifiedAs == .hybrid && reason.code == Self.conflict && change.operation == .update
            && change.identity.email != nil && change.identity.userID != nil
    }

    func otherForms(of refused: [Change]) async throws -> [Change] {
        let forms = try await lookUps.forEach(refused) { change in
            guard let email = change.identity.email else { return Change?.none }
            guard try await lookUps.finding(.email(email)) == .found(userID: nil) else { return nil }
            var other = change
            other.payload = change.payload.flatMap { ProfileObject.byEmail($0, change.identity) }
            return other.payload == nil ? nil : other
        }
        return refused.compactMap { forms[$0.sequence] }
    }

    /// A rename is never repeated when its answer was lost: whether it is still to be made, both addresses say.
    func foresee(_ request: DeliveryRequest) async -> DeliveryAnswer? {
        guard case .userRename(let rename) = request else { return nil }
        do {
            return answer(
                of: rename, new: try await lookUps.look(.email(rename.newEmail)),
                old: try await lookUps.look(.email(rename.email)))
        } catch is CancellationError {
            return nil
        } catch {
            return .stop(RunError(any: error))
        }
    }

    private func answer(of rename: UserRename, new: ProfileFinding, old: ProfileFinding) -> DeliveryAnswer? {
        switch (old, new) {
        case (.refused(let outcome), _), (_, .refused(let outcome)):
            let reason = outcome.reason ?? ProfileLookUps.unknown
            return .answered([.failed(reason)], httpStatus: reason.httpStatus ?? 400)
        case (.found, .unknown) where rename.isWithdrawn:
            return .answered([.failed(Self.withdrawn)], httpStatus: 200)
        case (.found, .unknown): return nil
        case (.found, .found): return .answered([.failed(Self.bothThere)], httpStatus: 200)
        case (.unknown, .unknown) where resolver.users.mode == .update:
            return .answered([.failed(ProfileLookUps.unknown)], httpStatus: 200)
        // It was made; or the person was deleted, and the next update makes the profile again.
        case (.unknown, _): return .answered([.succeeded], httpStatus: 200)
        }
    }

    private static let conflict = "identity_conflict"
    private static let withdrawn = FailureReason(
        code: "identity_changed",
        reason:
            "The answer to this rename was lost. The profile has kept its address, and no row that can be sent asks for the"
            + " new one; the next run goes by the rows.")
    private static let bothThere = FailureReason(
        code: conflict,
        reason: "Iterable has a profile with the new address already; merge the two there. Nothing is sent meanwhile.")

    func sentAll(_ context: RunContext, isWhole: Bool) async throws {
        guard isWhole, lookUps.hasAnotherKey || newMapping != nil, try await whole.isCarriedOut(context) else { return }
        if lookUps.hasAnotherKey { try await resolver.bind(context) }
        if let newMapping { try await resolver.save(newMapping, context) }
    }

    /// No answer says that of profiles.
    func isGone(_ run: RunContext) async throws -> RunError {
        RunError(
            code: "unexpected_answer", message: "Iterable answered that there are no profiles to update",
            hint: "Check base_url, and any proxy between Rollcall and Iterable.")
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
