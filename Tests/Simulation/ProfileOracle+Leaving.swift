import RollcallCore
import Warehouse

/// Syncs that clear or delete people whose rows are gone: no person of whom a row says anything, and nothing that others wrote.
extension ProfileOracle {
    /// A removal is staged of a record that this sync has sent, and of whose person no row says anything, under whatever key.
    func judge(removal change: Change, _ meaning: Customers.Meaning, _ run: SyncRun, isLook: Bool) {
        let key = change.record?.key ?? ""
        oracle.saw("a person who left is to be \(change.operation == .clear ? "cleared" : "deleted")")
        if change.operation != clients.leaving.operation {
            violated("run \(run.id) does \(change.operation) to \(key)")
        }
        if isLook { violated("run \(run.id) removes \(key) between two sweeps") }
        if meaning.names[key] != nil { violated("run \(run.id) removes \(key), whose row is there") }
        guard let member = members.first(where: { $0.record?.key == key }) else {
            return violated("run \(run.id) removes \(key), which was never sent")
        }
        if !member.listed { violated("run \(run.id) removes \(key), which the sync has let go") }
        if member.identity != change.identity { violated("run \(run.id) removes \(key) as \(change.identity)") }
        let names = Set([member.identity.email, member.identity.userID].compactMap(\.self))
        if !names.isDisjoint(with: meaning.mentioned) {
            violated("run \(run.id) removes \(key), whose person has a row: \(member.identity)")
        }
        if members.contains(where: { isOther($0, than: key, member.identity) }) {
            violated("run \(run.id) removes \(key), whose profile another record has")
        }
        guard change.operation == .clear, let write = ProfileWrite(change.payload ?? []) else { return }
        if !write.content.withoutNulls.values.isEmpty { violated("run \(run.id) clears \(key) and writes a value") }
        for unit in write.content.values.keys where !mayHaveWritten(unit, key) {
            violated("run \(run.id) clears \(unit) of \(key), to which this sync has given no value")
        }
    }

    func isSent(_ call: DeletionCall, number: Int) {
        guard let run = call.node.runID else { return violated("a request without a run") }
        if !isStaged(call.person, run) { violated("run \(run) sends what was not staged: \(call.summary)") }
        judgeNeighbours(call)
        judgeAlone(call)
        begin(call, number: number)
    }

    /// Nothing that may still land is of the same person.
    func judgeAlone(_ call: any ProfileCall) {
        for late in profiles.underWay.values where oracle.isKnown(stray: late.stray) {
            // One that is sent again does no harm.
            if call is DeletionCall, late is DeletionCall { continue }
            if !names(call).isDisjoint(with: names(late)) {
                violated("\(call.summary) is sent while \(late.summary) may still land")
            }
        }
    }

    /// No person who left is kept, and nothing is left of what this sync wrote, but where the last run says why.
    func judgeLeavers(_ meaning: Customers.Meaning, run: String) {
        guard clients.leaving != .keep else { return }
        let failed = Set(store.state.log.filter { $0.runID == run && $0.errorCode != nil }.compactMap(\.recordKey))
        for member in members where member.listed {
            guard let key = member.record?.key, meaning.names[key] == nil, !failed.contains(key) else { continue }
            let names = [member.identity.email, member.identity.userID].compactMap(\.self)
            if Set(names).isDisjoint(with: meaning.mentioned) {
                violated("\(key) has left and is kept: \(member.identity)")
            }
        }
        for profile in profiles.profiles {
            for (field, value) in profile.fields {
                guard let key = value.writer, meaning.names[key] == nil, !failed.contains(key) else { continue }
                if released.contains(key) || !meaning.mentioned.isDisjoint(with: profile.names) { continue }
                violated("\(key) has left, and \(field) of \(profile.names) is \(value.json) still")
            }
        }
        oracle.saw("people who left were \(clients.leaving == .clear ? "cleared" : "deleted")")
    }
}

extension UserSettings.Leaving {
    /// What is done to people whose rows are gone; nil: nothing.
    var operation: RollcallCore.Operation? {
        switch self {
        case .keep: nil
        case .clear: .clear
        case .delete: .delete
        }
    }
}
