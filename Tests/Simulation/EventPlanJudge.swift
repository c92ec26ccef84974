import Foundation
import RollcallCore
import Warehouse

/// Looks at one plan of events as it is staged.
struct EventPlanJudge {
    private let known: EventOracle
    private let run: SyncRun
    private let view: EventOracle.Reading
    private let changes: [Change]
    private let isBackfill: Bool
    /// When the run began, in microseconds since 1970.
    private let began: Int64
    private let isFirst: Bool

    private var tracks: Scenario.Tracks { known.tracks }
    private var oracle: Oracle { known.oracle }

    /// - Parameter isBackfill: whether what was passed over before is to be sent.
    init(
        _ known: EventOracle, _ run: SyncRun, _ view: EventOracle.Reading, _ changes: [Change], began: Int64,
        isBackfill: Bool
    ) {
        self.known = known
        self.run = run
        self.view = view
        self.changes = changes
        self.began = began
        self.isBackfill = isBackfill
        isFirst = known.store.state.cursors["tracks"] == nil
    }

    private var isStream: Bool { run.trigger == .stream }

    private func violated(_ rule: String) { known.violated("run \(run.id) \(rule)") }

    func judge() {
        judgeBound()
        if isFirst && !isBackfill { noteStart() }
        judgeCounts()
        var orders: [String: EventOracle.Order] = [:]
        var keys: Set<String> = []
        for change in changes {
            guard let record = change.record, let event = change.event, change.operation == .track else {
                violated("does something else than to track")
                continue
            }
            let key = record.key
            known.fingerprints[key] = change.fingerprint
            if change.kind == .skip, raises(change, key) { continue }
            // Of an event that is passed over, each row further on says so again.
            let isRepeatedSkip = change.kind == .skip && isFirst
            if !keys.insert(key).inserted && !isRepeatedSkip { violated("has two changes for \(key)") }
            if change.kind == .skip {
                judgeSkip(key)
            } else if let write = EventWrite(change.payload ?? []), write.id == event.id {
                judge(change, write, key)
                if change.kind != .send { continue }
                orders[write.id] = EventOracle.Order(
                    key: key, content: write.content, sequence: change.sequence, isDeferred: change.notBefore != nil)
            } else {
                violated("has an object for \(key) that is no event")
            }
        }
        known.staged[run.id] = orders
        judgeCompleteness(keys)
        judgeOrder()
        judgeGuards()
    }

    // MARK: What is read

    private var isSweep: Bool {
        let staged = known.store.state.stagedCursors[run.id]
        return staged != nil && staged?.lastSweepAt != known.store.state.cursors["tracks"]?.lastSweepAt
    }

    /// A run reads at least what is promised.
    private func judgeBound() {
        // The looks of a stream read less, and all of it now and then.
        if isStream { return }
        guard tracks.cursorColumn != nil else {
            if view.bound != nil { violated("does not read everything") }
            return
        }
        var promised = isSweep ? known.promise.sweep : known.promise.usual
        if isBackfill { promised = nil }
        if let bound = view.bound, promised.map({ bound > $0 }) ?? true {
            violated("reads from \(bound), and not from \(promised.map { "\($0)" } ?? "the start")")
        }
        if isSweep && !isFirst { oracle.saw("a sweep of events") }
        if view.meaning.hasAhead { oracle.saw("a row in the future was read") }
        if run.counts.late > 0 { oracle.saw("a sweep found late events") }
    }

    /// What was there before the sync began is passed over.
    private func noteStart() {
        known.begun = begun
        for (key, event) in view.meaning.wanted {
            switch standing(event.time) {
            case true?: break
            case false?: known.pardoned[key, default: []].insert(.wasThereBefore)
            case nil: known.pardoned[key, default: []].insert(.isUncertain)
            }
        }
    }

    /// When the first run began, by what it has read, in microseconds since 1970.
    private var begun: Int64 { known.begun ?? view.now }

    /// Whether an event of this time that is there at the first run is sent; nil: that depends on when exactly the run began.
    private func standing(_ happened: Int64?) -> Bool? {
        switch tracks.start {
        case .now: return false
        case .all: return true
        case .time(let time):
            return happened.map { $0 >= Int64((time.timeIntervalSince1970 * 1e6).rounded()) } ?? false
        case .last(let seconds):
            guard let time = happened else { return false }
            let (start, margin) = (begun - Int64(seconds) * 1_000_000, Int64(600_000_000))
            return time >= start + margin ? true : time < start - margin ? false : nil
        }
    }

