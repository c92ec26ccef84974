import Foundation
import RollcallCore
import Warehouse

/// What a plan comes to: whether types and guards allow it, and where the cursor stands afterwards.
extension EventPlanner {
    // MARK: Types

    /// What is known of the fields of events is what this destination was sent before: a field keeps its type for ever.
    /// - Returns: the fields with which no event of its name was sent before.
    func checkTypes(_ shape: RecordShape, _ names: Set<String>) async throws -> NewEventFields {
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

    func plan(_ diff: EventDiff, _ circumstances: Circumstances, key: [UInt8]) async throws -> Plan {
        let requests = try await warehouse.requestsInDoubt(sync: sync.name, of: .records(.events))
        let inDoubt = InDoubtIndex(
            requests, latest: circumstances.now.addingTimeInterval(destination.limits.lostRequestSeconds))
        let late = try lateEvents(diff, circumstances)
        let changes = EventChanges(
            spool: diff.spool, invalid: diff.invalid, inDoubt: inDoubt,
            logIdentity: LogIdentity(sync.logs.identifiers, key: key), waitForUserSeconds: settings.waitForUserSeconds,
            after: settings.after,
            maxAgeSeconds: circumstances.stream == nil ? nil : sync.guards.maxAgeSeconds,
            oldest: circumstances.cells.isTime ? diff.lowestNew : nil, oldInvalid: diff.oldInvalid, isCut: diff.isCut,
            cursor: moved(diff, circumstances, late), begun: begun(diff, circumstances),
            isFirst: circumstances.scope.isFirst)
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
        let startsNow = circumstances.scope.startsNow
        // Without a cursor it says that the first run was made.
        var cursor =
            circumstances.window?.moved(highest: diff.highest, late: late, startsNow: startsNow)
            ?? circumstances.before ?? EventCursor(column: "", isTime: false)
        if circumstances.before == nil { cursor.begunAt = circumstances.begun }
        return cursor
    }

    /// A first look that is broken off moves no cursor; the next one takes what it would have taken then.
    private func begun(_ diff: EventDiff, _ circumstances: Circumstances) -> EventCursor? {
        guard circumstances.before == nil, circumstances.stream != nil, diff.isCut, !circumstances.moves,
            let column = settings.cursor?.column
        else { return nil }
        var cursor = EventCursor(column: column, isTime: circumstances.cells.isTime)
        cursor.begunAt = circumstances.begun
        return cursor
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

    static func note(onWaiting count: Int) -> String {
        "\(number(count, "event waits", "events wait")) since an earlier run, for a person whom Iterable did not know or behind"
            + " another event of the person."
    }

    /// What a person should know, in whole sentences.
    private func notes(_ diff: EventDiff, _ circumstances: Circumstances) -> [String] {
        var notes: [String] = []
        if circumstances.scope.isFirst, diff.skipped > 0 {
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
        if let note = wildValue(diff, circumstances) { notes.append(note) }
        return notes
    }

    /// One wild value moves a cursor of whole numbers for good, which no clock bounds: rows that come below it are not read.
    private func wildValue(_ diff: EventDiff, _ circumstances: Circumstances) -> String? {
        guard circumstances.stream == nil, !circumstances.cells.isTime, let cursor = settings.cursor,
            let window = circumstances.window, let mark = circumstances.before?.watermark
        else { return nil }
        let finding: String
        if let highest = diff.highest, highest >= mark {
            guard isWild(highest, after: mark, cursor) else { return nil }
            finding = "The cursor \(cursor.column) has a value far above all before it: \(highest), after \(mark)"
        } else {
            guard let from = window.from, diff.lowestNew == nil else { return nil }
            finding =
                "No row has the highest value that was read any more, \(mark) in \(cursor.column), and none from \(from) on is new"
        }
        return "\(finding); rows with lower values are read late or not at all. Where the value was a mistake,"
            + " `rollcall abandon \(sync.name)` begins the sync from start: again;"
            + " `rollcall run \(sync.name) --backfill all` sends what was not read."
    }

    /// Whether the cursor would move a hundred times further than it stands from nothing.
    private func isWild(_ highest: Int64, after mark: Int64, _ cursor: EventSettings.Cursor) -> Bool {
        let usual = max(Double(mark).magnitude, Double(EventWindow.overlap(cursor, isTime: false)), 10_000)
        return Double(highest) - Double(mark) > 100 * usual
    }
}

extension EventSettings {
    /// As `destination_fields` has it.
    static func scope(_ name: String) -> String { "event:\(name)" }
}
