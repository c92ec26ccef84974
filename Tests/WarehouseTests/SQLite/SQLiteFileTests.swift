import Foundation
import RollcallCore
import TemporaryFolders
import TestSupport
import Testing
import Warehouse

/// What only a file can do: be missing, be something else, be locked, be replaced, be full.
@Suite("SQLite: the file")
struct SQLiteFileTests {
    private func folder() throws -> URL { try TemporaryFolders.make("file") }

    @Test("a missing file is an error that says so, and is not created")
    func missing() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("shop.sqlite").path
        let warehouse = SQLiteWarehouse(path: path)
        for error in [
            try await failure { _ = try await warehouse.schemaVersion() },
            try await failure { _ = try await warehouse.migrate() },
            try await failure { try await warehouse.readSnapshot(sync: "a", of: .list(1)) { _, _, _ in } },
        ] {
            #expect(error?.kind == .missing)
            #expect(error?.error.message.contains(path) == true)
        }
        let findings = await warehouse.diagnose([.table(["vip"])])
        #expect(findings.count == 1 && findings[0].isFine == false)
        #expect(findings.first?.fix?.contains("`touch \(path)`") == true, "\(findings)")
        #expect(!FileManager.default.fileExists(atPath: path))
        await warehouse.close()
    }

    @Test("views and triggers of other programs that are broken keep no table from being upgraded")
    func brokenViews() async throws {
        let fixture = try await SQLiteFixture.make()
        try await UpgradeConformance.make(14, fixture)
        try await fixture.execute(
            """
            CREATE TABLE other (n); CREATE TABLE another (n);
            CREATE VIEW broken AS SELECT n FROM other;
            CREATE TRIGGER broken_too AFTER INSERT ON another BEGIN INSERT INTO other VALUES (1); END;
            CREATE VIEW mine AS SELECT typeof(event_key) FROM rollcall_synced_events;
            DROP TABLE other;
            INSERT INTO rollcall_synced_events (sync_name, event_key, state, run_id, at) VALUES ('a', x'00', 'sent', 'r', 't');
            """)
        #expect(try await fixture.warehouse.migrate().from == 14)
        // A view on the promised table shows what is promised.
        #expect(try await fixture.query("SELECT * FROM mine") == [["text"]])
        await fixture.tearDown()
    }

    @Test("a folder, and a file that is no database, are named as such")
    func otherFiles() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let directory = SQLiteWarehouse(path: folder.path)
        let isFolder = try #require(try await failure { _ = try await directory.schemaVersion() })
        #expect(isFolder.kind == .missing)
        #expect(isFolder.error.message.contains("is a folder"))
        let picture = folder.appendingPathComponent("picture.png")
        let bytes = Data(repeating: 0x89, count: 5000)
        try bytes.write(to: picture)
        let other = SQLiteWarehouse(path: picture.path)
        let error = try #require(try await failure { _ = try await other.migrate() })
        #expect(error.kind == .missing)
        #expect(error.error.message.contains("not a SQLite database"))
        #expect(try Data(contentsOf: picture) == bytes)
        await directory.close()
        await other.close()
    }

    @Test(
        "the journal mode and the other settings of the file stay", arguments: ["delete", "truncate", "persist", "wal"])
    func journalMode(_ mode: String) async throws {
        let fixture = try await SQLiteFixture.make(journalMode: mode)
        try await fixture.execute("PRAGMA user_version = 77; PRAGMA application_id = 5; CREATE TABLE vip (email)")
        let scene = try await Scene.make(fixture)
        let run = try await scene.staged(1, [Scene.subscribe(1, 1)])
        try await scene.acknowledge(run, [Scene.batch(.subscribe, 1...1)])
        await fixture.warehouse.close()
        #expect(try await fixture.query("PRAGMA journal_mode") == [[mode == "wal" ? "wal" : "delete"]])
        #expect(try await fixture.query("PRAGMA user_version") == [["77"]])
        #expect(try await fixture.query("PRAGMA application_id") == [["5"]])
        #expect(try await fixture.query("PRAGMA integrity_check") == [["ok"]])
        let names = try await fixture.query(
            "SELECT name FROM sqlite_master WHERE name NOT LIKE 'rollcall_%' AND name NOT LIKE 'sqlite_%'")
        #expect(names == [["vip"]])
        await fixture.tearDown()
    }

    @Test("reading without state tables leaves the file byte for byte as it was")
    func readingWritesNothing() async throws {
        let fixture = try await SQLiteFixture.make()
        try await fixture.execute("CREATE TABLE vip (email); INSERT INTO vip VALUES ('a@b.co')")
        let before = try Data(contentsOf: URL(fileURLWithPath: fixture.path))
        try await SchemaConformance.emptyReads(fixture)
        #expect(try await AudienceConformance.read(fixture, .table(["vip"]), email: "email", userID: nil).count == 1)
        await fixture.warehouse.close()
        #expect(try Data(contentsOf: URL(fileURLWithPath: fixture.path)) == before)
        #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.folder.path) == ["shop.sqlite"])
        await fixture.tearDown()
    }

    @Test("tables of this version, or of a newer one that this one works with, are not locked to be upgraded")
    func upgradedAlready() async throws {
        let fixture = try await SQLiteFixture.make(journalMode: "wal", busyTimeoutSeconds: 0.05)
        let newest = try await fixture.warehouse.migrate().to
        for version in [newest, newest + 1] {
            try await fixture.execute(
                "INSERT OR REPLACE INTO rollcall_schema_migrations (version, name, applied_at, compatible_from)"
                    + " VALUES (\(version), 'x', '', \(newest))")
            let outsider = try SQLiteLock(path: fixture.path)
            #expect(try await fixture.warehouse.migrate().to == version)
            try outsider.release()
        }
        await fixture.tearDown()
    }

    @Test("another writer: busy, nothing lost, and well again afterwards", arguments: ["delete", "wal"])
    func locked(_ mode: String) async throws {
        let fixture = try await SQLiteFixture.make(journalMode: mode, busyTimeoutSeconds: 0.05)
        let scene = try await Scene.make(fixture)
        let run = try await scene.staged(1, [Scene.subscribe(1, 1)])
        let outsider = try SQLiteLock(path: fixture.path)
        let error = try #require(
            try await failure { try await scene.acknowledge(run, [Scene.batch(.subscribe, 1...1)]) })
        #expect(error.kind == .busy)
        #expect(error.isTransient)
        #expect(error.error.hint != nil)
        #expect(await fixture.warehouse.diagnose([]).contains { !$0.isFine && $0.subject == "write access" })
        #expect(try await fixture.warehouse.changes(run: run.id, after: 0, limit: 9).count == 1)
        try outsider.release()
        try await scene.acknowledge(run, [Scene.batch(.subscribe, 1...1)])
        #expect(try await scene.entry(1) == "subscribed listed 001")
        #expect(try await scene.count("sync_log") == 1)
        await fixture.tearDown()
    }

    @Test("a file that takes the place of another is noticed")
    func replaced() async throws {
        let fixture = try await SQLiteFixture.make()
        let other = try await SQLiteFixture.make()
        _ = try await fixture.warehouse.migrate()
        #expect(try await fixture.warehouse.schemaVersion() != nil)
        try FileManager.default.removeItem(atPath: fixture.path)
        #expect(try await kind { _ = try await fixture.warehouse.schemaVersion() } == .missing)
        try FileManager.default.moveItem(atPath: other.path, toPath: fixture.path)
        #expect(try await fixture.warehouse.schemaVersion() == nil)
        _ = try await fixture.warehouse.migrate()
        #expect(try await fixture.query("SELECT count(*) FROM rollcall_sync_runs") == [["0"]])
        await fixture.tearDown()
        await other.tearDown()
    }

    @Test("a full disk: an error that names the file, and the state as it was", .enabled(if: SmallDisk.isPossible))
    func fullDisk() async throws {
        let disk = try SmallDisk(kilobytes: 1024)
        defer { disk.unmount() }
        let fixture = try await SQLiteFixture.make(
            journalMode: "DELETE", folder: URL(fileURLWithPath: disk.path))
        let scene = try await Scene.make(fixture)
        let run = try await scene.staged(1, (1...50).map { Scene.subscribe(Int64($0), $0) })
        try await scene.acknowledge(run, [Scene.batch(.subscribe, 1...10)])
        let ballast = disk.path + "/ballast"
        #expect(FileManager.default.createFile(atPath: ballast, contents: nil))
        try disk.fill(ballast)
        let error = try #require(
            try await failure { try await scene.acknowledge(run, [Scene.batch(.subscribe, 11...50)]) })
        #expect(error.kind == .storage)
        #expect(error.error.message.contains(fixture.path))
        #expect(error.error.hint != nil)
        #expect(try await fixture.warehouse.changes(run: run.id, after: 0, limit: 99).count == 40)
        #expect(
            try await fixture.warehouse.memberCounts(sync: Scene.sync, of: .list(Scene.list))[.subscribed] == 10)
        try FileManager.default.removeItem(atPath: ballast)
        try await scene.acknowledge(run, [Scene.batch(.subscribe, 11...50)])
        #expect(try await scene.count("list_members") == 50)
        #expect(try await fixture.query("PRAGMA integrity_check") == [["ok"]])
        await fixture.tearDown()
    }

    @Test("exact milliseconds are kept, also before 1970")
    func times() async throws {
        let fixture = try await SQLiteFixture.make()
        let scene = try await Scene.make(fixture)
        for milliseconds in [0, 1, 999, -1, 1_790_000_000_123, 1_790_000_000_999, -62_135_596_800_000] {
            let date = Date(timeIntervalSince1970: Double(milliseconds) / 1000)
            let binding = ListBinding(
                sync: Scene.sync, destination: "d", listName: nil, listID: 1, createdAt: date)
            try await fixture.warehouse.saveListBinding(scene.lease, binding)
            #expect(try await fixture.warehouse.listBinding(sync: Scene.sync)?.createdAt == date)
        }
        try await fixture.warehouse.openRun(scene.lease, Scene.run(1))
        #expect(try await fixture.query("SELECT started_at FROM rollcall_sync_runs") == [["2026-09-21T14:13:20.125Z"]])
        await fixture.tearDown()
    }
}
