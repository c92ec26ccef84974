import Foundation
import RollcallCore
import Warehouse

/// What must never happen to events, and what must be so in the end. It looks at rows, requests and stored accounts.
final class EventOracle {
    let oracle: Oracle
    let world: World
    let scenario: Scenario
    let tracks: Scenario.Tracks
    let events: SimulatedEvents
    let store: MemoryWarehouse
    let users: ProfileOracle

    /// What a run has read.
    struct Reading {
        var meaning: Visits.Meaning
        /// What lies before it was not asked for.
        var bound: Int64?
        /// When its view of the source was taken, as a number of changes and in microseconds since 1970.
        var tick: Int
        var now: Int64
    }

    /// A change that a run has staged.
    struct Order {
        var key: String
        var content: EventContent
        var sequence: Int64
        /// Whether it goes after everything else, because another request for the event may still land.
        var isDeferred: Bool
    }

    /// Why an event need not be in Iterable.
    enum Pardon { case wasThereBefore, isDiscarded, isUncertain, cameTooLate }

    // What is known of rows, by key.
    /// How often the source has changed.
    private(set) var tick = 0
    /// What the source says.
    private(set) var meaning: Visits.Meaning
    /// When an event could be sent first, and when it became what it is now.
    var appeared: [String: Int] = [:]
    var changed: [String: Int] = [:]
    /// By id, of every key that ever was.
    private(set) var keys: [String: String] = [:]
    var pardoned: [String: Set<Pardon>] = [:]
    /// Events of which the latest content is not promised.
    var stale: Set<String> = []
    var promise: EventPromise

    // What is known of runs.
    private var reading: [String: Reading] = [:]
    /// When the processes' runs began, in microseconds since 1970.
    private var opened: [String: Int64] = [:]
    var readingOfRun: [String: Reading] = [:]
    /// By run and id.
    var staged: [String: [String: Order]] = [:]
    var isHeld: Set<String> = []
    var guardsAreOn = true
    /// When the first run began that staged a plan, in microseconds since 1970.
    var begun: Int64?
    /// New events that a run has staged.
    var streamed: [String: Int] = [:]

    // What is known of events.
    var fingerprints: [String: Fingerprint] = [:]
    /// By key, what was ever staged, and the place in the order of the person that it had last.
    var contents: [String: Set<EventContent>] = [:]
    var orders: [String: Int64] = [:]
    /// By key, a time before which the sync cannot have met the event, in microseconds since 1970.
    var firstSeen: [String: Int64] = [:]
    /// By key, what was recorded as sent last.
    var acknowledged: [String: EventContent] = [:]
    var refused: Set<String> = []
    /// Keys that were sent because a person asked for it.
    var backfilled: Set<String> = []
    /// Keys that were sent although Iterable had refused them: as their rows are by then.
    var retried: Set<String> = []
    /// Keys that were ever discarded.
    var discarded: Set<String> = []

    // What is known of requests.
    var inFlight: [Int: (call: EventsCall, until: Duration)] = [:]
    /// By run, ids that were in a request.
    var sent: [String: Set<String>] = [:]
    /// By run, ids of which the last request got no clear answer; and all that ever were.
    var unclear: [String: Set<String>] = [:]
    var everUnclear: Set<String> = []
    /// By run, people who are not known, and of whom an event waits for certain.
    var waiting: [String: Set<String>] = [:]
    /// By id, for which the last exchange did not vouch, and what the answer said of it.
    var unvouched: [String: String] = [:]
    /// Ids with contents that Iterable said it has taken.
    var vouched: [String: Set<EventContent>] = [:]
    /// By id, what it said last, and when that was sent.
    var taken: [String: (order: Int, content: EventContent)] = [:]

    init(
        _ oracle: Oracle, _ world: World, _ scenario: Scenario, _ events: SimulatedEvents, _ users: ProfileOracle,
        _ store: MemoryWarehouse
    ) {
        self.oracle = oracle
        self.world = world
        self.scenario = scenario
        self.events = events
        self.users = users
        self.store = store
        let tracks = scenario.tracks ?? Scenario.Tracks()
        self.tracks = tracks
        promise = EventPromise(overlap: tracks.overlap * (tracks.cursor == .time ? 1_000_000 : 1))
        meaning = Visits.Meaning([], tracks, scenario.type, from: nil, now: 0)
    }

