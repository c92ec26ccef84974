import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// A state that is moved, also where each step fails before or after it is carried out: what a process that is killed there
/// leaves.
@Suite struct StateMoveTests {
    private typealias Scene = StateMoveScene

    @Test func aStateMovesOnAndBack() async throws {
        try await Scene.with { scene in
            for (number, place) in ["archive", "attic", "shop", "archive", "shop"].enumerated() {
                try await scene.move(to: place)
                let open = try await scene.openPlaces()
                #expect(open == [place])
                try await scene.continues(in: place, "move \(number)")
                let history = try await scene.home(place).warehouse.runs(RunFilter(sync: "vip", limit: 100))
                #expect(history.count == number + 2, "the log comes along")
                guard case .nothing(isThere: true) = try await scene.plan(to: place).step else {
                    Issue.record("there is nothing left to move")
                    return
                }
            }
        }
    }

    /// Which of the two warehouses fails, at which of its steps, and whether the step is carried out.
    struct Break: Sendable, CustomTestStringConvertible {
        var isSource: Bool
        var writes: Int
        var after: Bool
        var testDescription: String {
            "\(isSource ? "source" : "target"), step \(writes), \(after ? "after" : "before") it"
        }
    }

    private static let breaks: [Break] = [true, false].flatMap { isSource in
        (0..<4).flatMap { writes in [false, true].map { Break(isSource: isSource, writes: writes, after: $0) } }
    }

    private func breakOff(_ scene: Scene, _ point: Break, from source: String, to target: String) async throws {
        func failing(_ name: String, _ fails: Bool) throws -> StateHome {
            let plain = try scene.home(name)
            return fails
                ? StateHome(
                    name: name, warehouse: FailingWarehouse(plain.warehouse, writes: point.writes, after: point.after))
                : plain
        }
        let plan = try await StateMovePlan.make(
            sync: "vip", among: [failing(source, point.isSource)], to: failing(target, !point.isSource))
        _ = try? await scene.carryOut(plan)
        try await scene.endLeases()
        let open = try await scene.openPlaces()
        let isOne = !open.contains(source) || !open.contains(target)
        let kept = try await scene.keptPlaces()
        #expect(kept.count <= 1 && (isOne || kept == [source]), "\(open)")
    }

    @Test(arguments: breaks) func brokenOffItIsCompletedByAnotherOne(_ point: Break) async throws {
        try await Scene.with { scene in
            try await breakOff(scene, point, from: "shop", to: "archive")
            try await scene.move(to: "archive")
            try await scene.continues(in: "archive", point.testDescription)
            // And the way back.
            try await breakOff(scene, point, from: "archive", to: "shop")
            try await scene.move(to: "shop")
            try await scene.continues(in: "shop", point.testDescription)
        }
    }

    @Test(arguments: breaks) func brokenOffItIsTakenBack(_ point: Break) async throws {
        try await Scene.with { scene in
            try await breakOff(scene, point, from: "shop", to: "archive")
            try await scene.move(to: "shop")
            try await scene.continues(in: "shop", point.testDescription)
        }
    }

    @Test(arguments: breaks) func brokenOffItGoesToAThirdPlace(_ point: Break) async throws {
        try await Scene.with { scene in
            try await breakOff(scene, point, from: "shop", to: "archive")
            try await scene.move(to: "attic")
            let kept = try await scene.keptPlaces()
            #expect(kept == ["attic"])
            try await scene.continues(in: "attic", point.testDescription)
        }
    }

    /// A warehouse that was restored from a backup counts fewer moves than the one that the state had been in meanwhile.
    @Test(arguments: breaks) func aStateInUseOutranksWhatCountsMoreMoves(_ point: Break) async throws {
        try await Scene.with { scene in
            try await scene.move(to: "archive")
            try await scene.move(to: "shop")
            try await scene.bench.fixture.execute("UPDATE rollcall_sync_leases SET moves = 0")
            // What the archive has is older.
            try await scene.archive.execute(
                "DELETE FROM rollcall_list_members WHERE fingerprint = (SELECT min(fingerprint) FROM rollcall_list_members)"
            )
            try await breakOff(scene, point, from: "shop", to: "archive")
            try await scene.move(to: "archive")
            #expect(try await scene.archive.query("SELECT count(*) FROM rollcall_list_members") == [["5"]])
            try await scene.continues(in: "archive", point.testDescription)
        }
    }

