import Foundation
import GRDB
import RollcallCore
import Synchronization
import TestSupport
import Testing
import Warehouse

/// What happens to the file and its tables while a run uses them: the run sees the rows of one moment, or ends.
@Suite("SQLite: files and tables that are replaced")
struct SQLiteReplacedTests {
    // MARK: The file

    /// Ways in which a file comes to stand where another did.
    enum Replacement: String, CaseIterable, Sendable {
        /// A copy of it, made in mid-run: the lease and the run are in the copy too.
        case copy
        /// A database made beside it, renamed over it.
        case renamed
        /// Deleted, and another made at its place.
        case remade

        func carryOut(_ fixture: SQLiteFixture) async throws {
            let beside = fixture.path + ".new"
            switch self {
            case .copy:
                try await fixture.execute("VACUUM INTO '\(beside)'")
            case .renamed:
                let other = try DatabaseQueue(path: beside)
                try await other.writeWithoutTransaction { try $0.execute(sql: "CREATE TABLE vip (email)") }
                try other.close()
            case .remade:
                try FileManager.default.removeItem(atPath: fixture.path)
                Self.removeJournals(fixture.path)
                let other = try DatabaseQueue(path: fixture.path)
                try await other.writeWithoutTransaction { try $0.execute(sql: "CREATE TABLE vip (email)") }
                try other.close()
                return
            }
            try Self.put(beside, at: fixture.path)
        }

        /// Puts a file where a database is. Its journals must go with it: SQLite would take them for the new one's.
        static func put(_ file: String, at path: String) throws {
            removeJournals(path)
            guard rename(file, path) == 0 else { throw Unexpected("rename: \(errno)") }
        }

        private static func removeJournals(_ path: String) {
            for suffix in ["-journal", "-wal", "-shm"] { unlink(path + suffix) }
        }
    }

    private static let modes = ["delete", "wal"]

    @Test(
        "a run's writes go to the file in which its lease was taken, or nowhere", arguments: Replacement.allCases, modes
    )
    func leasesStayWithTheirFile(_ replacement: Replacement, _ mode: String) async throws {
        let fixture = try await SQLiteFixture.make(journalMode: mode)
        let scene = try await Scene.make(fixture)
        let run = try await scene.staged(1, [Scene.subscribe(1, 1), Scene.subscribe(2, 2)])
        try fixture.warehouse.ensureUnreplaced(scene.lease)
        try await replacement.carryOut(fixture)
        let warehouse = fixture.warehouse
        for _ in 0..<2 {
            #expect(try await kind { try warehouse.ensureUnreplaced(scene.lease) } == .replaced)
            for error in [
                try await failure { try await warehouse.claim(scene.lease, run: run.id, through: 2) },
                try await failure { try await scene.acknowledge(run, [Scene.batch(.subscribe, 1...2)]) },
                try await failure { try await warehouse.renewLease(scene.lease, seconds: 60) },
                try await failure { try await scene.finish(run) },
            ] {
                #expect(error?.kind == .replaced && error?.error.code == "warehouse_replaced")
                #expect(error?.isTransient == false && error?.error.message.contains(fixture.path) == true)
            }
        }
        // The file that is there now is as it was, and another run can work with it.
        if replacement == .copy {
            #expect(try await warehouse.run(id: run.id)?.status == .running)
            #expect(try await warehouse.changes(run: run.id, after: 0, limit: 9).count == 2)
            #expect(try await scene.count("list_members") == 0)
        } else {
            #expect(try await warehouse.schemaVersion() == nil)
            _ = try await warehouse.migrate()
        }
        try await warehouse.releaseLease(scene.lease)
        let next = try await Scene.lease(warehouse, holder: "host:2")
        try warehouse.ensureUnreplaced(next)
        _ = try await warehouse.recoverRuns(next, settleSeconds: 1, log: LogSettings())
        try await warehouse.openRun(next, Scene.run(2))
        await fixture.tearDown()
    }