    func violated(_ rule: String) { oracle.violated("events: \(rule)") }

    /// The database's clock, in microseconds since 1970.
    var now: Int64 { Int64((store.time().timeIntervalSince1970 * 1e6).rounded()) }

    /// What the state tables have of an event.
    func row(of key: String) -> StoredEvent? { fingerprints[key].flatMap { store.state.events["tracks"]?[$0] } }

    // MARK: The source

    /// The source is another one now.
    func hasChanged(_ rows: [TableRow]) {
        tick += 1
        let new = Visits.Meaning(rows, tracks, scenario.type, from: nil, now: now)
        for (key, id) in new.ids { keys[id] = key }
        for (key, event) in new.wanted {
            let old = meaning.wanted[key]
            if old?.content == event.content { continue }
            let isTooLate = isBehind(event, promise.sweep)
            changed[key] = tick
            if isTooLate { stale.insert(key) }
            guard old == nil else { continue }
            appeared[key] = tick
            if isTooLate { pardoned[key, default: []].insert(.cameTooLate) }
        }
        meaning = new
    }

    private func isBehind(_ event: Visits.Meaning.Event, _ bound: Int64?) -> Bool {
        guard let bound, let position = event.position else { return false }
        return position < bound
    }

    /// Whether rows of a key say different things, or one of several cannot be sent, so that nothing is sent of it where changed rows are.
    func isContested(_ key: String, _ meaning: Visits.Meaning) -> Bool {
        tracks.updates && meaning.wanted[key] == nil && (meaning.claims[key] ?? []).contains { $0 != nil }
    }

    // MARK: Reading

    /// A view of the source is taken.
    func begins(_ rows: [TableRow], from bound: Int64?) -> Reading {
        Reading(
            meaning: Visits.Meaning(rows, tracks, scenario.type, from: bound, now: now), bound: bound, tick: tick,
            now: now)
    }

    func hasOpened(_ node: Node) { opened[node.name] = now }

    func hasRead(_ view: Reading, _ node: Node) { reading[node.name] = view }

    func hasApproved(_ run: String) { isHeld.remove(run) }

    func hasStaged(_ run: SyncRun, _ changes: [Change], _ node: Node) {
        guard let view = reading[node.name] else { return violated("run \(run.id) is staged without a reading") }
        readingOfRun[run.id] = view
        if run.status == .held { isHeld.insert(run.id) }
        if run.trigger == .stream { hasStagedMore(run, changes) }
        EventPlanJudge(self, run, view, changes, began: opened[node.name] ?? now, isBackfill: node.backfills).judge()
    }

    /// What a stream has staged before has its outcomes, and what waits is taken up with all of its looks or with none.
    private func hasStagedMore(_ run: SyncRun, _ changes: [Change]) {
        let staged = Set(changes.lazy.filter { $0.kind != .skip }.compactMap { $0.record?.key })
        let unfinished = store.state.sortedEvents(of: "tracks").filter(\.state.isUnfinished)
        let left = unfinished.filter { !staged.contains($0.recordKey ?? "") }
        if left.count < unfinished.count { oracle.saw("a stream took up what waited") }
        // An event may have become another person's since it began to wait.
        let people = left.map(\.identity) + changes.filter { $0.kind == .wait }.map(\.identity)
        waiting[run.id] = Set(people.compactMap { $0.userID ?? $0.email })
        (sent[run.id], unclear[run.id]) = ([], [])
    }

    // MARK: The cursor

