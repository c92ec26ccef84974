import Foundation
import TestSupport
import Testing

/// A 2xx means durable: after any kill, and while the warehouse is away, each such body is in the table exactly once, its repeats
/// counted.
///
/// `ROLLCALL_RECEIVER_KILLS` says how many kills there are in all; half of them are on SQLite.
@Suite(.serialized, .timeLimit(.minutes(60))) struct ReceiverFaultTests {
    private static let kills =
        ProcessInfo.processInfo.environment["ROLLCALL_RECEIVER_KILLS"].flatMap { Int($0) } ?? 12

    @Test(arguments: Shop.Kind.allCases) func nothingIsLostWhenItIsKilledUnderLoad(_ kind: Shop.Kind) async throws {
        try await ReceiverScene.with(kind) { scene in
            let ledger = ReceiverLedger(seed: kind == .sqlite ? 1 : 2)
            var generator = Seeded(kind == .sqlite ? 3 : 4)
            for round in 1...max(1, Self.kills / 2) {
                let receiver = try await scene.serving()
                try await ledger.load(receiver) {
                    try await ledger.more(Int.random(in: 1...300, using: &generator), receiver)
                    try await receiver.kill()
                }
                // What the warehouse did not take in time waits for the next process.
                let isAllStored = scene.spooled.isEmpty
                let deliveries = try await scene.deliveries()
                if isAllStored { ledger.judge(deliveries, "\(kind) kill \(round)") }
                ledger.judgeBounds(deliveries, "\(kind) kill \(round)")
            }
            let receiver = try await scene.serving()
            #expect(try await eventually { scene.spooled.isEmpty }, "\(receiver.program.errorsSoFar)")
            #expect(try await receiver.end().code == 0)
            ledger.judge(try await scene.deliveries(), "\(kind)")
            #expect(ledger.others.isEmpty, "nothing but 204: \(ledger.others)")
            #expect(ledger.acknowledged >= Self.kills / 2)
        }
    }

    @Test(arguments: Shop.Kind.allCases) func aSignalUnderLoadLosesNothing(_ kind: Shop.Kind) async throws {
        try await ReceiverScene.with(kind) { scene in
            let ledger = ReceiverLedger(seed: 5)
            let receiver = try await scene.serving()
            var end: Output?
            try await ledger.load(receiver, connections: 24) {
                try await ledger.more(200, receiver)
                end = try await receiver.end()
            }
            #expect(end?.code == 0 && end?.endedBySignal == false, "\(end?.all ?? "")")
            ledger.judge(try await scene.deliveries())
            #expect(Set(ledger.others.keys).isSubset(of: [503]), "\(ledger.others)")
            // What it had taken and stored is counted too.
            let counts = try await scene.counts()
            let stored = (counts["stored"] ?? 0) + (counts["repeated"] ?? 0)
            #expect(stored == (try await scene.deliveries()).values.reduce(0, +), "\(counts)")
        }
    }

    /// The network to Postgres breaks, and heals; in between the process is killed several times.
    @Test(arguments: [0, 1, 3]) func whatCameWhileTheWarehouseWasAwayIsStoredOnce(_ kills: Int) async throws {
        try await ReceiverScene.withWire { scene, proxy in
            let ledger = ReceiverLedger(seed: UInt64(6 + kills))
            var receiver = try await scene.serving()
            await ledger.post(to: receiver, count: 20)
            proxy.set(.reset(.toServer, after: 0), times: 1 << 30)
            for _ in 0..<kills {
                try await ledger.load(receiver) {
                    try await ledger.more(100, receiver)
                    try await receiver.kill()
                }
                receiver = try await scene.serving()
            }
            await ledger.post(to: receiver, count: 20)
            #expect(!scene.spooled.isEmpty, "\(receiver.program.errorsSoFar)")
            #expect(receiver.program.errorsSoFar.contains("cannot be written"), "\(receiver.program.errorsSoFar)")
            let before = try await scene.deliveries()
            #expect(before.values.reduce(0, +) < ledger.acknowledged)
            proxy.heal()
            #expect(
                try await eventually {
                    try await scene.deliveries().values.reduce(0, +) >= ledger.acknowledged && scene.spooled.isEmpty
                }, "\(scene.spooled) \(receiver.program.errorsSoFar)")
            await ledger.post(to: receiver, count: 5)
            let end = try await receiver.end()
            #expect(end.code == 0 && ledger.others.isEmpty, "\(ledger.others) \(end.all)")
            ledger.judge(try await scene.deliveries())
        }
    }

    /// It is killed while it stores what waited in the spool.
    @Test func killedWhileTheSpoolIsDrained() async throws {
        try await ReceiverScene.withWire { scene, proxy in
            let ledger = ReceiverLedger(seed: 11)
            var receiver = try await scene.serving()
            await ledger.post(to: receiver, count: 1)
            for round in 1...4 {
                proxy.set(.reset(.toServer, after: 0), times: 1 << 30)
                try await ledger.load(receiver) {
                    try await ledger.more(400, receiver)
                    try await receiver.kill()
                }
                let before = try await scene.deliveries().values.reduce(0, +)
                proxy.heal()
                receiver = try await scene.serving()
                // As soon as some of it is there.
                _ = try await eventually { try await scene.deliveries().values.reduce(0, +) > before }
                try await receiver.kill()
                ledger.judgeBounds(try await scene.deliveries(), "round \(round)")
                receiver = try await scene.serving()
            }
            #expect(try await eventually { scene.spooled.isEmpty }, "\(receiver.program.errorsSoFar)")
            #expect(try await receiver.end().code == 0)
            ledger.judge(try await scene.deliveries())
        }
    }

    /// A COMMIT that was carried out and whose answer was lost: each one in turn.
    @Test func aCommitWhoseAnswerIsLostCountsOnce() async throws {
        try await ReceiverScene.withWire { scene, proxy in
            let receiver = try await scene.serving()
            #expect(await receiver.post(ReceiverScene.body("first")) == 204)
            var lost = 0
            for number in 0..<8 {
                proxy.set(.loseAnswer(to: "COMMIT", after: 0))
                #expect(await receiver.post(ReceiverScene.body("m\(number)")) == 204)
                lost += proxy.happened
                proxy.heal()
            }
            #expect(lost > 0, "no answer was lost: the fault did not find the commit")
            var expected = ["first": 1]
            for number in 0..<8 { expected["m\(number)"] = 1 }
            #expect(
                try await eventually { try await scene.deliveries() == expected }, "\(receiver.program.errorsSoFar)")
            #expect(try await receiver.end().code == 0)
            let (deliveries, counts) = (try await scene.deliveries(), try await scene.counts())
            #expect(deliveries == expected && counts["stored"] == 9 && counts["repeated"] == nil, "\(counts)")
        }
    }

    @Test func aFullSpoolRefusesAndKeepsWhatItTook() async throws {
        try await ReceiverScene.withWire(spoolSize: "20KB") { scene, proxy in
            let receiver = try await scene.serving()
            #expect(await receiver.post(ReceiverScene.body("first")) == 204)
            proxy.set(.reset(.toServer, after: 0), times: 1 << 30)
            var taken = ["first": 1]
            var refused: (status: Int, headers: [String: String])?
            for number in 0..<1000 where refused == nil {
                let answer = try await receiver.answer(ReceiverScene.body("m\(number)"))
                if answer.status == 204 { taken["m\(number)"] = 1 } else { refused = answer }
            }
            #expect(refused?.status == 503 && refused?.headers["retry-after"] != nil, "\(String(describing: refused))")
            #expect(taken.count > 2 && receiver.program.errorsSoFar.contains("503"), "\(receiver.program.errorsSoFar)")
            proxy.heal()
            #expect(
                try await eventually { await receiver.post(ReceiverScene.body("last")) == 204 },
                "\(receiver.program.errorsSoFar)")
            #expect(try await receiver.end().code == 0)
            taken["last"] = 1
            #expect(try await scene.deliveries() == taken)
        }
    }

    /// Without a spool nothing is acknowledged that is not stored.
    @Test func withoutASpoolAnAwayWarehouseRefuses() async throws {
        try await ReceiverScene.withWire { scene, proxy in
            try scene.shop.configure {
                $0.further = """
                    receivers:
                      engagement:
                        type: iterable
                        path: \(ReceiverScene.path)
                        warehouse: shop
                        auth: { basic: ["${WEBHOOK_TOKEN}"] }
                    server: { receiver_listen: "127.0.0.1:0", receiver_spool: off }
                    """
            }
            let receiver = try await scene.serving()
            #expect(await receiver.post(ReceiverScene.body("a")) == 204)
            proxy.set(.reset(.toServer, after: 0), times: 1 << 30)
            let answer = try await receiver.answer(ReceiverScene.body("b"))
            #expect(answer.status == 503 && answer.headers["retry-after"] != nil, "\(answer)")
            proxy.heal()
            #expect(try await eventually { await receiver.post(ReceiverScene.body("c")) == 204 })
            #expect(try await receiver.end().code == 0)
            #expect(Set(try await scene.deliveries().keys).isSuperset(of: ["a", "c"]))
        }
    }

    /// `serve` begins although the warehouse has never been reached.
    @Test func aWarehouseThatIsAwayAtTheStartIsNoReasonNotToReceive() async throws {
        try await ReceiverScene.withWire { scene, proxy in
            proxy.set(.reset(.toServer, after: 0), times: 1 << 30)
            let receiver = try await scene.serving()
            for message in ["a", "b", "a"] { #expect(await receiver.post(ReceiverScene.body(message)) == 204) }
            proxy.heal()
            #expect(
                try await eventually { (try? await scene.deliveries()) == ["a": 2, "b": 1] },
                "\(receiver.program.errorsSoFar)")
            #expect(try await receiver.end().code == 0)
            #expect(try await scene.deliveries() == ["a": 2, "b": 1] && scene.spooled.isEmpty)
        }
    }

    /// A stop while the warehouse is away does not wait for it; the next process stores what was left.
    @Test func aStopWhileTheWarehouseIsAwayKeepsWhatWasTaken() async throws {
        try await ReceiverScene.withWire { scene, proxy in
            let ledger = ReceiverLedger(seed: 12)
            var receiver = try await scene.serving()
            await ledger.post(to: receiver, count: 3)
            proxy.set(.reset(.toServer, after: 0), times: 1 << 30)
            var end: Output?
            try await ledger.load(receiver) {
                try await ledger.more(100, receiver)
                end = try await receiver.end()
            }
            #expect(end?.code == 0 && end?.endedBySignal == false, "\(end?.all ?? "")")
            #expect(!scene.spooled.isEmpty)
            proxy.heal()
            receiver = try await scene.serving()
            #expect(try await eventually { scene.spooled.isEmpty }, "\(receiver.program.errorsSoFar)")
            #expect(try await receiver.end().code == 0)
            ledger.judge(try await scene.deliveries())
        }
    }

    /// Also without any receiver, `serve` stores what one has left in the spool.
    @Test func whatWaitsIsStoredThoughNoReceiverIsConfiguredAnyMore() async throws {
        try await ReceiverScene.withWire { scene, proxy in
            proxy.set(.reset(.toServer, after: 0), times: 1 << 30)
            let receiver = try await scene.serving()
            for message in ["a", "b"] { #expect(await receiver.post(ReceiverScene.body(message)) == 204) }
            #expect(try await receiver.end().code == 0)
            #expect(!scene.spooled.isEmpty)
            proxy.heal()
            try scene.shop.configure { $0.further = "server:\n  receiver_spool: { path: \"\(scene.spool.path)\" }" }
            let program = try Program.start(
                ["serve", "--listen", "127.0.0.1:0"], in: scene.shop.folder, environment: scene.environment)
            #expect(
                try await eventually {
                    (try? await scene.deliveries()) == ["a": 1, "b": 1] && scene.spooled.isEmpty
                }, "\(program.errorsSoFar)")
            program.signal(SIGTERM)
            #expect(try await program.output().code == 0)
        }
    }
}
