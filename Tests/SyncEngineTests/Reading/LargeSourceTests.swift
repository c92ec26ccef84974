import RollcallCore
import SeededRandom
import TestSupport
import Testing
import Warehouse

@testable import SyncEngine

/// A source that is large enough for two threads is planned as by one.
@Suite(.timeLimit(.minutes(10))) struct LargeSourceTests {
    /// With SQLite another thread compares, where the machine has two processors; with ``FailingWarehouse``, whose readings keep two
    /// processors busy, the same rows are compared by the thread that reads, where it has no more.
    @Test(arguments: [
        RecordReadingBench.Records.users(.email, hasKey: true, .delete), .users(.hybrid, hasKey: true, .clear),
        .items(.mirror, .replace),
    ])
    func bothWaysPlanTheSame(_ records: RecordReadingBench.Records) async throws {
        try await RecordReadingBench.with(records, people: 3 * RowFeed.few) { bench in
            try await bench.run(.all)
            var random = SeededGenerator(seed: 5)
            for _ in 0..<100 { try await bench.disturb(&random) }
            try await bench.fixture.execute(
                """
                UPDATE things SET plan = 'pro' WHERE n % 7 = 0;
                DELETE FROM things WHERE n % 11 = 0;
                INSERT INTO things SELECT n + 100000, id, email, user_id, 'two', city, orders, changed FROM things WHERE n % 13 = 0
                """)
            let oneThread = FailingWarehouse(bench.fixture.warehouse)
            #expect(bench.fixture.warehouse.readingProcessors == 1 && oneThread.readingProcessors == 2)
            let two = try RecordReadingBench.Contents(try await bench.pipeline(.all, cache: nil).plan())
            let one = try RecordReadingBench.Contents(
                try await bench.pipeline(.all, cache: nil, warehouse: oneThread).plan())
            #expect(one.counts.rowsRead > 2 * RowFeed.few && one.counts.planned.total > 50)
            #expect(two.counts == one.counts)
            #expect(two == one)
        }
    }
}
