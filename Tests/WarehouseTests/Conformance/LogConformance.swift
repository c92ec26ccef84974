import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

enum LogConformance {
    static let tests = [
        ConformanceTest("validation records are logged as they stand, whole", validation),
        ConformanceTest("records: failures leaves out what succeeded", failuresOnly),
        ConformanceTest("retain: false writes no log", noLog),
        ConformanceTest("people appear in the log as they are told to", loggedAs),
    ]

    private static let records = [
        ValidationRecord(
            isFailure: true, email: Array(" Bäd ".utf8), userID: nil, reason: Scene.reason("email_syntax")),
        ValidationRecord(
            isFailure: false, email: Array("a@b.co".utf8), userID: Array("".utf8),
            reason: Scene.reason("identifier_dropped")),
        ValidationRecord(
            isFailure: true, email: nil, userID: [UInt8](repeating: 120, count: 5000), reason: Scene.reason("too_long")),
        ValidationRecord(isFailure: true, email: nil, userID: nil, reason: Scene.reason("no_identifier")),
        // No text in any encoding; programs that read the log must be able to.
        ValidationRecord(
            isFailure: true, email: [0x61, 0xFF, 0x00, 0x62], userID: nil, reason: Scene.reason("email_syntax")),
    ]

    private static func stage(_ fixture: any WarehouseFixture, _ log: LogSettings) async throws -> Scene {
        let scene = try await Scene.make(fixture)
        let run = Scene.run(1)
        try await fixture.warehouse.openRun(scene.lease, run)
        try await fixture.warehouse.stage(scene.lease, run, plan: Plan([], records), log: log)
        return scene
    }

    @Sendable static func validation(_ fixture: any WarehouseFixture) async throws {
        let scene = try await stage(fixture, LogSettings())
        #expect(
            try await scene.log() == [
                "validate failed email_syntax - 0  Bäd  -", "validate succeeded identifier_dropped - 0 a@b.co ",
                "validate failed too_long - 0 - " + String(repeating: "x", count: 5000),
                "validate failed no_identifier - 0 - -", #"validate failed email_syntax - 0 a\xFF\x00b -"#,
            ])
    }

    @Sendable static func failuresOnly(_ fixture: any WarehouseFixture) async throws {
        var log = LogSettings()
        log.records = .failures
        let scene = try await stage(fixture, log)
        #expect(try await scene.count("sync_log") == 4)
        try await scene.finish(Scene.run(1), log: log)
        let run = try await scene.staged(2, (1...3).map { Scene.subscribe(Int64($0), $0) }, log: log)
        let unknown = RecordOutcome.unknown(Scene.reason("timeout"))
        let mayLandUntil = try await fixture.warehouse.now()
        try await scene.acknowledge(
            run, [Scene.batch(.subscribe, 1...2, [2: unknown], mayLandUntil: mayLandUntil)], log: log)
        try await scene.finish(run, log: log)
        let ends = try await scene.log().dropFirst(4).map { $0.split(separator: " ")[1] }
        #expect(ends == ["unknown", "not_attempted"])
        #expect(try await scene.count("list_members") == 2)
    }

    @Sendable static func noLog(_ fixture: any WarehouseFixture) async throws {
        var log = LogSettings()
        log.retain = false
        let scene = try await stage(fixture, log)
        try await scene.finish(Scene.run(1), log: log)
        let run = try await scene.staged(2, [Scene.subscribe(1, 1), Scene.subscribe(2, 2, kind: .parked)], log: log)
        let parked = try await fixture.warehouse.applyLocalChanges(scene.lease, run, log: log)
        #expect(parked.subscribe == 1)
        try await scene.acknowledge(run, [Scene.batch(.subscribe, 1...1)], log: log)
        try await scene.finish(run, log: log)
        #expect(try await scene.count("sync_log") == 0)
        #expect(try await scene.entry(1) == "subscribed listed 002")
    }

    @Sendable static func loggedAs(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var changes = (1...3).map { Scene.subscribe(Int64($0), $0) }
        changes[0].loggedAs = Identity(email: "p***@example.com", userID: nil)
        changes[1].loggedAs = Identity(email: nil, userID: "hash")
        changes[2].kind = .parked
        changes[2].loggedAs = Identity(email: "parked", userID: nil)
        let run = try await scene.staged(1, changes)
        _ = try await fixture.warehouse.applyLocalChanges(scene.lease, run, log: LogSettings())
        try await scene.acknowledge(run, [Scene.batch(.subscribe, 1...1)])
        try await scene.finish(run)
        let people = try await scene.log().map { $0.split(separator: " ").suffix(2).joined(separator: " ") }
        #expect(people == ["parked -", "p***@example.com -", "- hash"])
        #expect(try await scene.entry(1) == "subscribed listed 001")
    }
}
