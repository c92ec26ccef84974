import RollcallCore
import Warehouse

/// Syncs that give profiles the addresses of their rows: a profile stays that of its record, and a record has one.
extension ProfileOracle {
    /// Whether the sync goes by what it knows of a record. One that was let go has no claim on a profile that another record has.
    func hasClaim(_ member: Member) -> Bool {
        if member.listed { return true }
        if member.state == .rejected { return false }
        return !members.contains { isOther($0, than: member.record?.key ?? "", member.identity) }
    }

    /// Whether another record is in Iterable under one of these identifiers.
    func isOther(_ other: Member, than key: String, _ identity: Identity) -> Bool {
        other.listed && other.record?.key != key
            && !Set(other.identity.names(scenario.type)).isDisjoint(with: identity.names(scenario.type))
    }

    /// A rename is staged for the record whose row asks for it, from the address that its profile has.
    func judge(
        _ rename: UserRename, of record: RecordReference, _ meaning: Customers.Meaning, _ run: SyncRun
    ) {
        let key = record.key
        oracle.saw("a rename was staged")
        guard clients.renames else { return violated("run \(run.id) renames \(key), which is not wanted") }
        if rename.isWithdrawn {
            oracle.saw("a lost rename was looked up that is not wanted any more")
        } else if meaning.records[key]?.content.email != rename.newEmail {
            violated("run \(run.id) renames \(key) to \(rename.newEmail), for which its row does not ask")
        }
        let own = members.first { $0.record?.key == key }
        if own?.identity.email != rename.email {
            violated("run \(run.id) renames \(key) from \(rename.email), under which it was not sent")
        }
        if members.contains(where: { isOther($0, than: key, Identity(email: rename.email, userID: nil)) }) {
            violated("run \(run.id) gives the profile of another record the address of \(key)")
        }
    }

    /// Nothing else that may still land is of one of the two addresses.
    func isSent(_ call: RenameCall, number: Int) {
        guard let run = call.node.runID else { return violated("a request without a run") }
        if call.key.isEmpty { violated("run \(run) sends what was not staged: \(call.summary)") }
        judgeNeighbours(call)
        judgeAlone(call)
        begin(call, number: number)
    }

    /// The addresses or userIds that a request is about.
    func names(_ call: any ProfileCall) -> Set<String> {
        if let rename = call as? RenameCall { return [rename.email, rename.newEmail] }
        if let deletion = call as? DeletionCall { return Set(deletion.person.names(scenario.type)) }
        return Set(call.writes.flatMap { $0.content.names(scenario.type) })
    }

    /// Iterable has given a profile another address.
    func hasRenamed(_ call: RenameCall) {
        oracle.saw("a profile was renamed")
        moved(call.email, call.newEmail, order: call.order)
    }

    /// A record whose profile has its new address is known as synced from then on, whatever became of its values.
    func noteRenames(_ changes: [Change], _ outcomes: [BatchOutcome]) {
        for batch in outcomes {
            for change in changes where change.operation == .rename && batch.sequences.contains(change.sequence) {
                switch batch.exceptions[change.sequence] {
                case nil, .succeeded?:
                    acknowledged.insert("\(change.record?.key ?? "") \(RecordReference.forgottenContent)")
                case .unknown?: oracle.saw("the answer to a rename was lost")
                default: break
                }
            }
        }
    }

    /// A profile is made. Its record has no other one, unless it was let go in between.
    func judgeNew(_ content: ProfileContent, of key: String) {
        guard clients.renames, !released.contains(key), !oracle.isUnknowing else { return }
        let others = profiles.profiles.filter { profile in
            profile.email != content.email && profile.fields.values.contains { $0.writer == key }
        }
        if let other = others.first {
            violated("\(key) gets a second profile, \(content.email ?? ""), beside \(other.email ?? "")")
        }
    }

    /// A record is still known by its former address in the end: the last run says why.
    func judgeUnrenamed(_ record: Customers.Meaning.Record, _ key: String, run: String?) {
        // Of equal records one is sent, and the others are let go.
        guard clients.renames, record.rivals.count == 1, let run else { return }
        var keys = record.rivals
        // Whoever has the address that a record waits for may be the one whose rename fails, and so on.
        while true {
            let codes = store.state.log.filter { $0.runID == run && keys.contains($0.recordKey ?? "") }.compactMap(
                \.errorCode)
            for code in codes { oracle.saw("not renamed: \(code)") }
            if !codes.isEmpty { return }
            let more = keys.union(keys.flatMap { holders(ofAddressOf: $0) })
            if more == keys { break }
            keys = more
        }
        violated("\(key) is not known by its address, and run \(run) does not say why: \(record.content.summary)")
    }

    /// Keys of records that are known by the address that the row of a record has.
    private func holders(ofAddressOf key: String) -> [String] {
        let rows = readings.values.compactMap { $0.known.standing[key] }.joined()
        let addresses = Set(rows.compactMap(\.email))
        return members.filter { hasClaim($0) && $0.identity.email.map(addresses.contains) == true }
            .compactMap { $0.record?.key }
    }
}
