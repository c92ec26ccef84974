import HTTPTypes
import Testing

@testable import IterableSandbox

@Suite("Lists")
struct ListTests {
    @Test("Create, show and delete a list")
    func lifecycle() async throws {
        try await withAPI { api in
            let first = try await api(.post, "/api/lists", #"{"name":"One","description":"first"}"#)
            let second = try await api(.post, "/api/lists", #"{"name":"One"}"#)
            guard case .int(let one)? = first["listId"], case .int(let two)? = second["listId"] else {
                throw TestFailure.noList
            }
            #expect(one != two)
            guard case .array(let lists)? = try await api(.get, "/api/lists")["lists"] else { throw TestFailure.noList }
            #expect(lists.map { $0.members?["id"] } == [.int(two), .int(one)])
            #expect(lists[1].members?["description"] == "first")
            #expect(lists[0].members?["description"] == nil)
            #expect(lists[0].members?["listType"] == "Standard")
            let deleted = try await api(.delete, "/api/lists/\(one)")
            #expect(deleted["code"] == "Success")
            #expect(deleted["msg"] == .string("List \(one) in Project 10216 was successfully deleted."))
            let again = try await api(.delete, "/api/lists/\(one)")
            #expect(again.status == 400)
            #expect(again["code"] == "BadParams")
            let used = api.sandbox.addList(name: "Used", isInUse: true)
            #expect(try await api(.delete, "/api/lists/\(used)").status == 409)
        }
    }

    @Test("A name is required", arguments: ["{}", #"{"name":null}"#, #"{"name":3}"#, #"{"name":" "}"#])
    func name(_ body: String) async throws {
        try await withAPI { api in
            let answer = try await api(.post, "/api/lists", body)
            #expect(answer.status == 400)
            #expect(api.sandbox.lists().isEmpty)
        }
    }

    @Test("Reading members: one identifier per line, by the rules of the project type")
    func members() async throws {
        try await withAPI({ $0.projectType = .hybrid }) { api in
            let list = api.sandbox.addList(
                name: "VIP",
                members: [.init(email: "a@shop.com", userID: "a"), .init(email: "b@shop.com"), .init(userID: "c")])
            let plain = try await api(.get, "/api/lists/getUsers?listId=\(list)")
            #expect(plain.text == "a@shop.com\nb@shop.com\nc\n")
            #expect(plain.contentType.hasPrefix("text/plain"))
            let byID = try await api(.get, "/api/lists/getUsers?listId=\(list)&preferUserId=true")
            #expect(byID.text == "a\nb@shop.com\nc\n")
            #expect(try await api(.get, "/api/lists/\(list)/size").text == "3")
            let sample = try await api(.get, "/api/lists/previewUsers?listId=\(list)&size=2").text
            #expect(sample.split(separator: "\n").count == 2)
            let empty = api.sandbox.addList(name: "Empty")
            #expect(try await api(.get, "/api/lists/getUsers?listId=\(empty)").text == "")
            let text = try await api(.get, "/sandbox/lists/\(list)/members", key: nil).text
            #expect(text == "a@shop.com\ta\nb@shop.com\t\n\tc\n")
        }
    }

    @Test("Many members arrive complete")
    func manyMembers() async throws {
        try await withAPI { api in
            let members = (0..<20_000).map { SandboxMember(email: "person\($0)@shop.com") }
            let list = api.sandbox.addList(name: "Big", members: members)
            let text = try await api(.get, "/api/lists/getUsers?listId=\(list)").text
            #expect(text == members.map { ($0.email ?? "") + "\n" }.joined())
        }
    }

    @Test(
        "Bad parameters of reads are refused",
        arguments: [
            "/api/lists/getUsers", "/api/lists/getUsers?listId=x", "/api/lists/getUsers?listId=42",
            "/api/lists/previewUsers?listId=42", "/api/lists/42/size", "/api/lists/x/size",
        ])
    func badReads(_ path: String) async throws {
        try await withAPI { api in
            let answer = try await api(.get, path)
            #expect(answer.status == 400)
            #expect(answer["code"] == "BadParams")
        }
    }

    @Test("The parameters of an unknown list are strings; sizes and flags are checked")
    func readParameters() async throws {
        try await withAPI { api in
            let unknown = try await api(.get, "/api/lists/getUsers?listId=42")
            #expect(unknown["msg"] == "Invalid email list id")
            #expect(unknown["params", "listId"] == "42")
            let list = api.sandbox.addList(name: "VIP")
            for query in ["size=0", "size=5001", "preferUserId=yes"] {
                #expect(try await api(.get, "/api/lists/previewUsers?listId=\(list)&\(query)").status == 400)
            }
        }
    }

    @Test("Reads pass five times a minute")
    func readLimit() async throws {
        let clock = ManualClock()
        try await withAPI({ $0.readRateLimits = true }, clock: clock) { api in
            let list = api.sandbox.addList(name: "VIP")
            for _ in 0..<5 { #expect(try await api(.get, "/api/lists/\(list)/size").status == 200) }
            let refused = try await api(.get, "/api/lists/\(list)/size")
            #expect(refused.status == 429)
            #expect(refused["code"] == "RateLimitExceeded")
            #expect(refused.retryAfter == nil)
            // Another endpoint has a bucket of its own.
            #expect(try await api(.get, "/api/lists/getUsers?listId=\(list)").status == 200)
            clock.advance(12)
            #expect(try await api(.get, "/api/lists/\(list)/size").status == 200)
            #expect(try await api(.get, "/api/lists/\(list)/size").status == 429)
            #expect(api.sandbox.counts.rateLimited == 2)
        }
    }

    @Test("Subscribe and unsubscribe have the chosen rate, each on its own, and the chosen form of 429")
    func writeLimit() async throws {
        let clock = ManualClock()
        try await withAPI(
            {
                $0.requestsPerSecond = 2
                $0.rateLimitStyle = .init(body: .plainText, retryAfterSeconds: 7)
            }, clock: clock
        ) { api in
            let list = api.sandbox.addList(name: "VIP")
            for _ in 0..<2 { #expect(try await api.subscribe(list).status == 200) }
            let refused = try await api.subscribe(list, #"{"email":"a@shop.com"}"#)
            #expect(refused.status == 429)
            #expect(refused.text == "Rate limit exceeded. Please try again later.")
            #expect(refused.retryAfter == "7")
            #expect(api.sandbox.userCount == 0)
            #expect(try await api.unsubscribe(list).status == 200)
            clock.advance(0.5)
            #expect(try await api.subscribe(list).status == 200)
            #expect(try await api.subscribe(list).status == 429)
        }
    }
}
