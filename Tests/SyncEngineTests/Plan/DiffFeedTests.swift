import Dispatch
import Foundation
import RollcallCore
import Synchronization
import Testing
import Warehouse

@testable import SyncEngine

/// However the rows are fed, what is found is what ``AudienceDiff`` finds in one row after the other.
@Suite(.timeLimit(.minutes(10))) struct DiffFeedTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var shape: AudienceShape
        var resend = PlanScope()
        /// One row of so many is too long for a batch, and goes alone.
        var spread: UInt64 = 5000
        var testDescription: String { "\(shape) full \(resend.full) rejected \(resend.rejected) spread \(spread)" }
    }

    private static let cases = [
        Case(shape: .email), Case(shape: .userID, resend: .init(rejected: true)), Case(shape: .both),
        Case(shape: .email, resend: .init(full: true)), Case(shape: .both, spread: 20),
    ]
    private static let rows = 30_000

    @Test(arguments: cases)
    func equalsOneRowAfterTheOther(_ test: Case) async throws {
        let audience = MixedAudience(test.shape, count: Self.rows, spread: test.spread, seed: 11)
        let plain = audience.makeDiff(test.resend)
        for row in audience.rows { try row.give { try plain.row($0, $1) } }
        let expected = try DiffFindings(plain)
        #expect(expected.counts.rowsRead == Self.rows)
        #expect(expected.counts.invalid > 1500 && expected.counts.duplicates > 500 && expected.entered.count > 7500)
        for way in Way.allCases {
            let diff = audience.makeDiff(test.resend)
            let elsewhere = try await way.feed(audience.rows, into: diff)
            if test.spread > RowBatch.capacity { #expect(elsewhere >= way.leastElsewhere, "\(way)") }
            Self.expect(try DiffFindings(diff), expected, "\(way)")
        }
    }

    private static func expect(_ found: DiffFindings, _ expected: DiffFindings, _ way: Comment) {
        #expect(found.counts == expected.counts, way)
        #expect(found.entered.count == expected.entered.count, way)
        #expect(Array(Set(found.entered).symmetricDifference(expected.entered).prefix(3)) == [], way)
        #expect(found.records.count == expected.records.count, way)
        #expect(Array(Set(found.records).symmetricDifference(expected.records).prefix(3)) == [], way)
        #expect(found.table.count == expected.table.count, way)
        let isEqual = found.entered == expected.entered && found.records == expected.records
        #expect(isEqual, way)
        var other = 0
        for (fingerprint, marks) in expected.table where found.table[fingerprint] != marks { other += 1 }
        #expect(other == 0, way)
    }

    /// How an audience comes.
    private enum Way: CaseIterable {
        /// In one part: read by one thread, compared by another from the ninth thousand on.
        case onePart
        /// In one part of two that were allowed.
        case oneOfTwoParts
        case twoParts
        /// The second part begins when the other thread compares already.
        case secondPartLate

        /// Batches that no reader compares, at least.
        var leastElsewhere: Int {
            switch self {
            case .onePart, .oneOfTwoParts: 10
            case .twoParts: 0
            case .secondPartLate: 2
            }
        }

        /// - Returns: how many batches were compared by another thread than those that read.
        func feed(_ rows: [MixedAudience.Row], into diff: AudienceDiff) async throws -> Int {
            let elsewhere = Mutex(0)
            let (reader, second) = (WatchedThread(), WatchedThread())
            let feed = DiffFeed(diff, parts: self == .onePart ? 1 : 2) { _ in
                if !reader.isCurrent && !second.isCurrent { elsewhere.withLock { $0 += 1 } }
            }
            switch self {
            case .onePart, .oneOfTwoParts:
                try await Threads.run([
                    {
                        reader.watchCurrent()
                        try feed.take(rows)
                    }
                ])
            case .twoParts:
                let half = rows.count / 2
                try await Threads.run([
                    {
                        reader.watchCurrent()
                        try feed.take(rows[..<half])
                    },
                    {
                        second.watchCurrent()
                        try feed.take(rows[half...], 1)
                    },
                ])
            case .secondPartLate:
                let (first, late) = (rows.count / 2, rows.count * 3 / 4)
                let begin = DispatchSemaphore(value: 0)
                try await Threads.run([
                    {
                        defer { begin.signal() }
                        reader.watchCurrent()
                        try feed.take(rows[..<first])
                        begin.signal()
                        try feed.take(rows[first..<late])
                    },
                    {
                        second.watchCurrent()
                        begin.wait()
                        try feed.take(rows[late...], 1)
                    },
                ])
            }
            try feed.finish()
            return elsewhere.withLock { $0 }
        }
    }

    /// Each thousand that is compared waits until the reader waits for it: the reader must take the hashing over.
    @Test(arguments: AudienceShape.allCases)
    func aReaderThatMustWaitChangesNothing(_ shape: AudienceShape) async throws {
        let audience = MixedAudience(shape, count: Self.rows, seed: 12)
        let plain = audience.makeDiff()
        for row in audience.rows { try row.give { try plain.row($0, $1) } }
        let diff = audience.makeDiff()
        let reader = WatchedThread()
        let waited = Mutex(0)
        let feed = DiffFeed(diff, parts: 1) { _ in
            if !reader.isCurrent, reader.waits(seconds: 60) { waited.withLock { $0 += 1 } }
        }
        try await Threads.run([
            {
                reader.watchCurrent()
                try feed.take(audience.rows)
                try feed.finish()
            }
        ])
        #expect(waited.withLock { $0 } > 10)
        Self.expect(try DiffFindings(diff), try DiffFindings(plain), "slow")
    }

    // MARK: Errors

    private struct Stop: Error, Equatable {
        var call: Int
    }

    /// The first eight thousands are compared by the reader, the others by another thread.
    @Test(arguments: [1, 8, 9, 10, 20, 36], [1, 2])
    func anErrorOfOnRowsEndsTheReading(call: Int, parts: Int) async throws {
        let rows = Self.people(40 * RowBatch.capacity)
        let calls = Mutex(0)
        let feed = DiffFeed(MixedAudience(.email, count: 0, seed: 1).makeDiff(), parts: parts) { _ in
            let isLast = calls.withLock { calls in
                calls += 1
                return calls == call
            }
            if isLast { throw Stop(call: call) }
        }
        let taken = Mutex(0)
        await #expect(throws: Stop(call: call)) {
            try await Threads.run([
                {
                    for row in rows {
                        try row.give { try feed.row(0, $0, $1) }
                        taken.withLock { $0 += 1 }
                    }
                    try feed.finish()
                }
            ])
        }
        // No more than the batches that wait for the one that failed, and the one that is being filled.
        #expect(taken.withLock { $0 } <= (call + 4) * RowBatch.capacity)
        #expect(taken.withLock { $0 } >= call * RowBatch.capacity)
    }

    @Test func anErrorInTheSecondPartArrivesThere() async throws {
        let rows = Self.people(12 * RowBatch.capacity)
        let feed = DiffFeed(MixedAudience(.email, count: 0, seed: 1).makeDiff(), parts: 2) { rows in
            if rows >= 3 * RowBatch.capacity { throw Stop(call: rows) }
        }
        await #expect(throws: Stop(call: 3 * RowBatch.capacity)) { try await Threads.run([{ try feed.take(rows, 1) }]) }
    }

    /// A plan that cannot be kept anywhere: the error comes from the reader's thread, from the other one (short values, of
    /// which a thousand more fit into memory), and from a row that goes alone.
    @Test func anErrorOfTheComparisonEndsTheReading() async throws {
        await #expect(processExitsWith: .success) {
            setenv("TMPDIR", "/proc/none", 1)
            for length in [40, 1000, 3000] {
                let name = String(repeating: "x", count: length)
                let rows = (0..<40_000).map { number in
                    MixedAudience.Row(
                        email: .init(length < 64 ? "\(name)\(number)@example.com" : name), userID: .init(nil))
                }
                let taken = Mutex(0)
                let feed = DiffFeed(MixedAudience(.email, count: 0, seed: 1).makeDiff(), parts: 1) { rows in
                    taken.withLock { $0 = rows }
                }
                let error = await #expect(throws: RunError.self) {
                    try await Threads.run([
                        {
                            try feed.take(rows)
                            try feed.finish()
                        }
                    ])
                }
                #expect(error?.code == "temporary_storage")
                // Nine thousand rows and more: the other thread was at work.
                #expect((taken.withLock { $0 } > 9 * RowBatch.capacity) == (length == 40), "\(length)")
            }
        }
    }

    /// The warehouse has failed while a thousand was being compared: who stops the feed waits for what is under way.
    @Test func afterAStopNothingIsTold() async throws {
        let rows = Self.people(11 * RowBatch.capacity)
        let (reader, stopper) = (WatchedThread(), WatchedThread())
        let (began, proceed) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let told = Mutex([String]())
        let feed = DiffFeed(MixedAudience(.email, count: 0, seed: 1).makeDiff(), parts: 1) { _ in
            if reader.isCurrent { return }
            began.signal()
            proceed.wait()
            told.withLock { $0.append("compared") }
        }
        try await Threads.run([
            {
                reader.watchCurrent()
                try feed.take(rows)
            }
        ])
        try await Threads.run([
            {
                began.wait()
                stopper.watchCurrent()
                feed.stop()
                told.withLock { $0.append("stopped") }
            },
            {
                #expect(stopper.waits(seconds: 60))
                for _ in 0..<8 { proceed.signal() }
            },
        ])
        #expect(told.withLock { $0 } == ["compared", "compared", "stopped"])
    }

    /// The last rows are compared by the other thread when the reading has ended: the task that waits for it holds no thread.
    @Test func aTaskLeavesItsThreadToOthersWhileItWaits() async throws {
        let rows = Self.people(11 * RowBatch.capacity)
        let diff = MixedAudience(.email, count: 0, seed: 1).makeDiff()
        let (reader, proceed) = (WatchedThread(), DispatchSemaphore(value: 0))
        let feed = DiffFeed(diff, parts: 1) { _ in if !reader.isCurrent { proceed.wait() } }
        let thread = OneThread()
        try await Task(executorPreference: thread) {
            try await feed.during {
                try await Threads.run([
                    {
                        reader.watchCurrent()
                        try feed.take(rows)
                    }
                ])
                // Gets the only thread when this task lets go of it.
                Task(executorPreference: thread) { for _ in 0..<8 { proceed.signal() } }
            }
        }.value
        #expect(diff.counts.rowsRead == rows.count)
    }

    private static func people(_ count: Int) -> [MixedAudience.Row] {
        (0..<count).map { .init(email: .init("p\($0)@example.com"), userID: .init(nil)) }
    }
}

/// Runs tasks on one thread at a time.
private final class OneThread: TaskExecutor {
    private let queue = DispatchQueue(label: "tests.one-thread")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

extension DiffFeed {
    fileprivate func take(_ rows: some Sequence<MixedAudience.Row>, _ part: Int = 0) throws {
        for row in rows { try row.give { try self.row(part, $0, $1) } }
    }
}
