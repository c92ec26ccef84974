import HTTPTypes
import Testing

@testable import IterableSandbox

@Suite("Inspection")
struct InspectionTests {
    @Test("State, requests and reset; neither needs a key nor shows one")
    func state() async throws {
        try await withAPI { api in
            let list = api.sandbox.addList(name: "VIP")
            _ = try await api.subscribe(list, #"{"email":"a@shop.com"}"#)
            _ = try await api.subscribe(7)
            _ = try await api(.get, "/api/lists?apiKey=sandbox-key")
            let state = try await api(.get, "/sandbox/state", key: nil)
            #expect(state["userCount"] == 1)
            #expect(state["requests", "POST /api/lists/subscribe"] == ["200": 1, "400": 1])
            #expect(state["maxInFlightPerIdentifier"] == 1)
            #expect(state["badRequestCount"] == 1)
            let requests = try await api(.get, "/sandbox/requests", key: nil)
            #expect(requests.text.contains("\"rowCount\":1"))
            #expect(requests.text.contains("error.lists.invalidListId(7)"))
            #expect(!requests.text.contains("sandbox-key"))
            #expect(try await api(.post, "/sandbox/reset", key: nil).status == 200)
            #expect(api.sandbox.userCount == 0)
            #expect(api.sandbox.lists().isEmpty)
            #expect(api.sandbox.counts.requests == 0)
        }
    }

    @Test("All users are shown without a key, the oldest first, with their fields")
    func users() async throws {
        try await withAPI { api in
            let body = #"{"email":"b@shop.com","dataFields":{"n":[1.5,2.5]}}"#
            _ = try await api(.post, "/api/users/update", body)
            api.sandbox.addUser(email: "a@shop.com")
            let first = #"{"dataFields":{"n":[1.5,2.5]},"email":"b@shop.com"}"#
            let second = #"{"dataFields":{},"email":"a@shop.com"}"#
            #expect(try await api(.get, "/sandbox/users", key: nil).text == #"{"users":[\#(first),\#(second)]}"#)
        }
    }

    @Test("The log keeps the last thousand requests")
    func logLimit() async throws {
        try await withAPI { api in
            for _ in 0..<1005 { _ = try await api(.get, "/api/channels") }
            #expect(api.sandbox.requestLog.count == 1000)
            #expect(api.sandbox.counts.requests == 1005)
        }
    }

    @Test("Faults are changed while the sandbox runs; a faulty text changes nothing")
    func faults() async throws {
        try await withAPI { api in
            let list = api.sandbox.addList(name: "VIP")
            let put = try await api(.put, "/sandbox/faults", #"["503:count=1","500:p=0"]"#, key: nil)
            #expect(put["faults"] == ["503:count=1", "500:p=0.0"])
            let wrong = try await api(.put, "/sandbox/faults", #"["boom"]"#, key: nil)
            #expect(wrong.status == 400)
            #expect(wrong["error"]?.text?.contains("boom") == true)
            #expect(try await api(.put, "/sandbox/faults", "{}", key: nil).status == 400)
            #expect(try await api.subscribe(list).status == 503)
            #expect(try await api.subscribe(list).status == 200)
            #expect(try await api(.delete, "/sandbox/faults", key: nil)["faults"] == [])
            api.sandbox.setFaults([Fault(.status(500), target: .any)])
            #expect(try await api(.get, "/api/lists").status == 500)
        }
    }

    @Test("The page shows lists, members, users, requests and faults, all escaped")
    func page() async throws {
        try await withAPI({ $0.faults = [Fault(.dropAfter, trigger: .nth(9))] }) { api in
            api.sandbox.addList(name: "<script>alert(1)</script>", members: [.init(email: "o'neil@shop.com")])
            _ = try await api(.get, "/api/channels")
            let page = try await api(.get, "/", key: nil)
            #expect(page.contentType.hasPrefix("text/html"))
            #expect(!page.text.contains("<script>"))
            for part in ["&lt;script&gt;", "o&#39;neil@shop.com", "/api/channels", "drop-after:nth=9"] {
                #expect(page.text.contains(part))
            }
        }
    }
}
