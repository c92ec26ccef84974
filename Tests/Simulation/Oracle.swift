import Foundation
import RollcallCore
import SyncEngine
import Warehouse

/// The independent model: what must never happen, and what must be so in the end. It shares no decision with the engine:
/// it looks at rows, requests and stored accounts.
final class Oracle {
    private let world: World
    private let iterable: SimulatedIterable
    private let scenario: Scenario
    private(set) var violations: [String] = []
    private var judgedRuns: [String: JudgedRun] = [:]
    /// What was seen at least once, for the coverage of a whole campaign.
    private(set) var seen: Set<String> = []

    /// What a run read: the identifiers of the audience, and how many members the snapshot had.
    private struct Reading {
        var names: Set<String> = []
        var audience = AudienceModel([], maxSharing: 1)
        var listed = 0
    }

    private var reading: [String: Reading] = [:]
    private var readingOfRun: [String: Reading] = [:]
    private var staged: [String: Set<String>] = [:]
    private var stagedFor: [String: Int64] = [:]
    private var approved: Set<String> = []
    private var removedInRun: [String: Set<String>] = [:]
    private var everOurs: Set<String> = []
    private var acknowledged: Set<String> = []
    private var inFlight: [Int: (node: Node, subscribers: [SimulatedIterable.Subscriber], until: Duration)] = [:]

    let store: MemoryWarehouse

    init(_ scenario: Scenario, _ world: World, _ iterable: SimulatedIterable, _ store: MemoryWarehouse) {
        self.store = store
        self.scenario = scenario
        self.world = world
        self.iterable = iterable
    }

    func violated(_ rule: String) {
        world.note(nil, "VIOLATION: \(rule)")
        violations.append(rule)
    }

    func saw(_ event: String) { seen.insert(event) }

    // MARK: What the rows mean

    /// Trimmed and in lower case, as the contract has it; this model has no other white space than blank and tab.
    static func email(_ bytes: [UInt8]?) -> String? {
        guard let bytes else { return nil }
        let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        guard bytes.contains(UInt8(ascii: "@")), let first = bytes.firstIndex(where: { !isBlank($0) }),
            let last = bytes.lastIndex(where: { !isBlank($0) })
        else { return nil }
        return String(decoding: bytes[first...last], as: UTF8.self).lowercased()
    }

    static func names(_ row: People.Row) -> [String] {
        [email(row.email), row.userID.map { String(decoding: $0, as: UTF8.self) }].compactMap(\.self)
    }

    // MARK: While a run goes on

    func hasRead(_ rows: [People.Row], _ node: Node) {
        reading[node.name, default: Reading()].names = Set(rows.flatMap(Oracle.names))
        reading[node.name]?.audience = AudienceModel(rows, maxSharing: scenario.maxSharing)
        links.forget(contradictedBy: rows)
    }

    func hasReadSnapshot(listed: Int, _ node: Node) { reading[node.name, default: Reading()].listed = listed }

    func hasStaged(_ run: SyncRun, _ changes: [Change], _ node: Node) {
        readingOfRun[run.id] = reading[node.name]
        stagedFor[run.id] = run.listID
        staged[run.id] = Set(changes.filter { $0.kind == .send }.map { Oracle.order($0.operation, $0.identity) })
        judgeOrder(run, changes)
        if let audience = reading[node.name]?.audience {
            judge(run, changes, audience)
            node.history.listFields.hasStaged(run, changes, audience, node)
        }
        saw("run \(run.status.rawValue)")
    }

    /// `RunStore.acknowledge` promises no order between operations.
    private func judgeOrder(_ run: SyncRun, _ changes: [Change]) {
        let sent = changes.filter { $0.kind == .send }
        let operations = Dictionary(sent.map { ($0.sequence, $0.operation) }) { first, _ in first }
        let own = Dictionary(sent.map { ($0.fingerprint, $0.operation) }) { first, _ in first }
        if own.count < sent.count { violated("run \(run.id) sends something for one entry twice") }
        for older in changes where older.kind == .supersede {
            guard let operation = own[older.fingerprint], let parent = older.parent.flatMap({ operations[$0] }),
                operation != parent
            else { continue }
            violated(
                "run \(run.id) has two operations for the entry \(older.identity): \(operation), and \(parent) as an older one"
            )
        }
    }

