import Foundation
import RollcallCore
import Synchronization
import TestSupport
import Testing

/// Runs beside a program that reloads their source without end.
@Suite(.timeLimit(.minutes(10))) struct SQLiteReloadTests {
    private static let ways = [
        "DELETE FROM people; INSERT INTO people SELECT * FROM source;",
        "DROP TABLE people; CREATE TABLE people AS SELECT * FROM source;",
        """
        CREATE TABLE people_next AS SELECT * FROM source; ALTER TABLE people RENAME TO people_old;
        ALTER TABLE people_next RENAME TO people; DROP TABLE people_old;
        """,
    ]

    /// What the reloader and the runs know of each other.
    private final class Reloader: Sendable {
        let isOver = Atomic(false)
        let reloads = Atomic(0)
    }

    @Test(arguments: ways, ["DELETE", "WAL"])
    func aRunBesideAReloaderChangesNothing(_ way: String, _ mode: String) async throws {
        let bench = try await Bench { sync, _ in
            sync.audience = .query("SELECT email FROM people UNION SELECT email FROM more", file: nil)
        }
        _ = try await bench.fixture.query("PRAGMA journal_mode = \(mode)")
        try await bench.setAudience(addresses(1...800))
        try await bench.fixture.execute(
            """
            CREATE TABLE source AS SELECT * FROM people; CREATE TABLE more (email TEXT);
            INSERT INTO more VALUES ('more@example.com')
            """)
        try await bench.run()
        let reloader = Reloader()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !reloader.isOver.load(ordering: .relaxed) {
                    try await bench.fixture.execute("BEGIN IMMEDIATE; \(way) COMMIT")
                    reloader.reloads.add(1, ordering: .relaxed)
                }
            }
            for _ in 0..<25 {
                let run = try await bench.run()
                #expect(run.status == .succeeded && run.counts.audience == 801, "\(run)")
                #expect(run.counts.planned.total == 0, "\(run)")
            }
            reloader.isOver.store(true, ordering: .relaxed)
            try await group.waitForAll()
        }
        #expect(reloader.reloads.load(ordering: .relaxed) > 0)
        #expect(bench.iterable.members(1).count == 801)
    }
}
