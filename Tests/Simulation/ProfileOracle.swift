import Foundation
import RollcallCore
import Warehouse

/// What must never happen to profiles, and what must be so in the end. It looks at rows, requests and stored accounts.
final class ProfileOracle {
    let oracle: Oracle
    private let world: World
    let scenario: Scenario
    let clients: Scenario.Clients
    let profiles: SimulatedProfiles
    let store: MemoryWarehouse

    /// A change that a run has staged.
    private struct Order {
        var key: String
        /// Hash of the content, as the state tables have it.
        var content: Int64
    }

    private var reading: [String: Customers.Meaning] = [:]
    private var readingOfRun: [String: Customers.Meaning] = [:]
    /// Of each process, what it has read since it has read everything.
    var readings: [String: CustomerReadings] = [:]
    /// Of each process, what Iterable has said last of people who were looked up, by identifier.
    var lookUps: [String: [String: ProfileFinding]] = [:]
    private var staged: [String: [ProfileContent: Order]] = [:]
    private var approved: Set<String> = []
    private var inFlight: [Int: (call: any ProfileCall, until: Duration)] = [:]
    /// Keys, each with the hash of a content that Iterable said it has taken.
    var acknowledged: Set<String> = []
    /// By identifier, what Iterable said it has taken last, and when it was sent.
    private var taken: [String: (order: Int, content: ProfileContent)] = [:]
    /// By address that a profile had until it got another one, the request that did it.
    private var left: [String: Int] = [:]
    /// Of each run, the keys of records whose profiles get another address, by both addresses.
    private var stagedRenames: [String: [String: String]] = [:]
    /// Of each run, who is to be cleared or deleted.
    private var stagedRemovals: [String: Set<Identity>] = [:]
    /// Keys of records that the sync has let go.
    private(set) var released: Set<String> = []
    /// By identifier, when Iterable said for the first time that it has taken something.
    private(set) var firstTaken: [String: Duration] = [:]
    /// By key, the fields that this sync may have given a value, and has not cleared for certain since.
    private var mayHold: [String: Set<String>] = [:]
    /// Addresses that lost their profile by a request for another person, although nothing of ours has linked the two.
    var homeless: Set<String> = []
    /// Identifiers of records that Iterable knows as several people.
    var conflicts: Set<String> = []
    var guardsAreOn = true

    init(
        _ oracle: Oracle, _ world: World, _ scenario: Scenario, _ profiles: SimulatedProfiles, _ store: MemoryWarehouse
    ) {
        self.oracle = oracle
        self.world = world
        self.scenario = scenario
        self.profiles = profiles
        self.store = store
        clients = scenario.clients ?? Scenario.Clients()
    }

    func violated(_ rule: String) { oracle.violated("profiles: \(rule)") }

    var members: [Member] {
        (store.state.members[.init(sync: "clients", entries: .records(.users))] ?? [:]).values.map(\.member)
    }

    // MARK: While a run goes on

    /// - Parameters:
    ///   - bound: nil: everything was read.
    ///   - isCut: whether the reading was broken off behind these rows.
    func hasRead(_ rows: [Customers.Row], _ bound: RowBound?, isCut: Bool, _ node: Node) {
        let meaning = Customers.Meaning(rows, clients, scenario.type)
        reading[node.name] = meaning
        let last = isCut ? rows.last?["changed"].position : nil
        readings[node.name, default: CustomerReadings()].begin(
            CustomerReadings.Look(meaning: meaning, bound: bound, isCut: isCut, last: last))
    }

    func hasApproved(_ run: String) { approved.insert(run) }

    /// What is claimed may have been sent, for all that the next process knows.
    func hasClaimed(_ changes: [Change]) {
        for change in changes where change.kind == .send { mayHaveSent(change, onlyValues: true) }
    }

    /// Later runs know of what was sent without a lease: it may have given values, and may have cleared some that are there again.
    func hasReadNotes(_ changes: [Change]) {
        for change in changes { mayHaveSent(change, onlyValues: false) }
    }

