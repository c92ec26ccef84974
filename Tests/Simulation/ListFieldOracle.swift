import RollcallCore
import Warehouse

/// What must hold of the fields that are sent with members of the list. It looks at rows, requests, acknowledgements and
/// profiles, and knows nothing of hashes.
final class ListFieldOracle {
    private typealias Fields = MemberValues.Fields

    private let oracle: Oracle
    private let scenario: Scenario
    private let iterable: SimulatedIterable
    private let store: MemoryWarehouse
    /// What runs have staged to be sent, by run and person.
    private var staged: [String: [Identity: Fields]] = [:]
    /// What was acknowledged last of a person, as far as the warehouse has recorded it.
    private var recorded: [Identity: Fields] = [:]
    /// Fields of which a value was ever to be sent, by person: what was claimed may have been.
    private var written: [Identity: Set<String>] = [:]

    init(_ oracle: Oracle, _ scenario: Scenario, _ iterable: SimulatedIterable, _ store: MemoryWarehouse) {
        self.oracle = oracle
        self.scenario = scenario
        self.iterable = iterable
        self.store = store
    }

    // MARK: While a run goes on

    /// - Parameter audience: the rows that the run has read.
    func hasStaged(_ run: SyncRun, _ changes: [Change], _ audience: AudienceModel, _ node: Node) {
        var all: [Identity: Fields] = [:]
        for change in changes where change.kind == .send && change.operation == .subscribe {
            let fields = change.payload.flatMap(MemberValues.fields(of:))
            guard node.sendsFields else {
                if fields != nil { oracle.violated("run \(run.id) sends fields, and none are to be sent") }
                continue
            }
            guard let fields else {
                oracle.violated("run \(run.id) sends no fields of \(change.identity)")
                continue
            }
            all[change.identity] = fields
            judge(run, change, fields, audience)
        }
        staged[run.id] = all
        for (person, fields) in all { written[person, default: []].formUnion(fields.withoutNulls.keys) }
        if run.counts.invalid > 0, audience.hasFlaws { oracle.saw("a row with fields that cannot be sent") }
    }

    private func judge(_ run: SyncRun, _ change: Change, _ fields: Fields, _ audience: AudienceModel) {
        // A row that represents no person breaks another rule.
        guard let person = audience.people.first(where: { $0.representative == change.identity }) else { return }
        let known = "\(change.identity) as \(MemberValues.summary(fields))"
        if !person.fields.contains(fields.withoutNulls) { violated(run, "sends \(known), which no row says") }
        judgeNulls(run, change, fields, known)
        if !run.full, isUnchanged(change, fields, run) { violated(run, "sends \(known) again, which is acknowledged") }
        if person.fields.count > 1 { oracle.saw("rows with the same identifiers have different fields") }
        if !fields.nulls.isEmpty { oracle.saw("a field of a member was cleared") }
    }

    /// Of hybrid projects what counts as written is known by other identifiers of the person, too.
    private func judgeNulls(_ run: SyncRun, _ change: Change, _ fields: Fields, _ known: String) {
        let empty = Set(MemberValues.names).subtracting(fields.withoutNulls.keys)
        switch scenario.listFields?.nulls {
        case .skip: if !fields.nulls.isEmpty { violated(run, "sends \(known), and is to clear nothing") }
        case .always: if fields.nulls != empty { violated(run, "sends \(known), and is to clear all that is empty") }
        case .clear, nil:
            let own = written[change.identity] ?? []
            if scenario.type != .hybrid, !fields.nulls.isSubset(of: own) {
                violated(run, "sends \(known), and clears what it has not written")
            }
        }
    }

    /// Whether the snapshot relies on the member, and nothing is to be written or cleared. Of hybrid projects another entry of
    /// the person may have written something else since.
    private func isUnchanged(_ change: Change, _ fields: Fields, _ run: SyncRun) -> Bool {
        guard scenario.type != .hybrid, let list = run.listID, recorded[change.identity] == fields.withoutNulls,
            fields.nulls.isDisjoint(with: written[change.identity] ?? [])
        else { return false }
        let members = store.state.members[.init(sync: run.sync, entries: .list(list))] ?? [:]
        return members[change.fingerprint]?.member.state == .subscribed
    }