    @Test func anOlderCopyThatIsInUseMovesAlsoToThePlaceThatWasLost() async throws {
        try await Scene.with { scene in
            try await scene.move(to: "archive")
            let older = try await StateMovePlan.make(
                sync: "vip", among: [scene.home("attic")], to: scene.home("shop"), acceptsOlderCopy: true)
            guard case .done = try await scene.carryOut(older) else { throw RunError(code: "test", message: "busy") }
            let (shop, archive) = (
                try await scene.home("shop").warehouse.stateStanding(sync: "vip"),
                try await scene.home("archive").warehouse.stateStanding(sync: "vip")
            )
            #expect(shop.moves > archive.moves)
            let abandoning = Abandoning(sync: "vip", warehouse: scene.archive.warehouse, clock: scene.bench.clock)
            guard case .done = try await abandoning.carryOut() else { throw RunError(code: "test", message: "busy") }
            try await scene.move(to: "archive")
            try await scene.continues(in: "archive", "the lost place")
        }
    }

    @Test func twoMovesAtOnceDoNotBothSucceed() async throws {
        try await Scene.with { scene in
            let (one, other) = (try await scene.plan(to: "archive"), try await scene.plan(to: "attic"))
            async let first = scene.carryOut(one)
            async let second = scene.carryOut(other)
            // Both must have ended: of a tuple the second would not be awaited where the first one throws.
            _ = try? await first
            _ = try? await second
            let kept = try await scene.keptPlaces()
            #expect(kept.count <= 1, "\(kept)")
            try await scene.move(to: "archive")
            try await scene.continues(in: "archive", "\(kept)")
        }
    }

    @Test func whileARunIsInProgressNothingIsMoved() async throws {
        try await Scene.with { scene in
            let warehouse = scene.bench.fixture.warehouse
            guard
                case .acquired(let lease) = try await warehouse.acquireLease(
                    sync: "vip", holder: "other machine", seconds: 60, isDead: { _ in false })
            else { throw RunError(code: "test", message: "busy") }
            guard case .busy(let error) = try await scene.carryOut(scene.plan(to: "archive")) else {
                Issue.record("it was moved")
                return
            }
            #expect(error.code == "busy")
            try await warehouse.renewLease(lease, seconds: 60)
            try await warehouse.releaseLease(lease)
            try await scene.continues(in: "shop", "busy")
        }
    }

    @Test func aRunOfTheLeftPlaceIsRefused() async throws {
        try await Scene.with { scene in
            try await scene.move(to: "archive")
            guard case .failed(let error, isWarehouse: false) = try await scene.run(in: "shop") else {
                Issue.record("a run began where the state was moved away from")
                return
            }
            #expect(error.code == "state_elsewhere")
            #expect(error.message.contains("archive") && error.message.contains("shop"), "\(error.message)")
            #expect(error.hint?.contains("rollcall move-state shop --from archive") == true, "\(error)")
            let plan = await #expect(throws: RunError.self) { try await scene.bench.pipeline().plan() }
            #expect(plan?.code == "state_elsewhere")
        }
    }

    @Test func twoStatesThatWereNotMovedAreNotMixed() async throws {
        try await Scene.with { scene in
            _ = try await scene.run(in: "archive")
            let error = await #expect(throws: RunError.self) { try await scene.plan(to: "archive") }
            #expect(error?.code == "state_conflict")
            #expect(error?.hint?.contains("rollcall abandon vip") == true)
        }
    }

