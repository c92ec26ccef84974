import Foundation
import RollcallCore
import Synchronization
import TestSupport
import Testing
import Warehouse

/// A migrated warehouse with a lease, and short ways to say what a test is about.
struct Scene {
    static let sync = "vip"
    static let list: Int64 = 42
    let fixture: any WarehouseFixture
    let lease: Lease
    var warehouse: any Warehouse { fixture.warehouse }

    static func make(_ fixture: any WarehouseFixture) async throws -> Scene {
        _ = try await fixture.warehouse.migrate()
        return Scene(fixture: fixture, lease: try await lease(fixture.warehouse))
    }

    static func lease(
        _ warehouse: any Warehouse, sync: String = Scene.sync, holder: String = "host:1", seconds: Double = 60,
        isDead: @escaping @Sendable (String) -> Bool = { _ in false }
    ) async throws -> Lease {
        let attempt = try await warehouse.acquireLease(sync: sync, holder: holder, seconds: seconds, isDead: isDead)
        guard case .acquired(let lease) = attempt else { throw Unexpected("the lease is busy: \(attempt)") }
        return lease
    }

    // MARK: Runs

    /// A run id that grows with `number`.
    static func id(_ number: Int) -> String {
        "01990000-0000-7000-8000-" + String(format: "%012d", number)
    }

    static func run(_ number: Int = 1, status: RunStatus = .running, sync: String = Scene.sync) -> SyncRun {
        var run = SyncRun(
            id: id(number), sync: sync, destination: "marketing", trigger: .manual, status: status,
            startedAt: Date(timeIntervalSince1970: 1_790_000_000.125))
        run.listID = list
        return run
    }

    /// Opens a run and stages these changes; the counts plan all that is sent or parked.
    func staged(
        _ number: Int = 1, full: Bool = false, _ changes: [Change], log: LogSettings = LogSettings()
    ) async throws -> SyncRun {
        var run = Self.run(number)
        run.full = full
        try await warehouse.openRun(lease, run)
        for change in changes where change.kind.isListed {
            run.counts.planned[change.operation] += 1
        }
        try await warehouse.stage(lease, run, plan: Plan(changes), log: log)
        return run
    }

    /// A member on the snapshot, put there by an earlier run (number 900) as SQL.
    func member(_ person: Int, state: MemberState, listed: Bool = true) async throws {
        let change = Self.subscribe(1, person)
        let run = try await staged(900, [change])
        let outcome: RecordOutcome =
            switch state {
            case .subscribed: .succeeded
            case .subscribing, .unsubscribing: .unknown(Self.reason("lost"))
            case .rejected: .rejected(Self.reason("forgotten"))
            }
        let mayLandUntil = Date(timeIntervalSince1970: 1_000_000_000)
        try await warehouse.acknowledge(
            lease, run,
            outcomes: [
                BatchOutcome(
                    sequences: 1...1, operation: .subscribe, exceptions: [1: outcome], httpStatus: 200, attempts: 1,
                    mayLandUntil: listed && state != .subscribed ? mayLandUntil : nil)
            ], log: LogSettings())
        if state == .unsubscribing {
            try await fixture.execute(
                "UPDATE \(fixture.state("list_members")) SET state = 'unsubscribing'"
                    + " WHERE email = '\(Self.identity(person).email ?? "")'")
        }
        for table in ["sync_runs", "sync_log", "settling_requests"] {
            try await fixture.execute("DELETE FROM \(fixture.state(table))")
        }
    }

    func acknowledge(_ run: SyncRun, _ outcomes: [BatchOutcome], log: LogSettings = LogSettings()) async throws {
        try await warehouse.acknowledge(lease, run, outcomes: outcomes, log: log)
    }

    /// Ends a run as succeeded, its counts made to balance.
    func finish(_ run: SyncRun, log: LogSettings = LogSettings()) async throws {
        var run = run
        run.counts.closeRecords()
        run.status = .succeeded
        run.finishedAt = run.startedAt.addingTimeInterval(1)
        try await warehouse.finishRun(lease, run, reason: Self.reason("stopped"), log: log)
    }

    // MARK: Words

    static func reason(_ code: String) -> FailureReason {
        FailureReason(code: code, reason: "Because of \(code).", httpStatus: nil)
    }