    /// Every person of the audience is one member, under the identifiers of the row that represents them, and every row has
    /// its place in the accounts.
    private func judge(_ run: SyncRun, _ changes: [Change], _ audience: AudienceModel) {
        for change in changes where change.operation == .subscribe && change.kind.isListed {
            if !audience.people.contains(where: { $0.representative == change.identity }) {
                violated("run \(run.id) subscribes \(change.identity), which represents nobody")
            }
        }
        judgeWhole(run, changes, audience)
        let (counts, people) = (run.counts, audience.people.count)
        if counts.rowsRead != audience.rows || counts.invalid != audience.invalid || counts.audience != people
            || counts.duplicates != audience.rows - audience.invalid - people
        {
            violated(
                "run \(run.id) counts \(counts.short), but of \(audience.rows) rows \(audience.invalid) are invalid and"
                    + " the others are \(people) people")
        }
        if audience.shared > 0 { saw("rows went on without an identifier that too many share") }
        if audience.people.contains(where: { $0.names.count > 1 && $0.rows > 1 }) { saw("a person of several rows") }
    }

    /// Whoever is not acknowledged is in the plan, whichever rows it has fetched.
    private func judgeWhole(_ run: SyncRun, _ changes: [Change], _ audience: AudienceModel) {
        let planned = Set(changes.filter { $0.operation == .subscribe && $0.kind.isListed }.map(\.identity))
        for person in audience.people where !planned.contains(person.representative) {
            let known = run.listID.flatMap { state(of: person.representative, $0) }
            if known == .subscribed { continue }
            let word = known?.rawValue ?? "new"
            violated("run \(run.id) leaves out \(person.representative), who is \(word)")
        }
    }

    func hasApproved(_ run: String) { approved.insert(run) }

    /// What is claimed may have been sent, for all that the next process knows.
    func hasClaimed(_ changes: [Change]) {
        for change in changes where change.operation == .subscribe {
            everOurs.formUnion([change.identity.email, change.identity.userID].compactMap(\.self))
            if let email = change.identity.email, let userID = change.identity.userID {
                claimedPairs[Oracle.name(change.identity)] = [email, userID]
            }
        }
    }

    private static func name(_ identity: Identity) -> String { "\(identity.email ?? "-")/\(identity.userID ?? "-")" }

    private static func order(_ operation: RollcallCore.Operation, _ identity: Identity) -> String {
        "\(operation) \(name(identity))"
    }

    /// Judges who sends a request, of whatever kind, at the moment it is sent.
    func judgeSender(_ node: Node) {
        if node.stop.reason != nil { violated("\(node.name) sends after it was asked to stop") }
        if node.leaseToken != store.state.leases[node.sync]?.token {
            violated("\(node.name) sends after its lease was taken over")
        }
    }

    /// Judges a request at the moment it is sent.
    func isSent(_ request: ListRequest, _ read: SimulatedIterable.Request, by node: Node, number: Int) {
        if read.leavesChannel { violated("a request leaves the channel") }
        guard let run = node.runID else { return violated("a request without a run") }
        for identity in request.subscribers
        where staged[run]?.contains(Oracle.order(request.operation, identity)) != true {
            violated("run \(run) sends what was not staged: \(identity)")
        }
        if let list = stagedFor[run], list != read.list {
            violated("run \(run) sends to another list than it was staged for")
        }
        judgeNeighbours(read, node)
        for subscriber in read.subscribers {
            for late in iterable.underWay.values
            where late.subscribes != read.subscribes && late.list == read.list && late.shares(subscriber)
                && isKnown(late)
            {
                violated("the opposite of \(late.summary) is sent while that may still land")
            }
            if !read.subscribes { judgeRemoval(subscriber, run) }
        }
        if !read.subscribes { links.forget(read.subscribers.flatMap { [$0.email, $0.userID].compactMap(\.self) }) }
        inFlight[number] = (node, read.subscribers, world.now + .seconds(scenario.timeoutSeconds))
    }

    private func judgeNeighbours(_ read: SimulatedIterable.Request, _ node: Node) {
        for (number, other) in inFlight where other.until < world.now {
            if other.node.process.isDead { inFlight[number] = nil }
        }
        for other in inFlight.values {
            if other.node !== node && !other.node.process.isDead && other.until >= world.now {
                violated("\(node.name) sends while a request of \(other.node.name) is under way")
            }
            guard other.node === node else { continue }
            for subscriber in read.subscribers {
                let shares = other.subscribers.contains {
                    ($0.email != nil && $0.email == subscriber.email)
                        || ($0.userID != nil && $0.userID == subscriber.userID)
                }
                if shares { violated("one person is in two requests at once") }
            }
        }
    }

