import HTTPTypes
import Synchronization
import Testing

@testable import IterableSandbox

/// How events get to the webhook.
@Suite("Delivery to the webhook", .timeLimit(.minutes(10))) struct WebhookDeliveryTests {
    /// A sandbox whose webhook answers as the script says, one request at a time.
    private static func scene(
        _ answers: [Int?] = [], faults: String...,
        test: @escaping @Sendable (API, ScriptedReceiver, Int) async throws -> Void
    ) async throws {
        let receiver = ScriptedReceiver(answers)
        let faults = try faults.map { text throws in try Fault(parsing: text) }
        try await withAPI({
            $0.projectType = .hybrid
            $0.faults = faults
            $0.post(to: receiver) { $0.concurrentRequests = 1 }
        }) { api in
            try await test(api, receiver, api.sandbox.addList(name: "VIP"))
        }
    }

    // MARK: Requests

    @Test(
        "The token stands in the header as asked",
        arguments: [
            (SandboxWebhookAuth.bare, "key:7"), (.basic, "Basic key:7"), (.base64, "Basic a2V5Ojc="),
            (.oauth2, "OAuth2 key:7"),
        ])
    func auth(_ auth: SandboxWebhookAuth, _ header: String) async throws {
        let receiver = ScriptedReceiver()
        try await withAPI({
            $0.post(to: receiver) {
                $0.auth = auth
                $0.token = "key:7"
            }
        }) { api in
            let list = api.sandbox.addList(name: "VIP")
            _ = try await api.subscribe(list, #"{"email":"a@shop.com"}"#)
            #expect(await api.sandbox.isQuiet())
            let request = try #require(receiver.requests.first)
            #expect(request.url == "http://127.0.0.1:8430/events")
            let headers = Dictionary(request.headers.map { ($0.name, $0.value) }) { first, _ in first }
            #expect(headers["Authorization"] == header && headers["Content-Type"] == "application/json")
            let type = auth == .oauth2 ? "OAuth2" : "Basic"
            #expect(try await api(.get, "/api/webhooks").text.contains("\"authType\":\"\(type)\""))
            for path in ["/api/webhooks", "/sandbox/webhooks", "/sandbox/state", "/"] {
                let answer = try await api(.get, path)
                #expect(answer.status == 200 && !answer.text.contains("key:7") && !answer.text.contains("a2V5"))
            }
        }
    }

    @Test("The journal is shown with bodies, attempts and statuses, and reset with the rest")
    func journal() async throws {
        try await Self.scene([503]) { api, receiver, list in
            _ = try await api.subscribe(list, people: 1...3)
            #expect(await api.sandbox.isQuiet())
            let answer = try await api(.get, "/sandbox/webhooks", key: nil)
            guard case .array(let events)? = answer["events"] else {
                Issue.record("\(answer.text)")
                return
            }
            #expect(events.map { $0.members?["body"]?.text } == receiver.bodies)
            #expect(events.first?.members?["state"] == "failed" && events.first?.members?["statuses"] == [503])
            #expect(events.last?.members?["state"] == "delivered" && events.last?.members?["attempts"] == 1)
            #expect(answer["pending"] == 0 && answer["made"] == .int(events.count) && answer["overflowed"] == 0)
            #expect(answer["webhook", "endpoint"] == "http://127.0.0.1:8430/events")
            let before = api.sandbox.webhookJournal.map(\.gist)
            _ = try await api(.post, "/sandbox/reset", key: nil)
            #expect(api.sandbox.webhookJournal.isEmpty && api.sandbox.webhookEventCount == 0)
            _ = try await api.subscribe(api.sandbox.addList(name: "VIP"), people: 1...3)
            #expect(api.sandbox.webhookJournal.map(\.gist) == before, "the state at the start, and the same seed")
        }
    }

    @Test("Without a webhook there is none, and nothing is made")
    func none() async throws {
        try await withAPI { api in
            _ = try await api.subscribe(api.sandbox.addList(name: "VIP"), #"{"email":"a@shop.com"}"#)
            #expect(try await api(.get, "/api/webhooks").json == ["webhooks": []])
            #expect(try await api(.post, "/api/webhooks", #"{"id":5190,"enabled":true}"#).status == 400)
            let answer = try await api(.get, "/sandbox/webhooks", key: nil)
            #expect(answer["webhook"] == .null && answer["events"] == [])
            let faults = try await api(.put, "/sandbox/faults", #"["drop"]"#, key: nil)
            #expect(faults.status == 400 && faults["error"]?.text?.contains("drop") == true)
        }
    }

    // MARK: Faults

    @Test("Some events are sent twice, some never, and the journal knows")
    func duplicatesAndDrops() async throws {
        try await Self.scene(faults: "duplicate:p=0.3", "drop:p=0.3") { api, receiver, list in
            _ = try await api.subscribe(list, people: 1...100)
            #expect(await api.sandbox.isQuiet())
            let journal = api.sandbox.webhookJournal
            let dropped = journal.filter { $0.state == .dropped }
            let doubled = journal.filter { $0.deliveries == 2 }
            #expect(!dropped.isEmpty && !doubled.isEmpty && dropped.count + doubled.count < journal.count)
            #expect(dropped.allSatisfy { $0.statuses.isEmpty })
            let counts = Dictionary(receiver.bodies.map { ($0, 1) }, uniquingKeysWith: +)
            for record in journal { #expect(counts[record.body, default: 0] == record.deliveries) }
        }
    }

    @Test("Events of one request cross on the way; all arrive")
    func reorder() async throws {
        try await Self.scene(faults: "reorder:p=0.5") { api, receiver, list in
            _ = try await api.subscribe(list, people: 1...50)
            #expect(await api.sandbox.isQuiet())
            let made = api.sandbox.webhookJournal.map(\.gist)
            #expect(made.count == receiver.bodies.count)
            let sends = receiver.bodies.filter { $0.contains("\"emailSend\"") }
            let people = (1...50).map { "p\($0)@shop.com" }
            let order = sends.map { body in people.firstIndex { body.contains("\"email\":\"\($0)\"") } ?? -1 }
            #expect(order.sorted() == Array(0..<50) && order != order.sorted())
        }
        try await Self.scene { api, receiver, list in
            _ = try await api.subscribe(list, people: 1...50)
            #expect(await api.sandbox.isQuiet())
            let made = api.sandbox.webhookJournal.map(\.body)
            #expect(receiver.bodies == made, "without the fault they keep their order")
        }
    }

    @Test("After 5xx or no answer an event is sent again where that is asked for, and at most five times")
    func retries() async throws {
        try await Self.scene([503, nil, 204], faults: "retry-on-5xx:seconds=0") { api, receiver, list in
            _ = try await api.subscribe(list, #"{"userId":"u1"}"#)
            #expect(await api.sandbox.isQuiet())
            let record = try #require(api.sandbox.webhookJournal.first)
            #expect(record.statuses == [503, nil, 204] && record.state == .delivered && record.deliveries == 1)
            #expect(Set(receiver.bodies.prefix(3)).count == 1)
        }
        for (answers, statuses) in [
            ([Int?](repeating: 500, count: 5), [Int?](repeating: 500, count: 5)), ([400], [400]), ([429], [429]),
            ([302], [302]),
        ] {
            try await Self.scene(answers, faults: "retry-on-5xx:seconds=0") { api, _, list in
                _ = try await api.subscribe(list, #"{"userId":"u1"}"#)
                #expect(await api.sandbox.isQuiet())
                let record = try #require(api.sandbox.webhookJournal.first)
                #expect(record.statuses == statuses && record.state == .failed)
            }
        }
        try await Self.scene([nil]) { api, _, list in
            _ = try await api.subscribe(list, #"{"userId":"u1"}"#)
            #expect(await api.sandbox.isQuiet())
            #expect(api.sandbox.webhookJournal.first?.statuses == [nil])
        }
    }

    @Test("Faults of the webhook leave the answers of the API alone, and those of the API the webhook")
    func apart() async throws {
        try await Self.scene(faults: "drop", "500:nth=1") { api, receiver, list async throws in
            #expect(try await api.subscribe(list, people: 1...5).status == 500)
            #expect(api.sandbox.webhookEventCount == 0, "what is not carried out has no consequences")
            #expect(try await api.subscribe(list, people: 1...5).status == 200)
            #expect(api.sandbox.webhookEventCount >= 5)
            #expect(await api.sandbox.isQuiet())
            #expect(receiver.bodies.isEmpty)
        }
    }

    // MARK: Bounds

    @Test("A webhook that does not answer holds nothing up, gets a few requests at once, and ends with the sandbox")
    func silence() async throws {
        let underWay = Mutex(0)
        var options = SandboxOptions()
        options.port = 0
        options.webhook = SandboxWebhook(url: "http://127.0.0.1:1/events") { _ in
            underWay.withLock { $0 += 1 }
            defer { underWay.withLock { $0 -= 1 } }
            try await Task.sleep(for: .seconds(86_400))
            return 204
        }
        options.webhook?.concurrentRequests = 3
        let sandbox = try Sandbox(options: options)
        _ = try await sandbox.start()
        let list = sandbox.addList(name: "VIP")
        for number in 1...10 {
            #expect(try await post(sandbox, list, "a\(number)@shop.com") == 200)
        }
        #expect(await eventually { underWay.withLock { $0 } == 3 })
        let made = sandbox.webhookEventCount
        #expect(made >= 10 && sandbox.pendingWebhooks == made)
        await sandbox.stop()
        #expect(underWay.withLock { $0 } == 0)
        #expect(sandbox.pendingWebhooks == made - 3, "what waits stays")
        #expect(sandbox.webhookJournal.count { $0.state == .failed && $0.statuses == [nil] } == 3)
        _ = try await sandbox.start()
        #expect(await eventually { underWay.withLock { $0 } == 3 }, "it goes on after the next start")
        await sandbox.stop()
        #expect(sandbox.pendingWebhooks == made - 6)
    }

    private func post(_ sandbox: Sandbox, _ list: Int, _ email: String) async throws -> Int {
        let (status, _) = try await subscribe(sandbox, list, email)
        return status
    }

    @Test("What waits and what is kept are bounded")
    func bounds() {
        let receiver = ScriptedReceiver()
        var options = SandboxOptions()
        options.post(to: receiver)
        var state = WebhookState(options.webhook, seed: 1)
        var faults = FaultPlan([])
        let event = WebhookEvent(name: "emailSend", body: Array("{}".utf8))
        state.draft(Array(repeating: event, count: WebhookState.mostWaiting + 2))
        state.release(&faults)
        #expect(state.overflowed == 2 && state.pending == WebhookState.mostWaiting)
        #expect(state.journal.count == WebhookState.mostWaiting, "what is given up is not in the journal")
        var taken = 0
        let isNeeded = state.engage()
        #expect(isNeeded)
        while let delivery = state.take() {
            taken += 1
            state.note(204, of: delivery, isLast: true)
        }
        #expect(taken == WebhookState.mostWaiting && state.pending == 0)
        var journal = WebhookJournal()
        for _ in 0...WebhookJournal.longest { _ = journal.add(event, times: 1) }
        #expect(journal.all.count == WebhookJournal.longest && journal.all.first?.number == 2)
        #expect(journal.count == WebhookJournal.longest + 1)
    }

    @Test("An answer that comes after a reset leaves no trace")
    func lateAnswer() {
        var options = SandboxOptions()
        options.post(to: ScriptedReceiver())
        var state = WebhookState(options.webhook, seed: 1)
        var faults = FaultPlan([])
        state.draft([WebhookEvent(name: "emailSend", body: [])])
        state.release(&faults)
        let isNeeded = state.engage()
        let delivery = state.take()
        #expect(isNeeded && delivery != nil)
        state.reset(to: options.webhook)
        state.draft([WebhookEvent(name: "emailOpen", body: [])])
        state.release(&faults)
        if let delivery {
            #expect(state.request(delivery) == nil)
            state.note(204, of: delivery, isLast: true)
        }
        #expect(state.pending == 1 && state.journal.all.map(\.statuses) == [[]])
        let next = state.take()
        #expect(next != nil, "the worker goes on with what is new")
    }
}
