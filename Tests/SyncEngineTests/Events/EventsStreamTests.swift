import Foundation
import RollcallCore
import Synchronization
import TestSupport
import Testing
import Warehouse

@testable import SyncEngine

/// What comes into the source is sent as it comes, in rows of an hour.
@Suite(.timeLimit(.minutes(10))) struct EventsStreamTests {
    @Test func whatComesIsSentOnceAndCountedOnce() async throws {
        let stream = try await StreamBench.make()
        try await stream.add(1, 2)
        let end = await stream.look(
            {}, { try await stream.add(3) }, {}, { try await stream.add(5, 4) }, {})
        guard case .stopped = end else {
            Issue.record("\(end)")
            return
        }
        #expect(stream.bench.requests == [["1", "2"], ["3"], ["4", "5"]])
        let run = try #require(stream.ended.first)
        #expect(stream.ended.count == 1 && run.trigger == .stream && run.status == .succeeded, "\(run)")
        #expect(run.counts.rowsRead == 5 && run.counts.audience == 5 && run.counts.unchanged == 0, "\(run.counts)")
        #expect(run.counts.planned.track == 5 && run.counts.succeeded.track == 5 && run.counts.late == 0)
        #expect(try await stream.bench.cursor()?.watermark == 5)
        try await stream.check()
        let status = stream.tracker.status
        #expect(status.records == 5 && status.backlog == 0 && status.lagSeconds == 0, "\(status)")
    }

    @Test func theNextStreamGoesOnWhereThisOneEnded() async throws {
        let stream = try await StreamBench.make()
        await stream.look({ try await stream.add(1, 2) })
        await stream.look({ try await stream.add(3) }, {})
        #expect(stream.bench.requests == [["1", "2"], ["3"]])
        #expect(stream.ended.map(\.counts.rowsRead) == [2, 1])
        // A run by hand finds nothing new either.
        let run = try await stream.bench.run()
        #expect(run.counts.planned.track == 0 && run.counts.unchanged == 3, "\(run)")
        try await stream.check()
    }

    @Test func eachHourHasARow() async throws {
        let stream = try await StreamBench.make()
        await stream.look(
            { try await stream.add(1) },
            {
                // 53 minutes of the hour are left at the start.
                stream.bench.clock.advance(by: .seconds(3300))
                try await stream.add(2)
            }, { try await stream.add(3) }, {})
        #expect(stream.ended.count == 2, "\(stream.ended)")
        #expect(stream.ended.map(\.counts.planned.track) == [2, 1])
        #expect(stream.taken == [1, 2, 3])
        try await stream.check()
    }

    @Test func aRowThatCannotBeSentCountsOnceUntilItIsCorrected() async throws {
        let stream = try await StreamBench.make()
        try await stream.add(1)
        await stream.look(
            { try await stream.bench.insert("id, email, at, loaded", "2, 'nobody', 2, 2") }, {}, {},
            { try await stream.bench.change("email = 'p2@example.com'", of: 2) }, {})
        let run = try #require(stream.ended.first)
        #expect(run.counts.rowsRead == 3 && run.counts.invalid == 1 && run.counts.audience == 2, "\(run.counts)")
        #expect(try await stream.bench.log(run).filter { $0.hasPrefix("validate") }.count == 1)
        #expect(stream.taken == [1, 2])
        try await stream.check()
    }

    @Test func rowsOfOneKeyCountOnce() async throws {
        let stream = try await StreamBench.make()
        try await stream.add(1, 2, 2)
        try await stream.bench.insert("id, email, at, loaded", "3, 'p3@example.com', 3, 3", "3, 'p4@example.com', 3, 3")
        await stream.look({}, {}, {})
        let run = try #require(stream.ended.first)
        #expect(run.counts.rowsRead == 5 && run.counts.duplicates == 1 && run.counts.invalid == 2, "\(run.counts)")
        #expect(run.counts.audience == 2 && stream.taken == [1, 2])
        try await stream.check()
    }

    @Test func rowsThatTheNamesLeaveOutCountOnce() async throws {
        let stream = try await StreamBench.make { events, _, _ in
            (events.name, events.names) = (.column("name"), ["placed"])
        }
        let add: @Sendable (Int, String, Int) async throws -> Void = { number, name, position in
            try await stream.bench.insert(
                "id, email, at, loaded, name",
                "\(number), 'p\(number)@example.com', \(number), \(position), '\(name)'")
        }
        try await add(1, "placed", 1)
        try await add(2, "viewed", 2)
        await stream.look(
            {}, { try await add(3, "viewed", 3) }, {}, { try await add(4, "placed", 4) },
            // It becomes visible late.
            { try await add(5, "viewed", 2) }, {})
        // What lies before the beginning of a stream was counted by the one before.
        await stream.look({}, { try await add(6, "viewed", 6) }, {})
        #expect(stream.taken == [1, 4])
        #expect(stream.ended.map(\.counts.excluded) == [3, 1], "\(stream.ended.map(\.counts))")
        #expect(stream.ended.map(\.counts.rowsRead) == [5, 1] && stream.ended.map(\.counts.invalid) == [0, 0])
        try await stream.check()
    }

    @Test func aRowThatCannotBeSentContradictsOthersOfItsKeyUntilItIsGone() async throws {
        let stream = try await StreamBench.make()
        try await stream.add(1, 2)
        try await stream.bench.insert("id, email, at, loaded", "2, 'nobody', 2, 2")
        await stream.look(
            {}, {}, { try await stream.bench.fixture.execute("DELETE FROM orders WHERE email = 'nobody'") }, {})
        let run = try #require(stream.ended.first)
        #expect(run.counts.invalid == 2 && run.counts.audience == 2, "\(run.counts)")
        #expect(stream.bench.requests == [["1"], ["2"]])
        try await stream.check()
    }

    @Test func aRowThatIsMetFurtherOnIsNotSentAgain() async throws {
        let stream = try await StreamBench.make()
        try await stream.add(1, 2)
        await stream.look(
            {}, { try await stream.bench.insert("id, email, at, loaded", "9, 'p9@example.com', 9, 900") },
            { try await stream.bench.change("loaded = 901", of: 1) }, {})
        #expect(stream.bench.requests == [["1", "2"], ["9"]])
        let run = try #require(stream.ended.first)
        #expect(run.counts.rowsRead == 3 && run.counts.planned.track == 3, "\(run.counts)")
        try await stream.check()
    }

    @Test func aChangedRowIsSentAgainWhereThatIsAskedFor() async throws {
        let stream = try await StreamBench.make { events, _, _ in
            events.changedRows = .update
            events.fields = .only([FieldSetting(name: "note", source: .column("note"))])
        }
        try await stream.add(1, 2, 2)
        await stream.look({}, { try await stream.bench.change("note = 'new'", of: 1) }, {}, {})
        #expect(stream.bench.requests == [["1", "2"], ["1"]])
        let run = try #require(stream.ended.first)
        #expect(run.counts.rowsRead == 4 && run.counts.audience == 3 && run.counts.duplicates == 1, "\(run.counts)")
        try await stream.check()
    }

    @Test func rowsWithoutAPositionAreLookedForOnceAnHour() async throws {
        let stream = try await StreamBench.make()
        try await stream.add(1)
        try await stream.bench.insert("id, email, at", "2, 'p2@example.com', 2")
        await stream.look({}, {}, { stream.bench.clock.advance(by: .seconds(3300)) }, {}, {})
        #expect(stream.ended.map(\.counts.invalid) == [1, 1], "\(stream.ended.map(\.counts))")
        try await stream.check()
    }

    // MARK: When it looks

    /// After a notification it waits for others, and no longer.
    @Test func aNotificationIsFollowedByALook() async throws {
        let stream = try await StreamBench.make()
        var settings = StreamSettings()
        (settings.pollSeconds, settings.lingerSeconds) = (60, 3)
        let wake = WakeSignal()
        let times = Mutex<[Duration]>([])
        await stream.stream(settings: settings, wake: wake) { number in
            times.withLock { $0.append(stream.bench.clock.uptime) }
            if number == 2 { wake.signal() }
            return number < 4
        }
        let pauses = zip(times.withLock { $0 }.dropFirst(), times.withLock { $0 }).map { $0 - $1 }
        #expect(pauses == [.seconds(60), .seconds(3), .seconds(60)], "\(pauses)")
    }

    @Test func whereNothingWasCommittedNothingIsRead() async throws {
        let stream = try await StreamBench.make()
        // What the watch does not announce is not met before it announces something.
        await stream.stream(hasChanged: { [1, 5].contains($0) }) { number in
            if number == 2 { try await stream.add(1) }
            if number == 4 { #expect(stream.taken.isEmpty) }
            return number < 7
        }
        #expect(stream.taken == [1])
        try await stream.check()
    }

    /// By times: what becomes visible a hundred seconds late is found by one of the longer looks, long before a sweep.
    @Test func whatBecomesVisibleLateIsSent() async throws {
        let stream = StreamBench(
            try await EventsBench { events, _, _ in events.cursor = EventSettings.Cursor(column: "seen") })
        let clock = stream.bench.clock
        let begin = clock.uptime
        let add: @Sendable (Int, Int) async throws -> Void = { number, second in
            let time = Date(timeIntervalSince1970: Double(EventsBench.start + second)).formatted(
                .iso8601.dateTimeSeparator(.space).year().month().day().time(includingFractionalSeconds: false))
            try await stream.bench.insert(
                "id, email, at, seen", "\(number), 'p\(number)@example.com', \(number), '\(time)'")
        }
        let late = Mutex(false)
        await stream.stream { number in
            let second = Int((clock.uptime - begin) / .seconds(1))
            if second >= 1000 { return false }
            try await add(number, second)
            if second >= 400, !late.withLock({ $0 }) {
                late.withLock { $0 = true }
                try await add(9000, second - 100)
            }
            return true
        }
        let count = try await stream.bench.fixture.query("SELECT count(*) FROM orders").first?[0]
        #expect(late.withLock { $0 } && "\(stream.bench.events.taken.count)" == count)
        #expect(stream.ended.allSatisfy { $0.counts.late == 0 }, "no sweep has found it")
        try await stream.check()
    }

    // MARK: Guards

    @Test func whatAGuardHoldsHasARowOfItsOwn() async throws {
        let stream = try await StreamBench.make { _, sync, _ in sync.guards.maxEvents = 3 }
        let end = await stream.look(
            { try await stream.add(1, 2) }, { try await stream.add(3) }, { try await stream.add(4) }, {})
        guard case .held(let held) = end else {
            Issue.record("\(end)")
            return
        }
        #expect(held.trigger == .stream && held.status == .held && held.counts.planned.track == 1, "\(held)")
        #expect(held.held.map(\.guard) == ["max_events"] && held.held.first?.observed == "4")
        #expect(stream.taken == [1, 2, 3] && stream.ended.map(\.status) == [.succeeded])
        // As long as it is held nothing is streamed.
        guard case .held = await stream.look({ Issue.record("it looked") }) else {
            Issue.record("it was not held")
            return
        }
        var approval = RunRequest()
        approval.kind = .approve(runID: held.id)
        try await stream.add(5)
        #expect(try await stream.bench.run(approval).counts.succeeded.track == 1)
        #expect(stream.taken == [1, 2, 3, 4])
        await stream.look({}, { try await stream.add(6, 7) }, {})
        #expect(stream.taken == [1, 2, 3, 4, 5, 6, 7])
        try await stream.check()
    }

    @Test func oneInvalidRowOfAFewHoldsNothing() async throws {
        let stream = try await StreamBench.make { _, sync, _ in sync.guards.maxInvalid = 20 }
        await stream.look(
            { try await stream.bench.insert("id, email, at, loaded", "1, 'nobody', 1, 1") }, { try await stream.add(2) }
        )
        #expect(stream.taken == [2] && stream.ended.map(\.counts.invalid) == [1])
        // Of a hundred rows the share counts.
        let end = await stream.look({
            for number in 3...90 { try await stream.add(number) }
            for number in 91...130 {
                try await stream.bench.insert("id, email, at, loaded", "\(number), 'nobody', 1, \(number)")
            }
        })
        guard case .held(let held) = end else {
            Issue.record("\(end)")
            return
        }
        #expect(held.held.map(\.guard) == ["max_invalid"])
    }

    @Test func whatIsTooOldFailsAndTheRestFlows() async throws {
        let stream = try await StreamBench.make { _, sync, _ in sync.guards.maxAgeSeconds = 3600 }
        let now = EventsBench.start
        await stream.look(
            {
                try await stream.bench.insert(
                    "id, email, at, loaded", "1, 'a@example.com', \(now - 7200), 1", "2, 'b@example.com', \(now), 2")
            }, {}, {})
        let run = try #require(stream.ended.first)
        #expect(run.counts.planned.track == 2 && run.counts.failed.track == 1, "\(run.counts)")
        #expect(try await stream.bench.log(run) == ["track failed too_old 1", "track succeeded  2"])
        #expect(stream.taken == [2])
        #expect(try await stream.bench.table() == ["rejected 1", "sent 2"])
        try await stream.check()
    }

    /// Also before a request follows.
    @Test func aRowThatGoesOnBalancesWhereEventsAreTooOld() async throws {
        let stream = try await StreamBench.make { _, sync, _ in sync.guards.maxAgeSeconds = 3600 }
        let now = EventsBench.start
        await stream.look(
            { try await stream.bench.insert("id, email, at, loaded", "1, 'a@example.com', \(now), 1") },
            {
                try await stream.bench.insert(
                    "id, email, at, loaded", "2, 'b@example.com', \(now - 7200), 2",
                    "3, 'c@example.com', \(now - 7200), 3")
            },
            {
                let row = try #require(
                    try await stream.bench.fixture.warehouse.runs(RunFilter(sync: "orders", limit: 1)).first)
                #expect(row.status == .running && row.counts.balances, "\(row.counts)")
                #expect(row.counts.planned.track == 3 && row.counts.failed.track == 2, "\(row.counts)")
                #expect(row.counts.succeeded.track == 1 && row.counts.notAttempted.track == 0, "\(row.counts)")
            })
        #expect(stream.ended.map(\.counts.failed.track) == [2])
        try await stream.check()
    }

    /// Invalid rows that were there before say nothing of what comes, however often the stream begins again.
    @Test func whatWasInvalidBeforeHoldsNothing() async throws {
        let stream = try await StreamBench.make { events, sync, _ in
            var cursor = EventSettings.Cursor(column: "loaded")
            cursor.overlap = .steps(10_000)
            events.cursor = cursor
            sync.guards.maxInvalid = 20
        }
        // A share that is allowed.
        for number in 1...800 { try await stream.add(number) }
        for number in 801...930 {
            try await stream.bench.insert("id, email, at, loaded", "\(number), 'nobody', 1, \(number)")
        }
        for number in 931...1060 { try await stream.bench.insert("id, email, at", "\(number), 'p@example.com', 1") }
        await stream.look({})
        #expect(stream.ended.map(\.counts.invalid) == [260], "\(stream.ended)")
        let end = await stream.look({}, { try await stream.add(2000) })
        guard case .stopped = end else {
            Issue.record("\(end)")
            return
        }
        #expect(stream.bench.events.taken.count == 801)
        try await stream.check()
    }

    // MARK: Much at once

    @Test func whatIsTooMuchAtOnceIsReadInParts() async throws {
        let stream = try await StreamBench.make()
        var settings = StreamSettings()
        settings.mostWaiting = 2
        try await stream.add(1, 2, 3, 4, 5, 6, 7, 8)
        await stream.stream(settings: settings) { $0 < 6 }
        #expect(stream.taken == [1, 2, 3, 4, 5, 6, 7, 8])
        #expect(stream.bench.requests == [["1", "2"], ["3"], ["4", "5"], ["6"], ["7", "8"]])
        let run = try #require(stream.ended.first)
        #expect(run.counts.rowsRead == 8 && run.counts.planned.track == 8, "\(run.counts)")
        try await stream.check()
    }

    /// Reading stops where enough waits, and the guard judges what the looks have planned together.
    @Test func aGuardThatAllowsMoreThanMayWaitReadsNoMoreAtOnce() async throws {
        let stream = try await StreamBench.make { _, sync, _ in sync.guards.maxEvents = 5 }
        var settings = StreamSettings()
        settings.mostWaiting = 2
        try await stream.add(1, 2, 3, 4, 5, 6, 7, 8)
        let end = await stream.stream(settings: settings) { $0 < 6 }
        guard case .held(let held) = end else {
            Issue.record("\(end)")
            return
        }
        #expect(held.counts.planned.track == 3 && held.held.first?.observed == "6", "\(held)")
        #expect(stream.taken == [1, 2, 3])
    }

    /// Rows without a position come last.
    @Test func rowsWithoutAPositionAreCountedAlthoughTheFirstLookIsBrokenOff() async throws {
        let stream = try await StreamBench.make()
        var settings = StreamSettings()
        settings.mostWaiting = 2
        try await stream.add(1, 2, 3, 4, 5, 6)
        try await stream.bench.insert("id, email, at", "7, 'p7@example.com', 7")
        await stream.stream(settings: settings) { $0 < 8 }
        let run = try #require(stream.ended.first)
        #expect(stream.taken == [1, 2, 3, 4, 5, 6] && run.counts.invalid == 1, "\(run.counts)")
        try await stream.check()
    }

    /// A span counts from the first look, also where that look was broken off.
    @Test func aFirstLookThatIsBrokenOffTakesWhatItWouldHaveTaken() async throws {
        let stream = try await StreamBench.make { events, _, _ in events.start = .last(seconds: 3600) }
        for number in 1...8 {
            try await stream.bench.insert(
                "id, email, at, loaded",
                "\(number), 'p\(number)@example.com', \(EventsBench.start - 10), \(number)")
        }
        var settings = StreamSettings()
        settings.mostWaiting = 2
        await stream.stream(settings: settings) { $0 < 2 }
        #expect(stream.taken.count < 8)
        #expect(try await stream.bench.cursor() == nil)
        stream.bench.clock.advance(by: .seconds(7200))
        await stream.look({}, {})
        #expect(stream.taken == [1, 2, 3, 4, 5, 6, 7, 8])
        try await stream.check()
    }

    /// Rows that leave no event do not keep the stream from those behind them.
    @Test func rowsThatLeaveNothingDoNotFillTheReading() async throws {
        let stream = try await StreamBench.make()
        var settings = StreamSettings()
        settings.mostWaiting = 2
        await stream.look({ try await stream.add(1) })
        for number in 2...6 {
            try await stream.bench.insert("id, email, at, loaded", "\(number), 'nobody', 1, \(number)")
        }
        try await stream.add(7, 8)
        await stream.stream(settings: settings) { $0 < 8 }
        #expect(stream.taken == [1, 7, 8])
        try await stream.check()
    }

    /// A sweep that was broken off is made again, and passes nothing.
    @Test func aSweepThatIsBrokenOffIsMadeAgain() async throws {
        let stream = try await StreamBench.make { events, _, _ in
            var cursor = EventSettings.Cursor(column: "loaded")
            cursor.overlap = .steps(1)
            cursor.sweepSeconds = 60
            events.cursor = cursor
        }
        var settings = StreamSettings()
        settings.mostWaiting = 2
        try await stream.bench.insert("id, email, at, loaded", "9, 'p9@example.com', 9, 900")
        await stream.look({})
        // They become visible very late.
        try await stream.add(1, 2, 3, 4, 5, 6, 7, 8)
        stream.bench.clock.advance(by: .seconds(61))
        await stream.stream(settings: settings) { $0 < 8 }
        #expect(stream.taken == [1, 2, 3, 4, 5, 6, 7, 8, 9])
        try await stream.check()
    }

    // MARK: Trouble

    @Test func anOutageIsWaitedOut() async throws {
        let stream = try await StreamBench.make()
        let fails = Mutex(12)
        stream.bench.events.setFate { _, _ in
            let isDown = fails.withLock { left in
                left -= 1
                return left >= 0
            }
            return isDown ? .loseBefore : .ok
        }
        let looks = Mutex(0)
        await stream.stream { number in
            looks.withLock { $0 = number }
            if number == 1 { try await stream.add(1, 2) }
            return number < 3
        }
        #expect(stream.taken == [1, 2])
        let run = try #require(stream.ended.first)
        #expect(run.counts.succeeded.track == 2 && run.counts.unknown.track == 0, "\(run.counts)")
        #expect(run.requests.sent == 13 && run.requests.retried == 12, "\(run.requests)")
        #expect(stream.tracker.status.samples.contains { $0.lagSeconds > 60 }, "it took minutes")
        try await stream.check()
    }

    /// It is said of the row, and another one follows at once.
    @Test func thatFieldsWereLeftOutEndsNoStream() async throws {
        let stream = try await StreamBench.make { events, _, _ in
            events.fields = .only([FieldSetting(name: "note", source: .column("note"))])
        }
        stream.bench.events.setFate { _, number in number == 1 ? .leaveOut(["note"]) : .ok }
        let end = await stream.look(
            { try await stream.bench.insert("id, email, at, loaded, note", "1, 'p1@example.com', 1, 1, 'red'") },
            { stream.bench.clock.advance(by: .seconds(3300)) }, { try await stream.add(2) }, {})
        guard case .stopped = end else {
            Issue.record("\(end)")
            return
        }
        #expect(stream.ended.map(\.status) == [.completedWithFailures, .succeeded])
        #expect(stream.ended.map(\.error?.code) == ["field_dropped", nil] && stream.taken == [1, 2])
        try await stream.check()
    }

    @Test func whatStopsItInMidDeliveryIsSentByTheNext() async throws {
        let stream = try await StreamBench.make()
        let stop = StopSignal()
        stream.bench.events.setFate { _, number in
            if number == 2 { stop.request(.interrupted) }
            return .ok
        }
        try await stream.add(1, 2, 3, 4, 5, 6)
        await stream.stream(stop: stop) { _ in true }
        let run = try #require(stream.ended.first)
        #expect(run.status == .interrupted && run.counts.succeeded.track == 4, "\(run)")
        #expect(run.counts.notAttempted.track == 2)
        #expect(try await stream.bench.cursor()?.watermark == nil)
        await stream.look({})
        #expect(stream.bench.requests == [["1", "2"], ["3", "4"], ["5", "6"]])
        try await stream.check()
    }

    @Test func whoWaitsIsLookedAtAgainAndNobodyOvertakes() async throws {
        let stream = try await StreamBench.make()
        stream.bench.events.setUnknown(["p1@example.com"])
        await stream.look(
            { try await stream.add(1) },
            {
                try await stream.bench.insert(
                    "id, email, at, loaded", "2, 'p1@example.com', 2, 2", "3, 'p3@example.com', 3, 3")
            },
            { stream.bench.events.setUnknown([]) },
            { stream.bench.clock.advance(by: .seconds(31)) }, {})
        #expect(stream.taken == [1, 2, 3])
        #expect(stream.bench.events.arrivals.map(OrderIDs.name) == ["3", "1", "2"])
        let run = try #require(stream.ended.first)
        #expect(run.counts.rowsRead == 3 && run.counts.waiting == 0 && run.counts.succeeded.track == 3, "\(run.counts)")
        try await stream.check()
    }

    @Test func whatWaitsAtTheEndIsCountedOnce() async throws {
        let stream = try await StreamBench.make()
        stream.bench.events.setUnknown(["p1@example.com"])
        let pass: @Sendable () async throws -> Void = { stream.bench.clock.advance(by: .seconds(31)) }
        await stream.look({ try await stream.add(1, 2) }, pass, pass, pass)
        let run = try #require(stream.ended.first)
        #expect(
            run.counts.waiting == 1 && run.counts.planned.track == 1,
            "\(run.counts)")
        let log = try await stream.bench.log(run)
        #expect(log.filter { $0.contains("waiting") }.count == 1 && !log.contains { $0.contains("failed") }, "\(log)")
        try await stream.check()
    }

    @Test func aWarehouseThatGoesAwayAnywhereLosesNothing() async throws {
        for after in [false, true] {
            var writes = 0
            while writes < 40 {
                let stream = try await StreamBench.make()
                stream.bench.events.setUnknown(["p4@example.com"])
                try await stream.add(1, 2, 3)
                let failing = stream.bench.failing(writes: writes, after: after)
                await stream.stream(warehouse: failing, holder: EventsBench.deadHolder) { number in
                    if number == 2 { try await stream.add(4, 5) }
                    return number < 4 && !failing.hasFailed
                }
                let hasFailed = failing.hasFailed
                // The process has ended; what may still land has landed.
                stream.bench.clock.advance(by: .seconds(120))
                stream.bench.events.setUnknown([])
                await stream.look({}, { try await stream.add(6) }, { stream.bench.clock.advance(by: .seconds(31)) }, {})
                let rows = try await stream.bench.fixture.query("SELECT id FROM orders ORDER BY id")
                #expect(stream.taken == rows.compactMap { $0[0].flatMap { Int($0) } }, "after \(writes) writes")
                let runs = try await stream.bench.fixture.query(
                    "SELECT count(*) FROM \(stream.bench.fixture.state("sync_runs")) WHERE status = 'running'")
                #expect(runs.first?[0] == "0")
                if !hasFailed { break }
                writes += 1
            }
        }
    }
}
