import Foundation
import IterableSandbox
import TestSupport
import Testing

/// Disks that are full or cannot be written. Only root can mount the small disks that this takes.
@Suite(
    .timeLimit(.minutes(10)),
    .enabled(if: SmallDisk.isPossible, "only root may mount a tmpfs; run the tests as root to try full disks"))
struct DiskTests {
    private func withSQLite(_ body: (FaultScene, SmallDisk) async throws -> Void) async throws {
        let disk = try SmallDisk(kilobytes: 2048)
        defer { disk.unmount() }
        let fixture = try await SQLiteFixture.make(journalMode: "DELETE", folder: URL(fileURLWithPath: disk.path))
        try await FaultScene.with(.sqlite, fixture: fixture, tune: { $0.latencySeconds = 0.6 }) { scene in
            try await body(scene, disk)
        }
    }

    private func fill(_ disk: SmallDisk) throws -> String {
        let ballast = disk.path + "/ballast"
        #expect(FileManager.default.createFile(atPath: ballast, contents: nil))
        try disk.fill(ballast)
        return ballast
    }

    @Test func aFullDiskFromTheStartSendsNothing() async throws {
        try await withSQLite { scene, disk in
            try await scene.putsRight()
            try await scene.leave(Set(1...10))
            try await scene.enter(Set(31...40))
            let ballast = try fill(disk)
            let before = scene.deliveries.count
            let end = try await scene.shop.rollcall("run", "members", "--json")
            #expect(end.code == 1 && !end.endedBySignal, "\(end.all)")
            #expect(end.out.contains("warehouse_storage"), "\(end.all)")
            #expect(end.err.contains("full"), "\(end.all)")
            #expect(scene.deliveries.count == before)
            try FileManager.default.removeItem(atPath: ballast)
            try await scene.putsRight()
        }
    }

    @Test func aDiskThatFillsUpInMidRunStopsIt() async throws {
        try await withSQLite { scene, disk in
            try await scene.putsRight()
            try await scene.leave(Set(1...15))
            try await scene.enter(Set(31...45))
            let before = scene.shop.sandbox.counts.requests
            let program = try scene.shop.start("run", "members", "--json")
            try await scene.reached(4, since: before, program)
            let ballast = try fill(disk)
            let sent = scene.deliveries.count
            let end = try await program.output()
            #expect(end.code == 1 && !end.endedBySignal, "\(end.all)")
            #expect(end.out.contains("warehouse_storage"), "\(end.all)")
            #expect(scene.deliveries.count <= sent + 4, "a write that fails ends the sending")
            try FileManager.default.removeItem(atPath: ballast)
            try await scene.putsRight()
        }
    }

    @Test func aFileThatCannotBeWrittenSendsNothing() async throws {
        try await withSQLite { scene, disk in
            try await scene.putsRight()
            try await scene.leave(Set(1...10))
            try disk.remount(readOnly: true)
            let before = scene.deliveries.count
            let end = try await scene.shop.rollcall("run", "members", "--json")
            #expect(end.code == 1 && !end.endedBySignal, "\(end.all)")
            #expect(end.out.contains("warehouse_storage"), "\(end.all)")
            #expect(scene.deliveries.count == before)
            try disk.remount(readOnly: false)
            try await scene.putsRight()
        }
    }

    /// The database's tablespace is full: first before the plan can be staged, then in the middle of the delivery.
    @Test(arguments: [true, false]) func aFullTablespaceIsGotOver(fromTheStart: Bool) async throws {
        let disk = try SmallDisk(kilobytes: 16_384)
        defer { disk.unmount() }
        let fixture = try await PostgresFixture.make()
        let name = "small_\(UInt32.random(in: 0...UInt32.max))"
        let space = disk.path + "/space"
        try FileManager.default.createDirectory(atPath: space, withIntermediateDirectories: true)
        try disk.give(to: PostgresCluster.superuser)
        try disk.give(to: PostgresCluster.superuser, "space")
        try await fixture.cluster.run("CREATE TABLESPACE \(name) LOCATION '\(space)'")
        try await fixture.cluster.run("ALTER DATABASE \(fixture.database) SET TABLESPACE \(name)")
        let limits =
            "requests_per_second: 1000, settle_seconds: 0.2, subscribers_per_request: 200, concurrent_requests: 1, "
            + "request_timeout_seconds: 4"
        try await FaultScene.with(
            .postgres, people: 1...10, limits: limits, fixture: fixture, tune: { $0.latencySeconds = 0.4 }
        ) { scene in
            try await scene.putsRight()
            try await scene.enter(Set(101...3000))
            var ballast = fromTheStart ? try fill(disk) : ""
            let before = scene.shop.sandbox.counts.requests
            let program = try scene.shop.start("run", "members", "--json")
            if !fromTheStart {
                try await scene.reached(3, since: before, program)
                ballast = try fill(disk)
            }
            let end = try await program.output()
            #expect(end.code == 1 && !end.endedBySignal, "\(end.all)")
            #expect(end.out.contains("warehouse_storage"), "\(end.all)")
            try FileManager.default.removeItem(atPath: ballast)
            try await scene.putsRight()
        }
        try await fixture.cluster.run("DROP TABLESPACE \(name)")
    }
}