    private func judgeCounts() {
        // Rows that were read before do not count there.
        if isStream { return }
        let counts = view.meaning.counts(
            isLookedInto: { key in
                switch known.row(of: key)?.state {
                case nil: !(isFirst && !isBackfill && tracks.start == .now)
                case .skipped?: isBackfill
                default: tracks.updates
                }
            }, isNew: { !isBackfill && known.row(of: $0) == nil })
        // Where what was refused is tried again, its row is looked into.
        let isTriedAgain =
            !tracks.updates && view.meaning.claims.keys.contains { known.row(of: $0)?.state == .rejected }
        guard let counts, !isTriedAgain else { return }
        let own = run.counts
        if own.rowsRead != view.meaning.rows || own.excluded != view.meaning.excluded || own.invalid != counts.invalid
            || own.duplicates != counts.duplicates || own.audience != counts.events
        {
            violated(
                "counts \(own.short), but of \(view.meaning.rows) rows \(counts.invalid) are invalid,"
                    + " \(view.meaning.excluded) are left out, \(counts.duplicates) are duplicates and"
                    + " \(counts.events) are events")
        }
        // Rows without a cursor are judged by runs that read back.
        let left = isBackfill || isSweep ? 0 : view.meaning.withoutPosition
        let (invalid, rows) = (counts.invalid - left, view.meaning.rows - left)
        let isTooMuch = tracks.maxInvalid.map { Double(invalid) * 100 > $0 * Double(rows) } ?? false
        if isTooMuch && known.guardsAreOn && run.held.isEmpty {
            violated("is not held although \(counts.invalid) of \(view.meaning.rows) rows are invalid")
        }
        if counts.duplicates > 0 { oracle.saw("a row of an event was a duplicate") }
    }

    /// What is new, what is to be sent all the same, and what is still to be sent: all of it has a change.
    private func judgeCompleteness(_ keys: Set<String>) {
        let kept = known.store.state.stagedCursors[run.id]?.keepFrom
        for (key, event) in view.meaning.wanted.sorted(by: { $0.key < $1.key }) where !keys.contains(key) {
            let state = known.row(of: key)?.state
            // What is passed over need not be written down where nothing reads again.
            let isBehind = kept.map { kept in event.position.map { $0 < kept } ?? false } ?? false
            if state == nil && isFirst && !isBackfill && isBehind && standing(event.time) == false { continue }
            if state == nil || (state == .skipped && isBackfill) { violated("leaves \(key) out") }
        }
        if isStream { return }
        judgeStart(keys)
        for event in known.store.state.sortedEvents(of: "tracks") where event.state.isUnfinished {
            guard let key = event.recordKey, !keys.contains(key) else { continue }
            if known.isContested(key, view.meaning) { continue }
            violated("leaves \(key) out, which is still to be sent")
        }
    }

    /// Whatever is there before what the first run takes is written down, also where it is left out or cannot be sent.
    private func judgeStart(_ keys: Set<String>) {
        if !isFirst || isBackfill || tracks.start == .now { return }
        for (key, times) in view.meaning.times.sorted(by: { $0.key < $1.key }) where !keys.contains(key) {
            let isBefore = times.contains { $0 != nil && standing($0) == false }
            if isBefore && known.row(of: key) == nil { violated("does not write down \(key), which was there before") }
        }
    }

    // MARK: Changes

    /// Whether a known event is only noted to have been met further on than before.
    private func raises(_ change: Change, _ key: String) -> Bool {
        guard let before = known.row(of: key), let position = change.event?.position else { return false }
        return before.position.map { $0 < position } ?? true
    }

    private func judgeSkip(_ key: String) {
        oracle.saw("an event was skipped")
        if !isFirst || isBackfill { violated("passes over \(key), though it is not the first one") }
        if tracks.start == .now {
            // Whatever its row holds.
            known.pardoned[key, default: []].insert(.wasThereBefore)
            return
        }
        guard let times = view.meaning.times[key] else {
            return violated("passes over \(key), of which there is no row")
        }
        if times.allSatisfy({ standing($0) == true }) { violated("passes over \(key), which is to be sent") }
        if view.meaning.wanted[key] == nil { oracle.saw("an event was skipped that could not be sent") }
        known.pardoned[key, default: []].insert(.wasThereBefore)
    }

    private func judge(_ change: Change, _ write: EventWrite, _ key: String) {
        if known.keys[write.id] != key { violated("has another id for \(key) than its key gives: \(write.id)") }
        if !write.makesFields { violated("does not make the fields of \(key)") }
        let before = known.row(of: key)
        judgeContent(write, key, before)
        judgeState(change, write, key, before)
        if isBackfill, before?.state == .skipped { oracle.saw("a backfill sends what was skipped") }
        if isBackfill { known.backfilled.insert(key) }
        known.contents[key, default: []].insert(write.content)
        known.firstSeen[key] = known.firstSeen[key] ?? began
        switch change.kind {
        // What may have been sent goes again, whoever its person is now.
        case .send: if before?.state != .sending { judgePerson(write.content, key) }
        case .wait:
            oracle.saw("an event waits for the sync of users")
            if isStream, isBehindAnother(change, key) {
                oracle.saw("an event of a stream waits behind another")
            } else if !tracks.followsClients {
                violated("lets \(key) wait for no other sync")
            }
        case .parked:
            if isStream, change.refusal?.code == "too_old" { return }
            if !known.hasWaited(key) { violated("gives \(key) up before its person had time to appear") }
        default: violated("has a change of another kind for \(key)")
        }
        if change.notBefore != nil { oracle.saw("an event waits for a lost one") }
    }

