import HTTPTypes
import Synchronization
import Testing

@testable import IterableSandbox

/// Which events the webhook gets, and how they look.
@Suite("Events for the webhook") struct WebhookEventTests {
    /// The events of some hundred people who enter a list.
    private static func journal(
        seed: UInt64 = 1, _ project: SandboxProjectType = .hybrid, sendsUserIDs: Bool = false,
        calls: @escaping @Sendable (API, Int) async throws -> Void
    ) async throws -> [SandboxWebhookRecord] {
        let receiver = ScriptedReceiver()
        let kept = Mutex<[SandboxWebhookRecord]>([])
        try await withAPI({
            $0.seed = seed
            $0.projectType = project
            $0.disallowedEventNames = ["secret"]
            $0.post(to: receiver) { $0.sendsUserIDs = sendsUserIDs }
        }) { api in
            try await calls(api, api.sandbox.addList(name: "VIP"))
            #expect(await api.sandbox.isQuiet())
            let journal = api.sandbox.webhookJournal
            kept.withLock { $0 = journal }
        }
        let journal = kept.withLock { $0 }
        #expect(Set(journal.map(\.body)).count == journal.count, "no two events are alike")
        #expect(receiver.bodies.sorted() == journal.map(\.body).sorted())
        #expect(journal.allSatisfy { $0.state == .delivered && $0.statuses == [204] })
        return journal
    }

