import Foundation
import RollcallCore
import Warehouse

/// Reads what is new in a source of events, and what earlier runs have left, and judges the result. Writes nothing.
///
/// This file has the steps of a plan, and what is read. `EventPlanner+People` says who waits, `EventPlanner+Judgement` compares types
/// and judges the whole.
struct EventPlanner: Sendable {
    let sync: SyncSettings
    let settings: EventSettings
    let subject: RecordSubject
    let destination: DestinationSettings
    let warehouse: any Warehouse
    let stop: StopSignal
    let progress: ProgressHandler
    /// Where else the state may be of the sync of users that the events wait for; nil: nowhere.
    var search: StateSearch?
    /// That sync of users; nil: events wait for none.
    var usersSync: SyncSettings?

    private static let progressRows = 5000

    func shape() async throws -> RecordShape {
        try RecordShape(subject, try await warehouse.columns(of: sync.audience))
    }

    /// What a plan goes by.
    struct Circumstances {
        var shape: RecordShape
        var cells: EventCells
        var before: EventCursor?
        var now: Date
        /// When the first run of the sync began: this one, where none did before.
        var begun: Date
        var scope: EventScope
        /// nil: the whole source is read.
        var window: EventWindow?
        /// Whether the cursor moves when the run has ended.
        var moves: Bool
        /// Set for a look of a stream.
        var stream: StreamLook?
    }

    /// - Parameters:
    ///   - isShown: whether the plan is for people to look at, and not for a run.
    ///   - stream: set for a look of a stream.
    func plan(
        _ shape: RecordShape, key: [UInt8], resend: PlanScope, isShown: Bool, stream: StreamLook? = nil
    ) async throws -> Plan {
        var circumstances = try await circumstances(shape, resend, stream)
        stream?.counted.begin()
        let diff = EventDiff(
            shape, settings, circumstances.cells, table: try await seen(circumstances),
            isTablePartial: circumstances.window?.from != nil, key: key, window: circumstances.window,
            keptFrom: circumstances.before?.keepFrom, scope: circumstances.scope, now: circumstances.now,
            largest: destination.limits.bytesPerRequest - 1000, stream: stream,
            mostNew: stream?.mostNew ?? .max)
        try await read(circumstances, into: diff)
        // What was not read lies behind all that was only where the rows have come in the order of whole numbers, and never in a sweep.
        let isSweep = circumstances.window?.isSweep ?? false
        if diff.isCut, isSweep || circumstances.cells.cursorFamily != .long { circumstances.moves = false }
        try await keepIDs(diff)
        try diff.resolveContests(known: try await known(diff.givenIDs))
        let takesUp = stream?.readsUnfinished ?? true
        let waiting = takesUp ? try await addUnfinished(diff, circumstances) : 0
        try diff.spool.arrange { place in
            let isContradicted = diff.contradicted.contains(place.fingerprint)
            return place.isLedger ? isContradicted || !diff.table[place.fingerprint].isTaken : !isContradicted
        }
        try await hold(diff, circumstances)
        if let stream { setAside(diff, stream, circumstances) }
        let newFields = try await checkTypes(shape, diff.names)
        var plan = try await plan(diff, circumstances, key: key)
        if isShown {
            plan.notes += newFields.texts(settings.newFields)
            if waiting > 0 { plan.notes.append(Self.note(onWaiting: waiting)) }
        }
        return plan
    }

    // MARK: What is read

    private func circumstances(
        _ shape: RecordShape, _ resend: PlanScope, _ stream: StreamLook?
    ) async throws -> Circumstances {
        guard let cells = shape.events else {
            throw RunError(code: "internal", message: "the sync \(sync.name) has no events")
        }
        let (before, now) = (try await warehouse.eventCursor(sync: sync.name), try await warehouse.now())
        // A first run that was broken off is made again, and takes what it would have taken then.
        let broken = before == nil ? try await warehouse.eventsBegunAt(sync: sync.name) : nil
        let isWhole = resend.only != nil || resend.backfill != nil
        if case .seconds? = resend.backfill, cells.createdAt == nil, !cells.isTime { throw Self.spanWithoutTime }
        var window: EventWindow?
        if let cursor = settings.cursor, !isWhole {
            window = EventWindow(
                cursor, isTime: cells.isTime, before: before, now: now, start: stream?.bound.start,
                stillRead: stream?.bound.stillRead)
        }
        return Circumstances(
            shape: shape, cells: cells, before: before, now: now, begun: broken ?? now,
            scope: scope(resend, before, broken, now), window: window,
            moves: !isWhole, stream: stream)
    }

    private static let spanWithoutTime = RunError(
        code: "start_without_time",
        message:
            "--backfill names a span, and the rows have no time: event.created_at is not given, and the cursor is no time",
        hint: "Give event.created_at, or write --backfill all.")