    private func judgeRemoval(_ subscriber: SimulatedIterable.Subscriber, _ run: String) {
        let named = [subscriber.email, subscriber.userID].compactMap(\.self)
        if named.count != 1 { violated("a removal names \(named.count) identifiers") }
        let wanted = readingOfRun[run]?.names ?? []
        // The person has every name under which we put them there, also where this request does not say it.
        let known = named + (iterable.profile(of: subscriber)?.known(as: named) ?? [])
        if let name = known.first(where: wanted.contains) { violated("removed, though \(name) is in the audience") }
        if let name = links.linked(to: named).first(where: wanted.contains) {
            violated("removed, though \(name) is in the audience, which rows said is the same person")
        }
        if !named.contains(where: everOurs.contains) { violated("removed, though not ours: \(named)") }
        removedInRun[run, default: []].formUnion(named)
        if !approved.contains(run) { judgeGuards(run) }
    }

    private func judgeGuards(_ run: String) {
        guard let reading = readingOfRun[run] else { return }
        let removed = removedInRun[run]?.count ?? 0
        if case .count(let limit) = iterable.scenario.maxRemovals, guardsAreOn, removed > limit {
            violated("run \(run) removes \(removed), more than \(limit), without approval")
        }
        if !scenario.allowEmpty && guardsAreOn && reading.names.isEmpty {
            violated("run \(run) removes people although the audience is empty")
        }
    }

    var guardsAreOn = true
    /// False once somebody deleted the list.
    private var othersMembersAreSafe = true

    func hasLostItsList() {
        othersMembersAreSafe = false
        links = RowLinks()
    }

    /// What rows said about who is one person.
    private var links = RowLinks()

    // MARK: Requests without a lease

    /// Requests that were sent without a lease, and what is known of each.
    private var strays: [Int: (node: Node, state: Stray)] = [:]
    private enum Stray { case sent, noted, read, lost }

    func hasStrayed(_ number: Int, _ node: Node) {
        saw("a request strayed")
        strays[number] = (node, .sent)
    }

    func hasNoted(_ node: Node) { setStrays(of: node, .noted) }

    /// The warehouse was away, and perhaps stays so for longer than the process has patience.
    func couldNotNote(_ node: Node) { setStrays(of: node, .lost) }

    /// It was certainly not carried out, or the lease was still its process's when it had its answer.
    func needsNoNote(_ number: Int) { covered.insert(number) }

    /// It had the lease still: no other process can have taken the sync over before.
    func hasProvedItsLease(_ node: Node) {
        for (number, stray) in strays where stray.node === node && stray.state == .sent { covered.insert(number) }
    }

    /// Stray requests that turned out to be sent with the lease after all.
    private var covered: Set<Int> = []

    /// A process that lives on notes what it sent without a lease.
    func hasRun(_ node: Node) {
        for (number, stray) in strays
        where stray.node === node && stray.state == .sent && !covered.contains(number) {
            violated("request \(number) was sent without a lease, and its process did not note it")
        }
    }

    private func setStrays(of node: Node, _ state: Stray) {
        for (number, stray) in strays where stray.node === node && (stray.state == .sent || stray.state == .lost) {
            saw(state == .noted ? "a stray request was noted" : "a stray request could not be noted")
            strays[number]?.state = state
        }
    }

    /// A run has taken the notes over: it and those after it know of them.
    func hasReadNotes(_ count: Int, _ node: Node) {
        guard count > 0 else { return }
        saw("notes of stray requests were read")
        for (number, stray) in strays where stray.state == .noted && stray.node.sync == node.sync {
            strays[number]?.state = .read
        }
    }

    /// A run that began later reads what was noted.
    func judgeNotes(of sync: String) {
        for (number, stray) in strays where stray.state == .noted && stray.node.sync == sync {
            violated("request \(number) was noted, and no later run has read the note")
        }
    }

    private func isKnown(_ late: SimulatedIterable.Request) -> Bool { isKnown(stray: late.stray) }

    /// Whether later runs know of a request; nil: it was sent with a lease.
    func isKnown(stray number: Int?) -> Bool { number.map { strays[$0]?.state == .read } ?? true }

    /// Whether something was sent without a lease by a process that then died, or could not write it down: no one knows of it.
    var isUnknowing: Bool {
        strays.values.contains { $0.state == .lost || ($0.state == .sent && $0.node.process.isDead) }
    }

    func hasEnded(number: Int) { inFlight[number] = nil }

