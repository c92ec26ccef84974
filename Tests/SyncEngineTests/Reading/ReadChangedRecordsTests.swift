import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

@testable import SyncEngine

/// Which rows of users and catalogs are fetched when rows are read by bucket.
@Suite(.timeLimit(.minutes(10))) struct ReadChangedRecordsTests {
    typealias Bench = RecordReadingBench
    private static let people = 800

    /// Records that are all acknowledged, whose rows the local cache knows.
    private static func afterTwoRuns(
        _ records: Bench.Records = .users(.hybrid, hasKey: true, .keep), _ grouper: RecordGrouper = RecordGrouper(),
        adjust: @escaping @Sendable (inout Bench.Settings) -> Void = { _ in },
        _ body: (Bench) async throws -> Void
    ) async throws {
        try await Bench.with(records, people: people, grouper: grouper, adjust: adjust) { bench in
            let first = try await bench.run()
            #expect(first.read?.mode == .all && first.counts.planned.total == people, "\(first)")
            let second = try await bench.run()
            #expect(second.read?.mode == .grouped && second.counts.planned.total == 0, "\(second)")
            try await body(bench)
        }
    }

    @Test(arguments: [
        Bench.Records.users(.hybrid, hasKey: true, .keep), .users(.email, hasKey: false, .clear),
        .users(.email, hasKey: true, .delete), .users(.userID, hasKey: false, .keep), .items(.mirror, .replace),
    ])
    func whereNothingChangedNoRowComes(_ records: Bench.Records) async throws {
        try await Self.afterTwoRuns(records, adjust: { $0.catalog.verify = nil }) { bench in
            let read = try await bench.compare("nothing changed")
            #expect(read.changed.mode == .changed && read.rows == 0)
            #expect(read.changed.reason == "What changed is read, as configured." && read.all.mode == .all)
            let sent = bench.iterable.users.requests.count + bench.iterable.catalogs.requests.count
            let run = try await bench.run()
            #expect(run.counts.rowsRead == Self.people && run.counts.unchanged == Self.people)
            #expect(run.counts.audience == Self.people && run.read?.mode == .changed)
            #expect(bench.iterable.users.requests.count + bench.iterable.catalogs.requests.count == sent)
            #expect(try await bench.fixture.warehouse.run(id: run.id)?.read == run.read)
        }
    }

    @Test(arguments: RecordGrouper.Spread.allCases)
    func aRowThatChangedBringsItsBucketAndIsKnownAfterwards(_ spread: RecordGrouper.Spread) async throws {
        try await Self.afterTwoRuns(.users(.hybrid, hasKey: true, .keep), RecordGrouper(spread)) { bench in
            try await bench.fixture.execute("UPDATE things SET plan = 'pro' WHERE n = 7")
            let read = try await bench.compare("one row changed")
            #expect(read.rows > 0 && read.rows < Self.people / 2)
            let run = try await bench.run()
            #expect(run.counts.planned.total == 1 && run.counts.succeeded[.update] == 1, "\(run)")
            #expect(try await bench.compare("after the run").rows == 0)
        }
    }

    @Test func aPersonWhoIsGoneAndOneWhoIsNewAreFound() async throws {
        try await Self.afterTwoRuns(.users(.email, hasKey: true, .clear)) { bench in
            try await bench.fixture.execute(
                """
                DELETE FROM things WHERE n = 7;
                INSERT INTO things VALUES (9000, 9000, 'new@example.com', 'n9000', 'pro', NULL, 1, 1)
                """)
            let read = try await bench.compare("one gone, one new")
            #expect(read.changed.mode == .changed && read.contents.counts.planned[.clear] == 1)
            #expect(read.contents.counts.planned[.update] == 1)
        }
    }

    /// Invalid rows, several rows of a key or a person, and whom Iterable refuses: their buckets come each time.
    @Test(arguments: [
        "UPDATE things SET email = 'none', user_id = NULL WHERE n = 7",
        "UPDATE things SET email = 'none' WHERE n = 7",
        "UPDATE things SET id = NULL WHERE n = 7",
        "UPDATE things SET plan = '\(String(repeating: "y", count: 40_000))' WHERE n = 7",
        "INSERT INTO things SELECT 9000, id, email, user_id, plan, city, orders, changed FROM things WHERE n = 7",
        "INSERT INTO things SELECT 9000, id, email, user_id, 'pro', city, orders, changed FROM things WHERE n = 7",
        "INSERT INTO things SELECT 9000, 9000, email, user_id, plan, city, orders, changed FROM things WHERE n = 7",
        "UPDATE things SET email = 'p8@example.com' WHERE n = 7",
        "UPDATE things SET email = 'refused@example.com' WHERE n = 7",
    ])
    func whatIsNotOneAcknowledgedRecordIsFetchedEachTime(_ statement: String) async throws {
        try await Self.afterTwoRuns { bench in
            bench.iterable.users.setFate { _, _ in
                .refuse(["refused@example.com": .rejected(FailureReason(code: "forgotten", reason: "Forgotten."))])
            }
            try await bench.fixture.execute(statement)
            for round in 0..<3 {
                let read = try await bench.compare("\(statement.prefix(100)), round \(round)")
                #expect(read.changed.mode == .changed && read.rows > 0, "\(statement.prefix(100)), round \(round)")
                try await bench.run()
            }
        }
    }

    /// The row of a record that is passed over is not needed to decide between it and a row that comes.
    @Test func aNewRowMeetsRecordsThatArePassedOver() async throws {
        try await Self.afterTwoRuns(.users(.hybrid, hasKey: true, .delete)) { bench in
            try await bench.fixture.execute(
                """
                INSERT INTO things VALUES (9001, 9001, 'p7@example.com', NULL, 'pro', NULL, 1, 1),
                    (9002, 9002, 'other@example.com', 'u9', 'pro', NULL, 1, 1);
                INSERT INTO things SELECT 9003, 9003, email, user_id, plan, city, orders, changed FROM things WHERE n = 11;
                INSERT INTO things SELECT 9004, id, email, user_id, 'pro', city, orders, changed FROM things WHERE n = 12;
                UPDATE things SET email = 'none', user_id = 'u20' WHERE n = 19
                """)
            let read = try await bench.compare("records of one person")
            #expect(read.changed.mode == .changed && read.rows < Self.people)
            #expect(read.contents.counts.invalid >= 7 && read.contents.counts.duplicates == 1)
            try await bench.run()
            try await bench.compare("afterwards")
            try await bench.fixture.execute(
                """
                DELETE FROM things WHERE n > \(Self.people);
                UPDATE things SET email = 'p19@example.com', user_id = 'u19' WHERE n = 19
                """)
            try await bench.compare("alone again")
            try await bench.run()
            try await bench.run()
            #expect(try await bench.compare("alone and known").rows == 0)
        }
    }

    @Test func recordsInDoubtAreFetchedUntilTheyAreAcknowledged() async throws {
        try await Self.afterTwoRuns(.users(.email, hasKey: true, .keep)) { bench in
            try await bench.fixture.execute("UPDATE things SET plan = 'pro' WHERE n = 7")
            bench.iterable.users.setFate { _, _ in .loseAfter }
            try await bench.run()
            #expect(try await bench.compare("in doubt").rows > 0)
            bench.iterable.users.setFate { _, _ in .ok }
            bench.clock.advance(by: .seconds(200))
            #expect(try await bench.run().counts.planned[.update] == 1, "sent again")
            #expect(try await bench.compare("acknowledged").rows == 0)
        }
    }

    /// The content is the one that was acknowledged, and a field of it is still to be cleared.
    @Test func aNullThatIsStillToBeSentBringsItsRow() async throws {
        try await Self.afterTwoRuns(.users(.email, hasKey: true, .keep)) { bench in
            try await bench.fixture.execute("UPDATE things SET city = NULL WHERE n = 7")
            let held = try await bench.run { $0.sync.guards.maxChanges = 0 }
            #expect(held.status == .held && held.read?.mode == .changed, "the file knows the row from now on")
            // Another configuration of the sync, elsewhere, sends the row without the null.
            let other = try await bench.run(.all, usesCache: false) { $0.users.nulls = .skip }
            #expect(other.counts.succeeded[.update] == 1, "\(other)")
            let read = try await bench.compare("the null")
            #expect(read.changed.mode == .changed && read.contents.counts.planned[.update] == 1 && read.rows > 0)
            #expect(read.contents.changes.contains { $0.contains("\"city\":null") })
            try await bench.run()
            #expect(try await bench.compare("sent").rows == 0)
        }
    }

    @Test func anItemThatIsToBeReadBackBringsItsBucket() async throws {
        try await Self.afterTwoRuns(
            .items(.mirror, .replace), adjust: { $0.catalog.verify = .init(sample: 2, seconds: 0) }
        ) {
            bench in
            // Of the first run's items the second one has read back all that were due.
            #expect(try await bench.compare("nothing is due").rows == 0)
            try await bench.fixture.execute("UPDATE things SET plan = 'pro' WHERE n = 7")
            bench.iterable.catalogs.setFate { _, _ in .accept(without: ["u7"]) }
            try await bench.run()
            let read = try await bench.compare("the item is due")
            #expect(read.rows > 0 && read.contents.counts.notVerified == 1, "\(read.contents.counts)")
        }
    }

    // MARK: The local cache

    @Test(arguments: ["lost", "empty", "shorter", "one bit"])
    func aFileOfNoUseMeansThatAllRowsCome(_ damage: String) async throws {
        try await Self.afterTwoRuns { bench in
            let path = try #require(bench.file)
            var bytes = try Data(contentsOf: URL(filePath: path))
            switch damage {
            case "lost": try FileManager.default.removeItem(atPath: path)
            case "empty": try Data().write(to: URL(filePath: path))
            case "shorter": try bytes.dropLast(8).write(to: URL(filePath: path))
            default:
                bytes[bytes.count / 2] ^= 1
                try bytes.write(to: URL(filePath: path))
            }
            try await bench.fixture.execute(
                "UPDATE things SET plan = 'pro' WHERE n = 7; DELETE FROM things WHERE n = 9")
            let read = try await bench.compare(damage)
            #expect(read.changed.mode == .grouped && read.rows == Self.people - 1)
            try await bench.run()
            #expect(try await bench.compare("made again").rows == 0)
        }
    }

    @Test func onlyARunWritesTheFileAndOnlyWhereRowsChanged() async throws {
        try await Bench.with(people: 200) { bench in
            try await bench.run(.all)
            try await bench.compare("a plan")
            #expect(bench.file == nil, "neither a plan nor a run that reads all rows writes it")
            try await bench.run()
            let path = try #require(bench.file)
            let written = try Data(contentsOf: URL(filePath: path))
            let past = Date(timeIntervalSince1970: 1_000_000_000)
            try FileManager.default.setAttributes([.modificationDate: past], ofItemAtPath: path)
            let time = try Self.modified(path)
            try await bench.run()
            #expect(try Self.modified(path) == time, "the rows are the same, and the file stays")
            try await bench.fixture.execute("UPDATE things SET plan = 'pro' WHERE n = 7")
            try await bench.run()
            #expect(try Self.modified(path) != time)
            #expect(try Data(contentsOf: URL(filePath: path)) != written)
        }
    }

    private static func modified(_ path: String) throws -> Date? {
        try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
    }

    @Test func whereAnotherSourceMappingOrKeyIsReadAllRowsCome() async throws {
        try await Self.afterTwoRuns { bench in
            let changes: [(String, Bench.Change)] = [
                ("query", { $0.sync.audience = .query("SELECT * FROM things WHERE n > 5", file: nil) }),
                ("mapping", { $0.sync.mapping = ColumnMapping(userID: "user_id") }),
                ("fields", { $0.users.fields = .only([FieldSetting(name: "plan", source: .column("city"))]) }),
                ("record key", { $0.users.key = ["user_id"] }),
                ("nulls", { $0.users.nulls = .always }),
                ("duplicates", { $0.users.duplicates = .newest("changed") }),
                ("leaving", { $0.users.onLeave = .delete }),
                ("API key", { $0.destination.keyHash = "another" }),
            ]
            for (what, change) in changes {
                let read = try await bench.compare(what, change: change)
                #expect(read.changed.mode == .grouped, "\(what)")
            }
            #expect(try await bench.compare("as before").rows == 0)
        }
    }

    @Test func whereTheServerIsAnotherAllRowsCome() async throws {
        try await Self.afterTwoRuns { bench in
            let upgraded = FailingWarehouse(bench.fixture.warehouse, upgrade: " 2", grouper: RecordGrouper())
            let read = try await bench.compare("upgraded", warehouse: upgraded)
            #expect(read.changed.mode == .grouped)
        }
    }

    // MARK: All rows

    @Test func whoWantsAllRecordsReadsAllRows() async throws {
        try await Self.afterTwoRuns { bench in
            try await bench.fixture.execute("UPDATE things SET plan = 'pro' WHERE n = 7")
            #expect(try await bench.compare("full", full: true).changed.mode == .all)
            #expect(try await bench.compare("rejected", retryRejected: true).changed.mode == .all)
            #expect(try await bench.compare("only one", only: "7").changed.mode == .all)
            let without = try await bench.pipeline(.changed, cache: nil).plan()
            #expect(without.read?.mode == .all && without.read?.reason.contains("no folder") == true)
        }
    }

    @Test func rowsThatAreNotThoseOfTheDigestsAreReadAgainWhole() async throws {
        try await Self.afterTwoRuns { bench in
            try await bench.fixture.execute("UPDATE things SET plan = 'pro' WHERE n = 7")
            let source = FailingWarehouse(
                bench.fixture.warehouse, grouper: RecordGrouper(.wholeRow, inconsistent: 1))
            let read = try await bench.compare("inconsistent", warehouse: source)
            #expect(read.changed.mode == .fallback && read.changed.reason.contains("other rows"))
        }
    }

    @Test func whereRowsCannotBeGroupedAllAreRead() async throws {
        try await Self.afterTwoRuns { bench in
            let read = try await bench.compare("SQLite", warehouse: bench.fixture.warehouse)
            #expect(read.changed.mode == .fallback && read.changed.reason.contains("could not give digests"))
        }
    }

    /// All rows three times, then the other way once for its groups and once for its cost.
    @Test func autoTriesBothWays() async throws {
        try await Bench.with(.items(.upsert, .replace), people: 200) { bench in
            var modes: [AudienceRead.Mode?] = []
            for _ in 0..<5 { modes.append(try await bench.run(.auto).read?.mode) }
            #expect(modes == [.all, .all, .all, .grouped, .changed])
        }
    }
}
