import Foundation
import Testing

@testable import IterableSandbox

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A shop whose sync `customers` keeps profiles equal to the table `customers`.
struct UsersScene: Sendable {
    /// The fields of a profile, as JSON texts by name.
    typealias Fields = [String: String]

    let shop: Shop
    let project: SandboxProjectType

    /// - Parameter rows: numbers of the people in the table.
    static func with<R>(
        _ kind: Shop.Kind, _ project: SandboxProjectType = .email, rows: ClosedRange<Int>? = nil,
        tune: (inout SandboxOptions) -> Void = { _ in }, _ body: (UsersScene) async throws -> R
    ) async throws -> R {
        try await Shop.with(
            kind,
            tune: { options in
                options.projectType = project
                // Five requests a second are the pace of a project, and not of a test.
                options.documentedRateLimits = false
                tune(&options)
            }
        ) { shop in
            let scene = UsersScene(shop: shop, project: project)
            try await shop.execute(
                """
                CREATE TABLE customers (id integer, email varchar(200), user_id varchar(60), plan varchar(40), city text,
                    orders integer, score double precision)
                """)
            if let rows { try await scene.enter(rows) }
            try scene.configure()
            return try await body(scene)
        }
    }

    static let fields = "plan: plan, orders: orders, score: score"
    static let limits = "settle_seconds: 0.5, request_timeout_seconds: 20"

    /// - Parameter sync: further lines of the sync; each but the first one begins with four blanks.
    func configure(
        baseURL: String? = nil, limits: String = UsersScene.limits, table: String = "customers",
        mapping: String = "email: email, user_id: user_id", fields: String = UsersScene.fields,
        sync: String = "new_fields: create"
    ) throws {
        try shop.configure { text in
            if let baseURL { text.baseURL = baseURL }
            text.projectType = project.rawValue
            // The sync of a list beside it must fit the project too.
            if project == .userID { text.mapping = "user_id: user_id" }
            text.limits =
                "requests_per_second: 500, \(limits), users: { requests_per_second: 500, records_per_request: 5 }"
            text.further = """
                  customers:
                    kind: users
                    warehouse: shop
                    destination: iterable
                    source: { table: \(table) }
                    key: id
                    mapping: { \(mapping) }
                    fields: { \(fields) }
                    guards: { max_changes: 100%, max_invalid: 100% }
                    \(sync)
                """
        }
    }

    func enter(_ numbers: ClosedRange<Int>) async throws {
        let rows = numbers.map { "(\($0), 'user\($0)@example.com', 'u-\($0)', 'free', NULL, \($0), \($0).5)" }
        try await shop.execute("INSERT INTO customers VALUES \(rows.joined(separator: ", "))")
    }

    // MARK: Running

