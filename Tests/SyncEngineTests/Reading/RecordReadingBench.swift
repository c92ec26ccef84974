import Foundation
import RollcallCore
import SeededRandom
import TemporaryFolders
import TestSupport
import Testing
import Warehouse

@testable import SyncEngine

/// One sync of users or of a catalog, whose rows one reader reads by bucket and another one reads whole.
final class RecordReadingBench: Sendable {
    /// What the sync keeps.
    enum Records: Sendable {
        case users(ProjectType, hasKey: Bool, UserSettings.Leaving)
        case items(CatalogSettings.Mode, CatalogSettings.Documents)
    }

    /// What a test may change about the sync.
    struct Settings {
        var sync: SyncSettings
        var users: UserSettings
        var catalog: CatalogSettings
        var destination: DestinationSettings
    }

    typealias Change = (inout Settings) -> Void

    let fixture: any WarehouseFixture
    let clock = ManualClock()
    let iterable: FakeIterable
    let records: Records
    let people: Int
    let cache: SnapshotCache
    /// Groups the rows of a warehouse that cannot.
    private let grouper: RecordGrouper?
    private let adjust: @Sendable (inout Settings) -> Void

    private init(
        _ records: Records, _ fixture: any WarehouseFixture, people: Int, grouper: RecordGrouper?, folder: String,
        adjust: @escaping @Sendable (inout Settings) -> Void
    ) {
        (self.records, self.fixture, self.people, self.grouper) = (records, fixture, people, grouper)
        self.adjust = adjust
        cache = SnapshotCache(folder: folder, leastMembers: 1)
        iterable = FakeIterable(clock: clock)
        iterable.users.setTypes(["plan": "string", "city": "string", "orders": "long"])
    }

    /// On SQLite, whose rows a grouper groups.
    static func with(
        _ records: Records = .users(.hybrid, hasKey: true, .keep), people: Int,
        grouper: RecordGrouper = RecordGrouper(), adjust: @escaping @Sendable (inout Settings) -> Void = { _ in },
        _ body: (RecordReadingBench) async throws -> Void
    ) async throws {
        try await with(records, try await SQLiteFixture.make(), people, grouper, adjust, body)
    }

    static func withPostgres(
        _ records: Records, people: Int, adjust: @escaping @Sendable (inout Settings) -> Void = { _ in },
        _ body: (RecordReadingBench) async throws -> Void
    ) async throws {
        try await with(records, try await PostgresFixture.make(), people, nil, adjust, body)
    }

    private static func with(
        _ records: Records, _ fixture: any WarehouseFixture, _ people: Int, _ grouper: RecordGrouper?,
        _ adjust: @escaping @Sendable (inout Settings) -> Void, _ body: (RecordReadingBench) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolders.path("cache").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        do {
            let bench = RecordReadingBench(
                records, fixture, people: people, grouper: grouper, folder: folder, adjust: adjust)
            try await fixture.execute(
                """
                CREATE TABLE things (
                    n INTEGER, id INTEGER, email TEXT, user_id TEXT, plan TEXT, city TEXT, orders INTEGER,
                    changed INTEGER);
                INSERT INTO things (n) WITH RECURSIVE s (i) AS (
                    SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < \(people)) SELECT i FROM s;
                UPDATE things SET \(Self.original)
                """)
            try await body(bench)
        } catch {
            await fixture.tearDown()
            throw error
        }
        await fixture.tearDown()
    }

    /// What a row is like at first.
    private static let original = """
        id = n, email = 'p' || n || '@example.com', user_id = 'u' || n, plan = 'free',
        city = CASE WHEN n % 3 = 0 THEN NULL ELSE 'Bonn' END, orders = n, changed = n
        """

    // MARK: Readers