    private func mayHaveSent(_ change: Change, onlyValues: Bool) {
        guard let key = change.record?.key, let write = ProfileWrite(change.payload ?? []) else { return }
        for (field, json) in write.content.values where !onlyValues || json != ProfileContent.null {
            mayHold[key, default: []].insert(field)
        }
    }

    /// What the run has written down of outcomes.
    /// - Parameter changes: in the outbox until now.
    func hasRecorded(_ changes: [Change], _ outcomes: [BatchOutcome], _ node: Node) {
        judgeLookUps(changes, outcomes, node)
        noteRefusals(changes, outcomes, node)
        noteRenames(changes, outcomes)
        for batch in outcomes where batch.mayLandUntil == nil {
            for change in changes where change.kind == .send && batch.sequences.contains(change.sequence) {
                guard batch.exceptions[change.sequence] == nil, let key = change.record?.key,
                    let write = ProfileWrite(change.payload ?? [])
                else { continue }
                for (unit, json) in write.content.values where json == ProfileContent.null {
                    mayHold[key] = mayHold[key]?.filter { !Scenario.Clients.belongs($0, to: unit) }
                }
            }
        }
    }

    // MARK: The plan

    func hasStaged(_ run: SyncRun, _ changes: [Change], _ node: Node) {
        guard let meaning = reading[node.name] else { return violated("run \(run.id) is staged without a reading") }
        let isLook = readings[node.name]?.isLook ?? false
        // Guards of looks between two sweeps are those of an hour.
        readingOfRun[run.id] = isLook ? nil : meaning
        var orders: [ProfileContent: Order] = [:]
        var names: Set<String> = []
        for change in changes where change.kind == .release { released.insert(change.record?.key ?? "") }
        for change in changes where change.kind.isListed {
            if change.refusal?.code == "identity_changed" { oracle.saw("a rename was refused") }
            if change.refusal?.code == "identity_conflict" { oracle.saw("the address of another record was not taken") }
            if change.notBefore != nil { oracle.saw("a record waited for a lost one") }
            guard change.kind == .send else { continue }
            if let record = change.record, let rename = change.rename {
                stagedRenames[run.id, default: [:]]["\(rename.email) \(rename.newEmail)"] = record.key
                judge(rename, of: record, meaning, run)
                continue
            }
            if change.operation.direction == .remove {
                stagedRemovals[run.id, default: []].insert(change.identity)
                judge(removal: change, meaning, run, isLook: isLook)
                guard change.operation == .clear else { continue }
                if let record = change.record, let write = ProfileWrite(change.payload ?? []) {
                    orders[write.content] = Order(key: record.key, content: record.content)
                }
                continue
            }
            guard let record = change.record, let write = ProfileWrite(change.payload ?? []),
                change.operation == .update
            else {
                violated("run \(run.id) does something else than to update")
                continue
            }
            judge(write, record, meaning, run, node)
            for name in write.content.names(scenario.type) where !names.insert(name).inserted {
                violated("run \(run.id) has two objects for \(name)")
            }
            orders[write.content] = Order(key: record.key, content: record.content)
        }
        staged[run.id, default: [:]].merge(orders) { $1 }
        // The counts of a stream are those of all looks of its row.
        let isStreamed = run.trigger == .stream && run.status != .held
        if !meaning.isAmbiguous && !isStreamed && !isLook { judgeCounts(run, meaning) }
        if run.held.contains(where: { $0.guard == "max_changes" }) {
            violated("run \(run.id) is held for changes, and there are fewer than 100 records")
        }
        if meaning.hasRivals { oracle.saw("a person with two keys") }
    }

    private func judgeCounts(_ run: SyncRun, _ meaning: Customers.Meaning) {
        let counts = run.counts
        if counts.rowsRead != meaning.rows || counts.invalid != meaning.invalid
            || counts.duplicates != meaning.duplicates || counts.audience != meaning.people
        {
            violated(
                "run \(run.id) counts \(counts.short), but of \(meaning.rows) rows \(meaning.invalid) are invalid,"
                    + " \(meaning.duplicates) are duplicates and \(meaning.people) are records")
        }
        if meaning.duplicates > 0 { oracle.saw("a row of a person was a duplicate") }
    }

