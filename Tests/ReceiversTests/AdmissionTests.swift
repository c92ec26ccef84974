import Foundation
import RollcallCore
import Testing

@testable import Receivers

@Suite struct AdmissionTests {
    private func answer(_ admission: Admission) -> ReceiverAnswer? {
        if case .answer(let answer) = admission { answer } else { nil }
    }

    @Test func whatIsNoRequestToAReceiverIsRefusedBeforeItsBody() {
        let harness = Harness()
        #expect(answer(harness.service.admit(harness.head("other")))?.status == 404)
        #expect(answer(harness.service.admit(harness.head("r/")))?.status == 404)
        for method in ["GET", "HEAD", "PUT", "OPTIONS", "post"] {
            let refused = answer(harness.service.admit(harness.head(method: method)))
            #expect(refused?.status == 405 && refused?.headers == ["Allow": "POST"] && refused?.closes == true)
        }
        #expect(answer(harness.service.admit(harness.head(token: nil)))?.status == 401)
        let wrong = answer(harness.service.admit(harness.head(token: "wrong")))
        #expect(wrong?.status == 401 && wrong?.headers["WWW-Authenticate"] != nil)
        #expect(wrong?.body.hasPrefix("{\"error\":{\"code\":\"unauthorized\",") == true)
        #expect(answer(harness.service.admit(harness.head())) == nil)
    }

    @Test func healthIsAnswered() {
        let service = Harness().service
        let head = ReceiverHead(method: "GET", path: "/healthz", headers: [], peer: nil)
        #expect(answer(service.admit(head)) == ReceiverAnswer(status: 200, body: "{\"status\":\"ok\"}"))
        let post = ReceiverHead(method: "POST", path: "/healthz", headers: [], peer: nil)
        #expect(answer(service.admit(post))?.status == 405)
    }

    @Test func addressesAreLookedAtBeforeTokens() throws {
        let range = try #require(AddressRange("203.0.113.0/24"))
        let proxy = try #require(AddressRange("127.0.0.1"))
        let receiver = Harness.receiver("r") { $0.allowFrom = [range] }
        let harness = Harness([receiver]) { $0.trustedProxies = [proxy] }
        func status(_ peer: String?, _ forwarded: String?, token: String? = Harness.token) -> Int? {
            let headers = forwarded.map { [(name: "x-forwarded-for", value: $0)] } ?? []
            return answer(harness.service.admit(harness.head(headers: headers, peer: peer, token: token)))?.status
        }
        #expect(status("203.0.113.7", nil) == nil)
        #expect(status("127.0.0.1", "198.51.100.1, 203.0.113.7") == nil)
        #expect(status("127.0.0.1", "203.0.113.7, 198.51.100.1") == 403)
        #expect(status("198.51.100.1", "203.0.113.7") == 403)
        #expect(status(nil, nil) == 403)
        #expect(status("198.51.100.1", nil, token: nil) == 403)
        #expect(status("203.0.113.7", nil, token: nil) == 401)
        // How to let it in stands in the log, once a minute, and not in the answer.
        #expect(harness.notes.notes == [.addressRefused(receiver: "r", address: "198.51.100.1", count: 1)])
        let text = harness.notes.notes.first?.text ?? ""
        for words in ["from 198.51.100.1", "allow_from", "server.trusted_proxies"] {
            #expect(text.contains(words), "\(text)")
        }
        let refused = answer(harness.service.admit(harness.head(peer: "198.51.100.1")))
        #expect(refused?.body.contains("allow_from") == false)
    }

    @Test func withoutTokenOnlyTheMachineItselfIsTaken() {
        let open = [Harness.receiver("r") { $0.credentials = [] }]
        let local = Harness(open)
        #expect(answer(local.service.admit(local.head(token: nil))) == nil)
        let forwarded = local.head(headers: [(name: "x-forwarded-for", value: "127.0.0.1")], token: nil)
        #expect(answer(local.service.admit(forwarded))?.status == 401)
        let rebound = ReceiverHead(
            method: "POST", path: "/r", headers: [(name: "host", value: "evil.example")], peer: "127.0.0.1")
        #expect(answer(local.service.admit(rebound))?.status == 401)
        let public_ = Harness(open) { $0.host = "0.0.0.0" }
        #expect(answer(public_.service.admit(public_.head(token: nil)))?.status == 401)
    }

    @Test func sizesHaveALimit() async throws {
        let harness = Harness { $0.maxBody = 10 }
        let large = harness.head(headers: [(name: "content-length", value: "11")])
        #expect(answer(harness.service.admit(large))?.status == 413)
        guard case .take(let ticket) = harness.service.admit(harness.head()) else { throw BodyProblem.notJSON }
        #expect(ticket.maxBody == 10 && ticket.receiver == "r")
        #expect(await harness.service.take([UInt8](repeating: 32, count: 11), ticket).status == 413)
        #expect(harness.service.refuse(.tooLarge, ticket).status == 413)
        #expect(harness.service.refuse(.tooSlow, ticket).status == 408)
        #expect(harness.service.refuse(.cutOff, ticket).closes)
        let counted = harness.service.metrics().requests.filter { $0.count > 0 }
        #expect(counted == [.init(receiver: "r", outcome: .tooLarge, count: 3)])
    }

    @Test func refusedRequestsAreCountedOnce() async throws {
        let harness = Harness()
        _ = try await harness.run { harness in
            _ = harness.service.admit(harness.head(token: "wrong"))
            _ = harness.service.admit(harness.head("other"))
            await harness.store.database.wait { $0.counts["r unauthorized"] == 1 }
        }
        #expect(harness.store.database.contents.counts == ["r unauthorized": 1])
    }
}