    @Test("Each person who enters a list gets one message, and does something believable with it")
    func messages() async throws {
        let journal = try await Self.journal { api, list async throws in
            #expect(try await api.subscribe(list, people: 1...300)["successCount"] == 300)
        }
        let messages = Dictionary(grouping: journal) { $0["dataFields", "messageId"]?.text ?? "" }
        #expect(messages.count == 300)
        #expect(messages.keys.allSatisfy { $0.wholeMatch(of: /[0-9a-f]{32}/) != nil })
        var seen: Set<[String]> = []
        for events in messages.values {
            let names = events.sorted { $0.number < $1.number }.map(\.eventName)
            seen.insert(names)
            #expect(names.first == "emailSend" && names.count { $0 == "emailSend" } == 1)
            #expect(!names.contains("emailBounce") || names == ["emailSend", "emailBounce"])
            #expect(names.count == 1 || names[1] == "emailOpen" || names[1] == "emailBounce")
            #expect(Set(events.map { $0["email"]?.text }).count == 1)
        }
        for names in [
            ["emailSend"], ["emailSend", "emailBounce"], ["emailSend", "emailOpen"],
            ["emailSend", "emailOpen", "emailClick"], ["emailSend", "emailOpen", "emailClick", "emailClick"],
            ["emailSend", "emailOpen", "emailUnSubscribe"],
        ] { #expect(seen.contains(names), "\(names)") }
    }

    @Test("A click has the documented form: numbers as ids, the time with its offset, the address in several places")
    func form() async throws {
        let journal = try await Self.journal { api, list in _ = try await api.subscribe(list, people: 1...100) }
        let clicks = journal.filter { $0.eventName == "emailClick" }
        let click = try #require(clicks.first)
        let email = try #require(click["email"]?.text)
        #expect(click["eventName"] == "emailClick" && click["userId"] == nil)
        #expect(click["dataFields", "email"] == .string(email))
        let time = try #require(click["dataFields", "createdAt"]?.text)
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+00:00/) != nil, "\(time)")
        #expect(click["dataFields", "campaignId"] == 2_068_682 && click["dataFields", "templateId"] == 3_068_682)
        #expect(click["dataFields", "channelId"] == 1 && click["dataFields", "messageTypeId"] == 1)
        #expect(click["dataFields", "emailId"] == .string("c2068682:t3068682:\(email)"))
        #expect(click["dataFields", "workflowId"] == .null && click["dataFields", "labels"] == [])
        for name in ["url", "linkUrl", "linkId", "ip", "userAgent", "userAgentDevice"] {
            #expect(click["dataFields", name]?.text?.isEmpty == false, "\(name)")
        }
        let urls = Set(clicks.compactMap { $0["dataFields", "url"]?.text })
        #expect(urls.contains { $0.wholeMatch(of: /https:\/\/shop\.example\/account\?email=p\d+%40shop%2Ecom/) != nil })
    }

    @Test("The same seed and the same calls, in any order, give the same events; another seed gives others")
    func seeds() async throws {
        let forwards = try await Self.journal { api, list async throws in
            _ = try await api.subscribe(list, people: 1...40)
            _ = try await api.subscribe(list, people: 41...80)
        }
        let backwards = try await Self.journal { api, list async throws in
            _ = try await api.subscribe(list, people: 41...80)
            _ = try await api.subscribe(list, people: 1...40)
        }
        let other = try await Self.journal(seed: 2) { api, list in _ = try await api.subscribe(list, people: 1...80) }
        #expect(Set(forwards.map(\.gist)) == Set(backwards.map(\.gist)))
        #expect(Set(forwards.map(\.gist)).isDisjoint(with: other.map(\.gist)))
    }

    @Test("Only who enters gets a message; who leaves is unsubscribed, from the list or from the whole channel")
    func leaving() async throws {
        let journal = try await Self.journal { api, list async throws in
            _ = try await api.subscribe(list, people: 1...1)
            _ = try await api.subscribe(list, people: 1...1)
            _ = try await api.unsubscribe(list, #"{"userId":"u1"}"#, #"{"userId":"u2"}"#)
            _ = try await api.unsubscribe(list, #"{"userId":"u1"}"#)
            _ = try await api.unsubscribe(
                list, #"{"userId":"u1"}"#, extra: #","channelUnsubscribe":true,"campaignId":77"#)
            #expect(try await api.subscribe(7).status == 400)
        }
        #expect(journal.count { $0.eventName == "emailSend" } == 1)
        let calls = journal.filter { $0["dataFields", "unsubSource"] == "ApiCall" }
        #expect(calls.map(\.eventName) == ["emailUnSubscribe", "emailUnSubscribe"])
        #expect(calls.map { $0["dataFields", "emailListIds"] } == [[1_068_682], []])
        #expect(calls.map { $0["dataFields", "channelIds"] } == [[], [1]])
        #expect(calls.map { $0["dataFields", "campaignId"] } == [.null, 77])
        #expect(calls.allSatisfy { $0["email"] == "p1@shop.com" })
    }

    @Test("A custom event causes a triggered message with its data, the first time that its id comes")
    func triggered() async throws {
        let order = #"{"userId":"u1","email":"p1@shop.com","eventName":"order","id":"o-1","dataFields":{"total":12.5}}"#
        let journal = try await Self.journal { api, _ async throws in
            _ = try await api(.post, "/api/events/trackBulk", "{\"events\":[\(order)]}")
            _ = try await api(.post, "/api/events/track", order)
            _ = try await api(
                .post, "/api/events/track",
                #"{"userId":"u1","eventName":"visit","campaignId":11,"templateId":22}"#)
            _ = try await api(.post, "/api/events/track", #"{"userId":"u1","eventName":"secret"}"#)
        }
        let sent = journal.filter { $0.eventName == "emailSend" }
        #expect(sent.count == 2)
        let (first, second) = (sent[0], sent[1])
        #expect(first["dataFields", "transactionalData"] == ["eventName": "order", "total": .double(12.5)])
        #expect(first["dataFields", "channelId"] == 2 && first["dataFields", "workflowName"] == "Journey order")
        #expect(second["dataFields", "campaignId"] == 11 && second["dataFields", "templateId"] == 22)
    }

    @Test("Data of more than 12,000 characters is left out")
    func longData() async throws {
        let journal = try await Self.journal { api, _ async throws in
            let text = String(repeating: "x", count: 12_000)
            _ = try await api(
                .post, "/api/events/track",
                #"{"email":"p1@shop.com","eventName":"order","dataFields":{"note":"\#(text)"}}"#)
        }
        #expect(journal.first?["dataFields", "transactionalData"] == .null)
    }

    @Test("With the feature flag there is a userId, null for people without; people without an address get a push")
    func userIDs() async throws {
        let journal = try await Self.journal(.userID, sendsUserIDs: true) { api, list async throws in
            _ = try await api.subscribe(list, #"{"userId":"u1"}"#, #"{"userId":"u2","email":"p2@shop.com"}"#)
            _ = try await api.unsubscribe(list, #"{"userId":"u1"}"#)
        }
        let push = try #require(journal.first { $0.eventName == "pushSend" })
        #expect(push["userId"] == "u1" && push["email"] == .null && push["dataFields", "emailId"] == nil)
        #expect(push["dataFields", "payload", "path"] == "shop/sale")
        let mail = try #require(journal.first { $0.eventName == "emailSend" })
        #expect(mail["userId"] == "u2" && mail["email"] == "p2@shop.com")
        let left = try #require(journal.last { $0.eventName == "emailUnSubscribe" })
        #expect(left["dataFields", "userListIds"] == [1_068_682] && left["dataFields", "emailListIds"] == nil)
        let emails = try await Self.journal(.hybrid, sendsUserIDs: true) { api, list async throws in
            _ = try await api.subscribe(list, #"{"email":"p1@shop.com"}"#)
        }
        #expect(emails.first?["userId"] == .null)
    }

    @Test("People with a placeholder address get a push")
    func placeholders() async throws {
        let journal = try await Self.journal(.email) { api, list async throws in
            _ = try await api.subscribe(list, #"{"userId":"u1","preferUserId":true}"#)
        }
        #expect(journal.first?.eventName == "pushSend")
        #expect(journal.first?["email"]?.text?.hasSuffix("@placeholder.email") == true)
    }
}
