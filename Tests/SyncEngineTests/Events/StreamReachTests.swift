import RollcallCore
import Testing

@testable import SyncEngine

/// How far back the looks of a stream read, and what they count.
@Suite struct StreamReachTests {
    @Test func eachLengthIsReadOnceInItsOwnTime() {
        var reach = StreamReach(overlap: 900_000_000, poll: .seconds(1))
        var seconds: [Int64: [Int]] = [:]
        for second in 0..<1900 {
            let length = reach.next(now: .seconds(second), isWhole: false) ?? 900_000_000
            seconds[length / 1_000_000, default: []].append(second)
        }
        #expect(seconds[900] == [0, 900, 1800])
        #expect(seconds[320]?.prefix(3) == [320, 640, 1220], "\(seconds[320] ?? [])")
        #expect(seconds[80]?.first == 80 && seconds[20]?.first == 20 && seconds[5]?.first == 1)
        // The rows that are read again are few: about as many seconds of them for each length as pass.
        let again = seconds.reduce(0) { $0 + Int($1.key) * $1.value.count }
        #expect(again < 1900 * 10 && seconds.keys.sorted() == [5, 20, 80, 320, 900], "\(again)")
    }

    @Test func allOfTheOverlapIsReadWhereItIsShortOrAskedFor() {
        var short = StreamReach(overlap: 3_000_000, poll: .seconds(5))
        #expect(short.next(now: .zero, isWhole: false) == nil && short.next(now: .seconds(1), isWhole: false) == nil)
        var steps = StreamReach.whole
        #expect(steps.next(now: .zero, isWhole: false) == nil)
        var long = StreamReach(overlap: 900_000_000, poll: .seconds(5))
        _ = long.next(now: .zero, isWhole: false)
        #expect(long.next(now: .seconds(1), isWhole: false) == 10_000_000, "no less than two polls")
        #expect(long.next(now: .seconds(2), isWhole: true) == nil)
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

/// What a stream remembers between its looks.
@Suite struct StreamFollowerTests {
    private static func follower() -> StreamFollower {
        var settings = StreamSettings()
        settings.pollSeconds = 5
        return StreamFollower(settings, EventSettings.Cursor(column: "seen"), isTime: true)
    }

    @Test func whereNothingComesTheLooksGetRarer() {
        var follower = Self.follower()
        let pauses = (0..<5).map { _ in follower.pause(hasFound: false, isFull: false, elapsed: .seconds(1)) }
        #expect(pauses == [4, 9, 19, 29, 29].map { .seconds($0) })
        #expect(follower.pause(hasFound: true, isFull: false, elapsed: .seconds(1)) == .seconds(4))
        #expect(follower.pause(hasFound: true, isFull: true, elapsed: .seconds(1)) == .zero)
        #expect(follower.pause(hasFound: false, isFull: false, elapsed: .seconds(7)) == .zero)
    }
}