    func pipeline(
        _ read: ReadSetting, cache: SnapshotCache?, warehouse: (any Warehouse)? = nil, change: Change = { _ in }
    ) -> SyncPipeline {
        let fields = FieldSelection.only(
            ["plan", "city", "orders"].map { FieldSetting(name: $0, source: .column($0)) })
        var settings = Settings(
            sync: SyncSettings(
                name: "things", warehouse: "shop", destination: "marketing", audience: .table(["things"]),
                target: .users(UserSettings(fields: fields))),
            users: UserSettings(fields: fields),
            catalog: CatalogSettings(name: "things", key: "user_id", fields: fields),
            destination: DestinationSettings(
                name: "marketing", apiKey: Secret("key"), projectType: .email, baseURL: "http://127.0.0.1"))
        settings.sync.read = read
        settings.sync.guards.maxRemovals = .percent(100)
        settings.destination.limits.users = RecordLimits(requestsPerSecond: 1000, recordsPerRequest: 100)
        settings.destination.limits.catalog = RecordLimits(requestsPerSecond: 1000, recordsPerRequest: 100)
        setUp(&settings)
        adjust(&settings)
        change(&settings)
        switch records {
        case .users: settings.sync.target = .users(settings.users)
        case .items: settings.sync.target = .catalog(settings.catalog)
        }
        return SyncPipeline(
            sync: settings.sync, destinationSettings: settings.destination, warehouse: warehouse ?? fixture.warehouse,
            destination: iterable, limiters: RateLimiterPool(clock: clock), clock: clock, cache: cache)
    }

    private func setUp(_ settings: inout Settings) {
        switch records {
        case .users(let type, let hasKey, let leaving):
            settings.destination.projectType = type
            settings.users.key = hasKey ? ["id"] : []
            settings.users.onLeave = leaving
            settings.sync.mapping = ColumnMapping(
                email: type == .userID ? nil : "email", userID: type == .email && !hasKey ? nil : "user_id")
        case .items(let mode, let documents):
            settings.catalog.create = true
            settings.catalog.mode = mode
            settings.catalog.documents = documents
            if documents == .merge { settings.catalog.duplicates = .newest("changed") }
            settings.catalog.verify = .init(sample: 3, seconds: 0)
        }
    }

    /// The warehouse of who reads by bucket.
    private var grouping: any Warehouse {
        grouper.map { FailingWarehouse(fixture.warehouse, grouper: $0) } ?? fixture.warehouse
    }

    /// What a plan would do, in an order that does not depend on that of the rows, but for how long changes wait: of two plans one may be
    /// made when that is over.
    struct Contents: Equatable {
        var counts: RunCounts
        var held: [GuardFinding]
        var snapshot: Int
        var words: [String]
        var changes: [String] = []
        var records: [String] = []

        init(_ plan: Plan) throws {
            (counts, held, snapshot) = (plan.counts, plan.held, plan.snapshotSize)
            words = plan.preparations + plan.notes
            let reader = try plan.makeReader()
            while case let page = try reader.nextChanges(limit: 1000), !page.isEmpty {
                changes += page.map {
                    "\($0.operation) \($0.kind) \($0.record?.key ?? "-") \($0.record?.content ?? 0)"
                        + " \($0.identity.email ?? "-")/\($0.identity.userID ?? "-")"
                        + " \($0.refusal?.code ?? "")"
                        + " \(String(decoding: $0.payload ?? [], as: UTF8.self)) \($0.held?.ifDone.bytes ?? [])"
                }
            }
            while case let page = try reader.nextRecords(limit: 1000), !page.isEmpty {
                records += page.map {
                    "\($0.isFailure) \(Self.text($0.recordKey)) \(Self.text($0.email))/\(Self.text($0.userID))"
                        + " \($0.reason.code)"
                }
            }
            changes.sort()
            records.sort()
        }

        private static func text(_ bytes: [UInt8]?) -> String {
            bytes.map { String(decoding: $0, as: UTF8.self) } ?? "-"
        }
    }

    /// How the two readers have read, and what both would do.
    struct Comparison {
        var changed: AudienceRead
        var all: AudienceRead
        var contents: Contents
        /// Of a grouper: the rows that it has given.
        var rows: Int64 { changed.bytes ?? 0 }
    }

