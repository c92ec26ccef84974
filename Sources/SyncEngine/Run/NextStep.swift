import Foundation
import RollcallCore
import Warehouse

extension WhyReport {
    /// One sentence about the next run.
    package var nextStep: String {
        if let refusal { return "nothing is sent, the run is refused: \(refusal.message)" }
        if kind == .events { return eventStep }
        if kind != .list { return recordStep }
        let guarded = held.isEmpty ? "" : " (but a guard would hold the run)"
        if let overshared { return whyNoPerson(overshared) }
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

    // MARK: Events

    private var eventStep: String {
        let guarded = held.isEmpty ? "" : " (but a guard would hold the run)"
        if !changes.isEmpty { return changes.map(eventWords).joined(separator: "; ") + guarded }
        let states = EventState.allCases.filter { state in events.contains { $0.state == state } }
        if !states.isEmpty { return states.map(stateWords).joined(separator: "; ") }
        if rows.contains(where: \.isValid) { return "nothing is sent: " + (unread ?? "the run does not read its row") }
        if rows.contains(where: { $0.failure != nil }) {
            return "nothing is sent; the row fails again until it is corrected"
        }
        return rows.isEmpty ? "nothing to do" : "nothing is sent: event.names leaves the name of the event out"
    }

    private func eventWords(_ change: Change) -> String {
        let key = change.record?.key ?? ""
        switch change.kind {
        case .skip: return "nothing is sent of \(key): it is there before the first run (start); --backfill sends it"
        case .wait: return "nothing is sent of \(key) yet: \(change.refusal?.reason ?? "it waits")"
        case .parked: return "nothing is sent of \(key): \(change.refusal?.reason ?? "Iterable refused it before")"
        default: break
        }
        return "send \(change.event?.name ?? "") \(key)" + time(change)
    }

    /// What becomes of events of which nothing is planned.
    private func stateWords(_ state: EventState) -> String {
        switch state {
        case .sent: "nothing to do, Iterable has accepted it"
        case .skipped:
            "nothing is sent: it was there before the first run, or was discarded; --backfill or --only sends it"
        case .rejected: "nothing is sent: it failed for good; --retry-rejected tries again"
        case .sending, .waiting: "it is sent again"
        }
    }

    // MARK: Other kinds

    private func words(_ change: Change) -> String {
        if let refusal = change.refusal { return "nothing is sent: \(refusal.reason)" }
        if change.kind == .parked {
            return "nothing is sent: Iterable refused \(change.record == nil ? "this person" : "it") before;"
                + " --retry-rejected tries again"
        }
        return "\(change.operation.rawValue) \(change.record?.key ?? "\(change.identity)")" + fields(change)
            + (isLookedUp(change) ? ", if Iterable knows the person" : "") + time(change)
    }

    private func time(_ change: Change) -> String {
        if change.goesLast { return ", after all others: its address belongs to another profile until then" }
        return change.waitsUntil.map { ", not before \($0.iso8601)" } ?? ""
    }

    private func isLookedUp(_ change: Change) -> Bool {
        (change.operation == .clear || looksUp && change.operation == .update)
            && !members.contains {
                $0.member.fingerprint == change.fingerprint && $0.member.state == .subscribed && $0.member.listed
            }
    }

    /// With which fields a member is sent. What was acknowledged is kept as a hash: which of them differ cannot be said.
    private func fields(_ change: Change) -> String {
        guard change.content != nil, let object = change.payload else { return "" }
        let names = (try? JSONSerialization.jsonObject(with: Data(object)) as? [String: Any])?.keys.sorted() ?? []
        if names.isEmpty { return "" }
        let isKnown = members.contains {
            $0.member.state == .subscribed && $0.member.identity == change.identity
        }
        return " with \(names.joined(separator: ", "))"
            + (isKnown ? " (not what Iterable acknowledged last)" : "")
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

    private func whyNoPerson(_ identifier: OversharedIdentifier) -> String {
        let others = identifier.kind == .email ? "userIds" : "emails"
        let kept = members.contains { $0.member.listed && $0.member.identity.shares(with: identity) }
        return
            "nothing is sent under this identifier: rows with \(identifier.others) different \(others) carry it, so it"
            + " counts as none (identity.max_sharing)"
            + (kept ? "; whoever is known by it stays while rows carry it" : "")
    }
}
