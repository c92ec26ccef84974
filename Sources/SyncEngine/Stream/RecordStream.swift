import Foundation
import RollcallCore
import Warehouse

/// A stream of users or of the items of a catalog. It begins with a sweep, which is the plan of a run; between two sweeps its
/// looks read what lies behind the cursor's overlap, and send what no other row has a say in.
struct RecordStream: StreamSource {
    private(set) var cursor: EventCursor?
    var pace: StreamPace

    private var records: any FoundRecords
    private let settings: StreamSettings
    private let cursorSettings: EventSettings.Cursor
    private let cell: CursorCell
    private let key: [UInt8]
    private let find: @Sendable () async throws -> any FoundTarget
    private let memory = RecordMemory()
    private var pauses = OppositePauses()

    /// Whether the present row has had a look that was not broken off.
    private var hasLooked = false
    /// Whether what is sent to was looked for since the last sweep, and since the last look; and whether it must be before the
    /// next one.
    private var isFoundSinceSweep = true
    private var isFoundSinceLook = true
    private var mustFind = false
    /// What the last sweep went by: where that is another now, all rows are read again.
    private var basis: [String]?
    /// On the monotonic clock.
    private var sweptAt: Duration?
    /// How long the stream waits for the next sweep where the last one has left records that wait; nil: it has left none.
    private var earlySweepPause: Duration?
    private var usualSweepPause: Duration { .seconds(cursorSettings.sweepSeconds) }
    /// How many times as many rows are read as usual, because an earlier look was broken off among rows that must wait.
    private var width = 1
    private static let mostWidth = 1 << 20

    /// Of catalogs: how many items of the present row may still be noted for reading back; nil: as many as a run notes.
    private var itemsToCheck: Int?

    private var next: (bound: StreamReach.Bound, isSweep: Bool, at: Duration)?
    private var latest: Look?

    /// A look of which not everything has an outcome yet.
    private struct Look {
        var look: RecordLook
        var diff: RecordDiff
        var known: RecordPlanner.Circumstances
        /// See ``RecordMemory/waiting``.
        var waiting: Set<Fingerprint>
    }

    /// - Parameter find: looks for what the stream sends to.
    init(
        _ records: any FoundRecords, _ settings: StreamSettings, _ cursor: EventSettings.Cursor, key: [UInt8],
        find: @escaping @Sendable () async throws -> any FoundTarget
    ) throws {
        guard let cell = records.shape.cursor else {
            throw RunError(code: "internal", message: "the stream has no cursor")
        }
        (self.records, self.settings, cursorSettings, self.cell) = (records, settings, cursor, cell)
        (self.key, self.find) = (key, find)
        pace = StreamPace(settings, overlap: cell.isTime ? EventWindow.overlap(cursor, isTime: true) : nil)
    }

    var found: any FoundTarget { records }

    mutating func beginRow(_ found: any FoundTarget, _ context: RunContext) async throws {
        try take(found)
        (hasLooked, itemsToCheck) = (false, nil)
        memory.beginRow()
        if try await context.applyStrayNotes() > 0 { memory.table = nil }
        pauses.earlier = try await records.planner.pause()
    }

    private mutating func take(_ found: any FoundTarget) throws {
        guard let found = found as? any FoundRecords else {
            throw RunError(code: "internal", message: "the stream has no records")
        }
        (records, mustFind) = (found, false)
        (isFoundSinceSweep, isFoundSinceLook) = (true, true)
    }

    // MARK: A look

    mutating func isDue(_ run: SyncRun, mayHaveChanged: Bool, _ context: RunContext) -> Bool {
        let now = context.clock.uptime
        let mayHaveNew = pace.mayHaveNew(mayHaveChanged, now: now)
        let sweeps = basis == nil || (sweptAt.map { now - $0 >= earlySweepPause ?? usualSweepPause } ?? true)
        guard sweeps || mayHaveNew || !hasLooked || memory.hasWaiting || memory.due(at: context.now).isAny else {
            return false
        }
        next = (pace.bound(now: now, isWhole: sweeps || !mayHaveChanged), sweeps, now)
        return true
    }

    mutating func look(_ context: RunContext) async throws -> StreamFinding {
        guard let next else { throw RunError(code: "internal", message: "no look at the records is due") }
        if mustFind || (next.isSweep && !isFoundSinceSweep) {
            let found = try await find()
            try await found.take(context)
            try take(found)
        }
        if next.isSweep { _ = try await context.applyStrayNotes() }
        let circumstances = records.circumstances(context.runID)
        let basis = basis(circumstances)
        let isSweep = next.isSweep || basis != self.basis
        let (plan, diff, look) = try await plan(circumstances, isSweep: isSweep, next.bound, context)
        guard let changes = plan.changes as? RecordChanges else {
            throw RunError(code: "internal", message: "the plan of \(context.sync.name) has no records")
        }
        let waiting = try records.planner.waiting(changes, diff, look)
        latest = Look(look: look, diff: diff, known: circumstances, waiting: waiting)
        self.basis = isSweep ? basis : self.basis
        // What was made, or is another now, is looked for again before the next look.
        mustFind =
            try isSweep
            && (!circumstances.preparations.isEmpty || circumstances.hasAnotherKey || circumstances.hasAnotherMapping)
            || !changes.canaryWords().isEmpty
        return StreamFinding(
            plan: plan, isEmpty: !isSweep && plan.counts == RunCounts() && !diff.spool.hasInvalid,
            newRecords: plan.counts.planned.total, oldest: cell.isTime ? diff.meetings.lowestNew : nil,
            isCut: diff.meetings.isCut, cursor: changes.cursor, waiting: waiting.count, isFoundAgain: isFoundSinceLook,
            reader: { try changes.reader(after: $0) })
    }