    /// An answer that reached its process and that names these records as carried out.
    func isAcknowledged(_ request: SimulatedIterable.Request, except failures: Set<Int>, by node: Node) {
        let audience = node.runID.flatMap { readingOfRun[$0]?.audience }
        for (position, subscriber) in request.subscribers.enumerated() where !failures.contains(position) {
            guard request.subscribes else { continue }
            acknowledged.insert("\(subscriber.email ?? "-")/\(subscriber.userID ?? "-")")
            let names = [subscriber.email, subscriber.userID].compactMap(\.self)
            if let person = audience?.people.first(where: { !$0.names.isDisjoint(with: names) }) {
                links.add(person)
            }
        }
    }

    // MARK: After a run

    /// A run as it was when its accounts were judged: they are judged again once something of it has changed.
    struct JudgedRun: Equatable {
        var run: SyncRun
        /// Rows of its log, which only grows.
        var records: Int
    }

    func hasEnded(_ outcome: RunKind) {
        let store = store.state
        saw("outcome \(outcome.name)")
        let records = store.log.reduce(into: [String: Int]()) { $0[$1.runID, default: 0] += 1 }
        for row in store.runs {
            let state = JudgedRun(run: row.run, records: records[row.run.id] ?? 0)
            if judgedRuns.updateValue(state, forKey: row.run.id) == state { continue }
            judgeAccounts(row.run, store.log.filter { $0.runID == row.run.id })
        }
        for (set, members) in store.members where set.entries.listID != nil {
            for entry in members.values where entry.member.state == .subscribed {
                if !acknowledged.contains(Oracle.name(entry.member.identity)) {
                    violated("\(entry.member.identity) is on the snapshot as subscribed and was never acknowledged")
                }
            }
        }
    }

    private func judgeAccounts(_ run: SyncRun, _ log: [LogRecord]) {
        saw("run \(run.status.rawValue)")
        if let code = run.error?.code { saw("error \(code)") }
        guard run.status.isFinal || run.status == .held else { return }
        let counts = run.counts
        if !counts.balances { violated("run \(run.id) does not balance: \(counts)") }
        guard run.status.isFinal, !(run.status == .cancelled && run.held.isEmpty == false) else { return }
        var sums: [String: Int] = [:]
        var people: Set<String> = []
        var unsaid = counts.notVerified
        judgeShared(run, log)
        for record in log {
            sums["\(record.operation) \(record.status)", default: 0] += 1
            saw("record \(record.status) \(record.errorCode ?? "")")
            // An item that is not as it was put has failed, and is put again by the same run.
            guard record.operation != "validate", record.errorCode != "not_verified" else { continue }
            // A stream takes up what waits or has no answer within the same row, and what has changed where that is asked for.
            let isOpen = ["waiting", "unknown", "not_attempted"].contains(record.status)
            if run.trigger == .stream, isOpen || run.kind != .events || scenario.tracks?.updates == true { continue }
            if !people.insert(
                "\(record.operation) \(record.email ?? "-")/\(record.userID ?? "-")/\(record.recordKey ?? "-")"
            ).inserted {
                // Where the run ended before it said that the item has failed, that and the put have both not been attempted.
                if record.status == "not_attempted", unsaid > 0 {
                    unsaid -= 1
                } else {
                    violated(
                        "run \(run.id) logged somebody twice: \(record.operation) \(record.email ?? record.userID ?? "")"
                            + " \(record.status) \(record.errorCode ?? "")"
                    )
                }
            }
        }
        for operation in run.kind.operations {
            let counted = [
                "succeeded": counts.succeeded[operation], "failed": counts.failed[operation],
                "unknown": counts.unknown[operation], "not_attempted": counts.notAttempted[operation],
            ]
            for (status, count) in counted where sums["\(operation) \(status)", default: 0] != count {
                violated("run \(run.id) \(run.status), \(operation): the log has \(sums), the run \(counts.short)")
            }
        }
        if sums["validate failed", default: 0] != counts.invalid {
            violated("run \(run.id) \(run.status): the log has \(sums), the run \(counts.short)")
        }
    }

    /// Each row that lost an identifier which too many share has its record.
    private func judgeShared(_ run: SyncRun, _ log: [LogRecord]) {
        guard let audience = readingOfRun[run.id]?.audience, run.counts.rowsRead > 0 else { return }
        let records = log.filter { $0.errorCode == "identifier_shared" }
        let failed = records.count { $0.status == "failed" }
        if failed != audience.sharedInvalid || records.count - failed != audience.shared {
            violated(
                "run \(run.id) logged \(records.count) rows with identifiers that too many share, \(failed) failed, not"
                    + " \(audience.shared) and \(audience.sharedInvalid)")
        }
    }

    // MARK: In the end