    /// Judges a request at the moment it is sent.
    func isSent(_ read: SimulatedIterable.Request, by node: Node) {
        guard read.subscribes, let run = node.runID else { return }
        for subscriber in read.subscribers {
            let person = Identity(email: subscriber.email, userID: subscriber.userID)
            if subscriber.fields != staged[run]?[person] {
                oracle.violated("run \(run) sends other fields of \(person) than it has staged")
            }
            guard let fields = subscriber.fields else { continue }
            for late in iterable.underWay.values
            where late.subscribes && late.list == read.list && oracle.isKnown(stray: late.stray) {
                let crosses = late.subscribers.contains { other in
                    guard let others = other.fields, other.shares(subscriber) else { return false }
                    return others.withoutNulls != fields.withoutNulls
                }
                guard crosses else { continue }
                oracle.violated("other fields than those of \(late.summary) are sent while that may still land")
            }
        }
    }

    /// Outcomes are in the warehouse.
    func hasRecorded(_ outbox: [Change], _ outcomes: [BatchOutcome]) {
        for outcome in outcomes where outcome.operation == .subscribe {
            for change in outbox
            where change.kind == .send && change.operation == .subscribe && outcome.sequences.contains(change.sequence)
                && outcome.exceptions[change.sequence] == nil
            {
                recorded[change.identity] = change.payload.flatMap(MemberValues.fields(of:))?.withoutNulls
            }
        }
    }

    /// Who was to be sent once more, and was not, is sent by the next run.
    func hasLeft(_ changes: [Change]) {
        for change in changes where change.operation == .subscribe { recorded[change.identity] = nil }
    }

    /// A request has put something older in the place of what was acknowledged. One that was sent or carried out while another
    /// process had the lease may do that: its process notes it, and the next run puts it right.
    func hasOverwritten(
        _ request: SimulatedIterable.Request, _ subscriber: SimulatedIterable.Subscriber, _ fields: [String]
    ) {
        if request.stray != nil || request.isOvertaken { return oracle.saw("a stray request put back older fields") }
        oracle.violated("\(request.summary) puts back older values of \(fields) of \(subscriber.names.sorted())")
    }

    private func violated(_ run: SyncRun, _ what: String) { oracle.violated("run \(run.id) \(what)") }

    // MARK: In the end

    /// Every member in the audience has the fields of the row that represents the person.
    func judgeEnd(_ audience: AudienceModel, list: Int64) {
        guard scenario.listFields != nil else { return }
        for person in audience.people where !person.names.contains(where: oracle.mayBeRefused) {
            let chosen = person.representative
            let named = SimulatedIterable.Subscriber(email: chosen.email, userID: chosen.userID)
            // Whoever is not on the list breaks another rule.
            guard let profile = iterable.profile(of: named), profile.lists.contains(list) else { continue }
            oracle.saw("fields of a member came to rest")
            if person.fields.contains(where: { isSaid($0, by: profile) }) { continue }
            if isOfOthers(profile, person, audience) {
                oracle.saw("fields of one profile were written for several people")
                continue
            }
            let has = profile.fields.mapValues(\.json)
            let wanted = person.fields.map(MemberValues.summary).sorted()
            oracle.violated("\(chosen) has the fields \(MemberValues.summary(has)), not \(wanted)")
        }
    }

    private func isSaid(_ fields: Fields, by profile: SimulatedIterable.Profile) -> Bool {
        MemberValues.names.allSatisfy { name in
            let has = profile.fields[name]
            if let wanted = fields[name] { return has?.json == wanted }
            switch scenario.listFields?.nulls {
            case .skip: return true
            case .always: return has == nil || has?.json == MemberValues.null
            // What was written before the person left the list is not the sync's any more.
            case .clear, nil: return has == nil || has?.json == MemberValues.null || has?.isOfMember == false
            }
        }
    }

    /// Links that only Iterable knows: rows say that these are two people, and both are this profile; or someone who is not in
    /// the audience was it.
    private func isOfOthers(
        _ profile: SimulatedIterable.Profile, _ person: AudienceModel.Person, _ audience: AudienceModel
    ) -> Bool {
        let names = Set([profile.email, profile.userID].compactMap(\.self))
        let claimants = audience.people.count { !$0.names.isDisjoint(with: names) }
        let isStrange = profile.fields.values.contains { $0.names.isDisjoint(with: person.names) }
        return scenario.type == .hybrid && (claimants > 1 || isStrange)
    }
}
