import HTTPTypes
import Testing

@testable import IterableSandbox

extension API {
    fileprivate func track(_ event: String) async throws -> Answer { try await self(.post, "/api/events/track", event) }

    fileprivate func trackBulk(_ events: String...) async throws -> Answer {
        try await self(.post, "/api/events/trackBulk", "{\"events\":[\(events.joined(separator: ","))]}")
    }
}

extension Answer {
    /// The elements of `events`.
    fileprivate var events: [JSONValue] { if case .array(let events)? = self["events"] { events } else { [] } }

    fileprivate func all(_ name: String) -> [JSONValue?] { events.map { $0.members?[name] } }
}

@Suite("Events")
struct EventTests {
    // MARK: Users

    @Test(
        "An event for an unknown user creates one, but not in email-based projects",
        arguments: SandboxProjectType.allCases)
    func unknownUsers(_ project: SandboxProjectType) async throws {
        try await withAPI({ $0.projectType = project }) { api async throws in
            let answer = try await api.trackBulk(
                #"{"userId":"u1","eventName":"x"}"#, #"{"email":"A@shop.com","eventName":"x"}"#)
            #expect(answer.status == 200)
            let users: Int
            switch project {
            case .email:
                users = 0
                #expect(answer.failures == ["notFoundUserIds": ["u1"], "notFoundEmails": ["A@shop.com"]])
                // The deprecated list, by its documentation.
                #expect(answer["invalidUserIds"] == ["u1"])
            case .userID:
                // An address identifies no user there.
                users = 1
                #expect(answer.failures == ["notFoundEmails": ["A@shop.com"]])
            case .hybrid:
                users = 2
                #expect(answer.failures.isEmpty)
            }
            #expect(answer["successCount"] == .int(users))
            #expect(answer["failCount"] == .int(2 - users))
            #expect(api.sandbox.userCount == users)
            #expect(api.sandbox.eventCount == users)
            let single = try await api.track(#"{"userId":"u2","eventName":"x"}"#)
            #expect(single.status == (project == .email ? 400 : 200))
            if project == .email { #expect(single["code"] == "UnknownUserIdError") }
        }
    }

    @Test("Malformed and forgotten users are named, once for each event; no user is created")
    func refusedUsers() async throws {
        try await withAPI({
            $0.projectType = .hybrid
            $0.forgottenUserIds = ["u9"]
        }) { api async throws in
            let answer = try await api.trackBulk(
                #"{"email":"bad","eventName":"x"}"#, #"{"userId":"u9","eventName":"x"}"#,
                #"{"email":"bad","eventName":"y"}"#, #"{"userId":"","eventName":"x"}"#, #"{"eventName":"x"}"#)
            #expect((answer["successCount"], answer["failCount"]) == (0, 5))
            #expect(
                answer.failures
                    == ["invalidEmails": ["bad", "bad"], "forgottenUserIds": ["u9"], "invalidUserIds": [""]])
            #expect(answer["invalidEmails"] == ["bad", "bad"])
            #expect(answer["invalidUserIds"] == [])
            #expect(api.sandbox.userCount == 0)
            #expect(try await api.track(#"{"userId":"u9","eventName":"x"}"#).status == 409)
        }
    }

    @Test("Events follow their user: renamed, merged, deleted, forgotten")
    func usersThatChange() async throws {
        try await withAPI { api async throws in
            for user in ["a", "b", "c"] {
                api.sandbox.addUser(email: "\(user)@shop.com")
                _ = try await api.track(#"{"email":"\#(user)@shop.com","eventName":"x","id":"\#(user)"}"#)
            }
            func count(_ email: String) async throws -> Int {
                try await api(.get, "/api/events/\(email)").events.count
            }
            let rename = #"{"currentEmail":"a@shop.com","newEmail":"n@shop.com"}"#
            #expect(try await api(.post, "/api/users/updateEmail", rename).status == 200)
            #expect(try await count("a@shop.com") == 0)
            #expect(try await count("n@shop.com") == 1)
            let merge = #"{"sourceEmail":"n@shop.com","destinationEmail":"b@shop.com"}"#
            #expect(try await api(.post, "/api/users/merge", merge).status == 200)
            #expect(try await count("b@shop.com") == 2)
            #expect(try await api(.delete, "/api/users/b@shop.com").status == 200)
            #expect(api.sandbox.events.map(\.id) == ["c"])
            api.sandbox.forget(email: "c@shop.com")
            #expect(api.sandbox.events.isEmpty)
        }
    }

    // MARK: Ids

    @Test("An id is that of the whole project: the last event with it counts, whatever its name and user")
    func ids() async throws {
        try await withAPI { api async throws in
            api.sandbox.addUser(email: "a@shop.com", userID: "u1")
            api.sandbox.addUser(email: "b@shop.com")
            let first = try await api.trackBulk(
                #"{"email":"A@Shop.com ","eventName":"order","id":"17","createdAt":1700000000,"dataFields":{"n":1}}"#,
                #"{"userId":"u1","eventName":"order","id":"18","createdAt":1700000001}"#)
            #expect((first["successCount"], first["failCount"]) == (2, 0))
            let other = try await api.track(
                #"{"email":"b@shop.com","eventName":"refund","id":"17","createdAt":1700000002,"campaignId":5,"#
                    + #""templateId":6,"dataFields":{"z":true,"a":"two"}}"#)
            #expect(other["params", "id"] == "17")
            let events = api.sandbox.events
            #expect(events.map(\.id) == ["17", "18"])
            #expect(events.map(\.name) == ["refund", "order"])
            #expect(events.map(\.email) == ["b@shop.com", nil])
            #expect(events.map(\.userID) == [nil, "u1"])
            #expect(events.map(\.createdAt) == [1_700_000_002, 1_700_000_001])
            #expect(events.map(\.dataFields) == [#"{"a":"two","z":true}"#, "{}"])
            #expect(events.map(\.campaignID) == [5, nil])
            #expect(events.map(\.templateID) == [6, nil])
            #expect(events.map(\.writes) == [2, 1])
            #expect(try await api(.get, "/api/events/a@shop.com").all("eventName") == ["order"])
            #expect(try await api(.get, "/api/events/b@shop.com").all("eventName") == ["refund"])
        }
    }

    @Test("The same id twice in one request is one event, written twice; an event without an id gets one")
    func repeatedAndMissingIDs() async throws {
        try await withAPI({ $0.projectType = .hybrid }) { api async throws in
            let answer = try await api.trackBulk(
                #"{"userId":"u1","eventName":"x","id":"a"}"#, #"{"userId":"u2","eventName":"x","id":"a"}"#,
                #"{"userId":"u1","eventName":"x"}"#)
            #expect(answer["successCount"] == 3)
            #expect(api.sandbox.events.map(\.userID) == ["u2", "u1"])
            #expect(api.sandbox.events.map(\.writes) == [2, 1])
            #expect(api.sandbox.events.last?.id == "sandbox-event-1")
            #expect(api.sandbox.events.allSatisfy { $0.createdAt > 1_700_000_000 })
        }
    }

    @Test(
        "Ids are of letters, digits and hyphens, at most 512",
        arguments: [
            ("a-Z-09", true), (String(repeating: "x", count: 512), true), (String(repeating: "x", count: 513), false),
            ("", false), ("a_b", false), ("a b", false), ("é", false), ("a.b", false),
        ])
    func forms(_ id: String, _ isAccepted: Bool) async throws {
        try await withAPI({ $0.projectType = .hybrid }) { api async throws in
            let event = #"{"userId":"u1","eventName":"x","id":"\#(id)"}"#
            let single = try await api.track(event)
            #expect(single.status == (isAccepted ? 200 : 400))
            // One such id refuses the whole request.
            let bulk = try await api.trackBulk(#"{"userId":"u2","eventName":"x"}"#, event)
            #expect(bulk.status == (isAccepted ? 200 : 400))
            if !isAccepted { #expect((single["code"], bulk["code"]) == ("BadParams", "BadParams")) }
            #expect(api.sandbox.userCount == (isAccepted ? 2 : 0))
        }
    }

    // MARK: Fields

    @Test("Events of each name have their own fields; one wrong type refuses the whole request")
    func types() async throws {
        try await withAPI({ $0.projectType = .hybrid }) { api async throws in
            let first = try await api.trackBulk(
                #"{"userId":"u1","eventName":"order","dataFields":{"n":1,"when":"2026-01-02","o":{"x":true}}}"#,
                #"{"userId":"u1","eventName":"visit","dataFields":{"n":"one"}}"#)
            #expect(first["createdFields"] == ["n", "o", "o.x", "when"])
            #expect(first["filteredOutFields"] == [])
            let wrong = try await api.trackBulk(
                #"{"userId":"u2","eventName":"order","dataFields":{"n":2}}"#,
                #"{"userId":"u2","eventName":"order","dataFields":{"when":"GGG"}}"#,
                #"{"userId":"u2","eventName":"visit","dataFields":{"n":3}}"#)
            #expect((wrong.status, wrong["code"]) == (400, "RequestFieldsTypesMismatched"))
            let errors = wrong["params", "validationErrors"]?.members
            #expect(errors?["when"]?.members?["expectedType"] == "date")
            #expect(errors?["when"]?.members?["category"] == "event")
            #expect(errors?["n"]?.members?["expectedType"] == "string")
            #expect((api.sandbox.eventCount, api.sandbox.userCount) == (2, 1))
            let single = try await api.track(#"{"userId":"u1","eventName":"order","dataFields":{"o":{"x":1}}}"#)
            #expect((single.status, single["code"]) == (400, "RequestFieldsTypesMismatched"))
            // Fields of events are none of profiles.
            #expect(try await api(.get, "/api/users/getFields")["fields"]?.members?.isEmpty == true)
        }
    }

    @Test("Types that do not agree within one request refuse it and fix nothing")
    func typesWithinARequest() async throws {
        try await withAPI({ $0.projectType = .hybrid }) { api async throws in
            let whole = #"{"userId":"u1","eventName":"order","dataFields":{"n":1}}"#
            let text = #"{"userId":"u1","eventName":"order","dataFields":{"n":"one"}}"#
            #expect(try await api.trackBulk(whole, text).status == 400)
            #expect(try await api.trackBulk(text).status == 200)
            #expect(try await api.trackBulk(whole).status == 400)
        }
    }

    @Test("Unknown fields are dropped where none are to be made", arguments: [true, false])
    func newFields(_ byRequest: Bool) async throws {
        try await withAPI({
            $0.projectType = .hybrid
            $0.createsNewFields = byRequest
        }) { api async throws in
            let known = #"{"userId":"u1","eventName":"order","createNewFields":true,"dataFields":{"n":1}}"#
            #expect(try await api.trackBulk(known)["createdFields"] == ["n"])
            let flag = byRequest ? #","createNewFields":false"# : ""
            let answer = try await api.trackBulk(
                #"{"userId":"u1","eventName":"order","id":"a","dataFields":{"n":2,"z":1}\#(flag)}"#,
                #"{"userId":"u1","eventName":"visit","id":"b","dataFields":{"n":"one"}\#(flag)}"#)
            #expect((answer["successCount"], answer["createdFields"]) == (2, []))
            #expect(answer["filteredOutFields"] == ["n", "z"])
            #expect(api.sandbox.events.suffix(2).map(\.dataFields) == [#"{"n":2}"#, "{}"])
        }
    }

    // MARK: Names

    @Test("Events of a name that is not taken are no events, and create no user", arguments: [false, true])
    func disallowedNames(_ countsAsFailed: Bool) async throws {
        try await withAPI({
            $0.projectType = .hybrid
            $0.disallowedEventNames = ["secret"]
            $0.countsDisallowedEventsAsFailed = countsAsFailed
        }) { api async throws in
            let answer = try await api.trackBulk(
                #"{"userId":"u1","eventName":"secret","dataFields":{"n":1}}"#,
                #"{"userId":"u2","eventName":"order"}"#, #"{"userId":"u2","eventName":"secret","dataFields":{"n":"x"}}"#
            )
            #expect(answer["successCount"] == .int(countsAsFailed ? 1 : 3))
            #expect(answer["failCount"] == .int(countsAsFailed ? 2 : 0))
            #expect(answer["disallowedEventNames"] == ["secret"])
            #expect(answer.failures.isEmpty)
            #expect(api.sandbox.events.map(\.name) == ["order"])
            #expect(api.sandbox.userCount == 1)
            let single = try await api.track(#"{"userId":"u2","eventName":"secret"}"#)
            #expect((single.status, single["code"]) == (200, "Success"))
            #expect(single["msg"] == "Event secret is disallowed from tracking")
        }
    }

    // MARK: Reading

    @Test("A user's events, youngest first, 30 where no number is given")
    func reading() async throws {
        try await withAPI { api async throws in
            api.sandbox.addUser(email: "a+b@shop.com", userID: "u/1")
            for time in 1_700_000_001...1_700_000_035 {
                _ = try await api.track(#"{"email":"a+b@shop.com","eventName":"x","createdAt":\#(time)}"#)
            }
            let youngest: JSONValue = [
                "eventName": "x", "eventType": "customEvent", "email": "a+b@shop.com", "userId": "u/1",
                "createdAt": "2023-11-14 22:13:55 +00:00", "dataFields": [:],
            ]
            for path in ["/api/events/a%2Bb%40shop.com", "/api/events/byUserId/u%2F1"] {
                let events = try await api(.get, path).events
                #expect(events.count == 30)
                #expect(events.first == youngest)
                #expect(try await api(.get, path + "?limit=200").events.count == 35)
                #expect(try await api(.get, path + "?limit=1").events.count == 1)
                for limit in ["0", "201", "-1", "x", ""] {
                    #expect(try await api(.get, path + "?limit=\(limit)").status == 400)
                }
            }
        }
    }

    @Test("Users who are not there have no events; a malformed address is refused")
    func readingUnknownUsers() async throws {
        try await withAPI { api async throws in
            for path in ["/api/events/who@shop.com", "/api/events/byUserId/u1"] {
                let answer = try await api(.get, path)
                #expect((answer.status, answer.text) == (200, #"{"events":[]}"#))
            }
            #expect(try await api(.get, "/api/events/000")["code"] == "InvalidEmailAddressError")
        }
    }

    @Test("Times beyond what a date can write do no harm", arguments: [Int.max, Int.min, 1_700_000_000_000, -1])
    func extremeTimes(_ time: Int) async throws {
        try await withAPI { api async throws in
            api.sandbox.addUser(email: "a@shop.com")
            _ = try await api.track(#"{"email":"a@shop.com","eventName":"x","createdAt":\#(time)}"#)
            #expect(api.sandbox.events.map(\.createdAt) == [time])
            #expect(try await api(.get, "/api/events/a@shop.com").events.count == 1)
        }
    }

    @Test("All events are shown without a key, with how often each was written; the page counts them")
    func inspection() async throws {
        try await withAPI { api async throws in
            api.sandbox.addUser(email: "a@shop.com")
            let event = #"{"email":"a@shop.com","eventName":"x","id":"b","createdAt":5,"dataFields":{"n":[1.5,2.5]}}"#
            for _ in 1...2 { _ = try await api.track(event) }
            _ = try await api.track(#"{"email":"a@shop.com","eventName":"y","id":"a","createdAt":4,"campaignId":7}"#)
            let events = try await api(.get, "/sandbox/events", key: nil).events
            func values(_ name: String) -> [JSONValue?] {
                events.map { if case .object(let members) = $0 { members[name] } else { nil } }
            }
            let shown = ["id", "eventName", "createdAt", "writes", "campaignId"].map(values)
            #expect(shown == [["b", "a"], ["x", "y"], [5, 4], [2, 1], [.null, 7]])
            #expect(try await api(.get, "/sandbox/state")["eventCount"] == 2)
            #expect(try await api(.get, "/", key: nil).text.contains("<dt>events</dt><dd>2</dd>"))
            _ = try await api(.post, "/sandbox/reset", key: nil)
            #expect(api.sandbox.events.isEmpty)
            #expect(try await api(.get, "/sandbox/events", key: nil).text == #"{"events":[]}"#)
        }
    }

    // MARK: Pipelines

    @Test("What trackBulk accepted may come after what track accepted later")
    func pipelines() async throws {
        let clock = ManualClock()
        try await withAPI({ $0.bulkEventsAfterSeconds = 5 }, clock: clock) { api async throws in
            api.sandbox.addUser(email: "a@shop.com")
            func event(_ number: Int) -> String {
                #"{"email":"a@shop.com","eventName":"x","id":"a","dataFields":{"n":\#(number)}}"#
            }
            #expect(try await api.trackBulk(event(1))["successCount"] == 1)
            #expect(api.sandbox.eventCount == 0)
            #expect(try await api.track(event(2)).status == 200)
            clock.advance(4.5)
            #expect(try await api.trackBulk(event(3))["successCount"] == 1)
            #expect(api.sandbox.events.map(\.dataFields) == [#"{"n":2}"#])
            clock.advance(0.5)
            #expect(api.sandbox.events.map(\.dataFields) == [#"{"n":1}"#])
            clock.advance(5)
            #expect(api.sandbox.events.map(\.dataFields) == [#"{"n":3}"#])
            #expect(api.sandbox.events.map(\.writes) == [3])
        }
    }

    @Test("What is still to come is lost with its user, and by a reset")
    func awaitedEvents() async throws {
        let clock = ManualClock()
        try await withAPI({ $0.bulkEventsAfterSeconds = 5 }, clock: clock) { api async throws in
            for user in ["a", "b", "c"] { api.sandbox.addUser(email: "\(user)@shop.com") }
            let events = ["a", "b"].map { #"{"email":"\#($0)@shop.com","eventName":"x","id":"\#($0)"}"# }
            _ = try await api.trackBulk(events[0], events[1])
            _ = try await api(.delete, "/api/users/a@shop.com")
            let merge = #"{"sourceEmail":"b@shop.com","destinationEmail":"c@shop.com"}"#
            #expect(try await api(.post, "/api/users/merge", merge).status == 200)
            clock.advance(6)
            #expect(api.sandbox.events.map(\.id) == ["b"])
            #expect(try await api(.get, "/api/events/c@shop.com").events.count == 1)
            _ = try await api.trackBulk(#"{"email":"c@shop.com","eventName":"x","id":"c"}"#)
            api.sandbox.reset()
            clock.advance(6)
            #expect(api.sandbox.events.isEmpty)
        }
    }

    @Test("The documented limits of both calls are kept")
    func limits() async throws {
        try await withAPI({ $0.documentedRateLimits = true }) { api async throws in
            for _ in 1...10 { #expect(try await api.trackBulk().status == 200) }
            #expect(try await api.trackBulk().status == 429)
            api.sandbox.addUser(email: "a@shop.com")
            #expect(try await api.track(#"{"email":"a@shop.com","eventName":"x"}"#).status == 200)
        }
    }
}