    /// An object says what its row says, of whom the row says it.
    private func judge(
        _ write: ProfileWrite, _ record: RecordReference, _ meaning: Customers.Meaning, _ run: SyncRun, _ node: Node
    ) {
        let key = record.key
        guard let wanted = meaning.records[key]?.content else {
            return violated("run \(run.id) updates \(key), of which no row may be sent")
        }
        let sent = write.content
        if sent.withoutNulls != wanted {
            violated("run \(run.id) updates \(key) with \(sent.summary), but the row says \(wanted.summary)")
        }
        let emailIsField = scenario.type == .userID || (scenario.type == .hybrid && wanted.userID != nil)
        if write.emailIsField != (emailIsField && wanted.email != nil) {
            violated("run \(run.id) has the email of \(key) in the wrong place")
        }
        if write.merges != clients.merges {
            violated("run \(run.id) updates \(key) with the wrong rule for objects")
        }
        judgeNulls(sent, wanted, key, run)
        if let member = members.first(where: { $0.record?.key == key }), isKnown(member), hasClaim(member),
            !isSame(member.identity, wanted.identity)
        {
            violated("run \(run.id) updates \(key) as another person than before")
        }
        let rows = readings[node.name]?.known ?? CustomerReadings.Rows(meaning)
        if isTakenByAnother(wanted, key, rows, butForRivals: true) {
            violated("run \(run.id) updates \(key) under an identifier that another record has")
        }
        judgeLook(record, wanted, meaning, run, node)
    }

    private func judgeNulls(_ sent: ProfileContent, _ wanted: ProfileContent, _ key: String, _ run: SyncRun) {
        let nulls = sent.values.filter { $0.value == ProfileContent.null }.keys
        if !nulls.allSatisfy({ clients.units.contains($0) }) {
            violated("run \(run.id) clears what is no field of the sync")
        }
        for unit in clients.units {
            let hasValue = wanted.values.keys.contains { Scenario.Clients.belongs($0, to: unit) }
            let isNull = nulls.contains(unit)
            switch clients.rule(of: unit) {
            // What the project does not have cannot be cleared.
            case .always
            where !isNull && !hasValue && clients.missing.contains { Scenario.Clients.belongs($0, to: unit) }:
                continue
            case .always where isNull == hasValue: violated("run \(run.id) does not always clear \(unit) of \(key)")
            case .skip where isNull: violated("run \(run.id) clears \(unit) of \(key), which is to stay")
            case .clear where isNull && hasValue: violated("run \(run.id) clears \(unit) of \(key), which has a value")
            case .clear where isNull && !mayHaveWritten(unit, key):
                violated("run \(run.id) clears \(unit) of \(key), to which this sync has given no value")
            default: break
            }
        }
    }

    func mayHaveWritten(_ unit: String, _ key: String) -> Bool {
        mayHold[key]?.contains {
            Scenario.Clients.belongs($0, to: unit) || Scenario.Clients.belongs(unit, to: $0)
        } ?? false
    }

    // MARK: Who is who

    /// Whether Iterable may know a record by the identifiers that the state tables have.
    func isKnown(_ member: Member) -> Bool { member.listed || member.state != .rejected }

    /// Whether both are one person.
    func isSame(_ one: Identity, _ other: Identity) -> Bool {
        switch scenario.type {
        case .email: return one.email == other.email
        case .userID: return one.userID == other.userID
        case .hybrid:
            if one.userID != nil && other.userID != nil { return one.userID == other.userID }
            return one.email != nil && one.email == other.email
        }
    }

