import Dispatch
import Foundation
import RollcallCore
import SeededRandom
import Synchronization
import Testing
import Warehouse

@testable import SyncEngine

/// Rows with content arrive as they are and in order, whichever thread takes them.
@Suite(.timeLimit(.minutes(5)))
struct RowFeedTests {
    // MARK: Rows

    /// A row as a text, which tells every value and NULL apart.
    private static func text(
        _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>, _ bucket: Int
    ) -> String {
        let identifiers = [email, userID].map { cell in
            "\(cell.bytes.map { String(decoding: $0, as: UTF8.self) } ?? "NULL") \(cell.isIdentifier)"
        }
        let values = cells.map { cell in
            switch cell {
            case .text(let value): "text \(String(decoding: value, as: UTF8.self))"
            case .json(let value): "json \(String(decoding: value, as: UTF8.self))"
            case .decimal(let value): "decimal \(String(decoding: value, as: UTF8.self))"
            default: "\(cell)"
            }
        }
        return (identifiers + values + ["\(bucket)"]).joined(separator: "|")
    }

    /// Rows that are made one after another in one buffer, as a warehouse has them: what is kept without a copy is spoilt.
    private final class Source {
        let columns: Int
        /// Longest value of most rows; one row of five hundred has one that is larger than a batch.
        let longest: Int
        private var random = SeededGenerator(seed: 7)
        private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 22, alignment: 1)

        init(columns: Int, longest: Int) {
            self.columns = columns
            self.longest = longest
        }

        deinit { buffer.deallocate() }

