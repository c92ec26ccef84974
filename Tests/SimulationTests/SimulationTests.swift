import RollcallCore
import Testing

@testable import Simulation

/// A small campaign in every test run; `make simulate` plays any number.
@Suite struct SimulationTests {
    @Test(arguments: 0..<8)
    func noRuleIsBroken(part: UInt64) {
        let seeds = part * 100..<(part + 1) * 100
        let broken = Simulation.campaign(seeds, threads: 1).broken
        #expect(broken.map { "seed \($0.seed): \($0.violations[0])" } == [])
    }

    /// Every fault at every call of a plain history, one at a time: nothing is left to the dice.
    @Test(arguments: [ProjectType.email, .userID, .hybrid])
    func everySingleFaultIsSurvived(type: ProjectType) {
        for list in [Scenario.ListStart.absent, .byID] {
            let (tried, broken) = Simulation.everySingleFault(.plain(type, list: list))
            #expect(broken == [])
            #expect(tried > 500, "only \(tried) faults were tried")
        }
    }

    @Test func everySingleFaultIsSurvivedByAPersonOfTwoNames() {
        let (tried, broken) = Simulation.everySingleFault(.twoNames())
        #expect(broken == [])
        #expect(tried > 500, "only \(tried) faults were tried")
    }

    @Test func aSeedIsAHistory() {
        for seed in UInt64(0)..<20 {
            let (first, second) = (Simulation.play(seed: seed), Simulation.play(seed: seed))
            #expect(first.trace == second.trace && first.steps == second.steps, "seed \(seed)")
        }
    }

    /// The oracle must be able to say no: a warehouse that breaks its promise is found out, and the history is shrunk.
    @Test(arguments: Sabotage.allCases)
    func aBrokenWarehouseIsFoundOut(sabotage: Sabotage) throws {
        var scenario: Scenario?
        for seed in UInt64(0)..<3000 {
            var candidate = Scenario(seed: seed)
            candidate.sabotage = sabotage
            if sabotage == .forgetsStrays {
                // A request after a takeover is rare among all faults, and each history has only a few of them.
                candidate.faults = [.stopBeforeWrite]
                candidate.requestPercent = 50
            }
            if !History.play(candidate).violations.isEmpty {
                scenario = candidate
                break
            }
        }
        let found = try #require(scenario, "3000 histories with a warehouse that \(sabotage) broke no rule")
        let before = History.play(found)
        let after = try #require(Shrinker.shrink(found))
        #expect(!after.violations.isEmpty)
        #expect(after.steps <= before.steps)
        #expect(after.faultsAt.count <= before.faultsAt.count)
        #expect(!after.story.isEmpty)
    }
}