    /// - Parameter broken: when a first run began that was broken off; nil: there is none.
    private func scope(
        _ resend: PlanScope, _ before: EventCursor?, _ broken: Date?, _ now: Date
    ) -> EventScope {
        let moment = EventTime.microseconds(now)
        let rule: EventScope.Rule
        switch (resend.backfill, before) {
        case (.all?, _): rule = .backfill(nil)
        case (.seconds(let seconds)?, _): rule = .backfill(moment - Int64(seconds) * 1_000_000)
        case (nil, .some): rule = .new
        case (nil, nil):
            switch settings.start {
            case .now: rule = .from(nil)
            case .all: rule = .from(.min)
            case .time(let time): rule = .from(EventTime.microseconds(time))
            case .last(let seconds): rule = .from(EventTime.microseconds(broken ?? now) - Int64(seconds) * 1_000_000)
            }
        }
        var scope = EventScope(
            rule: rule, only: resend.only, updates: settings.changedRows == .update, retriesRejected: resend.rejected)
        scope.startsNow = scope.isFirst && settings.start == .now
        return scope
    }

    private func seen(_ circumstances: Circumstances) async throws -> EventTable {
        progress(.readingSnapshot)
        let loaded = LoadedEvents()
        // A row may be met further on than before: where its key is not among these, it is looked up when the rows were read.
        try await warehouse.readEvents(sync: sync.name, from: circumstances.window?.from) { loaded.table.know($0) }
        return loaded.table
    }

    private func read(_ circumstances: Circumstances, into diff: EventDiff) async throws {
        progress(.readingAudience(rows: 0))
        var columns = circumstances.shape.columns
        if let window = circumstances.window, let cursor = settings.cursor,
            let family = circumstances.cells.cursorFamily, window.from != nil || circumstances.stream != nil
        {
            var bound = RowBound(column: cursor.column, family: family, position: window.from)
            if let stream = circumstances.stream {
                bound.takesRowsWithoutPosition = stream.takesRowsWithoutPosition
                bound.isOrdered = true
            }
            columns.bound = bound
        }
        do {
            try await read(columns, into: diff)
        } catch is EventDiff.Enough {}
        progress(.readingAudience(rows: diff.counts.rowsRead))
        try diff.replay(known: try await lookUp(diff.deferred.keys))
    }

    private func read(_ columns: RecordColumns, into diff: EventDiff) async throws {
        try await stop.breakingOff { [warehouse, sync, progress, stop, columns] in
            let feed = RowFeed(columns: columns.fields.count, reading: warehouse.readingProcessors) {
                email, userID, cells, _ in
                try diff.row(email, userID, cells)
                guard diff.takesProgress(every: Self.progressRows) else { return }
                if stop.reason != nil { throw CancellationError() }
                progress(.readingAudience(rows: diff.counts.rowsRead))
            }
            try await feed.during {
                try await warehouse.readRecords(sync.audience, columns: columns, parts: 1) { try feed.row($1, $2, $3) }
            }
        }
    }

    private func lookUp(_ keys: [Fingerprint]) async throws -> [KnownEvent] {
        var known: [KnownEvent] = []
        for start in stride(from: 0, to: keys.count, by: Planner.memberPage) {
            known += try await warehouse.knownEvents(
                sync: sync.name, keys: Array(keys[start..<min(start + Planner.memberPage, keys.count)]))
        }
        return known
    }

    /// What was sent, or may have been, is sent again under the id that it has, whatever its key gives now. (An id that a column gives is
    /// compared when all rows have come.)
    private func keepIDs(_ diff: EventDiff) async throws {
        if diff.event.cells.id != nil { return }
        let sentBefore = diff.spool.places.filter { place in
            diff.table[place.fingerprint].state.map { $0 != .skipped } ?? false
        }
        for page in sentBefore.pages(of: Planner.memberPage) {
            let entries = try page.map { try diff.spool.entry(at: $0) }
            let owners = try await known(entries.map(\.event.id))
            for entry in entries where owners[entry.event.id] != entry.fingerprint {
                let found = try await warehouse.events(
                    sync: sync.name, knownAs: entry.event.id, key: entry.fingerprint, limit: 100)
                guard let id = found.first(where: { $0.key == entry.fingerprint })?.id else { continue }
                diff.spool.keep(id: id, of: entry.fingerprint)
            }
        }
    }

    /// Whose ids these are, as far as they were sent.
    private func known(_ ids: [String]) async throws -> [String: Fingerprint] {
        var owners: [String: Fingerprint] = [:]
        for page in stride(from: 0, to: ids.count, by: Planner.memberPage) {
            let part = Array(ids[page..<min(page + Planner.memberPage, ids.count)])
            for event in try await warehouse.events(sync: sync.name, ids: part) {
                if let id = event.id { owners[id] = event.key }
            }
        }
        return owners
    }
}

/// Filled by one reading, from one thread at a time.
// SAFETY: the reading calls its body from one thread at a time, and the table is looked into when it has ended.
private final class LoadedEvents: @unchecked Sendable {
    var table = EventTable()
}
