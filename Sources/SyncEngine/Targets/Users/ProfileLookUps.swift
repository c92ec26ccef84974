import Foundation
import RollcallCore
import Warehouse

/// Looks people up in Iterable, at the pace of its limit, several at once.
struct ProfileLookUps: Sendable {
    let resolver: UsersResolver
    let context: RunContext
    /// Whether the API key is another one than records were sent with: most likely it was replaced, but it may belong to another
    /// project, which may not know whom that one knew.
    let hasAnotherKey: Bool

    /// The outcomes of those of a batch whom Iterable does not know, or refuses, where no profile may be made of them: `mode: update` makes
    /// none, and to clear fields of a person makes none either. Whom it has acknowledged is not looked up, unless that was with another API
    /// key.
    /// - Throws: `RunError` where Iterable cannot be asked, `WarehouseError`, `CancellationError` where the run is to stop.
    func outcomes(of batch: [Change]) async throws -> [Int64: RecordOutcome] {
        let acknowledged = try await acknowledged(batch)
        let changes = batch.filter { change in
            switch change.operation {
            case .update:
                resolver.users.looksUp && (hasAnotherKey || !acknowledged.contains(change.fingerprint))
            case .clear: hasAnotherKey || !acknowledged.contains(change.fingerprint)
            default: false
            }
        }
        return try await forEach(changes) { change in
            for name in names(change.identity) {
                switch try await look(name) {
                case .found: return nil
                case .unknown: continue
                case .refused(let outcome): return outcome
                }
            }
            // There is nothing to clear.
            if change.operation == .clear { return .succeeded }
            // From now on the person counts as one whom Iterable has not acknowledged.
            return acknowledged.contains(change.fingerprint) ? .unknown(Self.unknown) : .failed(Self.unknown)
        }
    }

    /// What `body` gives of each change that it gives something of, by their sequences. As many calls are under way at once as requests
    /// may be.
    func forEach<R: Sendable>(
        _ changes: [Change], _ body: @escaping @Sendable (Change) async throws -> R?
    ) async throws -> [Int64: R] {
        try await withThrowingTaskGroup(of: (Int64, R?).self) { group in
            var found: [Int64: R] = [:]
            for (number, change) in changes.enumerated() {
                if number >= context.limits.concurrentRequests, let (sequence, value) = try await group.next() {
                    found[sequence] = value
                }
                group.addTask { (change.sequence, try await body(change)) }
            }
            for try await (sequence, value) in group { found[sequence] = value }
            return found
        }
    }

    /// A stream waits until Iterable can be asked, as it waits with what it sends.
    /// - Throws: as ``outcomes(of:)``.
    func look(_ name: ProfileName) async throws -> ProfileFinding {
        do {
            if context.isStream {
                return try await resolver.calls.retryingUntilStopped({ context.isStopped }) {
                    () async throws(DestinationError) in try await ask(name)
                }
            }
            return try await resolver.calls.retrying { () async throws(DestinationError) in try await ask(name) }
        } catch {
            if context.isStopped { throw CancellationError() }
            throw error
        }
    }

    private func ask(_ name: ProfileName) async throws(DestinationError) -> ProfileFinding {
        do throws(RunError) {
            guard try await context.waitForTurn(.usersLookUp) else {
                throw RunError(code: BatchSender.stopped.code, message: BatchSender.stopped.reason)
            }
        } catch {
            throw DestinationError(error: error, isTransient: false)
        }
        let (limiters, settings) = (context.limiters, context.settings)
        do throws(DestinationError) {
            let finding = try await resolver.destination.profile(name)
            limiters.succeeded(settings, .usersLookUp)
            return finding
        } catch {
            if error.error.code == "rate_limited" {
                limiters.rateLimited(settings, .usersLookUp, after: error.retryAfter)
            }
            throw error
        }
    }

    /// Those of whom Iterable has acknowledged an update, and whom the sync has not let go since. A request without an answer says nothing: it may never have been sent.
    private func acknowledged(_ batch: [Change]) async throws -> Set<Fingerprint> {
        let (sync, entries) = (resolver.sync.name, resolver.planner.entries)
        let fingerprints = batch.filter { $0.operation == .clear || resolver.users.looksUp && $0.operation == .update }
            .map(\.fingerprint)
        if fingerprints.isEmpty { return [] }
        let members = try await context.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            try await context.warehouse.members(sync: sync, of: entries, fingerprints: fingerprints)
        }
        return Set(members.filter { $0.state == .subscribed && $0.listed }.map(\.fingerprint))
    }

    /// Under what Iterable may know a person, the most telling first.
    private func names(_ identity: Identity) -> [ProfileName] {
        let (email, userID) = (identity.email.map(ProfileName.email), identity.userID.map(ProfileName.userID))
        switch resolver.identifiedAs {
        case .email: return [email].compactMap(\.self)
        case .userID: return [userID].compactMap(\.self)
        case .hybrid: return [userID, email].compactMap(\.self)
        }
    }

    static let unknown = FailureReason(
        code: "user_not_found",
        reason: "Iterable does not know this person, and mode: update makes no profiles; every run looks again.")
}