    /// A plan that has the file replaced while it is being written.
    private final class DisturbingPlan: StagedPlan {
        private let disturb: Mutex<(@Sendable () throws -> Void)?>
        private let changes = Plan([Scene.subscribe(1, 1)])

        init(_ disturb: @escaping @Sendable () throws -> Void) { self.disturb = Mutex(disturb) }

        func nextChanges(limit: Int) throws -> [Change] {
            try disturb.withLock { disturb in
                try disturb?()
                disturb = nil
            }
            return try changes.nextChanges(limit: limit)
        }

        func nextRecords(limit: Int) throws -> [ValidationRecord] { [] }
    }

    @Test("what is written to a file that is gone by the end counts for nothing", arguments: modes)
    func replacedWhileWriting(_ mode: String) async throws {
        let fixture = try await SQLiteFixture.make(journalMode: mode)
        let scene = try await Scene.make(fixture)
        let run = Scene.run(1)
        try await fixture.warehouse.openRun(scene.lease, run)
        try await fixture.execute("VACUUM INTO '\(fixture.path).new'")
        let path = fixture.path
        let plan = DisturbingPlan { try Replacement.put(path + ".new", at: path) }
        #expect(
            try await kind {
                try await fixture.warehouse.stage(scene.lease, run, plan: plan, log: LogSettings())
            } == .replaced)
        #expect(try await scene.count("sync_changes") == 0)
        #expect(try await fixture.query("PRAGMA integrity_check") == [["ok"]])
        await fixture.tearDown()
    }

    @Test("a file that is replaced while it is read: all old rows, then an error", arguments: modes)
    func replacedWhileReading(_ mode: String) async throws {
        let fixture = try await SQLiteFixture.make(journalMode: mode)
        try await fixture.execute(Self.rows(1))
        try await fixture.execute("VACUUM INTO '\(fixture.path).new'")
        let path = fixture.path
        let seen = Collected<String>()
        let error = try await failure {
            try await fixture.warehouse.readAudience(
                .table(["vip"]), columns: IdentifierColumns(email: "email", userID: nil)
            ) { email, _ in
                if seen.all.isEmpty { try Replacement.put(path + ".new", at: path) }
                seen.add(email.shown)
            }
        }
        #expect(error?.kind == .replaced)
        #expect(seen.all.count == Self.count)
        // What is short is read from the file that is there now.
        #expect(try await fixture.warehouse.columns(of: .table(["vip"])).count == 1)
        await fixture.tearDown()
    }

    @Test("a link that leads elsewhere is a file that was replaced")
    func links() async throws {
        let fixture = try await SQLiteFixture.make()
        let other = try await SQLiteFixture.make()
        let link = fixture.folder.appendingPathComponent("link.sqlite").path
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: fixture.path)
        let warehouse = SQLiteWarehouse(path: link)
        _ = try await warehouse.migrate()
        let lease = try await Scene.lease(warehouse)
        try FileManager.default.removeItem(atPath: link)
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: other.path)
        #expect(try await kind { try await warehouse.openRun(lease, Scene.run(1)) } == .replaced)
        try FileManager.default.removeItem(atPath: link)
        #expect(try await kind { try warehouse.ensureUnreplaced(lease) } == .replaced)
        #expect(try await kind { try await warehouse.openRun(lease, Scene.run(1)) } == .missing)
        await warehouse.close()
        await fixture.tearDown()
        await other.tearDown()
    }

    // MARK: Tables

    private static let count = 3000

    /// A table of so many rows of one generation.
    private static func rows(_ generation: Int, table: String = "vip") -> String {
        "CREATE TABLE \(table) (email TEXT); " + fill(generation, table: table)
    }

    private static func fill(_ generation: Int, table: String = "vip") -> String {
        """
        INSERT INTO \(table) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(count))
        SELECT 'p' || i || '@g\(generation).example.com' FROM n;
        """
    }

    /// Ways in which the rows of one generation give way to those of the next, each in one transaction.
    enum Reload: String, CaseIterable, Sendable {
        case deleted, remade, swapped

        func statements(_ generation: Int) -> String {
            let change =
                switch self {
                case .deleted: "DELETE FROM vip; " + SQLiteReplacedTests.fill(generation)
                case .remade: "DROP TABLE vip; " + SQLiteReplacedTests.rows(generation)
                case .swapped:
                    SQLiteReplacedTests.rows(generation, table: "vip_next")
                        + "ALTER TABLE vip RENAME TO vip_old; ALTER TABLE vip_next RENAME TO vip; DROP TABLE vip_old;"
                }
            // Else a renaming changes the views of the table too.
            return "PRAGMA legacy_alter_table = ON; BEGIN IMMEDIATE; \(change) COMMIT;"
        }
    }

    private static let sources = [
        AudienceSource.table(["vip"]),
        .query("SELECT email FROM vip WHERE email IN (SELECT email FROM vip)", file: nil),
        .query("SELECT email FROM people UNION SELECT email FROM vip", file: nil),
    ]

    /// How many rows of each generation one reading sees.
    private func read(
        _ fixture: SQLiteFixture, _ source: AudienceSource, _ atFirst: @escaping @Sendable () -> Void = {}
    )
        async throws -> [Substring: Int]
    {
        let seen = Mutex<[Substring: Int]>([:])
        try await fixture.warehouse.readAudience(
            source, columns: IdentifierColumns(email: "email", userID: nil)
        ) { email, _ in
            seen.withLock { seen in
                if seen.isEmpty { atFirst() }
                seen[email.shown.drop { $0 != "@" }, default: 0] += 1
            }
        }
        return seen.withLock { $0 }
    }

    @Test("rows that change while they are read are read as they were", arguments: Reload.allCases, modes)
    func changedInMidRead(_ reload: Reload, _ mode: String) async throws {
        let fixture = try await SQLiteFixture.make(journalMode: mode)
        try await fixture.execute(Self.rows(1) + "CREATE VIEW people AS SELECT email FROM vip;")
        let path = fixture.path
        for (index, source) in Self.sources.enumerated() {
            let generation = index + 1
            let refusals = Collected<String>()
            let seen = try await read(fixture, source) {
                // With a rollback journal no program can commit while there is a reader; in WAL mode this is committed.
                do {
                    var configuration = Configuration()
                    // A COMMIT that is refused leaves its transaction open, until the connection goes.
                    configuration.allowsUnsafeTransactions = true
                    let writer = try DatabaseQueue(path: path, configuration: configuration)
                    defer { try? writer.close() }
                    try writer.writeWithoutTransaction { try $0.execute(sql: reload.statements(generation + 1)) }
                } catch {
                    refusals.add("\(error)")
                }
            }
            #expect(seen == ["@g\(generation).example.com": Self.count])
            #expect(refusals.all.isEmpty == (mode == "wal"), "\(refusals.all)")
            if mode != "wal" { try await fixture.execute(reload.statements(generation + 1)) }
            #expect(try await read(fixture, source) == ["@g\(generation + 1).example.com": Self.count])
        }
        await fixture.tearDown()
    }

    @Test("beside a steady reloader each reading sees one generation, whole", arguments: Reload.allCases, modes)
    func steadyReloader(_ reload: Reload, _ mode: String) async throws {
        let fixture = try await SQLiteFixture.make(journalMode: mode, busyTimeoutSeconds: 60)
        try await fixture.execute(Self.rows(1) + "CREATE VIEW people AS SELECT email FROM vip;")
        let over = Collected<Bool>()
        let reloads = try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask {
                var generation = 1
                while over.all.isEmpty {
                    generation += 1
                    try await fixture.execute(reload.statements(generation))
                }
                return generation
            }
            for number in 0..<40 {
                let seen = try await read(fixture, Self.sources[number % Self.sources.count])
                #expect(seen.count == 1 && seen.values.first == Self.count, "\(seen)")
            }
            over.add(true)
            return try await group.reduce(0, +)
        }
        #expect(reloads > 2)
        await fixture.tearDown()
    }
}