    /// The end of a run may have moved it.
    func mayHaveMoved(_ before: EventCursor?, by run: String) {
        guard let after = store.state.cursors["tracks"], after != before else { return }
        guard let view = readingOfRun[run] else { return violated("run \(run) moves the cursor without a reading") }
        if before?.lateRows != after.lateRows, after.lateRows > 0 { oracle.saw("an event was found late") }
        promise.move(
            to: view.meaning.highest, isSweep: before?.lastSweepAt != after.lastSweepAt,
            startsNow: tracks.start == .now)
        // What has come since its view was taken is only found where the next ones still look.
        for (key, event) in meaning.wanted where isBehind(event, promise.sweep) {
            if appeared[key] ?? 0 > view.tick { pardoned[key, default: []].insert(.cameTooLate) }
            if changed[key] ?? 0 > view.tick { stale.insert(key) }
        }
        for key in view.meaning.wanted.keys.sorted() where !isSettled(key) {
            violated("the cursor moves behind run \(run), and nothing has become of \(key)")
        }
        oracle.saw("a cursor of events moved")
    }

    /// Whether what becomes of an event is decided, or written down as undecided.
    private func isSettled(_ key: String) -> Bool {
        if acknowledged[key] != nil || refused.contains(key) || pardoned[key]?.isEmpty == false { return true }
        return row(of: key)?.state.isUnfinished ?? false
    }

    /// A person has decided that a held run is not carried out. What was sent before stays as it is.
    func hasDiscarded(_ changes: [Change]) {
        for change in changes {
            guard let key = change.record?.key else { continue }
            stale.insert(key)
            if row(of: key)?.state == .sent || row(of: key)?.state == .rejected { continue }
            oracle.saw("an event was discarded")
            pardoned[key, default: []].insert(.isDiscarded)
            discarded.insert(key)
        }
    }

    // MARK: Outcomes

    /// What the run has written down.
    /// - Parameter changes: in the outbox until now.
    func hasRecorded(_ changes: [Change], _ outcomes: [BatchOutcome]) {
        for batch in outcomes {
            for change in changes where change.kind == .send && batch.sequences.contains(change.sequence) {
                guard let key = change.record?.key, let write = EventWrite(change.payload ?? []) else { continue }
                judge(batch.exceptions[change.sequence] ?? .succeeded, of: write, key)
            }
        }
    }

    private func judge(_ outcome: RecordOutcome, of write: EventWrite, _ key: String) {
        switch outcome {
        case .succeeded:
            if vouched[write.id]?.contains(write.content) != true {
                violated("\(key) is recorded as sent, and Iterable has not said so")
            }
            acknowledged[key] = write.content
            refused.remove(key)
        case .rejected, .failed:
            guard let reason = unvouched[write.id] else {
                return violated("\(key) is recorded as refused, and Iterable has not said so")
            }
            let isOfName = tracks.disallowed.contains(write.content.name)
            if reason == SimulatedEvents.notFound && !isOfName && !hasWaited(key) {
                violated("\(key) is given up before its person had time to appear")
            }
            refused.insert(key)
        case .waiting: oracle.saw("an event waits for its person")
        case .unknown, .notAttempted: break
        }
    }

    /// Whether an event may have been known for as long as its person is waited for. Clocks of processes may run a
    /// little fast.
    func hasWaited(_ key: String) -> Bool {
        now - (firstSeen[key] ?? now) >= Int64(tracks.waitSeconds) * 1_000_000 - 2_000_000
    }

    /// Events whose people have never appeared are given up without a request.
    func hasParked(_ changes: [Change]) {
        for change in changes where change.kind == .parked {
            guard let key = change.record?.key else { continue }
            if change.refusal?.code == "too_old" {
                oracle.saw("an event was too old for a stream")
                if !isTooOld(key) { violated("\(key) is set aside, and is not too old") }
            } else if !hasWaited(key) {
                violated("\(key) is given up before its person had time to appear")
            }
            refused.insert(key)
        }
    }

    /// Whether an event happened longer ago than the guard allows, as far as clocks agree.
    func isTooOld(_ key: String) -> Bool {
        guard let seconds = tracks.maxAgeSeconds, let time = orders[key] else { return false }
        return time < now - Int64(seconds - 600) * 1_000_000
    }
}
