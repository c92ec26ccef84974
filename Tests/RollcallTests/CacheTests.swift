import Foundation
import Testing

/// Where `rollcall` keeps snapshots between runs, as a user sees it.
@Suite(.timeLimit(.minutes(10))) struct CacheTests {
    @Test func aRunKeepsTheSnapshotAndAPlanDoesNot() async throws {
        try await Shop.with { shop in
            try await shop.execute(
                """
                WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                INSERT INTO people SELECT 'p' || i || '@example.com' FROM n
                """)
            let caches = shop.folder.appendingPathComponent("caches").path
            func files(_ folder: String) -> [String] {
                (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            }
            let named = ["ROLLCALL_CACHE_DIR": caches]
            #expect(try await shop.rollcall("run", "members", "--no-cache", environment: named).code == 0)
            #expect(try await shop.rollcall("plan", "members", environment: named).code == 0)
            #expect(files(caches) == [], "neither a run without cache nor a plan writes")
            #expect(try await shop.rollcall("run", "members", environment: ["ROLLCALL_CACHE_DIR": ""]).code == 0)
            #expect(try await shop.rollcall("run", "members", environment: named).code == 0)
            let found = files(caches)
            #expect(found.count == 1 && found[0].hasPrefix("members-") && found[0].hasSuffix(".snapshot"), "\(found)")
            // What a killed process was writing goes with the next file, but not what another one writes now.
            for (name, age) in [("old.snapshot.aBcDeF", 7200.0), ("new.snapshot.aBcDeF", 60)] {
                let path = caches + "/" + name
                try Data().write(to: URL(filePath: path))
                try FileManager.default.setAttributes(
                    [.modificationDate: Date(timeIntervalSinceNow: -age)], ofItemAtPath: path)
            }
            try FileManager.default.removeItem(atPath: caches + "/" + found[0])
            #expect(try await shop.rollcall("run", "members", environment: named).code == 0)
            #expect(Set(files(caches)) == [found[0], "new.snapshot.aBcDeF"])
            let base = shop.folder.appendingPathComponent("xdg").path
            let xdg = ["XDG_CACHE_HOME": base]
            #expect(try await shop.rollcall("run", "members", environment: xdg).code == 0)
            #expect(files(base + "/rollcall").count == 1)
            // Damage costs time and nothing else.
            try Data([1, 2, 3]).write(to: URL(filePath: caches + "/" + (found.first ?? "x")))
            let plan = try await shop.rollcall("plan", "members", environment: named)
            #expect(plan.out.contains("20,000 unchanged"), "\(plan.out)")
        }
    }

    /// What a process knows of the rows counts for the next one.
    @Test func theNextProcessReadsOnlyWhatChanged() async throws {
        try await UsersScene.with(.postgres, rows: 1...12) { scene in
            try scene.configure(table: "customers, read: changed")
            let cache = ["ROLLCALL_CACHE_DIR": scene.shop.folder.appendingPathComponent("caches").path]
            var modes: [String?] = []
            for _ in 0..<3 {
                let run = try await scene.shop.rollcall("run", "customers", "--json", environment: cache)
                let read = try run.object()["read"] as? [String: Any]
                modes.append(read?["mode"] as? String)
            }
            #expect(modes == ["all", "grouped", "changed"])
        }
    }

    /// A run goes on without the folder, and says so; a folder that can be made is none to speak of.
    @Test func aFolderThatCannotBeUsedIsTold() async throws {
        try await Shop.with { shop in
            try await shop.execute("INSERT INTO people VALUES ('a@example.com')")
            let file = shop.folder.appendingPathComponent("file").path
            try Data().write(to: URL(filePath: file))
            for (folder, isTold) in [(file, true), (file + "/below", true), (shop.folder.path + "/new/one", false)] {
                let run = try await shop.rollcall("run", "members", environment: ["ROLLCALL_CACHE_DIR": folder])
                #expect(run.code == 0)
                #expect(run.err.contains("warning: ROLLCALL_CACHE_DIR: \(file) is no folder") == isTold, "\(run.err)")
            }
            let without = try await shop.rollcall(
                "run", "members", "--no-cache", environment: ["ROLLCALL_CACHE_DIR": file])
            #expect(!without.err.contains("ROLLCALL_CACHE_DIR"))
        }
    }
}
