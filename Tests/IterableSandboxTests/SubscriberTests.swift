import HTTPTypes
import Testing

@testable import IterableSandbox

@Suite("Subscribe and unsubscribe")
struct SubscriberTests {
    @Test("Unsubscribe: members leave, non-members succeed, unknown users are not found and not created")
    func unsubscribe() async throws {
        try await withAPI { api in
            let list = api.sandbox.addList(name: "VIP", members: [.init(email: "a@shop.com")])
            api.sandbox.addUser(email: "b@shop.com", userID: "b")
            let answer = try await api.unsubscribe(
                list, #"{"email":"A@shop.com"}"#, #"{"email":"b@shop.com"}"#, #"{"email":"c@shop.com"}"#,
                #"{"userId":"c"}"#, #"{"email":"bad"}"#)
            #expect(answer["successCount"] == 2)
            #expect(answer["failCount"] == 3)
            #expect(
                answer.failures == [
                    "notFoundEmails": ["c@shop.com"], "notFoundUserIds": ["c"], "invalidEmails": ["bad"],
                ])
            #expect(api.sandbox.members(ofList: list).isEmpty)
            #expect(api.sandbox.userCount == 2)
        }
    }

    @Test("Unsubscribe does not change identities")
    func unsubscribeKeepsIdentity() async throws {
        try await withAPI({ $0.projectType = .hybrid }) { api in
            let list = api.sandbox.addList(name: "VIP", members: [.init(email: "a@shop.com")])
            let answer = try await api.unsubscribe(list, #"{"email":"a@shop.com","userId":"u1"}"#)
            #expect(answer["successCount"] == 1)
            _ = try await api.subscribe(list, #"{"email":"a@shop.com"}"#)
            #expect(api.sandbox.members(ofList: list) == [.init(email: "a@shop.com")])
        }
    }

    @Test("channelUnsubscribe true is counted, false and absent are not")
    func channelUnsubscribe() async throws {
        try await withAPI { api async throws in
            let list = api.sandbox.addList(name: "VIP")
            for extra in ["", ",\"channelUnsubscribe\":false", ",\"channelUnsubscribe\":true"] {
                #expect(try await api.unsubscribe(list, extra: extra).status == 200)
            }
            #expect(api.sandbox.counts.channelUnsubscribes == 1)
            #expect(try await api(.get, "/sandbox/state")["channelUnsubscribeCount"] == 1)
            #expect(try await api(.get, "/").text.contains("role=\"alert\""))
        }
    }

    @Test("No subscribers: 200 with zeros; duplicates count separately; repeats succeed")
    func counts() async throws {
        try await withAPI { api in
            let list = api.sandbox.addList(name: "VIP")
            let none = try await api.subscribe(list)
            #expect((none["successCount"], none["failCount"]) == (0, 0))
            let row = #"{"email":"a@shop.com"}"#
            #expect(try await api.subscribe(list, row, row, #"{"email":"x"}"#, #"{"email":"x"}"#)["failCount"] == 2)
            let again = try await api.subscribe(list, row)
            #expect(again["successCount"] == 1)
            #expect(api.sandbox.members(ofList: list).count == 1)
        }
    }

    @Test("A row without identifiers fails without being listed")
    func emptyRow() async throws {
        try await withAPI { api in
            let answer = try await api.subscribe(api.sandbox.addList(name: "VIP"), "{}", #"{"email":null}"#)
            #expect(answer["failCount"] == 2)
            #expect(answer.failures.isEmpty)
        }
    }

    @Test("A full answer has every documented member; the answer of 2021 has four")
    func answerForms() async throws {
        let lists = ["invalid", "notFound", "invalidData", "conflict", "forgotten"]
        try await withAPI { api in
            let answer = try await api.subscribe(api.sandbox.addList(name: "VIP"), #"{"email":"x"}"#)
            let members = try #require(answer.json.members)
            #expect(
                Set(members.keys) == [
                    "successCount", "failCount", "invalidEmails", "invalidUserIds", "filteredOutFields",
                    "createdFields", "failedUpdates",
                ])
            #expect(answer["invalidEmails"] == ["x"])
            #expect(
                Set(try #require(answer["failedUpdates"]?.members).keys)
                    == Set(lists.flatMap { [$0 + "Emails", $0 + "UserIds"] }))
        }
        try await withAPI({ $0.responseMode = .legacy2021 }) { api in
            let answer = try await api.subscribe(api.sandbox.addList(name: "VIP"), #"{"email":"x"}"#)
            #expect(
                Set(try #require(answer.json.members).keys) == [
                    "successCount", "failCount", "invalidEmails", "invalidUserIds",
                ])
        }
    }

    @Test("Failed addresses are echoed as sent or in lower case", arguments: SandboxEchoMode.allCases)
    func echo(_ mode: SandboxEchoMode) async throws {
        try await withAPI({ $0.echoMode = mode }) { api in
            let list = api.sandbox.addList(name: "VIP")
            let answer = try await api.unsubscribe(list, #"{"email":"Who@Shop.com"}"#)
            #expect(answer.failures == ["notFoundEmails": [mode == .asSent ? "Who@Shop.com" : "who@shop.com"]])
        }
    }

    @Test(
        "Unknown lists and lists that are not static are refused with code Success",
        arguments: [nil, .dynamic, .suppression, .internal] as [SandboxListType?])
    func badList(_ type: SandboxListType?) async throws {
        try await withAPI { api in
            let list = type.map { api.sandbox.addList(name: "L", type: $0) } ?? 999_999_999
            for answer in [
                try await api.subscribe(list, #"{"email":"a@shop.com"}"#), try await api.unsubscribe(list),
            ] {
                #expect(answer.status == 400)
                #expect(answer["code"] == "Success")
                #expect(answer["msg"] == .string("error.lists.invalidListId(\(list))"))
                #expect(answer["params", "listId"] == .int(list))
            }
            #expect(api.sandbox.userCount == 0)
        }
    }

    @Test("A list that was just created is not visible at first")
    func visibility() async throws {
        let clock = ManualClock()
        try await withAPI({ $0.listVisibleAfterSeconds = 20 }, clock: clock) { api in
            let created = try await api(.post, "/api/lists", #"{"name":"New"}"#)
            guard case .int(let list)? = created["listId"] else { throw TestFailure.noList }
            clock.advance(19)
            #expect(try await api.subscribe(list, #"{"email":"a@shop.com"}"#).status == 400)
            clock.advance(1)
            #expect(try await api.subscribe(list, #"{"email":"a@shop.com"}"#).status == 200)
        }
    }

    @Test("Batches beyond the limit are too large")
    func batchLimit() async throws {
        try await withAPI({ $0.maxSubscribersPerRequest = 2 }) { api in
            let list = api.sandbox.addList(name: "VIP")
            let row = #"{"email":"a@shop.com"}"#
            #expect(try await api.subscribe(list, row, row).status == 200)
            let refused = try await api.subscribe(list, row, row, row)
            #expect(refused.status == 400)
            #expect(refused["code"] == "BatchTooLarge")
        }
    }

    @Test("A thousand rows in one request")
    func thousand() async throws {
        try await withAPI { api async throws in
            let list = api.sandbox.addList(name: "VIP")
            let rows = (0..<1000).map { "{\"email\":\"p\($0)@shop.com\"}" }.joined(separator: ",")
            #expect(try await api.subscribe(list, rows)["successCount"] == 1000)
            #expect(try await api.unsubscribe(list, rows)["successCount"] == 1000)
            #expect(api.sandbox.lists().first?.memberCount == 0)
            #expect(api.sandbox.requestLog.map(\.rowCount) == [1000, 1000])
            #expect(api.sandbox.counts.maxInFlightPerIdentifier == 1)
        }
    }
}

enum TestFailure: Error { case noList }
