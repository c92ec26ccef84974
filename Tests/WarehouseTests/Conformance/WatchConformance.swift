import TestSupport
import Testing
import Warehouse

/// Whether something may have been committed, and whether a sync is paused.
enum WatchConformance {
    static let tests = [
        ConformanceTest("a sync is paused as it was set, and not without tables", paused),
        ConformanceTest("a watch without a channel says first that something may have changed", watched),
        ConformanceTest("watches end with their warehouse", closed),
    ]

    @Sendable static func paused(_ fixture: any WarehouseFixture) async throws {
        let store = try #require(fixture.warehouse as? any ServiceWarehouse)
        #expect(try await !store.isPaused(sync: Scene.sync))
        _ = try await store.migrate()
        #expect(try await !store.isPaused(sync: Scene.sync))
        for isPaused in [true, false, true] {
            try await store.setPaused(isPaused, sync: Scene.sync)
            #expect(try await store.isPaused(sync: Scene.sync) == isPaused)
        }
        #expect(try await !store.isPaused(sync: "other"))
    }

    @Sendable static func watched(_ fixture: any WarehouseFixture) async throws {
        let store = try #require(fixture.warehouse as? any ServiceWarehouse)
        let watch = try await store.watch(channel: nil) { Issue.record("there are no notifications") }
        #expect(watch.wakes == .none)
        #expect(await watch.mayHaveChanged())
        try await fixture.execute("CREATE TABLE moves (seq integer)")
        #expect(await watch.mayHaveChanged())
        for _ in 0..<2 { await watch.end() }
    }

    @Sendable static func closed(_ fixture: any WarehouseFixture) async throws {
        let second = try #require(try fixture.second() as? any ServiceWarehouse)
        let watch = try await second.watch(channel: nil) {}
        await second.close()
        #expect(await watch.mayHaveChanged())
        await watch.end()
    }
}
