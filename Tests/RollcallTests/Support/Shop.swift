import Foundation
import IterableSandbox
import RollcallCore
import TestSupport
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A warehouse, a local Iterable and a configuration in a folder of their own: what one user of `rollcall` has.
struct Shop: Sendable {
    enum Kind: Sendable, CaseIterable {
        case sqlite
        case postgres
    }

    /// The key in the environment and the one that the sandbox takes.
    static let apiKey = "key-5f1d9c0b7a3e"
    static let list = "Members"

    let folder: URL
    let fixture: any WarehouseFixture
    let sandbox: Sandbox
    let kind: Kind
    private let warehouseURL: String?

    /// - Parameters:
    ///   - people: addresses in the table `people`, column `email`.
    ///   - fixture: the warehouse; a fresh one of `kind` where none is given.
    ///   - tune: changes the sandbox's options.
    static func with<R>(
        _ kind: Kind = .sqlite, people: [String] = [], fixture: (any WarehouseFixture)? = nil,
        tune: (inout SandboxOptions) -> Void = { _ in }, _ body: (Shop) async throws -> R
    ) async throws -> R {
        var options = SandboxOptions()
        options.port = 0
        options.apiKey = apiKey
        options.readRateLimits = false
        tune(&options)
        let chosen = options
        return try await withFolder { folder in
            try await withSandbox(chosen) { sandbox in
                let shop = try await Shop(kind, fixture, folder: folder, sandbox: sandbox)
                let result: Result<R, any Error>
                do {
                    try await shop.execute("CREATE TABLE people (email TEXT)")
                    try await shop.enter(people)
                    try shop.configure()
                    result = .success(try await body(shop))
                } catch {
                    result = .failure(error)
                }
                await shop.fixture.tearDown()
                return Carried(value: result)
            }
        }.value.get()
    }

    /// Carries a result of any type out of the sandbox's closure; it is used by one task at a time.
    private struct Carried<Value>: @unchecked Sendable {
        var value: Result<Value, any Error>
    }

    private init(
        _ kind: Kind, _ given: (any WarehouseFixture)?, folder: URL, sandbox: Sandbox
    ) async throws {
        self.kind = kind
        self.folder = folder
        self.sandbox = sandbox
        switch kind {
        case .sqlite: fixture = if let given { given } else { try await SQLiteFixture.make() }
        case .postgres: fixture = if let given { given } else { try await PostgresFixture.make() }
        }
        let url = (fixture as? SplitFixture)?.readURL ?? (fixture as? PostgresFixture)?.url
        warehouseURL = url?.reveal()
    }

    // MARK: Configuration

    /// Writes `rollcall.yaml`, after `edit` has changed what the test is about.
    func configure(_ edit: (inout ConfigurationText) -> Void = { _ in }) throws {
        var configuration = ConfigurationText(baseURL: sandbox.baseURL ?? "", list: Shop.list)
        configuration.warehouse = Self.warehouse(fixture.source, url: "WAREHOUSE_URL")
        if let split = fixture as? SplitFixture {
            configuration.warehouse = "\(configuration.warehouse.dropLast()), state: keeper }"
            configuration.keeper = Self.warehouse(split.stateFixture, url: "KEEPER_URL")
        }
        edit(&configuration)
        try Data(configuration.text.utf8).write(to: folder.appendingPathComponent("rollcall.yaml"))
    }

    private static func warehouse(_ fixture: any WarehouseFixture, url: String) -> String {
        if let file = fixture as? SQLiteFixture { return "{ type: sqlite, path: \"\(file.path)\" }" }
        return "{ type: postgres, url: \"${\(url)}\" }"
    }

    var environment: [String: String] {
        var environment = ["ITERABLE_API_KEY": Shop.apiKey]
        environment["WAREHOUSE_URL"] = warehouseURL
        environment["KEEPER_URL"] = ((fixture as? SplitFixture)?.stateFixture as? PostgresFixture)?.url.reveal()
        return environment
    }

    // MARK: Running

    func rollcall(_ arguments: String..., environment extra: [String: String] = [:]) async throws -> Output {
        try await rollcall(arguments, environment: extra)
    }