    private func plan(
        _ known: RecordPlanner.Circumstances, isSweep: Bool, _ bound: StreamReach.Bound, _ context: RunContext
    ) async throws -> (Plan, RecordDiff, RecordLook) {
        let counted = isSweep ? CountedRows() : memory.counted
        counted.begin()
        let due = memory.due(at: context.now)
        let look = RecordLook(
            memory: memory, time: context.now,
            window: RecordWindow(
                cursorSettings, isTime: cell.isTime, before: cursor, now: context.now, isSweep: isSweep,
                start: bound.start, leftOut: due.from),
            cursor: records.shape.cursor ?? cell,
            takesRowsWithoutPosition: isSweep || !hasLooked || due.withoutPosition,
            mostNew: settings.mostWaiting * width + 1, counted: counted)
        let pause = pauses.present(at: context.now, settleSeconds: context.limits.settleSeconds, isSweep: isSweep)
        var circumstances = known
        if !isSweep, let left = itemsToCheck {
            circumstances.checks = known.checks?.telling(of: left, runID: context.runID)
        }
        let (plan, diff) =
            isSweep
            ? try await records.planner.compare(
                records.shape, key: key, resend: PlanScope(), circumstances, pause: pause, look: look)
            : try await records.planner.compareSome(records.shape, key: key, circumstances, pause: pause, look: look)
        return (plan, diff, look)
    }

    private func basis(_ circumstances: RecordPlanner.Circumstances) -> [String] {
        [circumstances.salt] + records.shape.columns.fields
            + records.shape.types.map { "\($0.name) \($0.type ?? "")" }
    }

    // MARK: After a look

    mutating func looked(
        _ finding: StreamFinding, _ ending: Delivery.Ending, began: Duration, _ context: RunContext
    ) async throws {
        guard let latest, let next else { return }
        let (look, diff, known) = (latest.look, latest.diff, latest.known)
        try await records.planner.remember(
            finding.plan, diff, look, hasAnotherKey: known.hasAnotherKey, context.keeper)
        memory.waiting = latest.waiting
        pauses.note(finding.plan, at: context.now)
        cursor = finding.cursor ?? cursor
        // What has no position may lie behind what was read.
        (hasLooked, isFoundSinceLook) = (hasLooked || !finding.isCut, false)
        if look.isPartial { countItems(finding.plan, known.checks) }
        if !finding.isCut {
            width = 1
        } else if finding.newRecords == 0 {
            width = min(width * 4, Self.mostWidth)
        }
        pace.looked(next.bound, isCut: finding.isCut, watermark: cursor?.watermark, began: began)
        if !look.isPartial { swept(finding.plan, next.at, context) }
        self.latest = nil
    }

    /// In an hour, looks between two sweeps note as many items as a run does.
    private mutating func countItems(_ plan: Plan, _ checks: ItemChecks?) {
        guard let checks else { return }
        let noted = (plan.changes as? RecordChanges)?.sample?.checks.count ?? 0
        itemsToCheck = max(0, (itemsToCheck ?? checks.most) - noted)
    }

    /// Records that wait for an address to change hands, or have no answer, are sent by another sweep, as soon as they may be; where
    /// they wait still, the pauses grow.
    private mutating func swept(_ plan: Plan, _ began: Duration, _ context: RunContext) {
        (sweptAt, isFoundSinceSweep) = (began, false)
        guard plan.counts.waiting > 0 || memory.hasUnansweredOfSweep else { return earlySweepPause = nil }
        let soon = Duration.seconds(context.limits.lostRequestSeconds)
        let longer = earlySweepPause.map { $0 * 2 } ?? soon
        earlySweepPause = min(usualSweepPause, max(soon, longer))
    }
}

/// How long after a write its opposite waits, in a stream: see ``OppositePause``.
struct OppositePauses: Sendable {
    /// Of runs before the present row.
    var earlier = OppositePause()
    private var putAt: Date?
    private var removedAt: Date?
    private var renamedAt: Date?

    /// Notes what was sent of a plan.
    mutating func note(_ plan: Plan, at now: Date) {
        if plan.counts.planned.total(.put) > 0 { putAt = now }
        if plan.counts.planned.total(.remove) > 0 { removedAt = now }
        if plan.counts.planned.rename > 0 { renamedAt = now }
    }

    /// - Parameter isSweep: between two sweeps a record takes no address that another one had, and need not wait for renames.
    func present(at now: Date, settleSeconds: Double, isSweep: Bool) -> OppositePause {
        func end(_ time: Date?, _ earlier: Date?) -> Date? {
            [time?.addingTimeInterval(settleSeconds), earlier].compactMap(\.self).max().flatMap { $0 > now ? $0 : nil }
        }
        return OppositePause(
            deletions: end(putAt, earlier.deletions), newRecords: end(removedAt, earlier.newRecords),
            addresses: isSweep ? end(renamedAt, earlier.addresses) : nil)
    }
}