    @Test func aPlaceThatIsLostIsNotForgottenByItself() async throws {
        try await Scene.with { scene in
            try await scene.move(to: "archive")
            let without = await #expect(throws: RunError.self) {
                try await StateMovePlan.make(sync: "vip", among: [scene.home("attic")], to: scene.home("shop"))
            }
            #expect(without?.code == "state_elsewhere" && without?.hint?.contains("--older-copy") == true)
            for target in ["attic", "shop"] {
                let plan = try await StateMovePlan.make(
                    sync: "vip", among: [scene.home(target == "shop" ? "attic" : "shop")], to: scene.home(target),
                    acceptsOlderCopy: true)
                guard case .done = try await scene.carryOut(plan) else { throw RunError(code: "test", message: "busy") }
                let open = try await scene.openPlaces()
                #expect(open.contains(target))
            }
            // The place that was taken for lost is there after all.
            let twice = await #expect(throws: RunError.self) { try await scene.plan(to: "shop") }
            #expect(twice?.code == "state_conflict")
        }
    }

    /// A warehouse that may have the state and cannot be read is named with the ways on; one that is lost is none for an older copy.
    @Test func aPlaceThatCannotBeReadIsNamedOrLeftOut() async throws {
        try await Scene.with { scene in
            try await scene.move(to: "archive")
            let lost = StateHome(name: "archive", warehouse: SQLiteWarehouse(path: "/dev/null/archive.sqlite"))
            let (shop, attic) = (try scene.home("shop"), try scene.home("attic"))
            for homes in [[lost], [attic, lost]] {
                let error = await #expect(throws: RunError.self) {
                    try await StateMovePlan.make(sync: "vip", among: homes, to: shop)
                }
                #expect(error?.message.contains("the warehouse archive, which may have the state") == true)
                #expect(error?.hint?.contains("--older-copy") == true)
                #expect(error?.hint?.contains("--from NAME") == (homes.count > 1))
            }
            let plan = try await StateMovePlan.make(
                sync: "vip", among: [attic, lost], to: shop, acceptsOlderCopy: true)
            guard case .useOlderCopy(lost: "archive") = plan.step, case .done = try await scene.carryOut(plan) else {
                Issue.record("\(plan.step)")
                return
            }
            try await scene.continues(in: "shop", "the older copy")
            let target = await #expect(throws: RunError.self) {
                try await StateMovePlan.make(sync: "vip", among: [shop], to: lost, acceptsOlderCopy: true)
            }
            #expect(target?.message.contains("archive, which is to have the state, could not be read") == true)
        }
    }

    @Test func oneStateUnderTwoNames() async throws {
        try await Scene.with { scene in
            let alias = StateHome(name: "alias", warehouse: try scene.home("shop").warehouse)
            let shop = try scene.home("shop")
            guard
                case .nothing(isThere: true) = try await StateMovePlan.make(sync: "vip", among: [alias], to: shop).step
            else {
                Issue.record("there is nothing to move")
                return
            }
            let error = await #expect(throws: RunError.self) {
                try await StateMovePlan.refuseSameState(alias, and: shop)
            }
            #expect(error?.code == "state_same")
        }
    }

    @Test func twoNamesOfTablesThatAreTooOldForAnIDAreMigratedFirst() async throws {
        try await Scene.with { scene in
            try await scene.bench.fixture.execute("DELETE FROM rollcall_schema_migrations WHERE version > 12")
            let shop = try scene.home("shop")
            let alias = StateHome(name: "alias", warehouse: shop.warehouse)
            let error = await #expect(throws: RunError.self) {
                try await StateMovePlan.make(sync: "vip", among: [alias], to: shop)
            }
            #expect(
                error?.code == "state_conflict" && error?.hint?.contains("rollcall migrate shop") == true,
                "\(error as Any)")
        }
    }

    @Test func aCopiedDatabaseThatWentOnByItselfIsNotTakenForTheSamePlace() async throws {
        try await Scene.with { scene in
            let path = scene.bench.fixture.folder.appendingPathComponent("copy.sqlite").path
            try await scene.bench.fixture.execute("VACUUM INTO '\(path)'")
            let copy = SQLiteWarehouse(path: path)
            let (shop, home) = (try scene.home("shop"), StateHome(name: "copy", warehouse: copy))
            guard
                case .nothing(isThere: true) = try await StateMovePlan.make(sync: "vip", among: [home], to: shop).step
            else {
                Issue.record("there is nothing to move")
                return
            }
            try await scene.bench.run()
            let error = await #expect(throws: RunError.self) {
                try await StateMovePlan.make(sync: "vip", among: [home], to: shop)
            }
            #expect(error?.code == "state_same", "\(error as Any)")
            await copy.close()
        }
    }

    @Test func aPausedSyncThatNeverRanStaysPaused() async throws {
        try await Scene.with { scene in
            let shop = try #require(scene.bench.fixture.warehouse as? any ServiceWarehouse)
            try await shop.setPaused(true, sync: "later")
            let plan = try await StateMovePlan.make(
                sync: "later", among: [scene.home("shop")], to: scene.home("archive"))
            guard case .done = try await scene.carryOut(plan) else { throw RunError(code: "test", message: "busy") }
            let archive = try #require(scene.archive.warehouse as? any ServiceWarehouse)
            #expect(try await archive.isPaused(sync: "later"))
        }
    }
}
