import Foundation
package import RollcallCore
import Warehouse

/// Who else keeps the list that a sync is to keep. Two syncs on one list would remove each other's members: what one puts
/// there the other takes away, and the first still believes in it.
struct ListTaken: Sendable {
    /// The list, in words.
    var list: String
    var sync: SyncSettings
    var listID: Int64?
    /// Other syncs of the configuration.
    var configured: [SyncSettings]
    /// Other syncs that the state knows.
    var claims: [ListClaim]

    var isFree: Bool { configured.isEmpty && claims.isEmpty }

    // MARK: The error

    var error: RunError {
        let names = configured.map(\.name)
        let reasons =
            configured.map { "\($0.name) of this configuration" }
            + claims.filter { !names.contains($0.sync) }.map { "\($0.sync) \(Self.reason($0, boundTo: listID))" }
        return RunError(
            code: "list_taken",
            message: "\(list) is kept by another sync already: \(reasons.joined(separator: "; "))",
            hint: hints.joined(separator: " "))
    }

    private static func reason(_ claim: ListClaim, boundTo list: Int64?) -> String {
        var parts: [String] = []
        if claim.ownsMembers {
            let isEarlier = list != nil && claim.binding?.listID != list
            parts.append(isEarlier ? "still has members there from before it changed its list" : "has members there")
        }
        if let run = claim.openRun { parts.append("has the \(run.status.rawValue) run \(run.id)") }
        if let end = claim.mayLandUntil, !claim.ownsMembers {
            parts.append("sent a request without an answer that may still land until \(end.iso8601)")
        }
        return parts.joined(separator: " and ")
    }

    private var hints: [String] {
        var hints = ["Two syncs on one list remove each other's members."]
        if !configured.isEmpty {
            hints.append(
                "Give each sync its own list, or join the audiences with UNION in one sync and take the other out of the"
                    + " configuration.")
        }
        let owners = claims.filter { $0.ownsMembers || $0.openRun?.status == .held }
        for claim in owners {
            hints.append(
                "`\(Self.abandon(claim, listID))` frees the list from \(claim.sync) and leaves its members there as they"
                    + " are.")
        }
        if owners.isEmpty, let busy = claims.first {
            hints.append(
                busy.openRun.map { "Run \(sync.name) again when run \($0.id) has ended." }
                    ?? "Run \(sync.name) again after that time.")
        }
        for claim in claims where claim.binding?.listID == listID && listID != nil && claim.binding?.project == nil {
            hints.append(
                "If \(claim.sync) keeps a list of the same number in another project, run it once: its project is noted"
                    + " then.")
        }
        return hints
    }

    /// The command that frees a list from the sync of a claim; of one that has another list now, it keeps that one.
    private static func abandon(_ claim: ListClaim, _ list: Int64?) -> String {
        let isEarlier = list != nil && claim.binding?.listID != nil && claim.binding?.listID != list
        return "rollcall abandon \(claim.sync)" + (isEarlier ? list.map { " --list \($0)" } ?? "" : "")
    }
}

/// Which of the claims of other syncs stand in the way of a binding.
struct ListClaimRules: Sendable {
    var binding: ListBinding
    /// The name that Iterable shows for the list; nil: it is not there yet.
    var remoteName: String?
    /// The warehouse's time.
    var now: Date

    /// How long Iterable may not show a list that was just made, in seconds, with room for clocks that differ.
    private static let creationPause = 120.0

    func standing(_ claims: [ListClaim]) -> [ListClaim] { claims.filter(stands) }

    private func stands(_ claim: ListClaim) -> Bool {
        guard claim.ownsMembers || claim.openRun != nil || claim.mayLandUntil != nil else { return false }
        guard let list = binding.listID else {
            // Both are to make a list of this name, or the other one has just made it.
            guard let theirs = claim.binding, Self.equal(theirs.listName, binding.listName), mayBeSame(theirs) else {
                return false
            }
            return theirs.listID == nil
                || theirs.createdAt.map { abs(now.timeIntervalSince($0)) < Self.creationPause } ?? false
        }
        if let theirs = claim.binding {
            if theirs.listID == list { return mayBeSame(theirs) }
            if theirs.listID == nil, Self.equal(theirs.listName, remoteName), claim.openRun != nil {
                return mayBeSame(theirs)
            }
        }
        // A list that the other sync kept earlier, of which the project is not known, or a run of an earlier version.
        return claim.ownsMembers || claim.mayLandUntil != nil || claim.openRun?.listID == list
    }

    /// Whether the other list is in the same project, as far as is known. A destination of the same name is the same
    /// project also with another key: keys are replaced.
    private func mayBeSame(_ theirs: ListBinding) -> Bool {
        guard let ours = binding.project, let project = theirs.project else { return true }
        guard Self.equal(ours.baseURL, project.baseURL) else { return false }
        guard let key = ours.keyHash, let other = project.keyHash else { return true }
        return Self.equal(key, other) || Self.equal(binding.destination, theirs.destination)
    }

    private static func equal(_ one: String?, _ other: String?) -> Bool {
        guard let one, let other else { return false }
        return one.utf8.elementsEqual(other.utf8)
    }
}

extension SyncSettings {
    /// Other syncs of a configuration whose lists are in the same project, disabled ones and those of other warehouses too.
    /// - Parameter destination: gives the destination of a name; nil: there is none.
    package func neighbours(
        among syncs: [SyncSettings], destination: (String) -> DestinationSettings?
    ) -> [SyncSettings] {
        guard let own = destination(self.destination) else { return [] }
        return syncs.filter { other in
            other.name != name && destination(other.destination)?.isSameProject(as: own) == true
        }
    }
}
