import Foundation
import RollcallCore
import Testing

@testable import SyncEngine

/// How far back the looks of a stream read, and what they count.
@Suite struct StreamReachTests {
    /// Microseconds of a second.
    private static let second: Int64 = 1_000_000

    @Test func eachLengthIsReadOnceInItsOwnTime() {
        var reach = StreamReach(overlap: 900 * Self.second, poll: .seconds(1))
        var seconds: [Int64: [Int]] = [:]
        var read: Int64 = 0
        for second in 0..<1900 {
            let bound = reach.next(now: .seconds(second), isWhole: false)
            let (now, start) = (Int64(second) * Self.second, bound.start ?? -900 * Self.second)
            read += now - start
            let length = bound.isWhole ? 900 : Int64((Double(now - start) / 1e6).rounded())
            seconds[length, default: []].append(second)
            reach.hasRead(bound, watermark: now, now: .seconds(second))
        }
        #expect(seconds[900] == [0, 900, 1800], "\(seconds[900] ?? [])")
        // Each length is read from where it was read last, and as far back as it is long.
        #expect(seconds.keys.sorted() == [6, 40, 160, 640, 900], "\(seconds.keys.sorted())")
        // The rows that are read again are few: for each length some seconds of them for each second that passes.
        #expect(read / Self.second < 1900 * 16, "\(read / Self.second)")
    }

    /// A row that becomes visible late, but not later than the overlap, is found, and the sooner, the less late it is.
    @Test(arguments: [1, 3, 7, 19, 60, 130, 400, 899]) func whatBecomesVisibleLateIsFound(_ late: Int) {
        for offset in 0..<950 {
            var reach = StreamReach(overlap: 900 * Self.second, poll: .seconds(1))
            let (position, visible) = (1000 + offset, 1000 + offset + late)
            var found: Int?
            for now in 0..<4000 where found == nil {
                let bound = reach.next(now: .seconds(now), isWhole: false)
                let start = bound.start ?? Int64(now - 900) * Self.second
                if let still = bound.stillRead { #expect(still <= start, "what is read later is kept") }
                if now >= visible, start <= Int64(position) * Self.second { found = now }
                reach.hasRead(bound, watermark: Int64(now) * Self.second, now: .seconds(now))
            }
            #expect(
                found.map { $0 <= visible + max(5, 4 * late) } ?? false,
                "late \(late), offset \(offset): \(found ?? -1)")
        }
    }

    @Test func allOfTheOverlapIsReadWhereItIsShortOrAskedFor() {
        var short = StreamReach(overlap: 3 * Self.second, poll: .seconds(5))
        #expect(short.next(now: .zero, isWhole: false).isWhole)
        short.hasRead(short.next(now: .zero, isWhole: false), watermark: 100 * Self.second, now: .zero)
        #expect(short.next(now: .seconds(1), isWhole: true).start == 97 * Self.second)
        #expect(StreamReach.whole.next(now: .zero, isWhole: false) == StreamReach.Bound())
        var long = StreamReach(overlap: 900 * Self.second, poll: .seconds(5))
        long.hasRead(long.next(now: .zero, isWhole: false), watermark: 1000 * Self.second, now: .zero)
        let near = long.next(now: .seconds(1), isWhole: false)
        #expect(near.start == 990 * Self.second && !near.isWhole, "no less than two polls")
        #expect(near.stillRead == 100 * Self.second)
        #expect(long.next(now: .seconds(2), isWhole: true).isWhole)
        // A look that was broken off has read nothing for certain.
        #expect(long.next(now: .seconds(901), isWhole: false).isWhole)
        #expect(long.next(now: .seconds(902), isWhole: false).isWhole)
    }

    @Test func rowsCountOnceUntilMoreOfThemAreMet() {
        let counted = CountedRows()
        counted.begin()
        #expect(counted.add(7, at: 10) == 1 && counted.add(7, at: 10) == 1)
        counted.begin()
        #expect(counted.add(7, at: 10) == 1, "what was met was not kept")
        #expect(counted.add(7, rows: 2, at: 12) == 2)
        counted.keep()
        counted.begin()
        #expect(counted.add(7, rows: 3, at: 10) == 0 && counted.add(7, at: 10) == 1)
        counted.keep()
        counted.forget(below: 12)
        #expect(counted.add(7, at: 10) == 0, "one of them was met at 12")
        counted.begin()
        counted.forget(below: 13)
        #expect(counted.add(7, at: 10) == 1)
    }
}

/// How long a stream waits between its looks, and when it spares one.
@Suite struct StreamPaceTests {
    private static func pace() -> StreamPace {
        var settings = StreamSettings()
        settings.pollSeconds = 5
        return StreamPace(settings, overlap: 900_000_000)
    }

    @Test func whereNothingComesTheLooksGetRarer() {
        var pace = Self.pace()
        let pauses = (0..<5).map { _ in pace.pause(hasFound: false, isFull: false, elapsed: .seconds(1)) }
        #expect(pauses == [4, 9, 19, 29, 29].map { .seconds($0) })
        #expect(pace.pause(hasFound: true, isFull: false, elapsed: .seconds(1)) == .seconds(4))
        #expect(pace.pause(hasFound: true, isFull: true, elapsed: .seconds(1)) == .zero)
        #expect(pace.pause(hasFound: false, isFull: false, elapsed: .seconds(7)) == .zero)
    }

    @Test func whatWasReadWholeIsNotReadAgainBeforeSomethingIsCommitted() {
        var pace = Self.pace()
        var answers = [pace.mayHaveNew(false, now: .seconds(1))]
        pace.looked(pace.bound(now: .seconds(1), isWhole: false), isCut: false, watermark: 7, began: .seconds(1))
        answers += [pace.mayHaveNew(false, now: .seconds(2)), pace.mayHaveNew(true, now: .seconds(3))]
        // The shortest look has read little of the overlap.
        pace.looked(pace.bound(now: .seconds(9), isWhole: false), isCut: false, watermark: 8, began: .seconds(9))
        answers.append(pace.mayHaveNew(false, now: .seconds(10)))
        pace.looked(pace.bound(now: .seconds(10), isWhole: true), isCut: true, watermark: 8, began: .seconds(10))
        answers.append(pace.mayHaveNew(false, now: .seconds(11)))
        #expect(answers == [true, false, true, true, true])
        #expect(pace.latestLook(at: Date(timeIntervalSince1970: 100), now: .seconds(12)) == nil)
    }
}
