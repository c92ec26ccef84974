import Foundation
import RollcallCore
import TemporaryFolders
import Testing
import Warehouse

@testable import Receivers

@Suite struct StopTests {
    @Test func nothingIsTakenAfterTheEnd() async throws {
        let harness = Harness()
        try await harness.run { #expect(await $0.post("{\"n\":1}").status == 204) }
        #expect(await harness.post("{\"n\":2}").status == 503)
        await harness.service.stop()
        #expect(harness.deliveries == ["{\"n\":1}": 1])
    }

    @Test func aServiceThatNeverRanEndsToo() async throws {
        let harness = Harness()
        async let waiting = harness.post("{\"n\":1}").status
        await harness.service.stop()
        #expect(await waiting == 503)
        await harness.service.run()
    }

    @Test func aCancelledTaskIsAStop() async throws {
        let harness = Harness()
        let run = Task { await harness.service.run() }
        #expect(await harness.post("{\"n\":1}").status == 204)
        run.cancel()
        await run.value
        #expect(await harness.post("{\"n\":2}").status == 503)
        #expect(harness.deliveries == ["{\"n\":1}": 1])
    }

    @Test(arguments: [true, false])
    func whatWaitsForAWarehouseThatHangsGoesToTheSpoolInTime(_ hasSpool: Bool) async throws {
        let folder = hasSpool ? try TemporaryFolders.path("spool") : nil
        let store = MemoryStore()
        let harness = Harness(store: store, spool: folder)
        let run = Task { await harness.service.run() }
        #expect(await harness.post("{\"n\":1}").status == 204)
        store.set(.hangs)
        async let second = harness.post("{\"n\":2}").status
        await store.wait { _, hanging in hanging == 1 }
        let stop = Task { await harness.service.stop() }
        await harness.clock.sleeper(of: .seconds(3))
        harness.clock.advance(by: .seconds(3))
        await stop.value
        await run.value
        #expect(await second == (hasSpool ? 204 : 503))
        store.release()
        if let folder {
            try await Harness(store: MemoryStore(store.database), spool: folder).run {
                await $0.notes.wait(for: "spool_drained")
            }
        }
        await store.database.wait { $0.events.count == 2 }
        #expect(harness.deliveries == ["{\"n\":1}": 1, "{\"n\":2}": 1])
    }

    @Test func countsAreWrittenAtTheEnd() async throws {
        let folder = try TemporaryFolders.path("spool")
        let store = MemoryStore()
        try await Harness(store: store, spool: folder).run { harness in
            #expect(await harness.post("{\"n\":1}").status == 204)
            store.set(.away)
            #expect(await harness.post("{\"n\":2}").status == 204)
            _ = harness.service.admit(harness.head(token: "wrong"))
        }
        #expect(store.database.contents.counts == ["r stored": 1])
        try await Harness(store: MemoryStore(store.database), spool: folder).run {
            await $0.notes.wait(for: "spool_drained")
        }
        #expect(store.database.contents.counts == ["r stored": 2, "r unauthorized": 1])
    }
}
