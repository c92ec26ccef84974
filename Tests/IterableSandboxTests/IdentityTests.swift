import Testing

@testable import IterableSandbox

/// One row sent to subscribe, and what must come of it.
struct IdentityCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let project: SandboxProjectType
    var known: [SandboxMember] = []
    let row: String
    var extra = ""
    var conflictList = SandboxConflictList.emails
    var failures: [String: [String]] = [:]
    /// Members of the list afterwards.
    var members: [SandboxMember] = []
}

private let ann = SandboxMember(email: "ann@shop.com")
private let updateOnly = ",\"updateExistingUsersOnly\":true"

let identityCases: [IdentityCase] = [
    .init(
        testDescription: "email: a new address creates a user", project: .email, row: #"{"email":" Ann@Shop.com "}"#,
        members: [ann]),
    .init(
        testDescription: "email: both given, the user id is stored", project: .email, known: [ann],
        row: #"{"email":"ann@shop.com","userId":"u1"}"#, members: [.init(email: "ann@shop.com", userID: "u1")]),
    .init(
        testDescription: "email: both given, another user id is overwritten", project: .email,
        known: [.init(email: "ann@shop.com", userID: "u0")], row: #"{"email":"ann@shop.com","userId":"u1"}"#,
        members: [.init(email: "ann@shop.com", userID: "u1")]),
    .init(
        testDescription: "email: a user id may repeat", project: .email,
        known: [.init(email: "bob@shop.com", userID: "u1")], row: #"{"email":"ann@shop.com","userId":"u1"}"#,
        members: [.init(email: "ann@shop.com", userID: "u1")]),
    .init(
        testDescription: "email: a known user id alone finds the oldest user", project: .email,
        known: [.init(email: "a@shop.com", userID: "u1"), .init(email: "b@shop.com", userID: "u1")],
        row: #"{"userId":"u1"}"#, members: [.init(email: "a@shop.com", userID: "u1")]),
    .init(
        testDescription: "email: an unknown user id alone is not found", project: .email, row: #"{"userId":"u1"}"#,
        failures: ["notFoundUserIds": ["u1"]]),
    .init(
        testDescription: "email: updateExistingUsersOnly is not respected", project: .email,
        row: #"{"email":"ann@shop.com"}"#, extra: updateOnly, members: [ann]),
    .init(
        testDescription: "userID: a new id creates a user", project: .userID, row: #"{"userId":"u1"}"#,
        members: [.init(userID: "u1")]),
    .init(
        testDescription: "userID: ids keep their case", project: .userID, known: [.init(userID: "U1")],
        row: #"{"userId":"u1"}"#, members: [.init(userID: "u1")]),
    .init(
        testDescription: "userID: an address does not identify", project: .userID,
        known: [.init(email: "ann@shop.com", userID: "u0")], row: #"{"email":"ann@shop.com","userId":"u1"}"#,
        members: [.init(email: "ann@shop.com", userID: "u1")]),
    .init(
        testDescription: "userID: an address alone is not found", project: .userID,
        row: #"{"email":"ann@shop.com"}"#, failures: ["notFoundEmails": ["ann@shop.com"]]),
    .init(
        testDescription: "userID: updateExistingUsersOnly skips", project: .userID, row: #"{"userId":"u1"}"#,
        extra: updateOnly, failures: ["notFoundUserIds": ["u1"]]),
    .init(
        testDescription: "userID: updateExistingUsersOnly takes known users", project: .userID,
        known: [.init(userID: "u1")], row: #"{"userId":"u1"}"#, extra: updateOnly, members: [.init(userID: "u1")]),
    .init(
        testDescription: "hybrid: an address creates", project: .hybrid, row: #"{"email":"ann@shop.com"}"#,
        members: [ann]),
    .init(
        testDescription: "hybrid: a user id creates", project: .hybrid, row: #"{"userId":"u1"}"#,
        members: [.init(userID: "u1")]),
    .init(
        testDescription: "hybrid: both create one user", project: .hybrid,
        row: #"{"email":"ann@shop.com","userId":"u1"}"#, members: [.init(email: "ann@shop.com", userID: "u1")]),
    .init(
        testDescription: "hybrid: a user id is attached to an address", project: .hybrid, known: [ann],
        row: #"{"email":"ann@shop.com","userId":"u1"}"#, members: [.init(email: "ann@shop.com", userID: "u1")]),
    .init(
        testDescription: "hybrid: a free address replaces that of a user id", project: .hybrid,
        known: [.init(email: "old@shop.com", userID: "u1")], row: #"{"email":"ann@shop.com","userId":"u1"}"#,
        members: [.init(email: "ann@shop.com", userID: "u1")]),
    .init(
        testDescription: "hybrid: two users, conflict by address", project: .hybrid,
        known: [ann, .init(userID: "u1")], row: #"{"email":"ann@shop.com","userId":"u1"}"#,
        failures: ["conflictEmails": ["ann@shop.com"]]),
    .init(
        testDescription: "hybrid: two users, conflict by user id", project: .hybrid,
        known: [ann, .init(userID: "u1")], row: #"{"email":"ann@shop.com","userId":"u1"}"#, conflictList: .userIds,
        failures: ["conflictUserIds": ["u1"]]),
    .init(
        testDescription: "hybrid: the address belongs to another user id", project: .hybrid,
        known: [.init(email: "ann@shop.com", userID: "u0")], row: #"{"email":"ann@shop.com","userId":"u1"}"#,
        failures: ["conflictEmails": ["ann@shop.com"]]),
    .init(
        testDescription: "hybrid: the existing user id is named", project: .hybrid,
        known: [.init(email: "ann@shop.com", userID: "u0")], row: #"{"email":"ann@shop.com","userId":"u1"}"#,
        conflictList: .userIds, failures: ["conflictUserIds": ["u0"]]),
    .init(
        testDescription: "hybrid: updateExistingUsersOnly skips", project: .hybrid,
        row: #"{"email":"ann@shop.com","userId":"u1"}"#, extra: updateOnly,
        failures: ["notFoundEmails": ["ann@shop.com"]]),
    .init(
        testDescription: "all: a malformed address", project: .hybrid, row: #"{"email":"Ann@shop.test"}"#,
        failures: ["invalidEmails": ["Ann@shop.test"]]),
    .init(
        testDescription: "all: an empty address", project: .email, row: #"{"email":""}"#,
        failures: ["invalidEmails": [""]]),
    .init(
        testDescription: "all: a malformed user id", project: .userID, row: #"{"userId":"u1 "}"#,
        failures: ["invalidUserIds": ["u1 "]]),
    .init(
        testDescription: "email: an address in dataFields must be well formed", project: .email,
        row: #"{"email":"ann@shop.com","dataFields":{"email":"nonsense"}}"#,
        failures: ["invalidEmails": ["nonsense"]]),
    .init(
        testDescription: "hybrid: dataFields change the address", project: .hybrid, known: [.init(userID: "u1")],
        row: #"{"userId":"u1","dataFields":{"email":"ann@shop.com"}}"#,
        members: [.init(email: "ann@shop.com", userID: "u1")]),
    .init(
        testDescription: "hybrid: dataFields cannot take an address", project: .hybrid,
        known: [ann, .init(userID: "u1")], row: #"{"userId":"u1","dataFields":{"email":"ann@shop.com"}}"#,
        failures: ["conflictEmails": ["ann@shop.com"]]),
]

@Suite("Identity")
struct IdentityTests {
    @Test("Subscribe finds, creates or refuses users by the rules of the project type", arguments: identityCases)
    func subscribe(_ testCase: IdentityCase) async throws {
        try await withAPI({
            $0.projectType = testCase.project
            $0.conflictList = testCase.conflictList
        }) { api in
            for user in testCase.known { #expect(api.sandbox.addUser(email: user.email, userID: user.userID)) }
            let list = api.sandbox.addList(name: "VIP")
            let answer = try await api.subscribe(list, testCase.row, extra: testCase.extra)
            #expect(answer.status == 200)
            #expect(answer.failures == testCase.failures)
            #expect(answer["successCount"] == .int(testCase.members.count))
            #expect(answer["failCount"] == .int(testCase.failures.isEmpty ? 0 : 1))
            #expect(api.sandbox.members(ofList: list) == testCase.members)
            if !testCase.failures.isEmpty { #expect(api.sandbox.userCount == testCase.known.count) }
        }
    }

    @Test("preferUserId creates a user with a placeholder address, even with updateExistingUsersOnly")
    func placeholder() async throws {
        try await withAPI { api in
            let list = api.sandbox.addList(name: "VIP")
            let answer = try await api.subscribe(
                list, #"{"userId":"user123","preferUserId":true}"#, extra: ",\"updateExistingUsersOnly\":true")
            #expect(answer["successCount"] == 1)
            let member = try #require(api.sandbox.members(ofList: list).first)
            #expect(member.userID == "user123")
            #expect(member.email?.hasPrefix("user123+") == true)
            #expect(member.email?.hasSuffix("@placeholder.email") == true)
            #expect(EmailRules.isValid(member.email ?? ""))
            // Now the user id is known.
            _ = try await api.subscribe(list, #"{"userId":"user123"}"#)
            #expect(api.sandbox.userCount == 1)
        }
    }

    @Test("Forgotten users are refused by both calls and named in the forgotten lists")
    func forgotten() async throws {
        try await withAPI({
            $0.projectType = .hybrid
            $0.forgottenEmails = ["Gone@Shop.com"]
        }) { api in
            let list = api.sandbox.addList(name: "VIP", members: [.init(email: "eve@shop.com", userID: "u9")])
            api.sandbox.forget(email: "eve@shop.com")
            #expect(api.sandbox.members(ofList: list).isEmpty)
            let rows = [#"{"email":"gone@shop.com"}"#, #"{"userId":"u9"}"#]
            for answer in [
                try await api.subscribe(list, rows[0], rows[1]), try await api.unsubscribe(list, rows[0], rows[1]),
            ] {
                #expect(
                    answer.failures == ["forgottenEmails": ["gone@shop.com"], "forgottenUserIds": ["u9"]])
            }
            #expect(api.sandbox.userCount == 0)
        }
    }
}