    static func fingerprint(_ person: Int) -> Fingerprint {
        Fingerprint(high: 0x8000_0000_0000_0000 | UInt64(person), low: UInt64(person) << 32 | 7)
    }

    static func identity(_ person: Int) -> Identity { Identity(email: "p\(person)@example.com", userID: "u\(person)") }

    static func subscribe(_ sequence: Int64, _ person: Int, kind: ChangeKind = .send) -> Change {
        Change(
            sequence: sequence, kind: kind, operation: .subscribe, fingerprint: fingerprint(person),
            identity: identity(person))
    }

    static func unsubscribe(_ sequence: Int64, _ person: Int, kind: ChangeKind = .send) -> Change {
        Change(
            sequence: sequence, kind: kind, operation: .unsubscribe, fingerprint: fingerprint(person),
            identity: identity(person))
    }

    static func batch(
        _ operation: RollcallCore.Operation, _ sequences: ClosedRange<Int64>,
        _ exceptions: [Int64: RecordOutcome] = [:],
        mayLandUntil: Date? = nil
    ) -> BatchOutcome {
        BatchOutcome(
            sequences: sequences, operation: operation, exceptions: exceptions, httpStatus: 200, attempts: 2,
            mayLandUntil: mayLandUntil)
    }

    // MARK: Looking

    /// `state listed since_run` of one person; nil where there is no entry.
    func entry(_ person: Int) async throws -> String? {
        let entries = try await warehouse.members(
            sync: Self.sync, of: .list(Self.list), knownAs: Identity(email: Self.identity(person).email, userID: nil))
        return entries.first.map {
            "\($0.member.state.rawValue) \($0.member.listed ? "listed" : "unlisted") \($0.sinceRunID.suffix(3))"
        }
    }

    /// Log rows of all runs, oldest first: `operation status code http attempts email user`.
    func log() async throws -> [String] {
        try await fixture.query(
            """
            SELECT operation, status, error_code, http_status, attempts, email, user_id
              FROM \(fixture.state("sync_log")) ORDER BY record_id
            """
        ).map { $0.map { $0 ?? "-" }.joined(separator: " ") }
    }

    func count(_ table: String) async throws -> Int {
        try await fixture.query("SELECT count(*) FROM \(fixture.state(table))").first?.first??.asInt ?? -1
    }
}

struct Unexpected: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

extension String {
    var asInt: Int? { Int(self) }
}

/// A plan that gives its pages one after the other.
final class Plan: StagedPlan {
    private let pages: Mutex<(changes: ArraySlice<Change>, records: ArraySlice<ValidationRecord>)>
    let hasFields: Bool

    init(_ changes: [Change], _ records: [ValidationRecord] = []) {
        hasFields = changes.contains { $0.content != nil }
        pages = Mutex((changes[...], records[...]))
    }

    func nextChanges(limit: Int) throws -> [Change] {
        pages.withLock { pages in
            defer { pages.changes = pages.changes.dropFirst(min(limit, 2)) }
            return Array(pages.changes.prefix(min(limit, 2)))
        }
    }

    func nextRecords(limit: Int) throws -> [ValidationRecord] {
        pages.withLock { pages in
            defer { pages.records = pages.records.dropFirst(min(limit, 2)) }
            return Array(pages.records.prefix(min(limit, 2)))
        }
    }
}

/// Collects what callbacks give.
final class Collected<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])
    func add(_ element: Element) { elements.withLock { $0.append(element) } }
    var all: [Element] { elements.withLock { $0 } }
}

/// The kind of the warehouse error that `body` ends with; nil where it succeeds.
func kind(_ body: () async throws -> Void) async throws -> WarehouseError.Kind? {
    try await failure(body)?.kind
}

/// The warehouse error that `body` ends with; nil where it succeeds.
func failure(_ body: () async throws -> Void) async throws -> WarehouseError? {
    do {
        try await body()
        return nil
    } catch let error as WarehouseError {
        return error
    }
}

extension AudienceCell {
    /// The text, `NULL`, or the text with a mark where it cannot be an identifier.
    var shown: String {
        guard let bytes else { return "NULL" }
        return String(decoding: bytes, as: UTF8.self) + (isIdentifier ? "" : " (refused)")
    }
}
