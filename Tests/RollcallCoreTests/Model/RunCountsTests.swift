import Foundation
import RollcallCore
import Testing

@Suite struct RunCountsTests {
    private func counts(planned: (Int, Int), succeeded: (Int, Int) = (0, 0)) -> RunCounts {
        var counts = RunCounts()
        counts.planned = PerOperation(subscribe: planned.0, unsubscribe: planned.1)
        counts.succeeded = PerOperation(subscribe: succeeded.0, unsubscribe: succeeded.1)
        return counts
    }

    @Test func whatHasNoOutcomeWasNotAttempted() {
        var counts = counts(planned: (10, 5), succeeded: (4, 5))
        counts.unknown.subscribe = 1
        counts.closeRecords()
        #expect(counts.notAttempted == PerOperation(subscribe: 5, unsubscribe: 0))
        #expect(counts.balances)
    }

    @Test func whatHasNoOutcomeMayHaveBeenSent() {
        var counts = counts(planned: (10, 5), succeeded: (4, 5))
        counts.doubtRecords()
        #expect(counts.unknown == PerOperation(subscribe: 6, unsubscribe: 0))
        #expect(counts.balances)
    }

    /// planned, succeeded by operation; not attempted and unknown in all; then both by operation.
    @Test(arguments: [
        (planned: (10, 5), succeeded: (4, 0), totals: (4, 7), notAttempted: (0, 4), unknown: (6, 1)),
        (planned: (10, 5), succeeded: (3, 0), totals: (0, 0), notAttempted: (0, 0), unknown: (0, 0)),
        (planned: (2, 1), succeeded: (0, 0), totals: (3, 0), notAttempted: (2, 1), unknown: (0, 0)),
        (planned: (10, 10), succeeded: (5, 8), totals: (0, 2), notAttempted: (0, 0), unknown: (2, 0)),
        (planned: (1, 1), succeeded: (3, 0), totals: (0, 1), notAttempted: (0, 0), unknown: (0, 1)),
    ])
    func totalsOfEarlierVersionsAreSharedOut(
        planned: (Int, Int), succeeded: (Int, Int), totals: (Int, Int), notAttempted: (Int, Int), unknown: (Int, Int)
    ) {
        var counts = counts(planned: planned, succeeded: succeeded)
        counts.readTotals(notAttempted: totals.0, unknown: totals.1)
        #expect(counts.notAttempted == PerOperation(subscribe: notAttempted.0, unsubscribe: notAttempted.1))
        #expect(counts.unknown == PerOperation(subscribe: unknown.0, unsubscribe: unknown.1))
    }

    @Test func theStoredObjectIsReadBack() throws {
        var counts = counts(planned: (10, 5), succeeded: (4, 1))
        counts.unknown.unsubscribe = 2
        counts.closeRecords()
        var read = RunCounts()
        try read.readOperations(counts.operationsJSON(of: .list))
        #expect(read == counts)
        #expect(try counts.operationsJSON(of: .list).hasPrefix(#"{"subscribe":{"failed":0,"#))
        #expect(
            try RunCounts().operationsJSON(of: .catalog)
                == #"{"delete":{"failed":0,"not_attempted":0,"planned":0,"succeeded":0,"unknown":0},"#
                + #""put":{"failed":0,"not_attempted":0,"planned":0,"succeeded":0,"unknown":0}}"#)
    }

    @Test func whatIsMissingIsNothingAndOtherOperationsAreLeftOut() throws {
        var read = RunCounts()
        try read.readOperations(#"{"subscribe":{"planned":3,"succeeded":3},"forward":{"planned":9}}"#)
        #expect(read.planned == PerOperation(subscribe: 3, unsubscribe: 0) && read.balances)
    }

    @Test(arguments: ["", "{}", "[]", #"{"subscribe":{"planned":4}}"#, #"{"subscribe":null}"#])
    func theColumnsOfAListCountWhereTheObjectSaysOtherwise(_ json: String) {
        var read = counts(planned: (3, 0), succeeded: (3, 0))
        read.readListOperations(json)
        #expect(read.planned.subscribe == 3 && read.succeeded.subscribe == 3)
    }

    @Test func aRunWhoseProcessEndedBalances() {
        var run = SyncRun(
            id: "r", sync: "s", destination: "d", trigger: .manual, status: .running, startedAt: .distantPast)
        run.counts = counts(planned: (3, 2), succeeded: (1, 0))
        run.counts.rowsRead = 17
        run.interrupt(unknown: PerOperation(subscribe: 4, unsubscribe: 1), at: .distantFuture)
        #expect(run.counts.balances && run.status == .interrupted && run.finishedAt == .distantFuture)
        #expect(run.counts.planned == PerOperation(subscribe: 5, unsubscribe: 2), "the log has what was sent")
        #expect(run.counts.notAttempted == PerOperation(subscribe: 0, unsubscribe: 1))
    }
}
