import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// A scene of a sync of events. The event with the number 3 has the key `k/3`, the id `e-3` and, unless another one is given,
/// the position 300.
struct EventScene {
    let scene: Scene
    var fixture: any WarehouseFixture { scene.fixture }
    var warehouse: any Warehouse { scene.warehouse }
    var lease: Lease { scene.lease }
    private var sync: String { lease.sync }

    static let firstSeen = Date(timeIntervalSince1970: 1_780_000_000.25)

    static func make(_ fixture: any WarehouseFixture) async throws -> EventScene {
        EventScene(scene: try await Scene.make(fixture))
    }

    /// The same tables with the lease of another sync.
    func other(_ sync: String = "other") async throws -> EventScene {
        EventScene(scene: Scene(fixture: fixture, lease: try await Scene.lease(warehouse, sync: sync)))
    }

    // MARK: Words

    func run(_ number: Int = 1) -> SyncRun {
        var run = Scene.run(number, sync: sync)
        (run.kind, run.listID, run.target) = (.events, nil, "events")
        return run
    }

    static func change(
        _ sequence: Int64, _ event: Int, _ kind: ChangeKind = .send, content: Int64 = 5, position: Int64?? = nil,
        isWaiting: Bool = false
    ) -> Change {
        Change(
            sequence: sequence, kind: kind, operation: .track, fingerprint: Scene.fingerprint(event),
            identity: Scene.identity(event), record: RecordReference(key: "k/\(event)", content: content),
            payload: kind == .skip ? nil : Array("{\"n\":\(event)}".utf8),
            refusal: kind == .wait ? Scene.reason("waiting_for_user") : nil,
            event: EventReference(
                id: "e-\(event)", name: "order", order: Int64(event) * 10, position: position ?? Int64(event) * 100,
                firstSeen: firstSeen, isWaiting: isWaiting))
    }

    static func sends(_ events: ClosedRange<Int>) -> [Change] { events.map { change(Int64($0), $0) } }

    static func counted(_ count: Int) -> PerOperation {
        var counts = PerOperation()
        counts.track = count
        return counts
    }

    static func cursor(_ watermark: Int64?, keepFrom: Int64? = nil) -> EventCursor {
        var cursor = EventCursor(column: "number", isTime: false)
        (cursor.watermark, cursor.keepFrom) = (watermark, keepFrom)
        return cursor
    }

    // MARK: Runs

    /// Opens a run and stages these changes.
    func staged(
        _ number: Int = 1, _ changes: [Change], cursor: EventCursor? = nil, status: RunStatus = .running,
        log: LogSettings = LogSettings()
    ) async throws -> SyncRun {
        var run = run(number)
        try await warehouse.openRun(lease, run)
        run.status = status
        run.counts.planned.track = changes.count { $0.kind.isListed }
        run.counts.waiting = changes.count { $0.kind == .wait }
        if status == .held { run.counts.notAttempted = run.counts.planned }
        try await warehouse.stage(lease, run, plan: CursorPlan(changes, cursor), log: log)
        return run
    }

    /// Stages further changes of a running run.
    func stagedMore(
        _ run: SyncRun, _ changes: [Change], _ records: [ValidationRecord] = [], cursor: EventCursor? = nil
    ) async throws -> SyncRun {
        var run = run
        run.counts.planned.track += changes.count { $0.kind.isListed }
        run.counts.waiting += changes.count { $0.kind == .wait }
        run.counts.rowsRead += records.count
        run.counts.invalid += records.count
        try await warehouse.stageMore(
            lease, run, plan: CursorPlan(changes, cursor, records), log: LogSettings())
        return run
    }

    /// Records that these changes succeeded, but for the exceptions, which the run counts as failed or not attempted.
    func acknowledged(
        _ run: SyncRun, _ sequences: ClosedRange<Int64>, _ exceptions: [Int64: RecordOutcome] = [:]
    ) async throws -> SyncRun {
        var run = run
        let notAttempted = exceptions.values.count { $0.kind == .notAttempted }
        run.counts.succeeded.track += sequences.count - exceptions.count
        run.counts.failed.track += exceptions.count - notAttempted
        run.counts.notAttempted.track += notAttempted
        try await scene.acknowledge(run, [Scene.batch(.track, sequences, exceptions)])
        return run
    }

    func moveCursor(_ run: SyncRun) async throws { try await warehouse.moveCursor(lease, run) }

    func applyLocal(_ run: SyncRun, log: LogSettings = LogSettings()) async throws -> PerOperation {
        try await warehouse.applyLocalChanges(lease, run, log: log)
    }

