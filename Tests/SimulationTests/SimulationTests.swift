import RollcallCore
import TestSupport
import Testing

@testable import Simulation

/// A small campaign in every test run; `make simulate` plays any number.
@Suite struct SimulationTests {
    @Test(arguments: 0..<8)
    func noRuleIsBroken(part: UInt64) async throws {
        let broken = try await busyWork {
            Simulation.campaign(part * 100..<(part + 1) * 100, threads: 1).broken
                .map { "seed \($0.seed): \($0.violations[0])" }
        }
        #expect(broken == [])
    }

    /// Every fault at every call of a plain history, one at a time: nothing is left to the dice. `simulate --thorough` does it with
    /// histories of every kind.
    @Test func everySingleFaultIsSurvived() async throws {
        let (tried, broken) = try await busyWork { Simulation.everySingleFault(.plain(.email, list: .absent)) }
        #expect(broken == [])
        #expect(tried > 500, "only \(tried) faults were tried")
    }

    /// A catalog or users beside the list, and each of them often enough.
    @Test func someHistoriesHaveASecondSync() {
        let scenarios = (UInt64(0)..<600).map { Scenario(seed: $0) }
        let catalogs = scenarios.count { $0.goods != nil }
        let users = scenarios.count { $0.clients != nil }
        let both = scenarios.count { $0.goods != nil && $0.clients != nil }
        #expect(catalogs > 150 && users > 150 && both == 0, "\(catalogs) catalogs, \(users) users, \(both) with both")
        let types = Set(scenarios.filter { $0.clients != nil }.map(\.type))
        // Of hybrid projects single faults alone are tried.
        #expect(types == [.email, .userID])
    }

    /// Of the syncs of users some send only people whom Iterable knows, some are streamed, and some are both.
    @Test func someSyncsOfUsersAreStreamedOrUpdateOnly() {
        let clients = (UInt64(0)..<1000).compactMap { Scenario(seed: $0).clients }
        let (updates, streams) = (clients.filter(\.updatesOnly), clients.filter { $0.streaming != nil })
        #expect((20...50).contains(updates.count * 100 / clients.count), "\(updates.count) of \(clients.count)")
        #expect((25...55).contains(streams.count * 100 / clients.count), "\(streams.count) of \(clients.count)")
        #expect(streams.contains { $0.updatesOnly })
        #expect(streams.allSatisfy { $0.streaming?.lastChanges.isEmpty == false })
    }

    @Test func someHistoriesReadWhatChanged() {
        let scenarios = (UInt64(0)..<600).map { Scenario(seed: $0) }
        let changed = scenarios.filter { $0.reading != .all }
        #expect((80...165).contains(changed.count), "\(changed.count) of 600")
        #expect(Set(changed.map(\.reading)) == [.changed, .auto] && changed.allSatisfy { $0.listFields == nil })
        #expect(Set(changed.map(\.type)) == Set(ProjectType.allCases))
        let records = scenarios.filter { $0.recordReading != .all }
        #expect((70...190).contains(records.count), "\(records.count) of 600")
        #expect(records.contains { $0.goods != nil } && records.contains { $0.clients != nil })
        #expect(records.allSatisfy { $0.goods != nil || $0.clients != nil })
    }

    @Test func someHistoriesShareTheRateLimit() {
        let sharing = (UInt64(0)..<600).compactMap { Scenario(seed: $0).sharing }
        #expect((35...90).contains(sharing.count), "\(sharing.count) of 600")
        #expect(sharing.contains { $0.neighbours.isEmpty })
        #expect(sharing.contains { $0.neighbours.contains { !$0.leaves } })
    }

    @Test func someHistoriesSendMembersWithFields() {
        let filled = (UInt64(0)..<600).map { Scenario(seed: $0) }.filter { $0.listFields != nil }
        #expect((150...250).contains(filled.count), "\(filled.count) of 600")
        #expect(Set(filled.map(\.type)) == Set(ProjectType.allCases))
        #expect(Set(filled.compactMap { $0.listFields?.nulls }) == [.clear, .skip, .always])
        #expect(filled.contains { $0.listFields?.begins == 0 } && filled.contains { $0.listFields?.begins != 0 })
    }

    /// Events beside the list, and beside a sync of users that they wait for; never beside a catalog.
    @Test func someHistoriesHaveASyncOfEvents() {
        let scenarios = (UInt64(0)..<2000).map { Scenario(seed: $0) }
        let alone = scenarios.filter { $0.goods == nil && $0.clients == nil }
        let events = alone.filter { $0.tracks != nil }
        #expect((25...45).contains(events.count * 100 / alone.count), "\(events.count) of \(alone.count)")
        #expect(Set(events.map(\.type)) == Set(ProjectType.allCases))
        let behind = scenarios.count { $0.clients != nil && $0.tracks?.followsClients == true }
        #expect(behind > 50, "\(behind) wait for a sync of users")
        #expect(scenarios.allSatisfy { $0.goods == nil || $0.tracks == nil })
        let cursors = Set(events.compactMap { $0.tracks?.cursor })
        #expect(cursors == [.whole, .time, .number])
    }

    @Test func aSeedIsAHistory() async throws {
        for seed in UInt64(0)..<20 {
            let isTheSame = try await busyWork {
                let (first, second) = (Simulation.play(seed: seed), Simulation.play(seed: seed))
                return first.trace == second.trace && first.steps == second.steps
            }
            #expect(isTheSame, "seed \(seed)")
        }
    }

    /// The oracle must be able to say no: a warehouse that breaks its promise is found out, and the history is shrunk.
    @Test(arguments: Sabotage.allCases)
    func aBrokenWarehouseIsFoundOut(sabotage: Sabotage) async throws {
        let found = try await busyWork { Self.firstBroken(sabotage) }
        let scenario = try #require(found, "3000 histories with a warehouse that \(sabotage) broke no rule")
        let (before, after) = try await busyWork { (History.play(scenario), Shrinker.shrink(scenario)) }
        let shrunk = try #require(after)
        #expect(!shrunk.violations.isEmpty)
        #expect(shrunk.steps <= before.steps)
        #expect(shrunk.faultsAt.count <= before.faultsAt.count)
        #expect(!shrunk.story.isEmpty)
    }

    private static func firstBroken(_ sabotage: Sabotage) -> Scenario? {
        for seed in UInt64(0)..<3000 {
            var candidate = Scenario(seed: seed)
            if sabotage.isOfEvents && candidate.tracks == nil { continue }
            if sabotage.isOfFields && candidate.listFields == nil { continue }
            if sabotage.isOfSharing && candidate.sharing == nil { continue }
            candidate.sabotage = sabotage
            if sabotage == .forgetsStrays {
                // A request after a takeover is rare among all faults, and each history has only a few of them.
                candidate.faults = [.stopBeforeWrite]
                candidate.requestPercent = 50
            }
            if !History.play(candidate).violations.isEmpty { return candidate }
        }
        return nil
    }
}
