import Foundation
import RollcallCore
import TemporaryFolders
import TestSupport
import Testing
import Warehouse

@testable import SyncEngine

/// Which rows are fetched when rows are read by bucket.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ReadChangedTests {
    private static let people = 2000

    /// A list of people who are all acknowledged, whose buckets the local cache knows.
    private static func settled(
        _ type: ProjectType = .hybrid, _ body: (ReadingBench) async throws -> Void
    ) async throws {
        try await ReadingBench.with(type, people: people) { bench in
            try await bench.run()
            let second = try await bench.run()
            #expect(second.read?.mode == .grouped && second.counts.planned.total == 0)
            try await body(bench)
        }
    }

    private static func bytes(_ bench: ReadingBench, _ what: String) async throws -> (changed: Int64, all: Int64) {
        let (changed, all) = try await bench.compare(what)
        #expect(changed.mode == .changed && all.mode == .all, "\(what)")
        return (try #require(changed.bytes), try #require(all.bytes))
    }

    @Test func whereNothingChangedOnlyDigestsCome() async throws {
        try await Self.settled { bench in
            let (changed, all) = try await Self.bytes(bench, "nothing changed")
            #expect(changed * 20 < all, "\(changed) of \(all) bytes")
            let run = try await bench.run()
            #expect(run.counts.rowsRead == Self.people && run.counts.unchanged == Self.people)
            #expect(run.read?.mode == .changed && run.requests.sent == 0)
            let stored = try #require(try await bench.fixture.warehouse.run(id: run.id))
            #expect(stored.read == run.read)
        }
    }

    @Test func whyAllRowsOfASmallListComeIsSaid() async throws {
        let folder = try TemporaryFolders.path("cache").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let bench = try await Bench(cache: SnapshotCache(folder: folder, leastMembers: 100)) { sync, _ in
            sync.read = .changed
        }
        try await bench.setAudience(addresses(1...3))
        var reasons: [String] = []
        for _ in 0..<2 {
            guard case .ran(let run) = await bench.pipeline().run(RunRequest()) else {
                Issue.record("it did not run")
                return
            }
            reasons.append(run.read?.reason ?? "")
        }
        #expect(reasons.first?.hasPrefix("Nothing of the source was sent yet") == true, "\(reasons)")
        #expect(reasons.last?.hasPrefix("A list of fewer than 100 members has no local cache") == true, "\(reasons)")
    }

    @Test func aRowThatChangedBringsItsBucketAndIsKnownAfterwards() async throws {
        try await Self.settled { bench in
            try await bench.fixture.execute("UPDATE people SET email = 'other@example.com' WHERE n = 7")
            let (before, all) = try await Self.bytes(bench, "one row changed")
            #expect(before * 4 < all)
            let run = try await bench.run()
            #expect(run.counts.planned == PerOperation(subscribe: 1))
            // Until then the new row shared its userId with the member whom it replaced.
            try await bench.run()
            let (after, _) = try await Self.bytes(bench, "after the run")
            #expect(after < before, "what was read has been acknowledged: \(after) of \(before) bytes")
        }
    }

    /// Case and blanks make other rows of the same people: they are fetched once, and known then.
    @Test func rowsThatAreWrittenDifferentlyAreFetchedOnce() async throws {
        try await Self.settled { bench in
            try await bench.fixture.execute("UPDATE people SET email = upper(email) WHERE n = 7")
            let (before, _) = try await Self.bytes(bench, "upper case")
            #expect(try await bench.run().counts.planned.total == 0)
            let (after, _) = try await Self.bytes(bench, "known")
            #expect(after < before)
        }
    }

    /// Invalid rows, duplicates, people whom Iterable refuses or of whom it gave no answer: their buckets come each time.
    @Test(arguments: [
        "UPDATE people SET email = 'nobody' WHERE n = 7",
        "INSERT INTO people (email, user_id) SELECT email, user_id FROM people WHERE n = 7",
        "INSERT INTO people (email, user_id) SELECT upper(email), user_id FROM people WHERE n = 7",
        "UPDATE people SET email = NULL, user_id = NULL WHERE n = 7",
        "UPDATE people SET user_id = 'u8' WHERE n = 7",
        "UPDATE people SET email = 'refused@example.com' WHERE n = 7",
    ])
    func whatIsNotOneAcknowledgedMemberIsFetchedEachTime(_ statement: String) async throws {
        try await Self.settled { bench in
            let (none, _) = try await Self.bytes(bench, "nothing changed")
            bench.iterable.setFate { _, _ in
                .refuse(["refused@example.com": .rejected(FailureReason(code: "forgotten", reason: "Forgotten."))])
            }
            try await bench.fixture.execute(statement)
            for round in 0..<3 {
                let (changed, _) = try await Self.bytes(bench, "\(statement), round \(round)")
                #expect(changed > none, "\(statement), round \(round)")
                try await bench.run()
            }
        }
    }

    @Test func membersInDoubtAreFetchedUntilTheyAreAcknowledged() async throws {
        try await Self.settled(.email) { bench in
            try await bench.fixture.execute("UPDATE people SET email = 'doubt@example.com' WHERE n = 7")
            bench.iterable.setFate { _, _ in .loseAfter }
            try await bench.run()
            let (_, _) = try await Self.bytes(bench, "in doubt")
            bench.iterable.setFate { _, _ in .ok }
            bench.clock.advance(by: .seconds(200))
            #expect(try await bench.run().counts.planned.subscribe == 1, "sent again")
            let (known, _) = try await Self.bytes(bench, "acknowledged")
            try await bench.run()
            let (later, _) = try await Self.bytes(bench, "and known")
            #expect(later <= known)
        }
    }

    /// (email, userId) that shares an identifier with a person whose bucket is passed over.
    @Test func aNewRowThatSharesAnIdentifierMeetsWhoeverHasIt() async throws {
        try await Self.settled { bench in
            try await bench.fixture.execute(
                """
                INSERT INTO people (email, user_id) VALUES ('p7@example.com', NULL), ('another@example.com', 'u9'),
                    ('p11@example.com', 'v1'), ('p11@example.com', 'v2'), ('p11@example.com', 'v3'), ('p11@example.com', 'v4')
                """)
            try await bench.compare("shared identifiers")
            try await bench.run()
            try await bench.compare("afterwards")
            try await bench.fixture.execute("DELETE FROM people WHERE n > \(Self.people)")
            try await bench.compare("alone again")
        }
    }

    /// A member whose removal failed must not stand for the row that took the place of theirs.
    @Test func aMemberWhoseRemovalFailedIsNotTakenForAnotherRow() async throws {
        try await Self.settled(.email) { bench in
            try await bench.fixture.execute("UPDATE people SET email = 'nobody' WHERE n = 7")
            bench.iterable.setFate { request, _ in
                guard request.operation == .unsubscribe else { return .ok }
                let failure = FailureReason(code: "no", reason: "Not now.")
                return .refuse(["p7@example.com": .failed(failure)])
            }
            for round in 0..<3 {
                try await bench.run()
                try await bench.compare("round \(round)")
            }
            bench.iterable.setFate { _, _ in .ok }
            #expect(try await bench.run().counts.succeeded.unsubscribe == 1)
        }
    }

    // MARK: What makes all rows come

    @Test func anotherQueryMappingTypeOrEncodingReadsEverything() async throws {
        try await Self.settled { bench in
            func mode(_ change: (inout SyncSettings) -> Void) async throws -> AudienceRead.Mode {
                try await bench.compare("another source", change: change).changed.mode
            }
            #expect(try await mode { _ in } == .changed)
            #expect(try await mode { $0.audience = .query("SELECT * FROM people", file: nil) } == .grouped)
            #expect(try await mode { $0.mapping = ColumnMapping(userID: "user_id") } == .grouped)
            try await bench.fixture.execute("ALTER TABLE people ALTER COLUMN user_id TYPE varchar COLLATE \"C\"")
            #expect(try await mode { _ in } == .grouped)
        }
    }

    @Test func anotherServerReadsEverything() async throws {
        try await Self.settled { bench in
            let other = FailingWarehouse(bench.fixture.warehouse, upgrade: " and a half")
            let plan = try await bench.pipeline(.changed, cache: bench.cache, warehouse: other).plan()
            #expect(plan.read?.mode == .grouped && plan.counts.unchanged == Self.people)
        }
    }

    /// A query that gives other rows in each statement is read once, whole, and nothing is kept of its digests.
    @Test func aSourceWithoutOneResultIsReadWhole() async throws {
        try await Self.settled { bench in
            func change(_ sync: inout SyncSettings) {
                sync.audience = .query(
                    """
                    SELECT email, user_id FROM people
                    UNION ALL SELECT 'r' || (random() * 1e15)::bigint || '@example.com', NULL
                    """, file: nil)
            }
            for round in 0..<3 {
                let run = try await bench.run(change: change)
                #expect(run.read?.mode == .fallback && run.counts.rowsRead == Self.people + 1, "\(round): \(run)")
                #expect(
                    run.counts.planned == PerOperation(subscribe: 1, unsubscribe: round == 0 ? 0 : 1),
                    "\(round): \(run)")
            }
            try await bench.compare("another source")
        }
    }

    /// A run that changes many people keeps what is known of the rows of the others.
    @Test func aRunThatChangesMuchKeepsTheBuckets() async throws {
        try await Self.settled(.email) { bench in
            try await bench.fixture.execute("UPDATE people SET email = 'moved' || n || '@example.com' WHERE n % 8 = 0")
            let run = try await bench.run()
            #expect(run.read?.mode == .changed && run.counts.planned.subscribe == Self.people / 8, "\(run)")
            _ = try await Self.bytes(bench, "afterwards")
            try await bench.run()
            let (known, all) = try await Self.bytes(bench, "and known")
            #expect(known * 20 < all, "\(known) of \(all) bytes")
        }
    }

    @Test func fullRunsAndThoseThatTryAgainReadEverything() async throws {
        try await Self.settled { bench in
            let full = try await bench.compare("full", full: true)
            let again = try await bench.compare("again", retryRejected: true)
            #expect(full.changed.mode == .all && again.changed.mode == .all)
        }
    }

    @Test func withoutTheLocalCacheEverythingIsRead() async throws {
        try await Self.settled { bench in
            try bench.loseCache()
            #expect(try await bench.compare("no cache").changed.mode == .all)
            #expect(try await bench.run().read?.mode == .grouped)
            #expect(try await bench.run().read?.mode == .changed)
        }
    }

    /// A plan writes nothing, not even what it has found out of the rows.
    @Test func aPlanLeavesTheCacheAlone() async throws {
        try await Self.settled { bench in
            try await bench.fixture.execute("UPDATE people SET email = 'other@example.com' WHERE n = 7")
            func files() throws -> [Data] {
                try FileManager.default.contentsOfDirectory(atPath: bench.cache.folder).sorted().map {
                    try Data(contentsOf: URL(filePath: bench.cache.folder + "/" + $0))
                }
            }
            let before = try files()
            try await bench.compare("planned only")
            #expect(try files() == before)
        }
    }

    /// What `auto` takes is noted with each run, with its cost and a reason.
    @Test func autoTriesBoth() async throws {
        try await ReadingBench.with(.email, people: Self.people) { bench in
            var modes: [AudienceRead.Mode] = []
            for _ in 0..<6 {
                let read = try #require(try await bench.run(.auto).read)
                #expect(!read.reason.isEmpty && read.bytes.map { $0 > 0 } == true)
                modes.append(read.mode)
            }
            #expect(modes[..<5] == [.all, .all, .all, .grouped, .changed], "\(modes)")
        }
    }
}
