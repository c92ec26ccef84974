import IterableSandbox
import TestSupport
import Testing

/// A standby is read, and state lives in a SQLite file: kills, and a promotion in mid-run.
@Suite(.serialized, .timeLimit(.minutes(20))) struct StandbyFaultTests {
    /// - Parameter body: gets the standby as well.
    private func withStandby(_ body: (FaultScene, PostgresCluster) async throws -> Void) async throws {
        let cluster = try await PostgresCluster.separate()
        defer { cluster.stop() }
        let primary = try await PostgresFixture.make(on: cluster)
        let standby = try await cluster.makeStandby(["max_standby_streaming_delay=0"])
        defer { standby.stop() }
        let fixture = try SplitFixture(source: primary, state: await SQLiteFixture.make(), standby: standby)
        try await FaultScene.with(.postgres, .hybrid, fixture: fixture, tune: { $0.latencySeconds = 0.02 }) { scene in
            try await body(scene, standby)
            let made = try await primary.query("SELECT 1 FROM pg_namespace WHERE nspname = 'rollcall'")
            #expect(made.isEmpty, "nothing of ours is in the source")
        }
    }

    @Test func killedAnywhereTheNextRunPutsThingsRight() async throws {
        try await withStandby { scene, _ in
            var rounds = KillRounds(scene, seed: 41, people: 1...30)
            let hits = try await rounds.run(9)
            #expect((hits[.unopened] ?? 0) + (hits[.finished] ?? 0) < 9, "runs are hit in the middle: \(hits)")
        }
    }

    @Test func aPromotionInMidRunChangesNothing() async throws {
        try await withStandby { scene, standby in
            try await scene.putsRight("before")
            try await scene.leave(Set(1...15))
            try await scene.enter(Set(31...45))
            let before = scene.shop.sandbox.counts.requests
            let program = try scene.shop.start("run", "members", "--json")
            try await scene.reached(2, since: before, program)
            try await standby.promote()
            let end = try await program.output()
            #expect(end.code == 0, "\(end.all)")
            try await scene.putsRight("after the promotion")
        }
    }
}
