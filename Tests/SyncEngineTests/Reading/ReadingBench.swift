import Foundation
import RollcallCore
import SeededRandom
import TemporaryFolders
import TestSupport
import Testing
import Warehouse

@testable import SyncEngine

/// One sync of a list on a database in Postgres, whose rows one reader reads by bucket and another one reads whole.
final class ReadingBench: Sendable {
    let fixture: PostgresFixture
    let clock = ManualClock()
    let iterable: FakeIterable
    let projectType: ProjectType
    let cache: SnapshotCache

    private init(_ projectType: ProjectType, _ fixture: PostgresFixture, folder: String) {
        self.fixture = fixture
        self.projectType = projectType
        cache = SnapshotCache(folder: folder, leastMembers: 1)
        iterable = FakeIterable(clock: clock)
        iterable.addList(RemoteList(id: 1, name: "VIP", listType: "Standard"))
    }

    /// With this number of people to begin with, each with one row.
    static func with(
        _ projectType: ProjectType, people: Int, _ body: (ReadingBench) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolders.path("cache").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let fixture = try await PostgresFixture.make()
        do {
            let bench = ReadingBench(projectType, fixture, folder: folder)
            try await fixture.execute(
                """
                CREATE TABLE people (n bigserial PRIMARY KEY, email text, user_id text);
                CREATE TABLE before (n bigint, email text, user_id text);
                INSERT INTO people (email, user_id)
                SELECT 'p' || i || '@example.com', 'u' || i FROM generate_series(1, \(people)) AS i
                """)
            try await body(bench)
        } catch {
            await fixture.tearDown()
            throw error
        }
        await fixture.tearDown()
    }

    func pipeline(
        _ read: ReadSetting, cache: SnapshotCache?, warehouse: (any Warehouse)? = nil,
        change: (inout SyncSettings) -> Void = { _ in }
    ) -> SyncPipeline {
        var sync = SyncSettings(
            name: "vip", warehouse: "shop", destination: "marketing", audience: .table(["people"]),
            list: .name("VIP", description: nil))
        sync.read = read
        sync.identity.maxSharing = 3
        sync.guards.maxRemovals = .percent(100)
        sync.mapping =
            switch projectType {
            case .email: ColumnMapping(email: "email")
            case .userID: ColumnMapping(userID: "user_id")
            case .hybrid: ColumnMapping(email: "email", userID: "user_id")
            }
        change(&sync)
        var destination = DestinationSettings(
            name: "marketing", apiKey: Secret("key"), projectType: projectType, baseURL: "http://127.0.0.1")
        destination.limits.requestsPerSecond = 1000
        return SyncPipeline(
            sync: sync, destinationSettings: destination, warehouse: warehouse ?? fixture.warehouse,
            destination: iterable, limiters: RateLimiterPool(clock: clock), clock: clock, cache: cache)
    }

    /// What a plan would do, in an order that does not depend on that of the rows.
    struct Contents: Equatable {
        var counts: RunCounts
        var held: [GuardFinding]
        var snapshot: Int
        var changes: [String] = []
        var records: [String] = []

        init(_ plan: Plan) throws {
            (counts, held, snapshot) = (plan.counts, plan.held, plan.snapshotSize)
            let reader = try plan.makeReader()
            while case let page = try reader.nextChanges(limit: 1000), !page.isEmpty {
                changes += page.map {
                    "\($0.operation) \($0.kind) \($0.identity.email ?? "-")/\($0.identity.userID ?? "-")"
                        + ($0.notBefore == nil ? "" : " waits") + " \($0.refusal?.code ?? "")"
                }
            }
            while case let page = try reader.nextRecords(limit: 1000), !page.isEmpty {
                records += page.map {
                    "\($0.isFailure) \(String(describing: $0.email))/\(String(describing: $0.userID)) \($0.reason.code)"
                }
            }
            changes.sort()
            records.sort()
        }
    }

