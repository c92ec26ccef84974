import Foundation
import RollcallCore
import SeededRandom
import Synchronization
import TemporaryFolders
import Testing
import Warehouse

@testable import Receivers

/// Processes that are killed at any moment, over a warehouse that fails in every way, and the one rule: what was answered with 204
/// is there once, and each such answer is a delivery.
@Suite struct KillTests {
    /// Answers that came before the process was killed; those after it reached no client.
    private final class Ledger: Sendable {
        struct Tally: Sendable {
            var taken = 0
            /// Sent, and not answered with 204: it may be there or not.
            var open = 0
        }

        private let state = Mutex((isKilled: false, tallies: [Int: Tally]()))

        var tallies: [Int: Tally] { state.withLock { $0.tallies } }
        func begin() { state.withLock { $0.isKilled = false } }
        func kill() { state.withLock { $0.isKilled = true } }
        func send(_ number: Int) { state.withLock { $0.tallies[number, default: Tally()].open += 1 } }

        func answer(_ number: Int, _ status: Int) {
            state.withLock { state in
                guard !state.isKilled, status == 204 else { return }
                state.tallies[number, default: Tally()].open -= 1
                state.tallies[number, default: Tally()].taken += 1
            }
        }
    }

    @Test(arguments: 1...8)
    func whatWasAnsweredIsThereOnceAfterAnyKill(_ seed: Int) async throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let database = MemoryDatabase()
        let ledger = Ledger()
        var folder = try TemporaryFolders.path("spool")
        var sent = 0
        for _ in 0..<6 {
            let store = MemoryStore(database)
            let harness = Harness(store: store, spool: folder)
            ledger.begin()
            let run = Task { await harness.service.run() }
            let next = try TemporaryFolders.path("spool")
            var posts: [Task<Void, Never>] = []
            for _ in 0..<(4 + random.next(below: 12)) {
                store.set([.fine, .fine, .away, .losesAnswers][random.next(below: 4)])
                for _ in 0..<random.next(below: 20) {
                    // Some of them come again.
                    let number = random.next(below: 4) == 0 && sent > 0 ? random.next(below: sent) : sent
                    sent = max(sent, number + 1)
                    ledger.send(number)
                    posts.append(Task { ledger.answer(number, await harness.post("{\"n\":\(number)}").status) })
                }
                if random.next(below: 2) == 0 { await posts.last?.value }
                if random.next(below: 3) == 0 { harness.clock.advance(by: .seconds(1 + random.next(below: 60))) }
                for _ in 0..<random.next(below: 50) { await Task.yield() }
            }
            // From here on nothing of it reaches anybody.
            ledger.kill()
            store.set(.away)
            try SpoolFiles(root: folder).copy(to: next)
            let stop = Task { await harness.service.stop() }
            for post in posts { await post.value }
            await stop.value
            await run.value
            folder = next
        }
        try await Harness(store: MemoryStore(database), spool: folder).run { harness in
            await database.wait { [ledger] contents in
                let there = MemoryDatabase.deliveries(contents)
                return ledger.tallies.allSatisfy { $0.value.taken <= there["{\"n\":\($0.key)}"] ?? 0 }
            }
            await harness.clock.sleeper(of: .seconds(60))
            #expect(!harness.notes.kinds.contains("spool_damaged"))
        }
        let there = database.deliveries
        for (number, tally) in ledger.tallies {
            let deliveries = there["{\"n\":\(number)}"] ?? 0
            #expect(
                (tally.taken...(tally.taken + tally.open)).contains(deliveries), "\(number): \(tally), \(deliveries)")
        }
        #expect(there.count <= sent && database.contents.events.count == there.count)
        #expect(ledger.tallies.values.contains { $0.taken > 1 })
    }
}