        func give(_ number: Int, _ body: RowFeed.Body) throws {
            var used = 0
            func value(_ length: Int) -> UnsafeRawBufferPointer {
                let start = used
                for _ in 0..<length {
                    buffer[used] = UInt8(truncatingIfNeeded: 97 + random.next() % 26)
                    used += 1
                }
                return UnsafeRawBufferPointer(rebasing: buffer[start..<used])
            }
            func length() -> Int { Int(random.next() % UInt64(longest + 1)) }
            let isLarge = number % 500 == 499
            let email = AudienceCell(bytes: isLarge ? value(RecordBatch.room + 1) : value(length()))
            let userID = number % 3 == 0 ? .null : AudienceCell(bytes: value(length()), isIdentifier: number % 5 > 0)
            let cells = (0..<columns).map { place -> RecordCell in
                switch (number + place) % 9 {
                case 0: .null
                case 1: .integer(Int64(number))
                case 2: .decimal(value(length()))
                case 3: .real(Double(number) / 3)
                case 4: .boolean(number % 2 == 0)
                case 5: .json(value(length()))
                case 6: .text(value(0))
                case 7: .timestamp(microseconds: Int64(number))
                default: .text(value(length()))
                }
            }
            try cells.withUnsafeBufferPointer { try body(email, userID, $0, number) }
        }
    }

    /// What a feed has taken.
    private final class Taken: Sendable {
        private let state = Mutex((rows: [String](), elsewhere: 0))
        let reader = WatchedThread()

        func add(_ row: String) {
            state.withLock { state in
                state.rows.append(row)
                if !reader.isCurrent { state.elsewhere += 1 }
            }
        }

        var rows: [String] { state.withLock { $0.rows } }
        /// Rows that another thread than the reader took.
        var elsewhere: Int { state.withLock { $0.elsewhere } }
    }

    /// Reads rows on another thread, which feeds.
    private static func read(
        _ rows: Int, columns: Int, longest: Int = 12, into feed: RowFeed, _ taken: Taken,
        seen: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws {
        try await feed.during {
            try await Threads.run([
                {
                    taken.reader.watchCurrent()
                    let source = Source(columns: columns, longest: longest)
                    for number in 0..<rows {
                        try source.give(number) { email, userID, cells, bucket in
                            seen(text(email, userID, cells, bucket))
                            try feed.row(email, userID, cells, bucket: bucket)
                        }
                    }
                }
            ])
        }
    }

    private final class Collected: Sendable {
        private let rows = Mutex([String]())
        func add(_ row: String) { rows.withLock { $0.append(row) } }
        var all: [String] { rows.withLock { $0 } }
    }

    /// Few and many columns, short and long values, and rows that are larger than a batch among them.
    @Test(arguments: [(0, 10), (1, 40), (20, 12), (20, 3000), (400, 8)])
    func rowsArriveAsTheyAreAndInOrder(columns: Int, longest: Int) async throws {
        let (taken, given) = (Taken(), Collected())
        let feed = RowFeed(columns: columns, reading: 1, available: 2) { taken.add(Self.text($0, $1, $2, $3)) }
        try await Self.read(6000, columns: columns, longest: longest, into: feed, taken) { given.add($0) }
        let (found, expected) = (taken.rows, given.all)
        #expect(found.count == expected.count)
        #expect(zip(found, expected).first { $0 != $1 }?.0 == nil)
        #expect(taken.elsewhere > 3000, "the other thread was at work")
    }

    @Test(arguments: [0, 1, RowFeed.few])
    func theReaderTakesTheRowsOfSmallSources(rows: Int) async throws {
        let taken = Taken()
        let feed = RowFeed(columns: 2, reading: 1, available: 2) { taken.add(Self.text($0, $1, $2, $3)) }
        try await Self.read(rows, columns: 2, into: feed, taken)
        #expect(taken.rows.count == rows)
        #expect(taken.elsewhere == 0)
    }

    /// A server that reads, and whoever compares, keep two processors busy.
    @Test func withoutAProcessorForItNoOtherThreadTakesRows() async throws {
        let (taken, given) = (Taken(), Collected())
        let feed = RowFeed(columns: 2, reading: 2, available: 2) { taken.add(Self.text($0, $1, $2, $3)) }
        try await Self.read(6000, columns: 2, into: feed, taken) { given.add($0) }
        #expect(taken.rows == given.all)
        #expect(taken.elsewhere == 0)
    }

    // MARK: Errors

    private struct Stop: Error {}

    /// The error comes from a row that the reader takes, from one of a batch, from one that goes alone, and from the last one.
    @Test(arguments: [1, RowFeed.few, RowFeed.few + 1, 4000, 5000, 5999, 6000])
    func afterAnErrorNoRowIsTaken(failing: Int) async throws {
        let (taken, given) = (Taken(), Collected())
        let feed = RowFeed(columns: 3, reading: 1, available: 2) {
            taken.add(Self.text($0, $1, $2, $3))
            if $3 + 1 == failing { throw Stop() }
        }
        await #expect(throws: Stop.self) {
            try await Self.read(6000, columns: 3, into: feed, taken) { given.add($0) }
        }
        #expect(taken.rows.count == failing)
        // No more than the batches that waited, and the one that was being filled.
        #expect(given.all.count <= failing + (BatchWorker.ring + 1) * RecordBatch.mostRows)
    }

    /// The warehouse fails while a batch is being taken: the reading ends when no row is being taken any more.
    @Test func afterAReadingThatFailedNoRowIsTaken() async throws {
        let taken = Taken()
        let (began, proceed) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let feed = RowFeed(columns: 1, reading: 1, available: 2) {
            if $3 == RowFeed.few {
                began.signal()
                proceed.wait()
            }
            taken.add(Self.text($0, $1, $2, $3))
        }
        await #expect(throws: Stop.self) {
            try await feed.during {
                try await Threads.run([
                    {
                        let source = Source(columns: 1, longest: 12)
                        for number in 0..<(RowFeed.few + 2 * RecordBatch.mostRows) {
                            try source.give(number) { try feed.row($0, $1, $2, bucket: $3) }
                        }
                        began.wait()
                        Thread.detachNewThread {
                            usleep(20_000)
                            proceed.signal()
                        }
                        throw Stop()
                    }
                ])
            }
        }
        #expect(
            taken.rows.count == RowFeed.few + RecordBatch.mostRows, "one batch was handed, the other one is dropped")
    }
}