    /// Whether an identifier is in Iterable that of another record whose row is there and names another person now, or cannot be
    /// sent.
    /// - Parameter butForRivals: not of a record whose rows have the identifier too: which of the two is sent the rows decide.
    func isTakenByAnother(
        _ content: ProfileContent, _ key: String, _ rows: CustomerReadings.Rows, butForRivals: Bool
    ) -> Bool {
        let names = Set(content.names(scenario.type))
        return members.contains { member in
            guard let other = member.record?.key, other != key, isKnown(member), hasClaim(member),
                !names.isDisjoint(with: member.identity.names(scenario.type)),
                // One that another record of its person has beaten is let go.
                let identities = rows.standing[other], !rows.beaten.contains(other)
            else { return false }
            if butForRivals && rows.names[other]?.isDisjoint(with: names) == false { return false }
            if butForRivals && rows.mayBeBeaten.contains(other) { return false }
            return rows.refused.contains(other)
                || identities.contains { identity in
                    // A record that keeps its person may change its other identifier. One that its row does not name any
                    // more is Iterable's to refuse: it is not known whether the profile has it still.
                    !isSame(member.identity, identity)
                        || (identity.email != nil && identity.email != member.identity.email
                            && member.identity.email.map {
                                names.contains(Identity(email: $0, userID: nil).names(scenario.type).first ?? "")
                            } == true)
                }
        }
    }

    // MARK: Requests

    /// The key under which a run has staged what it sends.
    func key(of content: ProfileContent, _ node: Node) -> String {
        node.runID.flatMap { staged[$0]?[content]?.key } ?? ""
    }

    /// The same of a rename.
    func key(ofRenameFrom email: String, to newEmail: String, _ node: Node) -> String {
        node.runID.flatMap { stagedRenames[$0]?["\(email) \(newEmail)"] } ?? ""
    }

    /// Whether a run is to delete a person who has this identifier.
    func isStaged(_ person: Identity, _ run: String) -> Bool {
        stagedRemovals[run]?.contains {
            $0.email == person.email ?? $0.email && $0.userID == person.userID ?? $0.userID
        }
            == true
    }

    func isSent(_ call: UsersCall, number: Int) {
        guard let run = call.node.runID else { return violated("a request without a run") }
        judgeNeighbours(call)
        var names: Set<String> = []
        for write in call.writes {
            if staged[run]?[write.content] == nil {
                violated("run \(run) sends what was not staged: \(write.content.summary)")
            }
            for name in write.content.names(scenario.type) where !names.insert(name).inserted {
                violated("\(name) is twice in one request")
            }
            judgeOrder(write.content)
            judgeLookUp(write.content, clears: call.clears, call.node)
            if write.content.values.values.contains(ProfileContent.null) { oracle.saw("a null was sent") }
        }
        if call.makesFields && (call.count > 1 || !clients.makesFields) {
            violated("a request of \(call.count) records makes new fields")
        }
        judgeGuards(run)
        begin(call, number: number)
    }

    func begin(_ call: any ProfileCall, number: Int) {
        inFlight[number] = (call, world.now + .seconds(scenario.timeoutSeconds))
    }

    func judgeNeighbours(_ call: any ProfileCall) {
        for (number, other) in inFlight where other.until < world.now && other.call.node.process.isDead {
            inFlight[number] = nil
        }
        for other in inFlight.values {
            if other.call.node !== call.node {
                if !other.call.node.process.isDead && other.until >= world.now {
                    violated("\(call.node.name) sends while a request of \(other.call.node.name) is under way")
                }
                continue
            }
            if !names(call).isDisjoint(with: names(other.call)) {
                violated("two requests at once are about one person: \(call.summary), \(other.call.summary)")
            }
        }
    }

    private func shares(_ one: ProfileContent, _ other: ProfileContent) -> Bool {
        !Set(one.names(scenario.type)).isDisjoint(with: other.names(scenario.type))
    }

