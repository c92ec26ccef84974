import RollcallCore
import Testing

/// Which way of reading `auto` takes, by what earlier runs cost.
@Suite struct ReadChoiceTests {
    private static func read(_ mode: AudienceRead.Mode, _ seconds: Double, _ bytes: Int64? = nil) -> AudienceRead {
        AudienceRead(mode: mode, bytes: bytes, seconds: seconds, reason: "")
    }

    /// The newest comes first.
    private static func usesBuckets(_ runs: [AudienceRead]) -> Bool { ReadChoice.auto(runs).usesBuckets }

    @Test func atFirstAllRowsAreReadThenTheOtherWayIsTried() {
        var runs: [AudienceRead] = []
        for _ in 0..<3 {
            #expect(!Self.usesBuckets(runs))
            runs.insert(Self.read(.all, 3, 400), at: 0)
        }
        #expect(Self.usesBuckets(runs))
        // The first reading by bucket brings everything, and says nothing of the cost.
        runs.insert(Self.read(.grouped, 9, 500), at: 0)
        #expect(Self.usesBuckets(runs))
    }

    @Test(arguments: [
        // Less time decides, and between times within a tenth of each other the bytes.
        (2.0, 400, 3.0, 100, false), (3.0, 100, 2.0, 400, true), (3.0, 400, 3.2, 100, true),
        (3.0, 100, 3.2, 400, false),
        (3.0, 400, 2.8, 900, false), (3.0, 400, 3.31, 100, false),
    ])
    func whatCostLessIsTaken(_ line: (all: Double, allBytes: Int64, changed: Double, bytes: Int64, usesBuckets: Bool)) {
        let all = (0..<3).map { _ in Self.read(.all, line.all, line.allBytes) }
        let one = Self.read(.changed, line.changed, line.bytes)
        let runs = [one, one, Self.read(.grouped, 9, 900)] + all
        let choice = ReadChoice.auto(runs)
        #expect(choice.usesBuckets == line.usesBuckets)
        #expect(choice.reason.contains("cost less"))
    }

    @Test func withoutBytesTimeDecides() {
        let runs = [Self.read(.changed, 2.9)] + (0..<3).map { _ in Self.read(.all, 3) }
        #expect(Self.usesBuckets(runs))
    }

    /// An attempt that brings all rows costs more than reading them plainly, whatever one that succeeded once has cost.
    @Test(arguments: [AudienceRead.Mode.grouped, .fallback], [true, false])
    func twoAttemptsInVainAreFollowedByTwentyReadingsOfAllRows(_ mode: AudienceRead.Mode, hasSucceeded: Bool) {
        var runs = (0..<3).map { _ in Self.read(.all, 3, 400) }
        if hasSucceeded { runs.insert(Self.read(.changed, 1, 10), at: 0) }
        var tried: [Int] = []
        for run in 0..<70 {
            let usesBuckets = Self.usesBuckets(runs)
            if usesBuckets { tried.append(run) }
            runs.insert(usesBuckets ? Self.read(mode, 9, 500) : Self.read(.all, 3, 400), at: 0)
            runs = Array(runs.prefix(ReadChoice.history))
        }
        #expect(tried == [0, 1, 22, 23, 44, 45, 66, 67], "\(tried)")
    }

    /// A reading of what changed is the first one of a trial only behind twenty readings of all rows.
    @Test(arguments: [(1, false), (3, false), (19, false), (20, true), (30, true)])
    func onlyATrialAfterTwentyRunsIsRepeated(_ line: (readings: Int, usesBuckets: Bool)) {
        let earlier = [Self.read(.changed, 1, 100), Self.read(.changed, 1, 100)]
        let all = (0..<line.readings).map { _ in Self.read(.all, 2, 400) }
        let choice = ReadChoice.auto([Self.read(.changed, 5, 900)] + all + earlier + [Self.read(.all, 2, 400)])
        #expect(choice.usesBuckets == line.usesBuckets, "\(choice.reason)")
        #expect(choice.reason.contains("Reading all rows cost less") != line.usesBuckets, "\(choice.reason)")
    }

    /// Of twenty-one runs one takes the dearer way, or two where that is reading what changed.
    @Test(arguments: [true, false])
    func theDearerWayIsTriedAgain(changedIsLess: Bool) {
        var runs = (0..<3).map { _ in Self.read(.all, 3, 400) }
        var hasBuckets = false
        var dearer = 0
        var taken: [AudienceRead.Mode] = []
        for _ in 0..<200 {
            let mode: AudienceRead.Mode = Self.usesBuckets(runs) ? (hasBuckets ? .changed : .grouped) : .all
            // What a reading of all rows does not keep up, the next reading by bucket reads again.
            hasBuckets = mode != .all
            let seconds = mode == .grouped ? 9 : (mode == .changed) == changedIsLess ? 1.0 : 3.0
            runs.insert(Self.read(mode, seconds, 400), at: 0)
            runs = Array(runs.prefix(ReadChoice.history))
            taken.append(mode)
            if (mode == .all) == changedIsLess { dearer += 1 }
        }
        #expect((8...30).contains(dearer), "\(taken)")
        #expect(taken.suffix(60).contains(.all) && taken.suffix(60).contains(.changed))
    }
}