    /// Plans with both readers, which must see the same.
    @discardableResult
    func compare(
        _ what: String, warehouse: (any Warehouse)? = nil, full: Bool = false, retryRejected: Bool = false,
        only: String? = nil, change: Change = { _ in }, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Comparison {
        let changed = try await pipeline(.changed, cache: cache, warehouse: warehouse ?? grouping, change: change)
            .plan(full: full, retryRejected: retryRejected, only: only)
        let all = try await pipeline(.all, cache: nil, change: change)
            .plan(full: full, retryRejected: retryRejected, only: only)
        let (one, other) = (try Contents(changed), try Contents(all))
        #expect(one.counts == other.counts, "\(what)", sourceLocation: sourceLocation)
        let extra = Set(one.changes + one.records).subtracting(other.changes + other.records)
        let missing = Set(other.changes + other.records).subtracting(one.changes + one.records)
        #expect(one == other, "\(what): only by bucket \(extra), only whole \(missing)", sourceLocation: sourceLocation)
        return Comparison(
            changed: try #require(changed.read, sourceLocation: sourceLocation),
            all: try #require(all.read, sourceLocation: sourceLocation), contents: one)
    }

    /// Runs once, reading by bucket.
    @discardableResult
    func run(
        _ read: ReadSetting = .changed, _ request: RunRequest = RunRequest(), usesCache: Bool = true,
        change: Change = { _ in }
    ) async throws -> SyncRun {
        var request = request
        if request.kind == .new { request.forceNew = true }
        let outcome = await pipeline(read, cache: usesCache ? cache : nil, warehouse: grouping, change: change)
            .run(request)
        guard case .ran(let run) = outcome else {
            Issue.record("not run: \(outcome)")
            throw RunError(code: "test", message: "\(outcome)")
        }
        #expect(run.counts.balances, "\(run)")
        return run
    }

    // MARK: The local cache

    /// The file of what is known of the rows; nil: there is none.
    var file: String? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: cache.folder)) ?? []
        return names.first { $0.hasSuffix(".rows") }.map { "\(cache.folder)/\($0)" }
    }

    func loseCache() throws { try FileManager.default.removeItem(atPath: cache.folder) }

    // MARK: What happens to rows

    /// Something happens to some row: what people, programs and other programs do to tables.
    func disturb(_ random: inout SeededGenerator) async throws {
        let one = random.next() % UInt64(people) + 1
        let other = random.next() % UInt64(people) + 1
        let name = random.next() % 100_000
        let fresh = UInt64(people) + 1 + name
        func set(_ change: String) -> String { "UPDATE things SET \(change) WHERE n = \(one)" }
        func copy(_ columns: String) -> String {
            "INSERT INTO things SELECT \(fresh), \(columns), city, orders, changed + 1 FROM things WHERE n = \(one)"
        }
        func of(_ column: String) -> String { "(SELECT min(\(column)) FROM things WHERE n = \(other))" }
        let changes = [
            "INSERT INTO things VALUES (\(fresh), \(fresh), 'new\(name)@example.com', 'n\(name)', 'pro', NULL, 1, 1)",
            "DELETE FROM things WHERE n = \(one)", set("plan = 'pro'"), set("city = NULL"), set("city = 'Kiel'"),
            set("orders = orders + 1, changed = changed + 1"), set("email = upper(email)"),
            set("email = '  ' || email || ' '"), copy("id, email, user_id, plan"), copy("id, email, user_id, 'pro'"),
            copy("id, upper(email), user_id, plan"), copy("\(fresh), email, user_id, plan"),
            copy("\(fresh), email, user_id, 'pro'"), set("id = NULL"), set("id = \(fresh)"), set("email = NULL"),
            set("user_id = NULL"), set("email = 'none'"), set("user_id = '\(String(repeating: "x", count: 2000))'"),
            set("user_id = \(of("user_id"))"), set("email = \(of("email"))"), set("id = \(of("id"))"),
            "UPDATE things SET email = 'shared@example.com' WHERE n BETWEEN \(one) AND \(one + name % 4)",
            set("email = 'moved\(name)@example.com'"), set("changed = NULL"),
            set("plan = '\(String(repeating: "y", count: 40_000))'"),
            """
            UPDATE things SET \(Self.original) WHERE n BETWEEN \(one) AND \(one + 3 * UInt64(people) / 4)
               AND n <= \(people); DELETE FROM things WHERE n > \(people) AND n % 2 = 0
            """,
        ]
        try await fixture.execute(changes[Int(random.next() % UInt64(changes.count))])
    }
}
