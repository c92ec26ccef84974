import Foundation
import Testing

/// Where `rollcall` keeps snapshots between runs, as a user sees it.
@Suite(.timeLimit(.minutes(2))) struct CacheTests {
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
}