    /// Ends a run with these counts; what is in none of them was not attempted.
    func finish(
        _ run: SyncRun, succeeded: Int = 0, failed: Int = 0, unknown: Int = 0, waiting: Int = 0
    ) async throws {
        var run = run
        run.counts.planned.track -= waiting
        run.counts.waiting += waiting
        run.counts.succeeded.track += succeeded
        run.counts.failed.track += failed
        run.counts.unknown.track += unknown
        try await scene.finish(run)
    }

    func recover(settleSeconds: Double = 60) async throws -> [SyncRun] {
        try await warehouse.recoverRuns(lease, settleSeconds: settleSeconds, log: LogSettings())
    }

    /// Events in these states, with the content 5, by the run 900. No log and no cursor is left of it.
    func enter(_ states: [Int: EventState], positions: [Int: Int64?] = [:]) async throws {
        let changes = states.sorted { $0.key < $1.key }.enumerated().map { place, line in
            Self.change(
                Int64(place + 1), line.key, line.value == .skipped ? .skip : .send, position: positions[line.key])
        }
        let run = try await staged(900, changes)
        _ = try await applyLocal(run)
        let outcomes: [EventState: RecordOutcome] = [
            .sending: .unknown(Scene.reason("lost")), .waiting: .waiting(Scene.reason("before")),
            .rejected: .rejected(Scene.reason("before")),
        ]
        var exceptions: [Int64: RecordOutcome] = [:]
        for (change, state) in zip(changes, states.sorted { $0.key < $1.key }.map(\.value)) {
            exceptions[change.sequence] = outcomes[state]
        }
        let batch = BatchOutcome(
            sequences: 1...Int64(max(1, changes.count)), operation: .track, exceptions: exceptions, httpStatus: nil,
            attempts: 1)
        try await scene.acknowledge(run, [batch])
        for table in ["sync_runs", "sync_log", "settling_requests", "sync_cursors"] {
            try await fixture.execute("DELETE FROM \(fixture.state(table))")
        }
    }

    // MARK: Looking

    func stored() async throws -> [Int: StoredEvent] {
        let all = try await warehouse.events(
            sync: sync, in: Set(EventState.allCases), after: nil, limit: 10_000)
        return Dictionary(uniqueKeysWithValues: all.map { (Int($0.key.low >> 32), $0) })
    }

    /// `state id content position run reason`, by the event.
    func shown() async throws -> [Int: String] { try await stored().mapValues(Self.show) }

    static func show(_ event: StoredEvent) -> String {
        let numbers = [event.content, event.position].map { $0.map { "\($0)" } ?? "-" }.joined(separator: " ")
        return "\(event.state) \(event.id ?? "-") \(numbers) \(event.runID.suffix(3)) \(event.reason?.code ?? "-")"
    }

    func states() async throws -> [Int: EventState] { try await stored().mapValues(\.state) }

    func cursor() async throws -> EventCursor? { try await warehouse.eventCursor(sync: sync) }

    func watermark() async throws -> Int64? { try await cursor()?.watermark }

    /// `status code event`, oldest first.
    func log() async throws -> [String] {
        try await fixture.query(
            "SELECT status, error_code, event_id FROM \(fixture.state("sync_log")) ORDER BY record_id"
        ).map { $0.map { $0 ?? "-" }.joined(separator: " ") }
    }

    func doubts() async throws -> [RequestInDoubt] {
        try await warehouse.requestsInDoubt(sync: sync, of: .records(.events))
    }

    /// Whether a cursor is staged that no run has moved or dropped yet.
    func isStaged() async throws -> Bool {
        let table = fixture.state("sync_cursors")
        return try await !fixture.query(
            "SELECT 1 FROM \(table) WHERE sync_name = '\(sync)' AND staged_run_id IS NOT NULL"
        ).isEmpty
    }
}

/// A plan that knows its cursor once all changes were taken.
struct CursorPlan: StagedPlan {
    private let pages: Plan
    private let end: EventCursor?

    init(_ changes: [Change], _ cursor: EventCursor?, _ records: [ValidationRecord] = []) {
        pages = Plan(changes, records)
        end = cursor
    }

    func nextChanges(limit: Int) throws -> [Change] { try pages.nextChanges(limit: limit) }
    func nextRecords(limit: Int) throws -> [ValidationRecord] { try pages.nextRecords(limit: limit) }

    var cursor: EventCursor? {
        let rest = try? pages.nextChanges(limit: 1)
        return rest?.isEmpty == true ? end : nil
    }
}