    func rollcall(_ arguments: [String], environment extra: [String: String] = [:]) async throws -> Output {
        try await Program.run(arguments, in: folder, environment: environment.merging(extra) { $1 })
    }

    func start(_ arguments: String..., environment extra: [String: String] = [:]) throws -> RunningProgram {
        try Program.start(arguments, in: folder, environment: environment.merging(extra) { $1 })
    }

    // MARK: Warehouse

    func execute(_ sql: String) async throws { try await fixture.execute(sql) }
    func query(_ sql: String) async throws -> [[String?]] { try await fixture.query(sql) }
    func state(_ table: String) -> String { fixture.state(table) }

    func enter(_ emails: [String]) async throws {
        if emails.isEmpty { return }
        let rows = emails.map { "('\($0)')" }.joined(separator: ",")
        try await execute("INSERT INTO people VALUES \(rows)")
    }

    func leave(_ emails: [String]) async throws {
        let names = emails.map { "'\($0)'" }.joined(separator: ",")
        try await execute("DELETE FROM people WHERE email IN (\(names))")
    }

    /// The people whom the snapshot takes to be on the list.
    func snapshot() async throws -> Set<String> {
        let rows = try await query("SELECT email FROM \(state("list_members")) WHERE state = 'subscribed'")
        return Set(rows.compactMap { $0.first ?? nil })
    }

    /// Statuses of all runs, oldest first.
    func statuses() async throws -> [String] {
        try await query("SELECT status FROM \(state("sync_runs")) ORDER BY run_id").compactMap { $0.first ?? nil }
    }

    // MARK: Iterable

    /// The people on the list, in the sandbox.
    var members: Set<String> {
        guard let list = sandbox.lists().last(where: { $0.name == Shop.list }) else { return [] }
        return Set(sandbox.members(ofList: list.id).compactMap(\.email))
    }

    /// Rows of all subscribe and unsubscribe requests so far.
    var sentRows: Int {
        sandbox.requestLog.filter { $0.path.hasSuffix("subscribe") }.compactMap(\.rowCount).reduce(0, +)
    }

    /// Deletes a list as somebody does who works in Iterable.
    func deleteList(_ id: Int) async throws {
        let address = try #require(URL(string: "\(sandbox.baseURL ?? "")/api/lists/\(id)"))
        var request = URLRequest(url: address)
        request.httpMethod = "DELETE"
        request.setValue(Shop.apiKey, forHTTPHeaderField: "Api-Key")
        let (_, response) = try await URLSession.shared.data(for: request)
        try #require((response as? HTTPURLResponse)?.statusCode == 200)
    }

    /// `user1@example.com` and so on.
    static func people(_ numbers: ClosedRange<Int>) -> [String] { numbers.map { "user\($0)@example.com" } }
}

/// A `rollcall.yaml` with one sync, `members`.
struct ConfigurationText {
    var warehouse = ""
    /// The warehouse with the state, where that is another one.
    var keeper: String?
    var waitSeconds = 120.0
    var apiKey = "\"${ITERABLE_API_KEY}\""
    var projectType = "email"
    var baseURL: String
    var limits = "requests_per_second: 500, settle_seconds: 1"
    var audience = "table: people"
    var list: String
    var mapping = "email: email"
    var guards = ""
    var logs = ""
    var schedule: String?
    var further = ""

    init(baseURL: String, list: String) {
        self.baseURL = baseURL
        self.list = list
    }

    var text: String {
        """
        warehouses:
          shop: \(warehouse.dropLast()), wait_seconds: \(waitSeconds) }
        \(keeper.map { "  keeper: \($0)" } ?? "")
        destinations:
          iterable:
            type: iterable
            api_key: \(apiKey)
            project_type: \(projectType)
            base_url: \(baseURL)
            limits: { \(limits) }
        syncs:
          members:
            warehouse: shop
            destination: iterable
            audience: { \(audience) }
            list: { name: \(list) }
            mapping: { \(mapping) }
            guards: { \(guards) }
            logs: { \(logs) }
        \(schedule.map { "    schedule: { \($0) }" } ?? "")
        \(further)
        """
    }
}