    /// Whether another event of the person waits, is in doubt, or was refused by this run: a refusal of a whole request counts only
    /// once Iterable has taken another one, and what follows it waits until then.
    private func isBehindAnother(_ change: Change, _ key: String) -> Bool {
        known.store.state.sortedEvents(of: "tracks").contains {
            ($0.state.isUnfinished || ($0.state == .rejected && $0.runID == run.id))
                && $0.identity == change.identity && $0.recordKey != key
        }
    }

    /// An event says what its row says, or what was staged of it before.
    private func judgeContent(_ write: EventWrite, _ key: String, _ before: StoredEvent?) {
        if let event = view.meaning.wanted[key], event.content == write.content {
            known.orders[key] = event.order
            return
        }
        let isLeft = before.map { $0.state.isUnfinished || $0.state == .rejected } ?? false
        if isLeft && known.contents[key]?.contains(write.content) == true { return }
        let wanted = view.meaning.wanted[key]?.content.summary ?? "nothing that can be sent"
        violated("sends \(key) as \(write.content.summary), and the row says \(wanted)")
    }

    private func judgeState(_ change: Change, _ write: EventWrite, _ key: String, _ before: StoredEvent?) {
        switch before?.state {
        case .sent?:
            if !tracks.updates { violated("sends \(key) a second time") }
            if before?.content == change.record?.content { violated("sends \(key) again, which has not changed") }
            oracle.saw("a changed event is sent again")
        case .skipped?:
            if !isBackfill { violated("sends \(key), which was passed over") }
        case .rejected?: known.retried.insert(key)
        case .sending?, .waiting?: break
        case nil:
            if isBackfill { return }
            if known.acknowledged[key] == write.content {
                violated("sends \(key) a second time, of which nothing is known any more")
            }
            if known.pardoned[key]?.isDisjoint(with: [.wasThereBefore, .isDiscarded]) == false {
                violated("sends \(key), which was there before the first run, or was discarded")
            }
        }
    }

    /// Where people wait for another sync, they have been known to it for a while.
    private func judgePerson(_ content: EventContent, _ key: String) {
        guard tracks.followsClients else { return }
        guard let at = known.users.firstTaken[content.person], at + .seconds(60) <= known.world.now else {
            return violated("sends \(key), whose person the sync of users has not had acknowledged for a minute")
        }
    }

    /// The events of one person come in the order in which they happened, and where that is the same in the order of
    /// their keys.
    private func judgeOrder() {
        var last: [String: (order: Int64, key: String)] = [:]
        for change in changes where change.kind == .send && change.notBefore == nil {
            guard let key = change.record?.key, let order = known.orders[key],
                let person = change.identity.userID ?? change.identity.email
            else { continue }
            if let before = last[person], order < before.order || (order == before.order && precedes(key, before.key)) {
                violated("sends \(key) after \(before.key)")
            }
            last[person] = (order, key)
        }
    }

    /// Numbers by their value, everything else by its bytes.
    private func precedes(_ first: String, _ second: String) -> Bool {
        if let first = Int64(first), let second = Int64(second) { return first < second }
        return Array(first.utf8).lexicographicallyPrecedes(Array(second.utf8))
    }

    private func judgeGuards() {
        guard known.guardsAreOn, run.held.isEmpty else { return }
        // What was begun before is not judged again.
        let sends = changes.count { change in
            guard change.kind == .send, let key = change.record?.key else { return false }
            return known.row(of: key).map { $0.state == .sent || $0.state == .skipped } ?? true
        }
        known.streamed[run.id, default: 0] += sends
        let total = isStream ? known.streamed[run.id] ?? 0 : sends
        if let limit = tracks.maxEvents, total > limit { violated("sends \(sends) events, more than \(limit)") }
        guard let seconds = tracks.maxAgeSeconds else { return }
        for change in changes where change.kind == .send {
            guard let key = change.record?.key, let time = known.orders[key] else { continue }
            // What was begun before is not judged again.
            if known.row(of: key) != nil { continue }
            if time < view.now - Int64(seconds + 600) * 1_000_000 { violated("sends \(key), which is too old") }
        }
    }
}
