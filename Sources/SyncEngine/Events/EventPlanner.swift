import Foundation
import RollcallCore
import Warehouse

/// Reads what is new in a source of events, and what earlier runs have left, and judges the result. Writes nothing.
struct EventPlanner: Sendable {
    let sync: SyncSettings
    let settings: EventSettings
    let subject: RecordSubject
    let destination: DestinationSettings
    let warehouse: any Warehouse
    let stop: StopSignal
    let progress: ProgressHandler

    private static let progressRows = 5000
    private static let page = 1000

    func shape() async throws -> RecordShape {
        try RecordShape(subject, try await warehouse.columns(of: sync.audience))
    }

    /// What a plan goes by.
    struct Circumstances {
        var shape: RecordShape
        var cells: EventCells
        var before: EventCursor?
        var now: Date
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
            mostNew: stream?.mostNew(sync.guards) ?? .max)
        try await read(circumstances, into: diff)
        // What was not read lies behind all that was only where the rows have come in the order of whole numbers, and never in a sweep.
        let isSweep = circumstances.window?.isSweep ?? false
        if diff.isCut, isSweep || circumstances.cells.cursorFamily != .long { circumstances.moves = false }
        try diff.settle(known: try await known(diff.givenIDs))
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
        let isWhole = resend.only != nil || resend.backfill != nil
        if case .seconds? = resend.backfill, cells.createdAt == nil, !cells.isTime { throw Self.spanWithoutTime }
        var window: EventWindow?
        if let cursor = settings.cursor, !isWhole {
            window = EventWindow(
                cursor, isTime: cells.isTime, before: before, now: now, start: stream?.bound.start,
                stillRead: stream?.bound.stillRead)
        }
        return Circumstances(
            shape: shape, cells: cells, before: before, now: now, scope: scope(resend, before, now), window: window,
            moves: !isWhole, stream: stream)
    }

    private static let spanWithoutTime = RunError(
        code: "start_without_time",
        message:
            "--backfill names a span, and the rows have no time: event.created_at is not given, and the cursor is no time",
        hint: "Give event.created_at, or write --backfill all.")

    private func scope(_ resend: PlanScope, _ before: EventCursor?, _ now: Date) -> EventScope {
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
            case .last(let seconds): rule = .from(moment - Int64(seconds) * 1_000_000)
            }
        }
        return EventScope(
            rule: rule, only: resend.only, updates: settings.changedRows == .update,
            retriesRejected: resend.rejected)
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
        try diff.replay(known: try await known(diff.deferred.keys))
    }

    private func read(_ columns: RecordColumns, into diff: EventDiff) async throws {
        try await stop.breakingOff { [warehouse, sync, progress, stop, columns] in
            try await warehouse.readRecords(sync.audience, columns: columns, parts: 1) { _, email, userID, cells in
                try diff.row(email, userID, cells)
                guard diff.takesProgress(every: Self.progressRows) else { return }
                if stop.reason != nil { throw CancellationError() }
                progress(.readingAudience(rows: diff.counts.rowsRead))
            }
        }
    }

    private func known(_ keys: [Fingerprint]) async throws -> [KnownEvent] {
        var known: [KnownEvent] = []
        for start in stride(from: 0, to: keys.count, by: Planner.memberPage) {
            known += try await warehouse.knownEvents(
                sync: sync.name, keys: Array(keys[start..<min(start + Planner.memberPage, keys.count)]))
        }
        return known
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

    /// Adds what earlier runs have left: events that wait, that are in doubt, and, where that is asked for, that were refused.
    /// - Returns: how many wait since an earlier run.
    private func addUnfinished(_ diff: EventDiff, _ circumstances: Circumstances) async throws -> Int {
        var waiting = 0
        var states: Set<EventState> = [.sending, .waiting]
        if circumstances.scope.retriesRejected { states.insert(.rejected) }
        var last: Fingerprint?
        while true {
            let page = try await warehouse.events(sync: sync.name, in: states, after: last, limit: Self.page)
            for stored in page {
                guard var event = stored.event, let payload = stored.payload, let key = stored.recordKey else {
                    continue
                }
                if let only = circumstances.scope.only, !only.utf8.elementsEqual(key.utf8) { continue }
                event.isWaiting = stored.state == .waiting
                if event.isWaiting { waiting += 1 }
                if diff.table[stored.key].isTaken { diff.spool.replace(stored.key, event) }
                let entry = EventEntry(
                    kind: .send, fingerprint: stored.key, key: key, content: stored.content ?? 0,
                    identity: stored.identity, event: event, payload: payload)
                try diff.spool.add(
                    entry, person: diff.person(stored.identity), isLedger: true, isInDoubt: stored.state == .sending)
            }
            last = page.last?.key
            if page.count < Self.page { return waiting }
        }
    }

    // MARK: People

    private static let restSeconds = 60.0

    /// Where another sync must have had the people acknowledged first: what has none yet waits, or fails where it has waited too long.
    private func hold(_ diff: EventDiff, _ circumstances: Circumstances) async throws {
        guard let users = settings.after else { return }
        var start = 0
        while start < diff.spool.places.count {
            let end = min(start + Planner.memberPage, diff.spool.places.count)
            let entries = try (start..<end).map { try diff.spool.entry(at: diff.spool.places[$0]) }
            let areReady = try await warehouse.areAcknowledged(
                sync: users, entries.map(\.identity), before: circumstances.now.addingTimeInterval(-Self.restSeconds))
            for (index, (entry, isReady)) in zip(entries, areReady).enumerated() where !isReady {
                // What may have been sent goes again, whoever its person is now.
                if diff.spool.places[start + index].isInDoubt { continue }
                let hasTime = mayStillAppear(entry.event, circumstances.now)
                diff.spool.change(start + index, kind: hasTime ? .wait : .parked)
            }
            start = end
        }
    }

    private func mayStillAppear(_ event: EventReference, _ now: Date) -> Bool {
        now.timeIntervalSince(event.firstSeen) < Double(settings.waitForUserSeconds)
    }

    /// What a stream does not send now: later events of people of whom one waits, and events that are too old.
    private func setAside(_ diff: EventDiff, _ stream: StreamLook, _ circumstances: Circumstances) {
        let oldest = sync.guards.maxAgeSeconds.map {
            EventTime.microseconds(circumstances.now) - Int64($0) * 1_000_000
        }
        for (index, place) in diff.spool.places.enumerated() where place.kind == .send && !place.isLedger {
            if let oldest, place.order < oldest, circumstances.cells.createdAt != nil {
                diff.spool.change(index, kind: .parked, for: .isTooOld)
            } else if !stream.readsUnfinished, stream.blocked.contains(place.person) {
                diff.spool.change(index, kind: .wait, for: .isBehindAnother)
            }
        }
    }

    // MARK: Types

    /// What is known of the fields of events is what this destination was sent before: a field keeps its type for ever.
    /// - Returns: the fields with which no event of its name was sent before.
    private func checkTypes(_ shape: RecordShape, _ names: Set<String>) async throws -> NewEventFields {
        var new = NewEventFields()
        if shape.types.isEmpty { return new }
        for name in names.sorted() {
            let known = try await warehouse.knownFields(
                destination: sync.destination, scope: EventSettings.scope(name))
            new.add(
                shape.types.filter { type in !known.contains { $0.name.utf8.elementsEqual(type.name.utf8) } }, of: name)
            for field in known {
                guard let wanted = shape.types.first(where: { $0.name.utf8.elementsEqual(field.name.utf8) })?.type,
                    wanted != field.type
                else { continue }
                throw RunError(
                    code: "type_mismatch",
                    message:
                        "the field \"\(field.name)\" of the event \(name) was sent as \(field.type) before, and the sync"
                        + " would send \(wanted) now; the type of a field stays for ever",
                    hint:
                        "Write fields: \(field.name): { column: ..., type: \(field.type) }; where that is refused, cast the"
                        + " column in the query, or send it under another name.")
            }
        }
        return new
    }

    // MARK: The plan

    private func plan(_ diff: EventDiff, _ circumstances: Circumstances, key: [UInt8]) async throws -> Plan {
        let requests = try await warehouse.requestsInDoubt(sync: sync.name, of: .records(.events))
        let inDoubt = InDoubtIndex(
            requests, latest: circumstances.now.addingTimeInterval(destination.limits.lostRequestSeconds))
        let late = try lateEvents(diff, circumstances)
        let changes = EventChanges(
            spool: diff.spool, invalid: diff.invalid, inDoubt: inDoubt,
            logIdentity: LogIdentity(sync.logs.identifiers, key: key), waitForUserSeconds: settings.waitForUserSeconds,
            maxAgeSeconds: circumstances.stream == nil ? nil : sync.guards.maxAgeSeconds,
            oldest: circumstances.cells.isTime ? diff.lowestNew : nil, oldInvalid: diff.oldInvalid, isCut: diff.isCut,
            cursor: moved(diff, circumstances, late))
        var counts = diff.counts
        counts.planned.track = diff.spool.places.count { $0.kind != .wait }
        counts.waiting = diff.spool.places.count { $0.kind == .wait }
        counts.late = late
        if let only = circumstances.scope.only, counts.planned.track + counts.waiting == 0 {
            throw RunError(
                code: "record_unchanged", message: "there is nothing to send of \"\(only)\"",
                hint:
                    "`rollcall why \(sync.name) \(only)` says why. An event that was sent and has not changed is not sent again."
            )
        }
        let isNamed = circumstances.scope.only != nil
        return Plan(
            kind: .events, target: subject.target, counts: counts,
            held: isNamed ? [] : findings(diff, circumstances, counts), listID: nil, snapshotSize: 0,
            preparations: [], notes: notes(diff, circumstances), changes: changes)
    }

    private func lateEvents(_ diff: EventDiff, _ circumstances: Circumstances) throws -> Int {
        guard let window = circumstances.window, window.isSweep, circumstances.before != nil else { return 0 }
        return try diff.spool.places.count { place in
            guard !place.isLedger, diff.table[place.fingerprint].state == nil,
                let position = try diff.spool.entry(at: place).event.position
            else { return false }
            return window.isLate(position)
        }
    }

    private func moved(_ diff: EventDiff, _ circumstances: Circumstances, _ late: Int) -> EventCursor? {
        guard circumstances.moves else { return nil }
        let startsNow = circumstances.scope.rule == .from(nil)
        if let window = circumstances.window {
            return window.moved(highest: diff.highest, late: late, startsNow: startsNow)
        }
        // Without a cursor it says that the first run was made.
        return circumstances.before ?? EventCursor(column: "", isTime: false)
    }

    private func findings(
        _ diff: EventDiff, _ circumstances: Circumstances, _ counts: RunCounts
    ) -> [GuardFinding] {
        var old = 0
        if let seconds = sync.guards.maxAgeSeconds {
            let oldest = EventTime.microseconds(circumstances.now) - Int64(seconds) * 1_000_000
            old = diff.spool.places.count { place in
                guard place.kind == .send, place.order < oldest, circumstances.cells.createdAt != nil else {
                    return false
                }
                // What was approved once, or begun, is not judged again.
                return !place.isLedger
            }
        }
        var counts = counts
        var new = diff.spool.places.count { $0.kind == .send && !$0.isLedger }
        if let stream = circumstances.stream {
            counts.add(stream.counts)
            new += stream.planned
            let old = stream.oldInvalid + diff.oldInvalid
            (counts.invalid, counts.rowsRead) = (counts.invalid - old, counts.rowsRead - old)
            // The first rows of an hour are too few for a share of them to say anything.
            if counts.rowsRead < GuardJudge.exemptBelow { (counts.invalid, counts.rowsRead) = (0, 0) }
        }
        // A run that reads a few new rows would be held for rows that were met long ago; a sweep judges them.
        if let window = circumstances.window, !window.isSweep, circumstances.stream == nil {
            counts.invalid -= diff.withoutPosition
            counts.rowsRead -= diff.withoutPosition
        }
        return GuardJudge.judge(
            sync.guards, events: counts, new: new, old: old,
            possiblySent: diff.forgotten)
    }

    private static func number(_ number: Int, _ one: String, _ many: String) -> String {
        "\(number) \(number == 1 ? one : many)"
    }

    private static func note(onWaiting count: Int) -> String {
        "\(number(count, "event waits", "events wait")) since an earlier run, for a person whom Iterable did not know or behind"
            + " another event of the person."
    }

    /// What a person should know, in whole sentences.
    private func notes(_ diff: EventDiff, _ circumstances: Circumstances) -> [String] {
        var notes: [String] = []
        if case .from = circumstances.scope.rule, diff.skipped > 0 {
            notes.append(
                "\(Self.number(diff.skipped, "event was", "events were")) there before the first run and"
                    + " \(diff.skipped == 1 ? "is" : "are") not sent;"
                    + " `rollcall run \(sync.name) --backfill all` sends them, --backfill 30d those of the last 30 days."
            )
        }
        if diff.ahead > 0 {
            notes.append(
                "\(Self.number(diff.ahead, "row has", "rows have")) a value in \(settings.cursor?.column ?? "the cursor") that"
                    + " lies more than 5 minutes in the future; such events are sent, and the cursor stays where it is."
            )
        }
        return notes
    }
}

extension EventSettings {
    /// As `destination_fields` has it.
    static func scope(_ name: String) -> String { "event:\(name)" }
}

/// Filled by one reading, from one thread at a time.
private final class LoadedEvents: @unchecked Sendable {
    var table = EventTable()
}
