import Foundation
import RollcallCore
import Testing
import Warehouse

@testable import Receivers

@Suite struct ReceivingTests {
    @Test func aBodyIsARowAndARepeatADelivery() async throws {
        let harness = Harness([Harness.receiver("r") { $0.destination = "marketing" }, Harness.receiver("s")])
        try await harness.run { harness in
            for text in ["{\"a\":1,\"b\":\"x\"}", " {\"b\":\"\\u0078\" , \"a\":1.0}", "{\"a\":2,\"b\":\"x\"}"] {
                #expect(await harness.post(text) == ReceiverAnswer(status: 204))
            }
            #expect(await harness.post("{\"a\":1,\"b\":\"x\"}", to: "s").status == 204)
        }
        let events = harness.store.database.contents.events
        #expect(events.count == 3 && events.values.map(\.deliveries).sorted() == [1, 1, 2])
        #expect(events.keys.allSatisfy { $0.wholeMatch(of: /[0-9a-f]{64}/) != nil })
        #expect(
            Set(events.values.map { "\($0.event.receiver) \($0.event.destination ?? "-")" }) == ["r marketing", "s -"])
        let counts = harness.store.database.contents.counts
        #expect(counts == ["r stored": 2, "r repeated": 1, "s stored": 1])
        let metrics = harness.service.metrics()
        #expect(metrics.requests.count == 2 * ReceiverOutcome.allCases.count && metrics.waiting == 0)
        #expect(metrics.requests.contains(.init(receiver: "r", outcome: .repeated, count: 1)))
        #expect(metrics.requests.contains(.init(receiver: "s", outcome: .stored, count: 1)))
    }

    @Test func filtersAnswerAndCount() async throws {
        let receiver = Harness.receiver("r") {
            $0.events = .named(["emailOpen"], unknown: true)
            $0.requiresUserID = true
        }
        let harness = Harness([receiver])
        try await harness.run { harness in
            for text in [
                "{\"eventName\":\"emailClick\",\"userId\":\"u\"}", "{\"eventName\":\"emailOpen\"}",
                "{\"eventName\":\"emailOpen\",\"userId\":\"\"}", "{\"eventName\":\"emailOpen\",\"userId\":\"u\"}",
                "{\"eventName\":\"brandNew\",\"userId\":\"u\"}",
            ] { #expect(await harness.post(text).status == 204) }
            // What is no event is refused, whatever the filters would have said.
            for text in [
                "{\"eventName\":\"emailClick\",}", "{\"eventName\":\"emailClick\",\"a\":{\"b\":1,\"b\":2}}",
                "[{\"eventName\":\"emailClick\"}]",
            ] { #expect(await harness.post(text).status == 400) }
        }
        let contents = harness.store.database.contents
        #expect(Set(contents.events.values.map(\.event.eventName)) == ["emailOpen", "brandNew"])
        #expect(contents.rejects.map(\.reason) == ["not_json", "repeated_member", "not_an_object"])
        #expect(contents.counts == ["r filtered": 1, "r without_user": 2, "r stored": 2, "r rejected": 3])
    }

    @Test func aBodyThatIsNoEventIsKeptApart() async throws {
        let harness = Harness()
        try await harness.run { harness in
            let answer = await harness.post("[1]")
            #expect(answer.status == 400 && answer.body.contains("\"code\":\"not_an_object\"") && !answer.closes)
            #expect(await harness.post("{\"a\":\u{0}").status == 400)
            #expect(await harness.post("{\"a\":1,\"a\":2}").status == 400)
            #expect(await harness.post("{\"a\":1}").status == 204)
        }
        let contents = harness.store.database.contents
        #expect(contents.rejects.map(\.reason) == ["not_an_object", "not_json", "repeated_member"])
        #expect(contents.rejects.map(\.body) == ["[1]", "{\"a\":\u{FFFD}", "{\"a\":1,\"a\":2}"])
        #expect(contents.events.count == 1)
        #expect(harness.notes.notes == [.bodyRejected(receiver: "r", reason: .notAnObject, count: 1)])
    }

    @Test(arguments: [LogSettings.Identifiers.masked, .hashed])
    func identifiersAreHiddenButIdsAreOfTheBodyAsReceived(_ form: LogSettings.Identifiers) async throws {
        let plain = Harness()
        let hidden = Harness([Harness.receiver("r") { $0.identifiers = form }])
        for harness in [plain, hidden] {
            try await harness.run { harness in
                #expect(await harness.post("{\"email\":\"docs@example.com\",\"x\":\"docs@example.com\"}").status == 204)
                #expect(await harness.post("[\"docs@example.com\"]").status == 400)
            }
        }
        let contents = hidden.store.database.contents
        #expect(Array(contents.events.keys) == Array(plain.store.database.contents.events.keys))
        #expect(!"\(contents)".contains("docs") && plain.store.database.contents.rejects[0].body.contains("docs"))
        let event = try #require(contents.events.values.first?.event)
        let prefix = form == .masked ? "d***@example.com" : "hash:"
        #expect(event.email?.hasPrefix(prefix) == true)
        #expect(String(decoding: event.payload, as: UTF8.self).contains("\"x\":\"\(event.email ?? "?")\""))
    }

    @Test func aTestLeavesNothingBehind() async throws {
        let harness = Harness([Harness.receiver("r") { $0.events = .named([], unknown: false) }])
        let test = [(name: "rollcall-test", value: "1")]
        try await harness.run { harness in
            #expect(await harness.post("{\"a\":1}", headers: test).status == 204)
            #expect(await harness.post("nothing", headers: test).status == 400)
            let wrong = harness.head(headers: test, token: "wrong")
            guard case .answer(let answer) = harness.service.admit(wrong) else { throw BodyProblem.notJSON }
            #expect(answer.status == 401)
        }
        let contents = harness.store.database.contents
        #expect(contents.events.isEmpty && contents.rejects.isEmpty)
        #expect(contents.counts == ["r test": 2, "r unauthorized": 1])
    }

    @Test func bodiesThatComeTogetherAreStoredTogether() async throws {
        let harness = Harness()
        try await harness.run { harness in
            #expect(await harness.post(numbers: 0..<1700).allSatisfy { $0 == 204 })
        }
        let groups = harness.store.database.contents.groups.filter { !$0.events.isEmpty }
        #expect(harness.deliveries.count == 1700 && harness.deliveries.values.allSatisfy { $0 == 1 })
        #expect(groups.allSatisfy { $0.events.count <= 500 } && groups.count < 1700)
        #expect(groups.map(\.sequence) == groups.map(\.sequence).sorted())
    }

    @Test func whatWaitsIsBounded() {
        let inbox = Inbox()
        for _ in 0..<10_000 { #expect(inbox.reserve(1)) }
        #expect(!inbox.reserve(1) && !inbox.hasRoom && inbox.waiting == 10_000)
        inbox.release(1)
        #expect(inbox.reserve(1))
        let other = Inbox()
        #expect(other.reserve(63_000_000) && !other.reserve(1_000_001) && other.reserve(1_000_000))
        #expect(!other.hasRoom)
        // A body larger than all that may wait is taken alone.
        let third = Inbox()
        #expect(third.reserve(65_000_000) && !third.reserve(0))
        third.close()
        third.release(65_000_000)
        #expect(!third.reserve(1))
    }

    @Test func aBodyForWhichThereIsNoRoomIsSentAgainLater() async throws {
        let harness = Harness()
        guard case .take(let ticket) = harness.service.admit(harness.head()) else { throw BodyProblem.notJSON }
        for _ in 0..<10_000 { #expect(ticket.lane.inbox.reserve(1)) }
        let answer = await harness.service.take(Array("{}".utf8), ticket)
        #expect(answer.status == 503 && answer.headers["Retry-After"] == "5")
        #expect(await harness.post("{}").status == 503)
        let counted = harness.service.metrics().requests.filter { $0.count > 0 }
        #expect(counted == [.init(receiver: "r", outcome: .unavailable, count: 2)])
    }

    @Test func oldEventsAreDeletedOnceAnHour() async throws {
        let harness = Harness([Harness.receiver("r") { $0.retentionDays = 2 }])
        let database = harness.store.database
        for number in 0..<25_000 {
            let event = ReceivedEvent(
                eventID: "\(number)", receiver: "r", receivedAt: ManualClock.start.addingTimeInterval(-200_000),
                payload: [])
            _ = database.store([ReceivedGroup(writer: "w", sequence: Int64(number + 1), events: [event])])
        }
        try await harness.run { harness in
            await database.wait { $0.pruned.count == 3 }
            #expect(database.contents.events.isEmpty)
            await harness.clock.sleeper(of: .seconds(3600))
            harness.clock.advance(by: .seconds(3600))
            await database.wait { $0.pruned.count == 4 }
        }
        let times = database.contents.pruned.map { ManualClock.start.timeIntervalSince($0.before) }
        #expect(times == [172_800, 172_800, 172_800, 169_200])
    }

    /// By a clock that is years ahead, every event would be old.
    @Test func aClockThatJumpsDeletesNothing() async throws {
        let harness = Harness([Harness.receiver("r") { $0.retentionDays = 2 }])
        let database = harness.store.database
        try await harness.run { harness in
            await database.wait { $0.pruned.count == 1 }
            #expect(await harness.post("{}").status == 204)
            await harness.clock.sleeper(of: .seconds(3600))
            harness.clock.moveWall(by: 500 * 86_400)
            harness.clock.advance(by: .seconds(3600))
            await harness.notes.wait(for: "retention_failed")
            #expect(database.contents.pruned.count == 1 && database.contents.events.count == 1)
            await harness.clock.sleeper(of: .seconds(3600))
            harness.clock.moveWall(by: -500 * 86_400)
            harness.clock.advance(by: .seconds(3600))
            await database.wait { $0.pruned.count == 2 }
            #expect(database.contents.events.count == 1)
        }
        #expect(harness.notes.notes.contains { $0.text.contains("moved by 12000 hours") }, "\(harness.notes.notes)")
    }

    /// The warehouse's own clock shows that this machine's was wrong from the start, or that it is the warehouse's that is.
    @Test(arguments: [500.0 * 86_400, 3601, -3601]) func aClockThatIsWrongAtTheStartDeletesNothing(
        _ seconds: Double
    ) async throws {
        let harness = Harness([Harness.receiver("r") { $0.retentionDays = 2 }])
        let database = harness.store.database
        harness.clock.moveWall(by: seconds)
        let old = ReceivedEvent(
            eventID: "old", receiver: "r", receivedAt: ManualClock.start.addingTimeInterval(-60), payload: [])
        _ = database.store([ReceivedGroup(writer: "w", sequence: 1, events: [old])])
        try await harness.run { harness in
            await harness.notes.wait(for: "retention_failed")
            await harness.clock.sleeper(of: .seconds(3600))
            #expect(harness.notes.kinds == ["retention_failed"])
            #expect(database.contents.pruned.isEmpty && database.contents.events.count == 1)
            // The warehouse's clock is put right instead.
            database.setClock { harness.clock.wallTime }
            harness.clock.advance(by: .seconds(3600))
            await database.wait { $0.pruned.count == 1 }
        }
        let problem = harness.notes.notes.first?.text ?? ""
        let words = seconds > 0 ? "ahead of that of the warehouse" : "1 hour behind that of the warehouse"
        #expect(problem.contains(words), "\(problem)")
    }

    @Test func aClockThatJumpsCountsNothingTwice() async throws {
        let harness = Harness()
        try await harness.run { harness in
            for seconds in [0.0, -7200, 90_000] {
                harness.clock.moveWall(by: seconds)
                #expect(await harness.post("{}").status == 204)
            }
        }
        let contents = harness.store.database.contents
        #expect(contents.events.values.map(\.deliveries) == [3])
        #expect(contents.counts == ["r stored": 1, "r repeated": 2])
    }

    @Test func statusesSayWhatTheWarehouseKnows() async throws {
        let harness = Harness([Harness.receiver("r"), Harness.receiver("s")])
        try await harness.run { harness in
            #expect(await harness.post("{}").status == 204)
            let fine = await harness.service.statuses(since: ManualClock.start)
            #expect(fine.map(\.settings.name) == ["r", "s"] && fine.map { $0.summary?.newest } == [1, 0])
            #expect(fine.allSatisfy { $0.problem == nil && $0.spooledBodies == 0 })
            harness.store.set(.away)
            let away = await harness.service.statuses(since: ManualClock.start)
            #expect(away.allSatisfy { $0.summary == nil && $0.problem?.code == "warehouse_connection" })
            harness.store.set(.fine)
        }
    }

    @Test func otherSettingsHoldFromTheNextRequest() async throws {
        let harness = Harness()
        let other = MemoryStore()
        try await harness.run { harness in
            #expect(await harness.post("{\"n\":1}").status == 204)
            var setup = ReceiverSetup(
                receivers: [
                    Harness.receiver("r") { $0.credentials = [.token(Secret("new"))] },
                    Harness.receiver("t") { $0.warehouse = "other" },
                ], listen: ReceiverListenSettings(), stores: ["crm": harness.store, "other": other])
            await harness.service.replace(setup)
            #expect(await harness.post("{\"n\":2}").status == 401)
            #expect(await harness.post("{\"n\":3}", to: "t").status == 204)
            guard case .take(let ticket) = harness.service.admit(harness.head("t")) else { throw BodyProblem.notJSON }
            setup.receivers.removeLast()
            setup.stores["other"] = nil
            await harness.service.replace(setup)
            #expect(await harness.post("{\"n\":4}", to: "t").status == 404)
            // It was admitted before, but its warehouse is no longer there.
            #expect(await harness.service.take(Array("{}".utf8), ticket).status == 503)
        }
        #expect(harness.deliveries == ["{\"n\":1}": 1])
        #expect(other.database.deliveries == ["{\"n\":3}": 1])
    }
}