    /// Runs the sync, which ends with this code, and gives the object of the run.
    @discardableResult
    func run(
        _ arguments: String..., code: Int32 = 0, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> [String: Any] {
        let output = try await shop.rollcall(["run", "customers", "--json"] + arguments)
        #expect(output.code == code, "\(output.all)", sourceLocation: sourceLocation)
        return try output.object()
    }

    /// People in each request of `POST /api/users/bulkUpdate` so far.
    var sent: [Int] {
        shop.sandbox.requestLog.filter { $0.path == "/api/users/bulkUpdate" }.compactMap(\.rowCount)
    }

    // MARK: Iterable

    private func call(
        _ method: String, _ path: String, _ body: String? = nil
    ) async throws -> (status: Int, data: Data) {
        var request = URLRequest(url: try #require(URL(string: (shop.sandbox.baseURL ?? "") + path)))
        request.httpMethod = method
        request.httpBody = body.map { Data($0.utf8) }
        request.setValue(Shop.apiKey, forHTTPHeaderField: "Api-Key")
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        let (data, response) = try await URLSession.shared.data(for: request)
        return ((response as? HTTPURLResponse)?.statusCode ?? 0, data)
    }

    /// Another system writes fields of a profile, which are a JSON object.
    func write(_ email: String, _ fields: String) async throws {
        let answer = try await call(
            "POST", "/api/users/update", "{\"email\":\"\(email)\",\"dataFields\":\(fields)}")
        try #require(answer.status == 200, "\(String(decoding: answer.data, as: UTF8.self))")
    }

    /// Fields that Iterable keeps by itself.
    private static let kept: Set<String> = ["signupDate", "profileUpdatedAt", "emailListIds", "userListIds"]

    /// A profile as `GET /api/users/…` shows it, with the identifiers; nil: there is none.
    /// - Parameter person: an address, or a userId.
    func profile(_ person: String) async throws -> Fields? {
        let answer = try await call("GET", "/api/users/\(person.contains("@") ? "" : "byUserId/")\(person)")
        // Iterable answers 400 for a userId that it does not know, and {} for an address.
        if answer.status == 400 { return nil }
        try #require(answer.status == 200)
        let user = try JSONDecoder().decode(JSONValue.self, from: answer.data).members?["user"]
        return user?.members?["dataFields"]?.members?.filter { !Self.kept.contains($0.key) }.mapValues(Self.text)
    }

    /// All profiles by what the project finds people by, each as ``profile(_:)`` shows it; read from the sandbox's memory.
    var profiles: [String: Fields] {
        let all = shop.sandbox.core.with { $0.profiles.newest(.max) }
        return Dictionary(
            all.map { profile in
                var fields = profile.fields
                if let email = profile.email { fields["email"] = .string(email) }
                if let userID = profile.userID { fields["userId"] = .string(userID) }
                return (name(email: profile.email, userID: profile.userID), fields.mapValues(Self.text))
            },
            // Two of one name are never equal to what a source has.
            uniquingKeysWith: { first, second in first.merging(second) { "\($0) and \($1)" } })
    }

    private static func text(_ value: JSONValue) -> String { String(decoding: value.encoded(), as: UTF8.self) }

    private func name(email: String?, userID: String?) -> String {
        switch project {
        case .email: email ?? ""
        case .userID: userID ?? ""
        case .hybrid: userID ?? email ?? ""
        }
    }

    /// The types of the project's fields, by name, as `rollcall fields` has them.
    func types() async throws -> [String: String] {
        let output = try await shop.rollcall("fields", "iterable", "--format", "json")
        let fields = try #require(try output.json() as? [[String: String]], "\(output.all)")
        return Dictionary(fields.map { ($0["field"] ?? "", $0["type"] ?? "") }) { first, _ in first }
    }

    // MARK: The source

    /// The profiles as the table has them, without `city`; read without Rollcall. A person's score is their number and a half.
    func source() async throws -> [String: Fields] {
        let rows = try await shop.query("SELECT id, email, user_id, plan, orders FROM customers")
        return Dictionary(
            rows.map { row in
                let email = row[1].map { $0.lowercased().trimmingCharacters(in: .whitespaces) }
                var fields: Fields = ["orders": row[4] ?? "", "score": "\(row[0] ?? "").5"]
                fields["email"] = email.map { "\"\($0)\"" }
                fields["userId"] = row[2].map { "\"\($0)\"" }
                fields["plan"] = row[3].map { "\"\($0)\"" }
                return (name(email: email, userID: row[2]), fields)
            }
        ) { first, _ in first }
    }

    // MARK: What must be true

    /// Runs until a run ends well and had nothing to do; then Iterable has what the source has, and the state is in order.
    func putsRight(_ what: String = "", sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let place = Comment(rawValue: what)
        shop.sandbox.setFaults([])
        var last = try await shop.rollcall("run", "customers", "--json")
        for _ in 0..<6 {
            if try Self.hadNothingToDo(last) { break }
            last = try await shop.rollcall("run", "customers", "--json")
        }
        #expect(try Self.hadNothingToDo(last), "\(what): \(last.all)", sourceLocation: sourceLocation)
        let landed = try await eventually {
            shop.sandbox.counts.pendingLateRequests == 0 && shop.sandbox.counts.requestsInFlight == 0
        }
        #expect(landed, place, sourceLocation: sourceLocation)
        let (there, wanted) = (profiles, try await source())
        #expect(there == wanted, place, sourceLocation: sourceLocation)
        #expect(shop.sandbox.userCount == wanted.count, place, sourceLocation: sourceLocation)
        let keys = try await shop.query("SELECT id FROM customers")
        let known = try await shop.query(
            "SELECT record_key FROM \(shop.state("synced_records")) WHERE sync_name = 'customers' AND state = 'synced'")
        #expect(
            Set(known.compactMap { $0[0] }) == Set(keys.compactMap { $0[0] }), place, sourceLocation: sourceLocation)
        try await shop.isBalanced(place, sourceLocation: sourceLocation)
    }

    private static func hadNothingToDo(_ run: Output) throws -> Bool {
        let counts = try run.object()["counts"] as? [String: Any]
        let planned = counts?["planned"] as? [String: Int]
        return run.code == 0 && planned?.values.allSatisfy { $0 == 0 } == true && counts?["waiting"] as? Int == 0
    }
}

/// The counts of a run or plan of users as `--json` gives them, checked for balance when they are read.
struct UserCounts {
    let rowsRead: Int
    let invalid: Int
    let records: Int
    let unchanged: Int
    let planned: [String: Int]
    let succeeded: [String: Int]
    let failed: [String: Int]

    /// - Parameter run: the whole object.
    init(_ run: [String: Any], sourceLocation: SourceLocation = #_sourceLocation) throws {
        let counts = try #require(run["counts"] as? [String: Any], sourceLocation: sourceLocation)
        func number(_ key: String) throws -> Int { try #require(counts[key] as? Int, "\(key)") }
        func perOperation(_ key: String) throws -> [String: Int] {
            try #require(counts[key] as? [String: Int], "\(key)")
        }
        rowsRead = try number("rows_read")
        invalid = try number("invalid")
        records = try number("records")
        unchanged = try number("unchanged")
        planned = try perOperation("planned")
        succeeded = try perOperation("succeeded")
        failed = try perOperation("failed")
        #expect(counts["audience"] == nil, sourceLocation: sourceLocation)
        let rows = try invalid + number("duplicates") + number("excluded") + records
        #expect(rowsRead == rows, sourceLocation: sourceLocation)
        func total(_ operations: [String: Int]) -> Int { operations.values.reduce(0, +) }
        let done = try total(succeeded) + total(failed) + number("not_attempted") + number("unknown")
        #expect(total(planned) == done, sourceLocation: sourceLocation)
        for operations in [planned, succeeded, failed] {
            #expect(
                Set(operations.keys) == ["update", "rename", "clear", "delete"], sourceLocation: sourceLocation)
        }
    }

    /// As many updates, and nothing else.
    static func updates(_ count: Int) -> [String: Int] { ["update": count, "rename": 0, "clear": 0, "delete": 0] }
}
