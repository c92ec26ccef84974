import RollcallCore
import Warehouse

/// Syncs that send only people whom Iterable knows: no one gets a profile by them, and who is left out was not there when
/// Iterable was asked.
extension ProfileOracle {
    /// Iterable has said whether it knows somebody.
    func hasLookedUp(_ name: ProfileName, _ finding: ProfileFinding, _ node: Node) {
        let text =
            switch name {
            case .email(let email): email
            case .userID(let userID): userID
            }
        lookUps[node.name, default: [:]][text] = finding
        switch finding {
        case .found: oracle.saw("a look-up finds a person")
        case .unknown: oracle.saw("a look-up finds no person")
        case .refused: oracle.saw("a look-up is refused")
        }
    }

    /// Who was not acknowledged yet is looked up before a request.
    func judgeLookUp(_ content: ProfileContent, clears: Bool, _ node: Node) {
        guard clients.updatesOnly || clears else { return }
        let isAcknowledged = members.contains { $0.state == .subscribed && isSame($0.identity, content.identity) }
        if isAcknowledged { return }
        let found = content.names(scenario.type).contains { name in
            if case .found? = lookUps[node.name]?[name] { true } else { false }
        }
        if !found { violated("\(content.summary) is sent, and Iterable was not asked whether it knows the person") }
    }

    /// Who is recorded as unknown was looked up, and not found.
    func judgeLookUps(_ changes: [Change], _ outcomes: [BatchOutcome], _ node: Node) {
        for batch in outcomes {
            for change in changes {
                guard let outcome = batch.exceptions[change.sequence], outcome.reason?.code == Self.notFound else {
                    continue
                }
                oracle.saw("a person whom Iterable does not know is left out")
                if case .rejected = outcome {
                    violated("\(change.record?.key ?? "") is given up, though every run is to look again")
                }
                let names = change.identity.names(scenario.type)
                let answers = names.map { lookUps[node.name]?[$0] }
                if !clients.updatesOnly || !answers.allSatisfy({ $0 == .unknown }) {
                    violated("\(change.record?.key ?? "") is recorded as unknown to Iterable, which has not said so")
                }
            }
        }
    }

    private static let notFound = "user_not_found"

    /// Somebody without a profile is not known as synced, and the run says why.
    func judgeUnknown(_ record: Customers.Meaning.Record, _ key: String, _ run: String?) {
        for member in members
        where record.rivals.contains(member.record?.key ?? "") && member.state == .subscribed && member.listed {
            violated("\(member.record?.key ?? "") is known as synced, and there is no profile")
        }
        guard let run else { return }
        let says = store.state.log.contains {
            $0.runID == run && record.rivals.contains($0.recordKey ?? "") && $0.errorCode == Self.notFound
        }
        if !says { violated("\(key) has no profile, and run \(run) does not say so: \(record.content.summary)") }
    }
}
