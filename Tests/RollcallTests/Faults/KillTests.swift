import Foundation
import IterableSandbox
import Testing

/// A process that is killed loses nothing and leaves nothing running.
///
/// `ROLLCALL_FAULT_ROUNDS` says how many kills there are in all; two thirds of them are on SQLite.
@Suite(.timeLimit(.minutes(60))) struct KillTests {
    struct Kind: Sendable, CustomTestStringConvertible {
        var warehouse: Shop.Kind
        var project: FaultScene.Project
        var rounds: Int
        var testDescription: String { "\(warehouse), \(project) project, \(rounds) kills" }
    }

    private static let kinds: [Kind] = {
        let all = ProcessInfo.processInfo.environment["ROLLCALL_FAULT_ROUNDS"].flatMap { Int($0) } ?? 60
        return [
            Kind(warehouse: .sqlite, project: .email, rounds: all / 3),
            Kind(warehouse: .sqlite, project: .hybrid, rounds: all / 3),
            Kind(warehouse: .postgres, project: .email, rounds: all / 6),
            Kind(warehouse: .postgres, project: .hybrid, rounds: all - all / 3 * 2 - all / 6),
        ]
    }()

    @Test(arguments: kinds) func killedAnywhereTheNextRunPutsThingsRight(_ kind: Kind) async throws {
        try await FaultScene.with(
            kind.warehouse, kind.project, people: 1...30, tune: { $0.latencySeconds = 0.01 }
        ) { scene in
            let seed = UInt64(kind.warehouse == .sqlite ? 1 : 2) * 2 + (kind.project == .email ? 0 : 1)
            var rounds = KillRounds(scene, seed: seed, people: 1...30)
            let hits = try await rounds.run(kind.rounds)
            let inTheMiddle = kind.rounds - (hits[.unopened] ?? 0) - (hits[.finished] ?? 0)
            #expect(inTheMiddle >= kind.rounds / 3, "runs are hit in the middle: \(hits)")
            KillTally.add(hits, of: Self.kinds.count)
        }
    }
}
