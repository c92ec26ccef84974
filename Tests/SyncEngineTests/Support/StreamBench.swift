import Foundation
import RollcallCore
import Synchronization
import TestSupport
import Testing
import Warehouse

@testable import SyncEngine

/// Streams the events of an ``EventsBench``, whose table is followed by the whole numbers of `loaded` or the times of `seen`. A script
/// says what happens before each look.
final class StreamBench: Sendable {
    let bench: EventsBench
    let tracker: StreamTracker
    private let rows = Mutex<[SyncRun]>([])

    init(_ bench: EventsBench) {
        self.bench = bench
        tracker = StreamTracker(clock: bench.clock)
    }

    /// A stream by whole numbers, from the first row on.
    static func make(adjust: @escaping EventsBench.Adjustment = { _, _, _ in }) async throws -> StreamBench {
        StreamBench(
            try await EventsBench {
                var cursor = EventSettings.Cursor(column: "loaded")
                cursor.overlap = .steps(100)
                $0.cursor = cursor
                adjust(&$0, &$1, &$2)
            })
    }

    /// Rows that have ended, in their order.
    var ended: [SyncRun] { rows.withLock { $0 } }

    /// Streams until the script says so.
    /// - Parameter script: called before each look, with its number from 1; false: the stream is asked to stop instead.
    @discardableResult
    func stream(
        stop: StopSignal = StopSignal(), warehouse: (any Warehouse)? = nil, holder: Holder = .current,
        settings: StreamSettings = StreamSettings(), wake: WakeSignal = WakeSignal(),
        hasChanged: @escaping @Sendable (Int) -> Bool = { _ in true },
        change: EventsBench.Adjustment = { _, _, _ in },
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
        let pipeline = bench.pipeline(stop: stop, warehouse: warehouse, holder: holder, change: change)
        return await pipeline.stream(settings, tracker, wake: wake, watch: { () throws(WarehouseError) in watch }) {
            run in
            self.rows.withLock { $0.append(run) }
        }
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

    /// Adds a row for each number: of a person with that number, at this second, loaded at this position.
    func add(_ numbers: Int...) async throws {
        for number in numbers {
            try await bench.insert("id, email, at, loaded", "\(number), 'p\(number)@example.com', \(number), \(number)")
        }
    }

    /// What every row that has ended must say, and the warehouse of it.
    func check(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        for run in ended {
            #expect(run.counts.balances, "\(run)", sourceLocation: sourceLocation)
            let stored = try await bench.fixture.warehouse.run(id: run.id)
            #expect(stored?.status == run.status, "\(run)", sourceLocation: sourceLocation)
            #expect(stored?.counts == run.counts, "\(run)", sourceLocation: sourceLocation)
        }
        #expect(bench.events.faults.isEmpty, "\(bench.events.faults)", sourceLocation: sourceLocation)
        let left = try await bench.fixture.query("SELECT count(*) FROM \(bench.fixture.state("sync_changes"))")
        #expect(left.first?[0] == "0", "the outbox is empty", sourceLocation: sourceLocation)
    }

    /// Keys of all events that Iterable has, sorted as numbers.
    var taken: [Int] { bench.events.taken.keys.compactMap { Int(OrderIDs.name(of: $0)) }.sorted() }
}

/// Says that anything may have been committed, after the script has done its part.
final class ScriptedWatch: SourceWatch {
    private let number = Mutex(0)
    private let before: @Sendable (Int) async -> Void
    private let hasChanged: @Sendable (Int) -> Bool
    let wakes = WakeState.none

    init(
        hasChanged: @escaping @Sendable (Int) -> Bool = { _ in true }, _ before: @escaping @Sendable (Int) async -> Void
    ) {
        self.before = before
        self.hasChanged = hasChanged
    }

    func mayHaveChanged() async -> Bool {
        let now = number.withLock { number in
            number += 1
            return number
        }
        await before(now)
        return hasChanged(now)
    }

    func end() async {}
}
