import Foundation
import IterableSandbox
import TestSupport
import Testing

/// A SQLite file that another program locks, or puts another in the place of.
@Suite(.timeLimit(.minutes(10))) struct SQLiteFaultTests {
    private func path(_ scene: FaultScene) throws -> String {
        try #require(scene.shop.fixture as? SQLiteFixture).path
    }

    @Test func aShortLockIsWaitedFor() async throws {
        try await FaultScene.with(.sqlite, tune: { $0.latencySeconds = 0.6 }) { scene in
            let program = try scene.shop.start("run", "members", "--json")
            try await scene.reached(3, since: 0, program)
            let lock = try await lock(scene)
            let moment = ContinuousClock.now + .seconds(2)
            _ = try await eventually { ContinuousClock.now >= moment }
            #expect(!program.hasEnded)
            try lock.release()
            let end = try await program.output()
            #expect(end.code == 0, "\(end.all)")
            try await scene.isRight()
            try await scene.putsRight()
        }
    }

    /// Tries until the program does not write at the moment.
    private func lock(_ scene: FaultScene) async throws -> SQLiteLock {
        var found: SQLiteLock?
        let path = try path(scene)
        _ = try await eventually {
            found = try? SQLiteLock(path)
            return found != nil
        }
        return try #require(found)
    }

    @Test func aLongLockIsAClearErrorAndNothingIsHalfDone() async throws {
        try await FaultScene.with(.sqlite) { scene in
            try await scene.putsRight()
            try await scene.leave(Set(1...10))
            try scene.configure { $0.waitSeconds = 1 }
            let before = scene.deliveries.count
            let lock = try await lock(scene)
            let end = try await scene.shop.rollcall("run", "members", "--json")
            #expect(end.code == 1 && !end.endedBySignal, "\(end.all)")
            #expect(end.out.contains("warehouse_busy"), "\(end.all)")
            #expect(end.err.contains("Another program holds"), "\(end.all)")
            #expect(scene.deliveries.count == before)
            try lock.release()
            try scene.configure()
            try await scene.putsRight()
        }
    }

    /// In mid-run, the file gives way to a copy of before the run: what the run knows is gone, and it sends nothing more.
    @Test func aFileReplacedInMidRunEndsTheRun() async throws {
        try await FaultScene.with(.sqlite, tune: { $0.latencySeconds = 0.8 }) { scene in
            try await scene.putsRight()
            try await scene.leave(Set(1...15))
            try await scene.enter(Set(31...45))
            let path = try path(scene)
            try FileManager.default.copyItem(atPath: path, toPath: path + ".old")
            let before = scene.shop.sandbox.counts.requests
            let program = try scene.shop.start("run", "members", "--json")
            try await scene.reached(4, since: before, program)
            try FileManager.default.removeItem(atPath: path)
            try? FileManager.default.removeItem(atPath: path + "-journal")
            let sent = scene.deliveries.count
            try FileManager.default.moveItem(atPath: path + ".old", toPath: path)
            let end = try await program.output()
            #expect(end.code == 1 && !end.endedBySignal, "\(end.all)")
            #expect(scene.deliveries.count <= sent + 4)
            // Who entered before the copy took the file's place and left the list since is not forgotten: the copy's
            // snapshot is older than the list, and its audience is the same.
            try await scene.putsRight()
        }
    }

    /// The file gives way to a copy made in mid-run, which has the run, its lease and its outbox in it: nothing in it says that
    /// requests were sent since.
    @Test func aCopyMadeInMidRunEndsTheRunBeforeItsNextRequest() async throws {
        try await FaultScene.with(.sqlite, tune: { $0.latencySeconds = 0.8 }) { scene in
            try await scene.putsRight()
            try await scene.leave(Set(1...15))
            try await scene.enter(Set(31...45))
            let path = try path(scene)
            let before = scene.shop.sandbox.counts.requests
            let program = try scene.shop.start("run", "members", "--json")
            try await scene.reached(3, since: before, program)
            try await scene.shop.execute("VACUUM INTO '\(path).copy'")
            #expect(
                try await scene.shop.query("SELECT count(*) FROM rollcall_sync_runs WHERE status = 'running'") == [
                    ["1"]
                ])
            try FileManager.default.removeItem(atPath: path)
            try? FileManager.default.removeItem(atPath: path + "-journal")
            try FileManager.default.moveItem(atPath: path + ".copy", toPath: path)
            let sent = scene.deliveries.count
            let end = try await program.output()
            #expect(end.code == 1 && !end.endedBySignal, "\(end.all)")
            #expect(end.out.contains("warehouse_replaced"), "\(end.all)")
            // No more than were under way.
            #expect(scene.deliveries.count <= sent + 2)
            try await scene.putsRight()
        }
    }

    /// A backup is restored between runs. Nobody in the audience is missing or removed; who was put on the list after the
    /// backup and is not in the restored audience is nobody's, as other people's members are, and stays.
    @Test func anOlderCopyRemovesNobodyInTheAudience() async throws {
        try await FaultScene.with(.sqlite, .hybrid) { scene in
            try await scene.putsRight()
            let path = try path(scene)
            try FileManager.default.copyItem(atPath: path, toPath: path + ".old")
            try await scene.leave(Set(1...10))
            try await scene.enter(Set(31...40))
            try await scene.putsRight()
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.moveItem(atPath: path + ".old", toPath: path)
            // The restored audience has 1 to 30, as the restored snapshot has.
            let before = try await scene.members()
            let run = try await scene.shop.rollcall("run", "members", "--full", "--json")
            #expect(run.code == 0, "\(run.all)")
            let (audience, members) = (try await scene.audience(), try await scene.members())
            #expect(audience.isSubset(of: members))
            #expect(members == before.union(audience))
            try await scene.isBalanced()
            // They are taken over as soon as they are in the audience, and removed when they leave it again.
            try await scene.enter(Set(31...40))
            #expect(try await scene.shop.rollcall("run", "members").code == 0)
            try await scene.leave(Set(31...40))
            try await scene.putsRight()
        }
    }
}
