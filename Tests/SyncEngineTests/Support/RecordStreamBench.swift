import Foundation
import RollcallCore
import Synchronization
import TestSupport
import Testing
import Warehouse

@testable import SyncEngine

/// Streams the users of a ``UsersBench`` or the items of a ``CatalogBench``, by the whole numbers of the column `changed` unless a
/// test says otherwise. A script says what happens before each look. The warehouse's clock is virtual, as far as the engine asks it;
/// 53 minutes of the hour are left when it begins.
final class RecordStreamBench: Sendable {
    typealias MakePipeline = @Sendable (StopSignal, any Warehouse, Holder) -> SyncPipeline

    let fixture: SQLiteFixture
    let clock: ManualClock
    let tracker: StreamTracker
    private let pipeline: MakePipeline
    private let rows = Mutex<[SyncRun]>([])

    init(_ fixture: SQLiteFixture, _ clock: ManualClock, _ pipeline: @escaping MakePipeline) {
        (self.fixture, self.clock, self.pipeline) = (fixture, clock, pipeline)
        tracker = StreamTracker(clock: clock)
    }

    /// By whole numbers, with an overlap of 100 and a sweep each day.
    static func cursor(sweep seconds: Int = 86_400, overlap: Int64 = 100) -> EventSettings.Cursor {
        var cursor = EventSettings.Cursor(column: "changed")
        (cursor.overlap, cursor.sweepSeconds) = (.steps(overlap), seconds)
        return cursor
    }

    convenience init(_ users: UsersBench) {
        self.init(users.fixture, users.clock) { users.pipeline(stop: $0, warehouse: $1, holder: $2) }
    }

    convenience init(_ catalog: CatalogBench) {
        self.init(catalog.fixture, catalog.clock) { catalog.pipeline(stop: $0, warehouse: $1, holder: $2) }
    }

    /// The real one, with the virtual clock.
    func warehouse(writes: Int = .max, after: Bool = false) -> FailingWarehouse {
        FailingWarehouse(fixture.warehouse, writes: writes, after: after, time: { [clock] in EventsBench.time(clock) })
    }

    /// Rows of `sync_runs` that have ended, in their order.
    var ended: [SyncRun] { rows.withLock { $0 } }

    /// Streams until the script says so.
    /// - Parameter script: called before each look, with its number from 1; false: the stream is asked to stop instead.
    @discardableResult
    func stream(
        stop: StopSignal = StopSignal(), warehouse: (any Warehouse)? = nil, holder: Holder = .current,
        settings: StreamSettings = StreamSettings(),
        hasChanged: @escaping @Sendable (Int) -> Bool = { _ in true },
        _ script: @escaping @Sendable (Int) async throws -> Bool
    ) async -> StreamEnd {
        let watch = ScriptedWatch(hasChanged: hasChanged) { number in
            do {
                if try await script(number) { return }
            } catch {
                Issue.record("\(error)")
            }
            stop.request(.interrupted)
        }
        return await pipeline(stop, warehouse ?? self.warehouse(), holder).stream(
            settings, tracker, watch: { () throws(WarehouseError) in watch }
        ) { run in self.rows.withLock { $0.append(run) } }
    }

    /// Looks this number of times, after an action each.
    @discardableResult
    func look(_ actions: (@Sendable () async throws -> Void)...) async -> StreamEnd {
        await stream { number in
            guard number <= actions.count else { return false }
            try await actions[number - 1]()
            return true
        }
    }

    /// Carries out a run that waits for a person, by virtual time too.
    func run(_ request: RunRequest) async throws -> SyncRun {
        let outcome = await pipeline(StopSignal(), warehouse(), .current).run(request)
        guard case .ran(let run) = outcome else { throw RunError(code: "test", message: "\(outcome)") }
        return run
    }

    /// What every row that has ended must say, and the warehouse of it.
    func check(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        for run in ended {
            #expect(run.counts.balances, "\(run)", sourceLocation: sourceLocation)
            let stored = try await fixture.warehouse.run(id: run.id)
            #expect(stored?.status == run.status, "\(run)", sourceLocation: sourceLocation)
            #expect(stored?.counts == run.counts, "\(run)", sourceLocation: sourceLocation)
        }
        let left = try await fixture.query("SELECT count(*) FROM \(fixture.state("sync_changes"))")
        #expect(left.first?[0] == "0", "the outbox is empty", sourceLocation: sourceLocation)
    }
}
