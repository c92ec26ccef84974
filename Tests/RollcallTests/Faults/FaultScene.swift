import Foundation
import IterableSandbox
import TestSupport
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Numbers that are the same in every run of the tests.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 31)
    }
}

/// A shop whose audience changes, with people of others on the list, and everything that must be true after a fault.
struct FaultScene: Sendable {
    enum Project: String, Sendable, CaseIterable {
        case email
        case hybrid
    }

    let shop: Shop
    let project: Project

    /// - Parameters:
    ///   - people: numbers of those in the audience.
    ///   - limits: `limits` of the configuration.
    static func with<R>(
        _ kind: Shop.Kind, _ project: Project = .email, people: ClosedRange<Int> = 1...30,
        limits: String = "requests_per_second: 1000, settle_seconds: 0.4, subscribers_per_request: 3, "
            + "concurrent_requests: 2, request_timeout_seconds: 4",
        fixture: (any WarehouseFixture)? = nil, tune: (inout SandboxOptions) -> Void = { _ in },
        _ body: (FaultScene) async throws -> R
    ) async throws -> R {
        await FaultGate.shared.enter()
        do {
            let result = try await open(kind, project, people, limits, fixture, tune, body)
            await FaultGate.shared.leave()
            return result
        } catch {
            await FaultGate.shared.leave()
            throw error
        }
    }

    private static func open<R>(
        _ kind: Shop.Kind, _ project: Project, _ people: ClosedRange<Int>, _ limits: String,
        _ fixture: (any WarehouseFixture)?, _ tune: (inout SandboxOptions) -> Void,
        _ body: (FaultScene) async throws -> R
    ) async throws -> R {
        try await Shop.with(
            kind, fixture: fixture,
            tune: { options in
                options.projectType = project == .hybrid ? .hybrid : .email
                tune(&options)
            }
        ) { shop in
            let scene = FaultScene(shop: shop, project: project)
            _ = shop.sandbox.addList(
                name: Shop.list, members: foreign.map { SandboxMember(email: $0, userID: nil) })
            try await shop.execute("ALTER TABLE people ADD COLUMN user_id TEXT")
            try scene.configure { $0.limits = limits }
            try await scene.enter(Set(people))
            return try await body(scene)
        }
    }

    /// Members that somebody else put on the list.
    static let foreign = ["ann@elsewhere.org", "ben@elsewhere.org"]

    /// Writes `rollcall.yaml`; every guard is off, for half of the people leave at once.
    func configure(_ edit: (inout ConfigurationText) -> Void = { _ in }) throws {
        try shop.configure {
            $0.projectType = project.rawValue
            $0.mapping = project == .hybrid ? "email: email, user_id: user_id" : "email: email"
            $0.guards = "max_removals: 100%"
            edit(&$0)
        }
    }

    // MARK: People

    func email(_ number: Int) -> String { "user\(number)@example.com" }

    private func userID(_ number: Int) -> String? { project == .hybrid ? "u-\(number)" : nil }

    private func line(_ number: Int) -> String { "\(email(number))\t\(userID(number) ?? "")" }

    func enter(_ numbers: Set<Int>) async throws {
        if numbers.isEmpty { return }
        let rows = numbers.sorted().map { number in
            "('\(email(number))', \(userID(number).map { "'\($0)'" } ?? "NULL"))"
        }
        try await shop.execute("INSERT INTO people (email, user_id) VALUES \(rows.joined(separator: ","))")
    }

    func leave(_ numbers: Set<Int>) async throws {
        if !numbers.isEmpty { try await shop.leave(numbers.sorted().map(email)) }
    }

    /// The audience as the warehouse has it now.
    func audience() async throws -> Set<String> {
        let rows = try await shop.query("SELECT email, user_id FROM people")
        return Set(rows.map { "\(($0.first ?? nil) ?? "")\t\(($0.last ?? nil) ?? "")" })
    }

