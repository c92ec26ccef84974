import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// One sync on a private SQLite warehouse, against an Iterable in memory, in virtual time.
final class Bench: Sendable {
    let fixture: SQLiteFixture
    let clock = ManualClock()
    let iterable: FakeIterable
    let stop = StopSignal()
    let projectType: ProjectType
    /// Where snapshots are kept between runs; nowhere unless asked for.
    let cache: SnapshotCache?
    private let adjust: @Sendable (inout SyncSettings, inout DestinationSettings) -> Void

    init(
        _ projectType: ProjectType = .email, list: RemoteList? = RemoteList(id: 1, name: "VIP", listType: "Standard"),
        cache: SnapshotCache? = nil,
        adjust: @escaping @Sendable (inout SyncSettings, inout DestinationSettings) -> Void = { _, _ in }
    ) async throws {
        self.cache = cache
        fixture = try await SQLiteFixture.make()
        iterable = FakeIterable(clock: clock)
        self.projectType = projectType
        self.adjust = adjust
        if let list { iterable.addList(list) }
        try await fixture.execute("CREATE TABLE people (email TEXT, user_id TEXT)")
    }

    deinit { try? FileManager.default.removeItem(at: fixture.folder) }

    // MARK: The audience

    /// Replaces the audience; each row is `email`, or `email/userId`, with `-` for NULL.
    func setAudience(_ rows: [String]) async throws {
        try await fixture.execute("DELETE FROM people")
        for chunk in stride(from: 0, to: rows.count, by: 500) {
            let values = rows[chunk..<min(chunk + 500, rows.count)].map { row in
                let parts = row.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                func literal(_ text: String?) -> String {
                    guard let text, text != "-" else { return "NULL" }
                    return "'" + text.replacingOccurrences(of: "'", with: "''") + "'"
                }
                return "(\(literal(parts.first)), \(literal(parts.count > 1 ? parts[1] : nil)))"
            }
            try await fixture.execute("INSERT INTO people VALUES " + values.joined(separator: ","))
        }
    }

    // MARK: Running

    func pipeline(
        stop: StopSignal? = nil, warehouse: (any Warehouse)? = nil, holder: Holder = .current,
        cache: SnapshotCache? = nil, neighbours: [SyncSettings] = [], search: StateSearch? = nil,
        change: @Sendable (inout SyncSettings) -> Void = { _ in },
        destination changeDestination: @Sendable (inout DestinationSettings) -> Void = { _ in },
        sharedLimits: SharedLimits? = nil, limiters: RateLimiterPool? = nil,
        progress: @escaping ProgressHandler = { _ in }
    ) -> SyncPipeline {
        var sync = SyncSettings(
            name: "vip", warehouse: "shop", destination: "marketing", audience: .table(["people"]),
            list: .name("VIP", description: nil))
        var destination = DestinationSettings(
            name: "marketing", apiKey: Secret("key"), projectType: projectType, baseURL: "http://127.0.0.1")
        sync.mapping =
            switch projectType {
            case .email: ColumnMapping(email: "email")
            case .userID: ColumnMapping(userID: "user_id")
            case .hybrid: ColumnMapping(email: "email", userID: "user_id")
            }
        destination.limits.requestsPerSecond = 1000
        adjust(&sync, &destination)
        change(&sync)
        changeDestination(&destination)
        return SyncPipeline(
            sync: sync, destinationSettings: destination, warehouse: warehouse ?? fixture.warehouse,
            destination: iterable, limiters: limiters ?? RateLimiterPool(clock: clock), clock: clock,
            stop: stop ?? self.stop,
            holder: holder, cache: cache ?? self.cache, neighbours: neighbours, search: search,
            sharedLimits: sharedLimits, progress: progress)
    }

    /// Runs once and checks what must hold after every run.
    @discardableResult
    func run(
        _ request: RunRequest = RunRequest(), stop: StopSignal? = nil, warehouse: (any Warehouse)? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> SyncRun {
        let outcome = await pipeline(stop: stop, warehouse: warehouse).run(request)
        guard case .ran(let run) = outcome else {
            Issue.record("not run: \(outcome)", sourceLocation: sourceLocation)
            throw RunError(code: "test", message: "\(outcome)")
        }
        #expect(run.counts.balances, "\(run)", sourceLocation: sourceLocation)
        #expect(iterable.overlaps == 0, "a person was in two requests at once", sourceLocation: sourceLocation)
        let stored = try await fixture.warehouse.run(id: run.id)
        #expect(stored?.status == run.status, sourceLocation: sourceLocation)
        #expect(stored?.counts == run.counts, sourceLocation: sourceLocation)
        return run
    }

    /// Members by state, as `state email/userId`.
    func snapshot() async throws -> Set<String> {
        let rows = try await fixture.query(
            "SELECT state, email, user_id FROM \(fixture.state("list_members")) WHERE sync_name = 'vip'")
        return Set(rows.map { "\($0[0] ?? "") \($0[1] ?? "-")/\($0[2] ?? "-")" })
    }

    /// The log of a run, as `operation status code email/userId`.
    func log(_ run: SyncRun) async throws -> [String] {
        try await fixture.query(
            """
            SELECT operation, status, coalesce(error_code, ''), email, user_id FROM \(fixture.state("sync_log"))
            WHERE run_id = '\(run.id)' ORDER BY record_id
            """
        ).map { "\($0[0] ?? "") \($0[1] ?? "") \($0[2] ?? "") \($0[3] ?? "-")/\($0[4] ?? "-")" }
    }
}

/// `prefix1@example.com`, `prefix2@example.com` …
func addresses(_ range: ClosedRange<Int>, _ prefix: String = "p") -> [String] {
    range.map { "\(prefix)\($0)@example.com" }
}

/// As ``FakeIterable/members(_:)`` shows email-only members.
func listed(_ emails: [String]) -> Set<String> { Set(emails.map { $0 + "/-" }) }
