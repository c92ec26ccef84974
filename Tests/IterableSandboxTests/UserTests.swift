import HTTPTypes
import Testing

@testable import IterableSandbox

@Suite("Users and fields")
struct UserTests {
    @Test("Update, read and delete a user")
    func lifecycle() async throws {
        try await withAPI { api in
            let list = api.sandbox.addList(name: "VIP", members: [.init(email: "a+b@shop.com")])
            let update = #"{"email":"a+b@shop.com","userId":"u/1","dataFields":{"plan":"gold","n":1}}"#
            #expect(try await api(.post, "/api/users/update", update)["code"] == "Success")
            for path in [
                "/api/users/a%2Bb%40shop.com", "/api/users/getByEmail?email=a%2Bb%40shop.com",
                "/api/users/byUserId/u%2F1", "/api/users/byUserId?userId=u%2F1",
            ] {
                let user = try await api(.get, path)
                #expect(user["user", "email"] == "a+b@shop.com")
                #expect(user["user", "dataFields", "plan"] == "gold")
                #expect(user["user", "dataFields", "emailListIds"] == [.int(list)])
            }
            _ = try await api(.post, "/api/users/update", #"{"email":"a+b@shop.com","dataFields":{"plan":null}}"#)
            let user = try await api(.get, "/api/users/a%2Bb%40shop.com")
            #expect(user["user", "dataFields", "plan"] == nil)
            #expect(user["user", "dataFields", "n"] == 1)
            #expect(try await api(.delete, "/api/users/a%2Bb%40shop.com").status == 200)
            #expect(try await api(.delete, "/api/users/byUserId/u%2F1").status == 400)
            #expect(api.sandbox.members(ofList: list).isEmpty)
        }
    }

    @Test("Unknown and malformed users")
    func unknownUsers() async throws {
        try await withAPI { api in
            let unknown = try await api(.get, "/api/users/nobody@shop.com")
            #expect((unknown.status, unknown.text) == (200, "{}"))
            #expect(try await api(.get, "/api/users/000")["code"] == "InvalidEmailAddressError")
            #expect(try await api(.get, "/api/users/byUserId/u1")["code"] == "error.users.noUserWithIdExists")
            for (body, code) in [
                (#"{"email":"sayan"}"#, "InvalidEmailAddressError"), (#"{"userId":"u1"}"#, "UnknownUserIdError"),
                (#"{"email":"a@shop.com","userId":""}"#, "InvalidUserIdError"), ("{}", "BadParams"),
            ] {
                let answer = try await api(.post, "/api/users/update", body)
                #expect((answer.status, answer["code"]) == (400, .string(code)))
            }
        }
    }

    @Test("bulkUpdate: rows that change nothing are named, one wrong type refuses the batch")
    func bulkUpdate() async throws {
        try await withAPI { api in
            let body = #"{"users":[{"email":"a@shop.com","dataFields":{"n":1,"when":"2026-01-02"}}]}"#
            #expect(try await api(.post, "/api/users/bulkUpdate", body)["createdFields"] == ["n", "when"])
            let again = try await api(.post, "/api/users/bulkUpdate", body)
            #expect((again["successCount"], again["noOpEmails"]) == (1, ["a@shop.com"]))
            let wrong = try await api(
                .post, "/api/users/bulkUpdate",
                #"{"users":[{"email":"new@shop.com"},{"email":"a@shop.com","dataFields":{"when":"GGG"}}]}"#)
            #expect((wrong.status, wrong["code"]) == (400, "RequestFieldsTypesMismatched"))
            let error = wrong["params", "validationErrors", "when"]?.members
            #expect(error?["expectedType"] == "date")
            #expect(error?["incomingTypes"] == ["string", "keyword"])
            #expect(api.sandbox.userCount == 1)
            let filtered = try await api(
                .post, "/api/users/bulkUpdate",
                #"{"createNewFields":false,"users":[{"email":"a@shop.com","dataFields":{"n":2,"x":1}}]}"#)
            #expect((filtered["filteredOutFields"], filtered["successCount"]) == (["x"], 1))
        }
    }

    @Test("bulkUpdate: an email project makes no profile for an unknown userId, but with preferUserId")
    func bulkUpdateByUserID() async throws {
        try await withAPI { api in
            api.sandbox.addUser(email: "a@shop.com", userID: "u1")
            let users = #"{"userId":"u1","preferUserId":false},{"userId":"u2","preferUserId":false},{"userId":"u3"}"#
            let answer = try await api(.post, "/api/users/bulkUpdate", "{\"users\":[\(users)]}")
            #expect((answer["successCount"], answer["failCount"]) == (1, 2))
            #expect(answer["failedUpdates", "notFoundUserIds"] == ["u2", "u3"])
            #expect(answer["invalidUserIds"] == [])
            #expect(api.sandbox.userCount == 1)
            let asked = #"{"users":[{"userId":"u2","preferUserId":true}]}"#
            let made = try await api(.post, "/api/users/bulkUpdate", asked)
            #expect((made["successCount"], api.sandbox.userCount) == (1, 2))
        }
    }

    @Test("A hybrid profile without a userId is a conflict under another one, and takes it under its address")
    func theOtherWayRound() async throws {
        try await withAPI({ $0.projectType = .hybrid }) { api in
            api.sandbox.addUser(email: "a@shop.com")
            let byUserID = #"{"users":[{"userId":"u1","dataFields":{"email":"a@shop.com"}}]}"#
            let refused = try await api(.post, "/api/users/bulkUpdate", byUserID)
            #expect((refused["failCount"], refused["failedUpdates", "conflictEmails"]) == (1, ["a@shop.com"]))
            let byEmail = #"{"users":[{"email":"a@shop.com","dataFields":{"userId":"u1"}}]}"#
            #expect(try await api(.post, "/api/users/bulkUpdate", byEmail)["successCount"] == 1)
            #expect(try await api(.get, "/api/users/byUserId/u1")["user", "email"] == "a@shop.com")
            #expect(try await api(.post, "/api/users/bulkUpdate", byUserID)["successCount"] == 1)
            #expect(api.sandbox.userCount == 1)
        }
    }

    @Test("Fields of subscribers are merged; wrong types fail the row or the request", arguments: [true, false])
    func subscriberFields(_ byRow: Bool) async throws {
        try await withAPI({ $0.fieldMismatchMode = byRow ? .row : .batch }) { api in
            let list = api.sandbox.addList(name: "VIP")
            let first = try await api.subscribe(
                list, #"{"email":"a@shop.com","dataFields":{"n":1,"o":{"x":true}}}"#,
                #"{"email":"a@shop.com","mergeNestedObjects":true,"dataFields":{"o":{"y":false}}}"#)
            #expect(first["createdFields"] == ["n", "o", "o.x", "o.y"])
            let user = try await api(.get, "/api/users/a@shop.com")
            #expect(user["user", "dataFields", "o"] == ["x": true, "y": false])
            #expect(try await api(.get, "/api/users/getFields")["fields", "o.x"] == "boolean")
            let wrong = try await api.subscribe(
                list, #"{"email":"b@shop.com","dataFields":{"n":"one"}}"#, #"{"email":"c@shop.com"}"#)
            #expect(wrong.status == (byRow ? 200 : 400))
            #expect(api.sandbox.userCount == (byRow ? 2 : 1))
            if byRow { #expect(wrong.failures == ["invalidDataEmails": ["b@shop.com"]]) }
        }
    }

    static let fits: [(JSONValue, JSONValue, Bool)] = [
        (1, 2, true), (.double(1.5), 2, true), (1, .double(1.5), false), ("a", "2026-01-02", true),
        ("2026-01-02", "2020-08-19 20:50:04 +00:00", true), ("2026-01-02", "2020-08-19T20:50:04.000Z", true),
        ("2026-01-02", "2020-08-19 20:50:04.000", false), (true, "true", false), ([1, 2], 3, true),
        ([1], ["x"], false), (1, nil, true), (["a": 1], ["a": "x"], false), (["a": 1], 1, false),
    ]

    @Test("The first value fixes the type of a field", arguments: fits)
    func types(_ first: JSONValue, _ later: JSONValue, _ accepted: Bool) {
        var registry = FieldRegistry()
        #expect(registry.register(["f": first]).contains("f"))
        #expect((registry.mismatch(in: ["f": later]) == nil) == accepted)
    }

    @Test("Forget, unforget and the hashed lists")
    func forget() async throws {
        try await withAPI { api in
            api.sandbox.addUser(email: "a@shop.com")
            #expect(try await api(.post, "/api/users/forget", #"{"email":"A@shop.com"}"#).status == 200)
            #expect(api.sandbox.userCount == 0)
            let hashes = try await api(.get, "/api/users/forgotten")["hashedEmails"]
            #expect(hashes == [.string(HashedIdentifier.hexDigest(of: "a@shop.com"))])
            let refused = try await api(.post, "/api/users/update", #"{"email":"a@shop.com"}"#)
            #expect((refused.status, refused["code"]) == (409, "ForgottenUserError"))
            #expect(try await api(.get, "/api/users/forgottenUserIds").status == 400)
            #expect(try await api(.post, "/api/users/forget", #"{"userId":"u1"}"#).status == 400)
            #expect(try await api(.post, "/api/users/forget", "{}").status == 400)
            _ = try await api(.post, "/api/users/unforget", #"{"email":"a@shop.com"}"#)
            #expect(try await api(.post, "/api/users/update", #"{"email":"a@shop.com"}"#).status == 200)
        }
        try await withAPI({ $0.projectType = .userID }) { api in
            for id in ["U1", "u1"] {
                #expect(try await api(.post, "/api/users/forget", "{\"userId\":\"\(id)\"}").status == 200)
            }
            // Ids are lower-cased before hashing: the two share a hash.
            let hashes = try await api(.get, "/api/users/forgottenUserIds")["hashedUserIds"]
            #expect(hashes == [.string(HashedIdentifier.hexDigest(of: "u1"))])
            #expect(try await api(.get, "/api/users/forgotten").status == 400)
        }
    }

    @Test("updateEmail renames, and refuses taken and malformed addresses")
    func updateEmail() async throws {
        try await withAPI { api async throws in
            let list = api.sandbox.addList(name: "VIP", members: [.init(email: "a@shop.com")])
            api.sandbox.addUser(email: "b@shop.com")
            for (body, status) in [
                (#"{"currentEmail":"a@shop.com","newEmail":"b@shop.com"}"#, 400),
                (#"{"currentEmail":"a@shop.com","newEmail":"b"}"#, 400),
                (#"{"currentEmail":"x@shop.com","newEmail":"c@shop.com"}"#, 400),
                (#"{"currentEmail":"a@shop.com","newEmail":"c@shop.com"}"#, 200),
            ] {
                #expect(try await api(.post, "/api/users/updateEmail", body).status == status)
            }
            #expect(api.sandbox.members(ofList: list) == [.init(email: "c@shop.com")])
        }
        try await withAPI({ $0.projectType = .hybrid }) { api in
            let body = #"{"currentEmail":"a@shop.com","newEmail":"b@shop.com"}"#
            let refused = try await api(.post, "/api/users/updateEmail", body)
            #expect(refused.status == 400)
        }
    }

    @Test("Merge moves lists and fields; an unknown destination renames the source")
    func merge() async throws {
        try await withAPI { api async throws in
            let list = api.sandbox.addList(name: "VIP", members: [.init(email: "a@shop.com")])
            api.sandbox.addUser(email: "b@shop.com")
            let merge = #"{"sourceEmail":"a@shop.com","destinationEmail":"b@shop.com"}"#
            #expect(try await api(.post, "/api/users/merge", merge).status == 200)
            #expect(api.sandbox.members(ofList: list) == [.init(email: "b@shop.com")])
            #expect(try await api(.post, "/api/users/merge", merge).status == 400)
            let rename = #"{"sourceEmail":"b@shop.com","destinationEmail":"c@shop.com"}"#
            #expect(try await api(.post, "/api/users/merge", rename).status == 200)
            #expect(api.sandbox.members(ofList: list) == [.init(email: "c@shop.com")])
        }
    }
}