    /// The list as the sandbox shows it over HTTP.
    func members() async throws -> Set<String> {
        let list = try #require(shop.sandbox.lists().last { $0.name == Shop.list })
        let address = try #require(URL(string: "\(shop.sandbox.baseURL ?? "")/sandbox/lists/\(list.id)/members"))
        let (data, _) = try await URLSession.shared.data(from: address)
        return Set(String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init))
    }

    /// As ``members()``, without those that somebody else put there.
    func ours() async throws -> Set<String> {
        try await members().subtracting(Self.foreign.map { $0 + "\t" })
    }

    // MARK: What must be true

    /// Runs the sync, and checks that everything is right after it and that another run sends nothing.
    /// - Returns: how many runs that took.
    @discardableResult
    func putsRight(
        environment: [String: String] = [:], _ context: String = "", sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Int {
        let place = Comment(rawValue: context)
        var runs = 1
        var next = try await shop.rollcall("run", "members", "--json", environment: environment)
        // The machine may be so busy that the sandbox does not answer in time: no fault of the program's.
        while next.code == 1 && next.out.contains("did not answer in time") && runs < 4 {
            next = try await shop.rollcall("run", "members", "--json", environment: environment)
            runs += 1
        }
        #expect([0, 3].contains(next.code), "\(context): \(next.all)", sourceLocation: sourceLocation)
        try await isRight(context, sourceLocation: sourceLocation)
        let before = shop.sandbox.counts.requests
        let second = try await shop.rollcall("run", "members", "--json", environment: environment)
        #expect(second.code == 0, "\(context): \(second.all)", sourceLocation: sourceLocation)
        let further = shop.sandbox.requestLog.suffix(shop.sandbox.counts.requests - before)
        #expect(further.allSatisfy { $0.method == "GET" }, place, sourceLocation: sourceLocation)
        #expect(shop.sandbox.counts.channelUnsubscribes == 0, place, sourceLocation: sourceLocation)
        return runs + 1
    }

    /// The list equals the audience, members of others are there, accounting balances, nothing is left open.
    func isRight(_ context: String = "", sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let place = Comment(rawValue: context)
        let settled = try await eventually { shop.sandbox.counts.pendingLateRequests == 0 }
        #expect(settled, place, sourceLocation: sourceLocation)
        let (audience, members) = (try await audience(), try await members())
        let foreign = Set(Self.foreign.map { $0 + "\t" })
        #expect(members.subtracting(foreign) == audience, place, sourceLocation: sourceLocation)
        #expect(foreign.isSubset(of: members), place, sourceLocation: sourceLocation)
        #expect(
            try await shop.snapshot() == Set(audience.map { String($0.prefix { $0 != "\t" }) }), place,
            sourceLocation: sourceLocation)
        try await isBalanced(context, sourceLocation: sourceLocation)
    }

    /// Every row of `sync_runs` balances and agrees with `sync_log`; no run is open and no outbox is left.
    func isBalanced(_ context: String = "", sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let place = Comment(rawValue: context)
        let (runs, changes) = (shop.state("sync_runs"), shop.state("sync_changes"))
        let open = try await shop.query("SELECT run_id FROM \(runs) WHERE status IN ('running', 'queued')")
        #expect(open.isEmpty, place, sourceLocation: sourceLocation)
        let unbalanced = try await unbalanced()
        #expect(unbalanced == [], place, sourceLocation: sourceLocation)
        let outbox = try await shop.query("SELECT run_id, sequence FROM \(changes)")
        #expect(outbox.isEmpty, place, sourceLocation: sourceLocation)
    }

    /// Subscribe and unsubscribe requests that reached the sandbox; it remembers the last thousand requests.
    var deliveries: [SandboxRequestRecord] { shop.sandbox.requestLog.filter { $0.path.hasSuffix("subscribe") } }

    /// Runs whose numbers do not balance, or do not agree with the logged records.
    private func unbalanced() async throws -> [[String?]] {
        func logged(_ operation: String, _ status: String) -> String {
            "(SELECT count(*) FROM \(shop.state("sync_log")) l WHERE l.run_id = r.run_id"
                + " AND l.operation = '\(operation)' AND l.status = '\(status)')"
        }
        func both(_ status: String) -> String { "\(logged("subscribe", status)) + \(logged("unsubscribe", status))" }
        return try await shop.query(
            """
            SELECT run_id, status, planned_subscribe, planned_unsubscribe, succeeded_subscribe, succeeded_unsubscribe,
                   failed_subscribe, failed_unsubscribe, not_attempted, unknown,
                   \(logged("subscribe", "succeeded")), \(logged("unsubscribe", "succeeded")),
                   \(both("failed")), \(both("not_attempted")), \(both("unknown"))
              FROM \(shop.state("sync_runs")) r
             WHERE rows_read <> rows_invalid + rows_duplicate + audience_size
                OR planned_subscribe + planned_unsubscribe <> succeeded_subscribe + succeeded_unsubscribe
                   + failed_subscribe + failed_unsubscribe + not_attempted + unknown
                OR succeeded_subscribe <> \(logged("subscribe", "succeeded"))
                OR succeeded_unsubscribe <> \(logged("unsubscribe", "succeeded"))
                OR failed_subscribe <> \(logged("subscribe", "failed"))
                OR failed_unsubscribe <> \(logged("unsubscribe", "failed"))
                OR rows_invalid <> \(logged("validate", "failed"))
                OR unknown <> \(both("unknown"))
                OR not_attempted <> \(both("not_attempted"))
            """)
    }
}

/// Lets a few scenes in at once, so that sandboxes answer in time on a small machine.
actor FaultGate {
    static let shared = FaultGate()

    private var free = 8
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func enter() async {
        if free > 0 {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func leave() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}

/// A row of `sync_runs`, as far as faults show in it.
struct RunRow: Sendable {
    let id: String
    let status: String
    let planned: Int
    let unknown: Int
    let notAttempted: Int
    let claimedThrough: Int
    let errorCode: String?
}

extension FaultScene {
    /// All runs, oldest first.
    func runs() async throws -> [RunRow] {
        try await shop.query(
            """
            SELECT run_id, status, planned_subscribe + planned_unsubscribe, unknown, not_attempted, claimed_through,
                   error_code FROM \(shop.state("sync_runs")) ORDER BY run_id
            """
        ).map { row in
            func number(_ index: Int) -> Int { row[index].flatMap { Int($0) } ?? 0 }
            return RunRow(
                id: row[0] ?? "", status: row[1] ?? "", planned: number(2), unknown: number(3),
                notAttempted: number(4), claimedThrough: number(5), errorCode: row[6])
        }
    }

    /// The people of a run's log with this status.
    func logged(_ run: String, _ status: String) async throws -> Set<String> {
        let rows = try await shop.query(
            "SELECT email FROM \(shop.state("sync_log")) WHERE run_id = '\(run)' AND status = '\(status)'")
        return Set(rows.compactMap { $0.first ?? nil })
    }

    /// Waits until so many requests of this path have come to the sandbox and been answered or dropped since `before`.
    func reached(_ count: Int, since before: Int, _ program: RunningProgram) async throws {
        _ = try await eventually { program.hasEnded || shop.sandbox.counts.requests >= before + count }
    }
}
