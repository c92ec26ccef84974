import RollcallCore
import Warehouse

extension WhyReport {
    /// One sentence about the next run.
    public var nextStep: String {
        if let refusal { return "nothing is sent, the run is refused: \(refusal.message)" }
        if kind != .list { return recordStep }
        let guarded = held.isEmpty ? "" : " (but a guard would hold the run)"
        if let overshared { return whyNobody(overshared) }
        let steps = changes.map(words)
        if !steps.isEmpty { return representation + steps.joined(separator: "; ") + guarded }
        if rows.contains(where: \.isValid) { return representation + standing }
        return rows.isEmpty ? "nothing to do" : "nothing is sent; the row fails again until it is corrected"
    }

    private var recordStep: String {
        let guarded = held.isEmpty ? "" : " (but a guard would hold the run)"
        let steps = changes.map(words)
        if !steps.isEmpty { return steps.joined(separator: "; ") + guarded }
        if waits { return "nothing is sent of its fields yet: it waits until an address has changed hands" }
        if rows.contains(where: \.isValid) { return "nothing to do, Iterable has accepted it as the row says" }
        if !rows.isEmpty { return "nothing is sent; the row fails again until it is corrected" }
        return members.isEmpty ? "nothing to do" : "nothing is sent: its row is gone, and it stays as it is"
    }

    private func words(_ change: Change) -> String {
        if let refusal = change.refusal { return "nothing is sent: \(refusal.reason)" }
        if change.kind == .parked {
            return "nothing is sent: Iterable refused \(change.record == nil ? "this person" : "it") before;"
                + " --retry-rejected tries again"
        }
        return "\(change.operation.rawValue) \(change.record?.key ?? "\(change.identity)")"
            + (change.notBefore.map { ", not before \($0.iso8601)" } ?? "")
    }

    /// Whether the snapshot has the person under the identifier that was asked for.
    private var isMemberUnderIt: Bool {
        members.contains { $0.member.state == .subscribed && $0.member.identity.shares(with: identity) }
    }

    /// Who stands for a row that is merged into another, unless it is under the identifier that was asked for.
    private var representation: String {
        guard let other = rows.lazy.compactMap(\.representative).first, !other.shares(with: identity),
            !isMemberUnderIt
        else { return "" }
        return "the row \(other) represents this person: "
    }

    private var standing: String {
        if isMemberUnderIt { return "nothing to do, the list is right" }
        let others = rows.compactMap { $0.representative ?? $0.person }
        let known = members.first {
            $0.member.state == .subscribed && others.contains($0.member.identity)
        }
        return known.map { "nothing to do, the person is on the list as \($0.member.identity)" }
            ?? "nothing is sent under this identifier"
    }

    private func whyNobody(_ identifier: OversharedIdentifier) -> String {
        let others = identifier.kind == .email ? "userIds" : "emails"
        let kept = members.contains { $0.member.listed && $0.member.identity.shares(with: identity) }
        return
            "nothing is sent under this identifier: rows with \(identifier.others) different \(others) carry it, so it"
            + " counts as none (identity.max_sharing)"
            + (kept ? "; whoever is known by it stays while rows carry it" : "")
    }
}
