import Foundation
import RollcallCore
import Synchronization
import Warehouse

/// Looks people up in Iterable, at the pace of its limit, several at once.
struct ProfileLookUps: Sendable {
    let resolver: UsersResolver
    let context: RunContext
    /// Whether the API key is another one than records were sent with: most likely it was replaced, but it may belong to another
    /// project, which may not know whom that one knew.
    let hasAnotherKey: Bool
    private let failures = Failures()

    init(resolver: UsersResolver, context: RunContext, hasAnotherKey: Bool) {
        self.resolver = resolver
        self.context = context
        self.hasAnotherKey = hasAnotherKey
    }

    /// Look-ups one after the other that failed as one that a single profile is to blame for may fail.
    private final class Failures: Sendable {
        private let number = Mutex(0)

        /// As many end the run: it is not one profile then.
        static let most = 3

        /// - Returns: whether there are too many by now.
        func add() -> Bool {
            number.withLock { number in
                number += 1
                return number >= Self.most
            }
        }

        func reset() { number.withLock { $0 = 0 } }
    }

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
                switch try await finding(name) {
                case .found: return nil
                case .unknown: continue
                case .refused(.failed(let reason)): return failed(reason)
                case .refused(let outcome): return outcome
                }
            }
            // There is nothing to clear.
            return change.operation == .clear ? .succeeded : failed(Self.unknown)

            func failed(_ reason: FailureReason) -> RecordOutcome {
                // From now on the person counts as one whom Iterable has not acknowledged, and is looked up again.
                acknowledged.contains(change.fingerprint) ? .unknown(reason) : .failed(reason)
            }
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

    /// As ``look(_:)``; but where Iterable fails to answer about this person alone, nobody else waits for that: the person has failed, and the
    /// next run asks again. A stream, which waits however long Iterable is away, cannot tell the two apart.
    func finding(_ name: ProfileName) async throws -> ProfileFinding {
        do {
            let finding = try await look(name)
            failures.reset()
            return finding
        } catch let error as RunError where !context.isStream && Self.mayBeOfOneProfile.contains(error.code) {
            if failures.add() { throw error }
            return .refused(
                .failed(FailureReason(code: error.code, reason: "The profile could not be looked up. \(error.message)"))
            )
        }
    }

    /// Codes of an answer with which a server fails because of what it has stored.
    private static let mayBeOfOneProfile: Set<String> = ["server_error", "unreadable_answer"]

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