    /// Plans with both readers, which must see the same; returns how the one that reads by bucket has read.
    @discardableResult
    func compare(
        _ what: String, full: Bool = false, retryRejected: Bool = false,
        change: (inout SyncSettings) -> Void = { _ in },
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> (changed: AudienceRead, all: AudienceRead) {
        let changed = try await pipeline(.changed, cache: cache, change: change)
            .plan(full: full, retryRejected: retryRejected)
        let all = try await pipeline(.all, cache: nil, change: change).plan(full: full, retryRejected: retryRejected)
        let (one, other) = (try Contents(changed), try Contents(all))
        #expect(one == other, "\(what)", sourceLocation: sourceLocation)
        return (
            try #require(changed.read, sourceLocation: sourceLocation),
            try #require(all.read, sourceLocation: sourceLocation)
        )
    }

    /// Runs once, reading by bucket.
    @discardableResult
    func run(
        _ read: ReadSetting = .changed, _ request: RunRequest = RunRequest(), warehouse: (any Warehouse)? = nil,
        change: (inout SyncSettings) -> Void = { _ in }
    ) async throws -> SyncRun {
        var request = request
        if request.kind == .new { request.forceNew = true }
        let outcome = await pipeline(read, cache: cache, warehouse: warehouse, change: change).run(request)
        guard case .ran(let run) = outcome else {
            Issue.record("not run: \(outcome)")
            throw RunError(code: "test", message: "\(outcome)")
        }
        #expect(run.counts.balances, "\(run)")
        #expect(iterable.overlaps == 0)
        return run
    }

    func loseCache() throws { try FileManager.default.removeItem(atPath: cache.folder) }

    // MARK: What happens to rows

    /// Something happens to some row: what people, programs and other programs do to tables.
    func disturb(_ random: inout SeededGenerator, people: Int) async throws {
        let one = random.next() % UInt64(people) + 1
        let other = random.next() % UInt64(people) + 1
        let name = random.next() % 100_000
        let change =
            switch random.next() % 19 {
            case 0, 1: "INSERT INTO people (email, user_id) VALUES ('new\(name)@example.com', 'n\(name)')"
            case 2, 3: "DELETE FROM people WHERE n = \(one)"
            case 4: "UPDATE people SET email = upper(email) WHERE n = \(one)"
            case 5: "UPDATE people SET email = '  ' || email || ' ' WHERE n = \(one)"
            case 6: "INSERT INTO people (email, user_id) SELECT email, user_id FROM people WHERE n = \(one)"
            case 7: "INSERT INTO people (email, user_id) SELECT upper(email), user_id FROM people WHERE n = \(one)"
            case 8: "UPDATE people SET email = NULL WHERE n = \(one)"
            case 9: "UPDATE people SET user_id = NULL WHERE n = \(one)"
            case 10: "UPDATE people SET email = '', user_id = NULL WHERE n = \(one)"
            case 11: "UPDATE people SET email = 'nobody' WHERE n = \(one)"
            case 12: "UPDATE people SET user_id = repeat('x', 2000) WHERE n = \(one)"
            case 13: "UPDATE people SET user_id = (SELECT user_id FROM people WHERE n = \(other)) WHERE n = \(one)"
            case 14: "UPDATE people SET email = (SELECT email FROM people WHERE n = \(other)) WHERE n = \(one)"
            case 15: "UPDATE people SET email = 'shared@example.com' WHERE n BETWEEN \(one) AND \(one + name % 6)"
            case 16: "UPDATE people SET email = 'moved\(name)@example.com' WHERE n = \(one)"
            default:
                """
                UPDATE people p SET email = b.email, user_id = b.user_id FROM before b WHERE b.n = p.n; DELETE FROM before;
                DELETE FROM people WHERE n > \(people) AND n % 2 = 0;
                DELETE FROM people WHERE n > \(people) AND email <> lower(email)
                """
            }
        try await fixture.execute("INSERT INTO before SELECT * FROM people WHERE n = \(one); \(change)")
    }
}
