import Foundation
import RollcallCore
import Synchronization
import TestSupport
import Testing
import Warehouse

@testable import SyncEngine

/// Profiles are updated as rows come and change.
@Suite(.timeLimit(.minutes(10))) struct UsersStreamTests {
    private static func make(
        sweep: Int = 86_400, overlap: Int64 = 100,
        adjust: @escaping @Sendable (inout UserSettings, inout SyncSettings) -> Void = { _, _ in }
    ) async throws -> (UsersBench, RecordStreamBench) {
        let users = try await UsersBench { settings, sync, destination in
            settings.cursor = RecordStreamBench.cursor(sweep: sweep, overlap: overlap)
            sync.guards.allowEmpty = true
            destination.limits.concurrentRequests = 1
            adjust(&settings, &sync)
        }
        return (users, RecordStreamBench(users))
    }

    /// The addresses of each request.
    private static func sent(_ users: UsersBench) -> [[String]] {
        users.users.requests.map { $0.people.map { ($0.identity.email ?? "-").replacing("@example.com", with: "") } }
    }

    private static func add(_ users: UsersBench, _ id: Int, _ name: String, _ plan: String, at: Int) async throws {
        try await users.fixture.execute(
            "INSERT INTO customers (id, email, plan, changed) VALUES (\(id), '\(name)@example.com', '\(plan)', \(at))")
    }

    private static func rank(
        _ users: UsersBench, _ id: Int, _ name: String, _ plan: String, _ orders: Int, at: Int
    ) async throws {
        try await users.fixture.execute(
            """
            INSERT INTO customers (id, email, plan, orders, changed)
            VALUES (\(id), '\(name)@example.com', '\(plan)', \(orders), \(at))
            """)
    }

    private static func change(_ users: UsersBench, _ assignments: String, of id: Int) async throws {
        try await users.fixture.execute("UPDATE customers SET \(assignments) WHERE id = \(id)")
    }

    // MARK: What is new, and what has changed

    @Test func whatComesAndWhatChangesIsSentAndCountedOnce() async throws {
        let (users, stream) = try await Self.make()
        try await Self.add(users, 1, "ann", "free", at: 1)
        try await Self.add(users, 2, "ben", "free", at: 2)
        let end = await stream.look(
            {}, { try await Self.add(users, 3, "cy", "free", at: 3) }, {},
            { try await Self.change(users, "plan = 'pro', changed = 4", of: 1) }, {})
        guard case .stopped = end else {
            Issue.record("\(end)")
            return
        }
        #expect(Self.sent(users) == [["ann", "ben"], ["cy"], ["ann"]])
        #expect(users.users.profile("ann@example.com")?["plan"] == "\"pro\"")
        let run = try #require(stream.ended.first)
        #expect(stream.ended.count == 1 && run.trigger == .stream && run.kind == .users && run.status == .succeeded)
        // The sweep at the beginning has read two rows, and the looks after it those of which something became.
        #expect(run.counts.rowsRead == 4 && run.counts.audience == 4 && run.counts.unchanged == 0, "\(run.counts)")
        #expect(run.counts.planned.update == 4 && run.counts.succeeded.update == 4)
        let cursor = try await users.fixture.warehouse.eventCursor(sync: "people")
        #expect(cursor?.watermark == 4 && cursor?.column == "changed" && cursor?.lastSweepAt != nil)
        try await stream.check()
        // A run by hand finds nothing new either, and knows nothing of the cursor.
        #expect(try await users.run().counts.unchanged == 3)
        #expect(try await users.fixture.warehouse.eventCursor(sync: "people") == cursor)
    }

    @Test func theNextStreamBeginsWithASweep() async throws {
        let (users, stream) = try await Self.make()
        try await Self.add(users, 1, "ann", "free", at: 1)
        await stream.look({})
        // Without another number, no look finds it.
        try await Self.change(users, "plan = 'pro'", of: 1)
        await stream.look({}, {})
        #expect(Self.sent(users) == [["ann"], ["ann"]])
        #expect(stream.ended.map(\.counts.rowsRead) == [1, 1])
        try await stream.check()
    }

    @Test func eachHourHasARow() async throws {
        let (users, stream) = try await Self.make()
        try await Self.add(users, 1, "ann", "free", at: 1)
        await stream.look(
            {},
            {
                stream.clock.advance(by: .seconds(3300))
                try await Self.add(users, 2, "ben", "free", at: 2)
            }, { try await Self.add(users, 3, "cy", "free", at: 3) }, {})
        #expect(stream.ended.map(\.counts.planned.update) == [2, 1], "\(stream.ended)")
        #expect(Self.sent(users) == [["ann"], ["ben"], ["cy"]])
        try await stream.check()
    }

    @Test func whereNothingWasCommittedNothingIsRead() async throws {
        let (users, stream) = try await Self.make()
        // What the watch does not announce is not met before it announces something.
        await stream.stream(hasChanged: { [1, 5].contains($0) }) { number in
            if number == 3 { try await Self.add(users, 1, "ann", "free", at: 1) }
            if number == 5 { #expect(users.users.requests.isEmpty) }
            return number < 7
        }
        #expect(Self.sent(users) == [["ann"]])
    }

    @Test func aNullThatIsDueIsSent() async throws {
        let (users, stream) = try await Self.make()
        try await Self.add(users, 1, "ann", "free", at: 1)
        await stream.look({}, { try await Self.change(users, "plan = NULL, changed = 2", of: 1) }, {}, {})
        #expect(users.users.requests.count == 2)
        #expect(users.users.profile("ann@example.com")?["plan"] == nil)
        try await stream.check()
        #expect(try await users.run().counts.unchanged == 1)
    }

    // MARK: Where rows stand

    @Test func rowsWithoutAPositionAreLookedForOnceAnHour() async throws {
        let (users, stream) = try await Self.make()
        try await Self.add(users, 1, "ann", "free", at: 1)
        await stream.look(
            {},
            { try await users.fixture.execute("INSERT INTO customers (id, email) VALUES (2, 'ben@example.com')") }, {},
            { stream.clock.advance(by: .seconds(3300)) }, {}, {})
        #expect(Self.sent(users) == [["ann"], ["ben"]])
        #expect(stream.ended.map(\.counts.planned.update) == [1, 1] && stream.ended.map(\.counts.invalid) == [0, 0])
        try await stream.check()
    }

    @Test func aRowOfTheFutureIsSentAndMovesNothing() async throws {
        let (users, stream) = try await Self.make { settings, _ in settings.cursor = .init(column: "seen") }
        try await users.fixture.execute("ALTER TABLE customers ADD COLUMN seen TIMESTAMP")
        let add: @Sendable (Int, String) async throws -> Void = { id, time in
            try await users.fixture.execute(
                "INSERT INTO customers (id, email, seen) VALUES (\(id), 'p\(id)@example.com', '\(time)')")
        }
        try await add(1, "2096-10-02 07:00:00")
        await stream.look(
            {}, { try await add(2, "2199-01-01 00:00:00") }, { try await add(3, "2096-10-02 07:06:00") }, {}, {})
        #expect(Self.sent(users) == [["p1"], ["p2"], ["p3"]])
        let cursor = try await users.fixture.warehouse.eventCursor(sync: "people")
        #expect(cursor.flatMap(\.watermark).map { $0 < EventsBench.start * 1_000_000 } == true, "\(cursor as Any)")
        try await stream.check()
    }

    /// A row whose number falls, or that becomes visible very late, is found by the next sweep.
    @Test func whatLiesBehindTheCursorWaitsForTheSweep() async throws {
        let (users, stream) = try await Self.make(sweep: 600, overlap: 10)
        try await Self.add(users, 1, "ann", "free", at: 1)
        try await Self.add(users, 2, "ben", "free", at: 900)
        await stream.look(
            {}, { try await Self.change(users, "plan = 'pro', changed = 5", of: 2) },
            { try await Self.add(users, 3, "cy", "free", at: 7) },
            {
                #expect(users.users.requests.count == 1)
                stream.clock.advance(by: .seconds(600))
            }, {})
        #expect(Self.sent(users) == [["ann", "ben"], ["ben", "cy"]])
        try await stream.check()
    }

    // MARK: Who left

    @Test func onlyASweepFindsWhoLeft() async throws {
        let (users, stream) = try await Self.make(sweep: 600) { settings, _ in settings.onLeave = .delete }
        for (id, name) in [(1, "ann"), (2, "ben")] { try await Self.add(users, id, name, "free", at: id) }
        await stream.look(
            {}, { try await users.fixture.execute("DELETE FROM customers WHERE id = 2") }, {},
            {
                #expect(users.users.deletions.isEmpty)
                stream.clock.advance(by: .seconds(600))
            }, {})
        #expect(users.users.deletions == [.email("ben@example.com")])
        let run = try #require(stream.ended.first)
        #expect(run.counts.succeeded.delete == 1 && run.counts.rowsRead == 3, "\(run.counts)")
        #expect(try await users.snapshot() == ["synced 1 ann@example.com"])
        try await stream.check()
    }

    @Test func aSweepThatWouldRemoveTooManyIsHeld() async throws {
        let (users, stream) = try await Self.make(sweep: 600) { settings, _ in settings.onLeave = .delete }
        for id in 1...120 { try await Self.add(users, id, "p\(id)", "free", at: id) }
        let end = await stream.look(
            {}, { try await users.fixture.execute("DELETE FROM customers WHERE id > 60") }, {},
            { stream.clock.advance(by: .seconds(600)) }, { Issue.record("it looked") })
        guard case .held(let held) = end else {
            Issue.record("\(end)")
            return
        }
        #expect(held.held.map(\.guard) == ["max_removals"] && held.counts.planned.delete == 60, "\(held)")
        #expect(users.users.deletions.isEmpty && stream.ended.map(\.status) == [.succeeded])
        guard case .held = await stream.look({ Issue.record("it looked") }) else {
            Issue.record("it was not held")
            return
        }
        #expect(try await stream.run(.approve(held.id)).counts.succeeded.delete == 60)
        // A new profile keeps its distance to the deletions before it.
        await stream.look(
            {}, { try await Self.add(users, 200, "zoe", "free", at: 200) }, {},
            { stream.clock.advance(by: .seconds(120)) }, {})
        #expect(Self.sent(users).last == ["zoe"] && users.users.people.count == 61)
        try await stream.check()
    }

    // MARK: What other rows have a say in

    @Test func anIdentifierOfAnotherRecordWaitsForTheSweep() async throws {
        let (users, stream) = try await Self.make(sweep: 600)
        for (id, name) in [(1, "ann"), (2, "ben")] { try await Self.add(users, id, name, "free", at: id) }
        await stream.look(
            {}, { try await Self.add(users, 3, "ben", "pro", at: 3) }, {},
            {
                #expect(users.users.requests.count == 1)
                try await users.fixture.execute("DELETE FROM customers WHERE id = 2")
                stream.clock.advance(by: .seconds(600))
            }, {})
        #expect(Self.sent(users) == [["ann", "ben"], ["ben"]])
        #expect(users.users.profile("ben@example.com")?["plan"] == "\"pro\"")
        let run = try #require(stream.ended.first)
        #expect(run.counts.invalid == 0 && run.counts.waiting == 0 && run.counts.rowsRead == 4, "\(run.counts)")
        try await stream.check()
    }

    /// Neither of two new rows is sent before a sweep has judged both.
    @Test func twoNewRowsOfOnePersonWaitForTheSweep() async throws {
        let (users, stream) = try await Self.make(sweep: 600)
        await stream.look(
            {},
            {
                try await Self.add(users, 1, "ann", "free", at: 1)
                try await Self.add(users, 2, "ann", "pro", at: 2)
            }, {}, { stream.clock.advance(by: .seconds(600)) }, {})
        #expect(users.users.requests.isEmpty)
        let run = try #require(stream.ended.first)
        #expect(run.counts.invalid == 2 && run.counts.rowsRead == 2, "\(run.counts)")
        #expect(
            try await users.log(run) == ["validate failed duplicate_key 1", "validate failed duplicate_key 2"])
        try await stream.check()
    }

    @Test func twoRowsOfOneKeyObeyTheRuleOfDuplicates() async throws {
        let (users, stream) = try await Self.make()
        await stream.look(
            {},
            {
                try await Self.add(users, 1, "ann", "free", at: 1)
                try await Self.add(users, 1, "ann", "pro", at: 2)
                try await Self.add(users, 2, "ben", "free", at: 3)
                try await Self.add(users, 2, "ben", "free", at: 4)
            }, {}, {})
        #expect(Self.sent(users) == [["ben"]])
        let run = try #require(stream.ended.first)
        #expect(run.counts.rowsRead == 4 && run.counts.invalid == 2 && run.counts.duplicates == 1, "\(run.counts)")
        try await stream.check()
    }

    /// The other row of the key lies where no look reads.
    @Test func aKeyThatWasContradictoryWaitsForTheSweep() async throws {
        let (users, stream) = try await Self.make(sweep: 600, overlap: 10)
        try await Self.add(users, 1, "ann", "free", at: 1)
        try await Self.add(users, 1, "ann", "pro", at: 2)
        try await Self.add(users, 2, "ben", "free", at: 500)
        await stream.look(
            {}, { try await Self.add(users, 1, "ann", "gold", at: 501) }, {},
            {
                #expect(Self.sent(users) == [["ben"]])
                try await users.fixture.execute("DELETE FROM customers WHERE id = 1 AND changed < 500")
                stream.clock.advance(by: .seconds(600))
            }, {})
        #expect(Self.sent(users) == [["ben"], ["ann"]])
        #expect(users.users.profile("ann@example.com")?["plan"] == "\"gold\"")
        try await stream.check()
    }

    /// A later look meets the row of the record that lost, and not that of the one that was sent.
    @Test func aRecordThatLostToAnotherOneOfItsPersonWaitsForTheSweep() async throws {
        let (users, stream) = try await Self.make(overlap: 10) { settings, _ in settings.duplicates = .newest("orders")
        }
        try await Self.rank(users, 2, "ann", "old", 5, at: 500)
        try await Self.rank(users, 1, "ann", "new", 10, at: 1)
        await stream.look({}, {}, {}, {})
        #expect(Self.sent(users) == [["ann"]])
        #expect(users.users.profile("ann@example.com")?["plan"] == "\"new\"")
        try await stream.check()
    }

    /// The row that contradicts, or that cannot be sent, is read by the first look alone.
    @Test func whatALookHasFoundContradictoryWaitsForTheSweep() async throws {
        let (users, stream) = try await Self.make(sweep: 600, overlap: 10)
        try await Self.add(users, 9, "zoe", "free", at: 500)
        await stream.look(
            {},
            {
                try await Self.add(users, 1, "ann", "free", at: 501)
                try await users.fixture.execute(
                    "INSERT INTO customers (id, email, changed) VALUES (2, 'nobody', 502)")
                try await Self.add(users, 1, "ann", "pro", at: 520)
                try await Self.add(users, 2, "ben", "pro", at: 521)
            }, {}, {},
            {
                #expect(Self.sent(users) == [["zoe"]])
                try await users.fixture.execute("DELETE FROM customers WHERE changed IN (501, 502)")
                stream.clock.advance(by: .seconds(600))
            }, {})
        #expect(Self.sent(users) == [["zoe"], ["ann", "ben"]])
        try await stream.check()
    }

    @Test func anOlderRowIsNotSentOverTheNewestOneOfItsKey() async throws {
        let (users, stream) = try await Self.make(overlap: 10) { settings, _ in settings.duplicates = .newest("orders")
        }
        try await Self.add(users, 9, "zoe", "free", at: 500)
        await stream.look(
            {},
            {
                try await Self.rank(users, 1, "ann", "new", 10, at: 501)
                try await Self.rank(users, 1, "ann", "old", 5, at: 520)
            }, {}, { #expect(Self.sent(users) == [["zoe"], ["ann"]]) },
            { try await Self.rank(users, 1, "ann", "newer", 20, at: 540) },
            { try await Self.rank(users, 1, "ann", "between", 15, at: 560) }, {})
        #expect(Self.sent(users) == [["zoe"], ["ann"], ["ann"]])
        #expect(users.users.profile("ann@example.com")?["plan"] == "\"newer\"")
        try await stream.check()
    }

    @Test func aRowThatCannotBeSentCountsOnceUntilItIsCorrected() async throws {
        let (users, stream) = try await Self.make()
        try await Self.add(users, 1, "ann", "free", at: 1)
        await stream.look(
            {},
            { try await users.fixture.execute("INSERT INTO customers (id, email, changed) VALUES (2, 'nobody', 2)") },
            {}, { try await Self.change(users, "email = 'ben@example.com', changed = 3", of: 2) }, {})
        #expect(Self.sent(users) == [["ann"], ["ben"]])
        let run = try #require(stream.ended.first)
        #expect(run.counts.rowsRead == 3 && run.counts.invalid == 1 && run.counts.audience == 2, "\(run.counts)")
        #expect(try await users.log(run).filter { $0.hasPrefix("validate") }.count == 1)
        try await stream.check()
    }

    // MARK: What Iterable does not take

    @Test func whatFailsIsTriedAgainByTheSweepOrWhenItsRowChanges() async throws {
        let (users, stream) = try await Self.make(sweep: 600)
        let reason = FailureReason(code: "identity_conflict", reason: "")
        let isRefused = Mutex(true)
        users.users.setFate { _, _ in
            isRefused.withLock { $0 } ? .refuse(["ann@example.com": .failed(reason)]) : .ok
        }
        await stream.look(
            {}, { try await Self.add(users, 1, "ann", "free", at: 1) }, {}, {},
            { try await Self.change(users, "plan = 'pro', changed = 2", of: 1) }, {},
            {
                #expect(users.users.requests.count == 2)
                isRefused.withLock { $0 = false }
                stream.clock.advance(by: .seconds(600))
            }, {})
        #expect(users.users.requests.count == 3)
        let run = try #require(stream.ended.first)
        #expect(run.counts.failed.update == 2 && run.counts.succeeded.update == 1, "\(run.counts)")
        try await stream.check()
    }

    @Test func anOutageIsWaitedOut() async throws {
        let (users, stream) = try await Self.make()
        users.users.setFate { _, number in number <= 12 ? .loseAfter : .ok }
        await stream.look({}, { try await Self.add(users, 1, "ann", "free", at: 1) }, {})
        let run = try #require(stream.ended.first)
        #expect(run.counts.succeeded.update == 1 && run.counts.unknown.update == 0, "\(run.counts)")
        #expect(run.requests.sent == 13 && run.requests.retried == 12, "\(run.requests)")
        try await stream.check()
    }

    /// It is sent again after pauses that double, although the cursor moves on.
    @Test func whatHasNoAnswerIsSentAgainAfterAWhile() async throws {
        let (users, stream) = try await Self.make(overlap: 1)
        let reason = FailureReason(code: "unexpected_answer", reason: "")
        users.users.setFate { request, number in
            request.people.contains { $0.identity.email == "ann@example.com" } && number <= 4
                ? .refuse(["ann@example.com": .unknown(reason)]) : .ok
        }
        await stream.look(
            {}, { try await Self.add(users, 1, "ann", "free", at: 1) },
            { try await Self.add(users, 2, "ben", "free", at: 90) }, {},
            {
                #expect(Self.sent(users) == [["ann"], ["ben"]])
                stream.clock.advance(by: .seconds(120))
            }, {}, { stream.clock.advance(by: .seconds(120)) },
            {
                #expect(Self.sent(users) == [["ann"], ["ben"], ["ann"]])
                stream.clock.advance(by: .seconds(120))
            }, {}, { stream.clock.advance(by: .seconds(600)) }, {}, {})
        #expect(Self.sent(users) == [["ann"], ["ben"], ["ann"], ["ann"], ["ann"]])
        let run = try #require(stream.ended.first)
        #expect(run.counts.unknown.update == 3 && run.counts.succeeded.update == 2, "\(run.counts)")
        try await stream.check()
    }

    /// Each pause is twice as long as the one before, and none is short again once they are as long as usual.
    @Test func sweepsForWhatHasNoAnswerBecomeAsRareAsUsual() async throws {
        let (users, stream) = try await Self.make(sweep: 600)
        let reason = FailureReason(code: "unexpected_answer", reason: "")
        users.users.setFate { _, _ in .refuse(["ann@example.com": .unknown(reason)]) }
        try await Self.add(users, 1, "ann", "free", at: 1)
        let sweeps = Mutex<[Date]>([])
        let begin = stream.clock.uptime
        await stream.stream { _ in
            if let time = try await users.fixture.warehouse.eventCursor(sync: "people")?.lastSweepAt {
                sweeps.withLock { if $0.last != time { $0.append(time) } }
            }
            return stream.clock.uptime - begin < .seconds(4500)
        }
        let times = sweeps.withLock { $0 }
        let pauses = zip(times.dropFirst(), times).map { $0.timeIntervalSince($1) }
        let usual = pauses.drop { $0 < 590 }
        #expect(usual.count < pauses.count && usual.count > 3 && usual.allSatisfy { $0 >= 590 }, "\(pauses)")
    }

    /// A look at Iterable is waited for as what is sent is.
    @Test func aLookAtIterableIsTriedUntilItGetsThrough() async throws {
        let (users, stream) = try await Self.make { settings, _ in settings.mode = .update }
        users.users.write("ann@example.com", "source", "\"form\"")
        users.users.setLookFate { _, number throws(DestinationError) in
            guard number <= 9 else { return nil }
            throw DestinationError(
                error: RunError(code: "no_answer", message: "no answer"), isTransient: true, retryAfter: .seconds(5))
        }
        await stream.look({}, { try await Self.add(users, 1, "ann", "pro", at: 1) }, {})
        let run = try #require(stream.ended.first)
        #expect(stream.ended.count == 1 && run.error == nil && run.counts.succeeded.update == 1, "\(run)")
        #expect(users.users.looks.count == 10)
        try await stream.check()
    }

    /// Of a request that a process sent that had lost the lease.
    @Test func whatIsNotedOfARequestInTheMeantimeIsTakenInByTheNextSweep() async throws {
        let (users, stream) = try await Self.make(sweep: 600)
        try await Self.add(users, 1, "ann", "free", at: 1)
        await stream.look({})
        let earlier = try #require(stream.ended.first)
        await stream.look(
            {},
            {
                let known = Mutex<[Fingerprint]>([])
                try await users.fixture.warehouse.readContents(sync: "people", of: .records(.users)) { content in
                    known.withLock { $0.append(content.fingerprint) }
                }
                let fingerprint = try #require(known.withLock { $0.first })
                let change = Change(
                    sequence: 1, kind: .send, operation: .update, fingerprint: fingerprint,
                    identity: Identity(email: "ann@example.com", userID: nil),
                    record: RecordReference(key: "1", itemID: nil, content: 7))
                try await users.fixture.warehouse.noteStrays(earlier, [change], settleSeconds: 60)
                stream.clock.advance(by: .seconds(600))
            }, {})
        #expect(Self.sent(users) == [["ann"], ["ann"]])
        #expect(try await users.snapshot() == ["synced 1 ann@example.com"])
        try await stream.check()
    }

    @Test func whatStopsItInMidDeliveryIsSentByTheNext() async throws {
        let (users, stream) = try await Self.make()
        let stop = StopSignal()
        users.users.setFate { _, number in
            if number == 2 { stop.request(.interrupted) }
            return .ok
        }
        for id in 1...6 { try await Self.add(users, id, "p\(id)", "free", at: id) }
        await stream.stream(stop: stop) { _ in true }
        let run = try #require(stream.ended.first)
        #expect(run.status == .interrupted && run.counts.notAttempted.update > 0, "\(run)")
        #expect(try await users.fixture.warehouse.eventCursor(sync: "people")?.watermark == nil)
        await stream.look({})
        #expect(users.users.people.count == 6)
        try await stream.check()
    }

    // MARK: Addresses

    @Test func aChangedAddressRenamesTheProfileAndTheFieldsFollow() async throws {
        let (users, stream) = try await Self.make()
        try await Self.add(users, 1, "ann", "free", at: 1)
        await stream.look(
            {}, { try await Self.change(users, "email = 'anna@example.com', plan = 'pro', changed = 2", of: 1) },
            // Others do not wait while the profile rests.
            { try await Self.add(users, 2, "ben", "free", at: 3) },
            {
                #expect(Self.sent(users) == [["ann"], ["ben"]])
                let row = try await users.fixture.warehouse.runs(RunFilter(sync: "people", limit: 1)).first
                #expect(row?.counts.waiting == 1)
            },
            { stream.clock.advance(by: .seconds(120)) }, {})
        #expect(users.users.renames == [UserRename(email: "ann@example.com", newEmail: "anna@example.com")])
        #expect(Self.sent(users) == [["ann"], ["ben"], ["anna"]])
        #expect(users.users.profile("anna@example.com")?["plan"] == "\"pro\"")
        let run = try #require(stream.ended.first)
        #expect(run.counts.succeeded.rename == 1 && run.counts.waiting == 0, "\(run.counts)")
        #expect(run.counts.succeeded.update == 3 && run.counts.rowsRead == 4, "\(run.counts)")
        try await stream.check()
    }

    /// It has failed until the row changes or the next sweep, and is not looked up in each look.
    @Test func aLostRenameThatTurnsOutAConflictFailsOnce() async throws {
        let (users, stream) = try await Self.make()
        try await Self.add(users, 1, "ann", "free", at: 1)
        users.users.setRenameFate { _, _ in .loseAfter }
        await stream.look(
            {}, { try await Self.change(users, "email = 'anna@example.com', changed = 2", of: 1) },
            {
                // Others make the former address again.
                users.users.write("ann@example.com", "plan", "\"other\"")
                try await users.fixture.execute(
                    "UPDATE rollcall_settling_requests SET settles_at = '2020-01-01T00:00:00.000Z'")
                stream.clock.advance(by: .seconds(120))
            }, {}, {}, {}, {})
        let run = try #require(stream.ended.first)
        #expect(users.users.renames.count == 1 && run.counts.unknown.rename == 1, "\(run.counts)")
        #expect(run.counts.failed.rename == 1, "\(run.counts)")
    }

    /// The row lies behind what later looks read.
    @Test func theFieldsOfARenamedProfileFollowAlthoughTheCursorMovesOn() async throws {
        let (users, stream) = try await Self.make(overlap: 1)
        try await Self.add(users, 1, "ann", "free", at: 1)
        await stream.look(
            {}, { try await Self.change(users, "email = 'anna@example.com', plan = 'pro', changed = 2", of: 1) },
            { try await Self.add(users, 2, "ben", "free", at: 90) }, {},
            { stream.clock.advance(by: .seconds(120)) }, {})
        #expect(Self.sent(users) == [["ann"], ["ben"], ["anna"]])
        #expect(users.users.profile("anna@example.com")?["plan"] == "\"pro\"")
        try await stream.check()
    }

    /// Each row of `sync_runs` in which it waits counts it, also where a look does nothing else.
    @Test func whoWaitsAfterARenameCountsInEachHour() async throws {
        let (users, stream) = try await Self.make()
        try await Self.add(users, 1, "ann", "free", at: 1)
        // The hour ends after 3200 seconds.
        await stream.stream { number in
            if number == 1 { stream.clock.advance(by: .seconds(3170) - stream.clock.uptime) }
            if number == 2 {
                try await Self.change(users, "email = 'anna@example.com', plan = 'pro', changed = 2", of: 1)
            }
            return stream.clock.uptime < .seconds(3205)
        }
        #expect(users.users.renames.count == 1)
        #expect(Self.sent(users) == [["ann"]] && stream.ended.map(\.counts.waiting) == [1, 1], "\(stream.ended)")
        try await stream.check()
    }

    /// Nothing of the sweep at the beginning is forgotten until the next day.
    @Test func theFieldsOfAProfileThatASweepRenamesFollowSoon() async throws {
        let (users, stream) = try await Self.make(overlap: 1)
        try await Self.add(users, 1, "ann", "free", at: 1)
        try await Self.add(users, 2, "ben", "free", at: 900)
        await stream.look({})
        try await Self.change(users, "email = 'anna@example.com', plan = 'pro'", of: 1)
        await stream.look({}, {}, { stream.clock.advance(by: .seconds(120)) }, {})
        #expect(users.users.renames.count == 1 && Self.sent(users).last == ["anna"], "\(Self.sent(users))")
        try await stream.check()
    }

    // MARK: Guards

    /// Many small looks pass no guard that one run would meet, and a record counts once however often it changes.
    @Test func theLooksOfAnHourAreJudgedTogether() async throws {
        let (users, stream) = try await Self.make(overlap: 1000) { _, sync in sync.guards.maxChanges = 50 }
        for id in 1...100 { try await Self.add(users, id, "p\(id)", "free", at: id) }
        let change: @Sendable (ClosedRange<Int>, String) async throws -> Void = { ids, plan in
            try await users.fixture.execute(
                """
                UPDATE customers SET plan = '\(plan)', changed = changed + 1
                 WHERE id BETWEEN \(ids.lowerBound) AND \(ids.upperBound)
                """)
        }
        let end = await stream.look(
            {}, { try await change(1...40, "pro") }, { try await change(1...40, "gold") },
            { try await change(41...60, "pro") }, { Issue.record("it looked") })
        guard case .held(let held) = end else {
            Issue.record("\(end)")
            return
        }
        #expect(held.held.map(\.guard) == ["max_changes"] && held.held.first?.observed == "60% (60 of 100)", "\(held)")
        #expect(held.counts.planned.update == 20)
        #expect(stream.ended.map(\.counts.succeeded.update) == [180])
        #expect(try await stream.run(.approve(held.id)).counts.succeeded.update == 20)
        // Another row counts from zero.
        await stream.look({}, { try await change(1...40, "free") }, {})
        #expect(stream.ended.last?.counts.succeeded.update == 40)
        try await stream.check()
    }

    @Test func whatSweepsHaveChangedCountsWithTheLooksOfTheHour() async throws {
        let (users, stream) = try await Self.make(sweep: 600, overlap: 1000) { _, sync in sync.guards.maxChanges = 50 }
        for id in 1...100 { try await Self.add(users, id, "p\(id)", "free", at: id) }
        let end = await stream.look(
            {},
            {
                try await users.fixture.execute("UPDATE customers SET plan = 'pro' WHERE id <= 40")
                stream.clock.advance(by: .seconds(600))
            },
            {
                try await users.fixture.execute(
                    "UPDATE customers SET plan = 'pro', changed = 101 WHERE id BETWEEN 41 AND 60")
            }, { Issue.record("it looked") })
        guard case .held(let held) = end else {
            Issue.record("\(end)")
            return
        }
        #expect(held.held.first?.observed == "60% (60 of 100)", "\(held)")
        #expect(stream.ended.map(\.counts.succeeded.update) == [140])
    }

    @Test func whatIsTooMuchAtOnceIsReadInParts() async throws {
        let (users, stream) = try await Self.make()
        var settings = StreamSettings()
        settings.mostWaiting = 2
        await stream.stream(settings: settings) { number in
            if number == 2 { for id in 1...8 { try await Self.add(users, id, "p\(id)", "free", at: id) } }
            return number < 7
        }
        #expect(users.users.people.count == 8)
        let run = try #require(stream.ended.first)
        #expect(run.counts.rowsRead == 8 && run.counts.planned.update == 8, "\(run.counts)")
        try await stream.check()
    }

    /// Rows without a position come last.
    @Test func rowsWithoutAPositionAreReadAlthoughTheFirstLookOfAnHourIsBrokenOff() async throws {
        let (users, stream) = try await Self.make()
        var settings = StreamSettings()
        settings.mostWaiting = 2
        await stream.stream(settings: settings) { number in
            if number == 2 { stream.clock.advance(by: .seconds(3300)) }
            if number == 3 {
                for id in 1...8 { try await Self.add(users, id, "p\(id)", "free", at: id) }
                try await users.fixture.execute("INSERT INTO customers (id, email) VALUES (9, 'p9@example.com')")
            }
            return number < 10
        }
        #expect(stream.ended.count == 2 && users.users.people.count == 9, "\(Self.sent(users))")
        try await stream.check()
    }

    /// The row that cannot be sent lies behind those that are read.
    @Test func aKeyIsNotSentWhereTheRowThatForbidsItIsNotReadAnyMore() async throws {
        let (users, stream) = try await Self.make(overlap: 10)
        try await Self.add(users, 9, "zoe", "free", at: 500)
        var settings = StreamSettings()
        settings.mostWaiting = 2
        await stream.stream(settings: settings) { number in
            if number == 2 {
                try await users.fixture.execute("INSERT INTO customers (id, email, changed) VALUES (1, 'flawed', 505)")
            }
            if number == 3 {
                try await Self.add(users, 1, "ann", "free", at: 501)
                for id in 11...16 { try await Self.add(users, id, "p\(id)", "free", at: 502) }
            }
            return number < 8
        }
        #expect(Set(Self.sent(users).joined()) == ["zoe", "p11", "p12", "p13", "p14", "p15", "p16"])
        try await stream.check()
    }

    // MARK: Trouble

    @Test func aWarehouseThatGoesAwayAnywhereLosesNothing() async throws {
        for after in [false, true] {
            var writes = 0
            while writes < 40 {
                let (users, stream) = try await Self.make()
                for id in 1...3 { try await Self.add(users, id, "p\(id)", "free", at: id) }
                let failing = stream.warehouse(writes: writes, after: after)
                await stream.stream(warehouse: failing, holder: EventsBench.deadHolder) { number in
                    if number == 2 {
                        try await Self.add(users, 4, "p4", "free", at: 4)
                        try await Self.change(users, "plan = 'pro', changed = 5", of: 1)
                    }
                    return number < 4 && !failing.hasFailed
                }
                let hasFailed = failing.hasFailed
                // The process has ended; what may still land has landed.
                stream.clock.advance(by: .seconds(120))
                await stream.look({}, { try await Self.add(users, 6, "p6", "free", at: 6) }, {})
                let rows = try await users.fixture.query("SELECT email, plan FROM customers")
                for row in rows {
                    #expect(
                        users.users.profile(row[0] ?? "")?["plan"] == row[1].map { "\"\($0)\"" },
                        "\(row) after \(writes) writes")
                }
                let runs = try await users.fixture.query(
                    "SELECT count(*) FROM \(users.fixture.state("sync_runs")) WHERE status = 'running'")
                #expect(runs.first?[0] == "0")
                if !hasFailed { break }
                writes += 1
            }
        }
    }

    /// New fields are tried when a row first holds a value of one.
    @Test func aNewFieldIsTriedWhenALookBringsAValue() async throws {
        let (users, stream) = try await Self.make { settings, _ in settings.newFields = .create }
        users.users.setTypes(["city": "string", "orders": "long"])
        try await users.fixture.execute(
            "INSERT INTO customers (id, email, city, changed) VALUES (1, 'ann@example.com', 'Bonn', 1)")
        await stream.look(
            {}, { try await Self.add(users, 2, "ben", "pro", at: 2) },
            { try await Self.add(users, 3, "cy", "pro", at: 3) }, {})
        #expect(users.users.requests.map(\.createsNewFields) == [false, true, false])
        #expect(users.users.types["plan"] == "string")
        #expect(users.users.profile("cy@example.com")?["plan"] == "\"pro\"")
        try await stream.check()
    }
}