    /// What may still land is followed by nothing else. That it clears another field makes no difference: a field that is cleared by
    /// one has a value in neither.
    private func judgeOrder(_ content: ProfileContent) {
        for late in profiles.underWay.values where oracle.isKnown(stray: late.stray) {
            if late.writes.isEmpty, !names(late).isDisjoint(with: content.names(scenario.type)) {
                violated("\(content.summary) is sent while \(late.summary) may still land")
            }
            for other in late.writes.map(\.content)
            where shares(other, content) && other.withoutNulls != content.withoutNulls {
                violated("\(content.summary) is sent while \(other.summary) may still land")
            }
        }
    }

    private func judgeGuards(_ run: String) {
        guard guardsAreOn, !approved.contains(run), let meaning = readingOfRun[run], !meaning.isAmbiguous else {
            return
        }
        if let limit = clients.maxInvalid, Double(meaning.invalid) * 100 > limit * Double(meaning.rows) {
            violated("run \(run) sends although \(meaning.invalid) of \(meaning.rows) rows are invalid")
        }
    }

    func hasEnded(number: Int) { inFlight[number] = nil }

    /// An answer that reached its process, and that names these records as taken.
    func isAcknowledged(_ call: UsersCall, except failures: Set<Int>) {
        guard let run = call.node.runID else { return }
        for (position, write) in call.writes.enumerated() where !failures.contains(position) {
            if let order = staged[run]?[write.content] { acknowledged.insert("\(order.key) \(order.content)") }
            for name in write.content.names(scenario.type) { firstTaken[name] = firstTaken[name] ?? world.now }
            for name in write.content.names(scenario.type) where (taken[name]?.order ?? 0) < call.order {
                taken[name] = (call.order, write.content.withoutNulls)
            }
        }
    }

    /// A request comes late. One that nobody knew of may undo what was taken since: the next run puts that right.
    func lands(_ call: UsersCall) {
        if call.stray != nil || oracle.isUnknowing { return }
        for write in call.writes {
            for name in write.content.names(scenario.type) {
                guard let last = taken[name], last.order > call.order, last.content != write.content.withoutNulls else {
                    continue
                }
                violated("\(write.content.summary) lands after \(last.content.summary) was taken")
            }
            for name in write.content.names(scenario.type) where left[name].map({ $0 > call.order }) == true {
                violated("\(write.content.summary) lands under an address that its profile has left")
            }
        }
    }

    /// A deletion comes late, or is carried out late.
    func lands(_ call: DeletionCall) {
        if call.stray != nil || oracle.isUnknowing { return }
        for name in call.person.names(scenario.type) {
            if let last = taken[name], last.order > call.order {
                violated("\(call.summary) lands after \(last.content.summary) was taken")
            }
        }
        for name in call.person.names(scenario.type) { taken[name] = nil }
    }

    /// What was taken under one address is that of the profile with the other one.
    func moved(_ email: String, _ newEmail: String, order: Int) {
        (taken[newEmail], taken[email]) = (taken[email], nil)
        firstTaken[newEmail] = firstTaken[newEmail] ?? world.now
        left[email] = order
    }

    func saw(_ event: String) { oracle.saw(event) }

    func hasConflict(_ content: ProfileContent) { conflicts.formUnion(content.names(scenario.type)) }

    func forgetConflicts() { conflicts = [] }

    /// What a request has done to one profile.
    func hasHappened(_ effect: SimulatedProfiles.Effect) {
        if effect.isNew && clients.updatesOnly { violated("a profile was made, and only known people may be updated") }
        if let refusal = effect.refusal { oracle.saw("iterable says \(refusal.word)") }
        for field in effect.leftOut { violated("the value of \(field) is left out, as the project has no such field") }
        for field in effect.made {
            oracle.saw("a new field was made")
            if field.type != SimulatedProfiles.intended(field.name) {
                violated("the new field \(field.name) has become one of type \(field.type ?? "")")
            }
        }
        guard let former = effect.former, scenario.type == .hybrid else { return }
        let isOurs = members.contains {
            $0.identity == Identity(email: former.email, userID: former.userID)
        }
        if !isOurs { homeless.insert(former.email) }
    }
}