    /// Faults have stopped and one more run has ended: the list is the audience, others' members aside.
    func judgeEnd(rows: [People.Row], list: Int64?) {
        let members = store.state.members.values.joined().map(\.value.member.identity)
        let wanted = Set(rows.flatMap(Oracle.names))
        let listed = iterable.profiles.filter { profile in list.map(profile.lists.contains) ?? false }
        for profile in listed where !profile.isForeign {
            let names = [profile.email, profile.userID].compactMap(\.self)
            if names.contains(where: wanted.contains) || isEntangled(names, wanted, members) { continue }
            violated("still on the list: \(names)")
        }
        for profile in iterable.profiles where profile.isForeign && othersMembersAreSafe {
            let names = [profile.email, profile.userID].compactMap(\.self)
            let isOurs = names.contains(where: everOurs.contains)
            if let list, !profile.lists.contains(list), !isOurs { violated("a member of others is gone: \(names)") }
        }
        for person in AudienceModel(rows, maxSharing: scenario.maxSharing).people
        where !person.names.contains(where: mayBeRefused) {
            let names = [person.representative.email, person.representative.userID].compactMap(\.self)
            let isListed = listed.contains { profile in
                [profile.email, profile.userID].compactMap(\.self).contains(where: names.contains)
            }
            if !isListed { violated("not on the list: \(names)") }
            if let list, state(of: person.representative, list) != .subscribed {
                violated("represents a person and is not on the snapshot: \(person.representative)")
            }
        }
    }

    private func state(of identity: Identity, _ list: Int64) -> MemberState? {
        (store.state.members[.init(sync: "vip", entries: .list(list))] ?? [:]).values.first {
            $0.member.identity == identity
        }?
        .member.state
    }

    /// Rows have contradicted each other (one address with two userIds, one after the other or at once), and a request that
    /// would have joined the two got no clear answer: nobody can say that the person left.
    private func isEntangled(_ names: [String], _ wanted: Set<String>, _ members: [Identity]) -> Bool {
        var reached = Set(names)
        var pairs = doubtfulPairs + members.map { Set([$0.email, $0.userID].compactMap(\.self)) }
        for (name, pair) in claimedPairs where !acknowledged.contains(name) { pairs.append(pair) }
        while let index = pairs.firstIndex(where: { !$0.isDisjoint(with: reached) }) {
            reached.formUnion(pairs.remove(at: index))
        }
        if reached.count > names.count { saw("an entangled person stayed") }
        return !reached.isDisjoint(with: wanted)
    }

    var hasDoubts: Bool { !doubtfulPairs.isEmpty || claimedPairs.keys.contains { !acknowledged.contains($0) } }

    /// Two names in one request that got no clear answer.
    private var doubtfulPairs: [Set<String>] = []
    /// Two names in a change that may have been sent, by the whole name.
    private var claimedPairs: [String: Set<String>] = [:]

    func isDoubtful(_ request: SimulatedIterable.Request) {
        for subscriber in request.subscribers where request.subscribes {
            if let email = subscriber.email, let userID = subscriber.userID { doubtfulPairs.append([email, userID]) }
        }
    }

    /// Iterable refuses this person, or knows the identifiers as two people.
    func mayBeRefused(_ name: String) -> Bool {
        for person in scenario.afflicted.keys where name == People.email(person) || name == People.userID(person) {
            return true
        }
        return conflicts.contains(name) || homeless.contains(name)
    }

    /// Names that lost their profile, or its place on the list, by a request for another name, although nothing of ours told
    /// that the two were one profile: Iterable knew it from a time before.
    private var homeless: Set<String> = []

    func hasLostItsProfile(_ name: String) { homeless.insert(name) }

    var conflicts: Set<String> = []
}

/// How a run ended, for the oracle.
enum RunKind {
    case ran(SyncRun), held, busy, failed(String)

    var name: String {
        switch self {
        case .ran(let run): "ran \(run.status.rawValue)"
        case .held: "already held"
        case .busy: "busy"
        case .failed(let code): "failed \(code)"
        }
    }
}

extension RunCounts {
    var short: String {
        "read \(rowsRead) invalid \(invalid) duplicates \(duplicates) audience \(audience)"
            + " planned +\(planned.total(.put)) -\(planned.total(.remove)) succeeded +\(succeeded.total(.put))"
            + " -\(succeeded.total(.remove)) failed +\(failed.total(.put)) -\(failed.total(.remove))"
            + " not attempted +\(notAttempted.total(.put)) -\(notAttempted.total(.remove))"
            + " unknown +\(unknown.total(.put)) -\(unknown.total(.remove))"
    }
}
