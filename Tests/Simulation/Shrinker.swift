import RollcallCore

/// Makes a failing history as short as it can: rounds, processes, moves and faults are left out as long as the same rule
/// is broken.
package enum Shrinker {
    /// The shortest history found that breaks the same rule, told in words; nil if the seed breaks none.
    package static func shrink(seed: UInt64) -> Report? { shrink(Scenario(seed: seed)) }

    static func shrink(_ scenario: Scenario) -> Report? {
        var best = scenario
        let report = History.play(best)
        guard let rule = report.violations.first.map(kind) else { return nil }
        func fails(_ scenario: Scenario) -> Bool {
            History.play(scenario).violations.contains { kind($0) == rule }
        }
        func attempt(_ change: (inout Scenario) -> Void) {
            var candidate = best
            change(&candidate)
            if fails(candidate) { best = candidate }
        }
        attempt { $0.isOrderly = true }
        attempt { $0.onlyFaultsAt = Set(report.faultsAt) }
        attempt { $0.listFields = nil }
        attempt { $0.sharing = nil }
        attempt { $0.reading = ReadSetting.all }
        attempt { $0.recordReading = ReadSetting.all }
        attempt { $0.goods = nil }
        attempt { $0.tracks = nil }
        attempt { $0.clients = nil }
        var size = Int.max
        while weight(best) < size {
            size = weight(best)
            shorten(&best, fails)
        }
        return History.play(best, tellsStory: true)
    }

    /// The rule without the particulars: run ids, names, counts.
    private static func kind(_ violation: String) -> String {
        violation.split(separator: " ").filter { word in
            !word.contains(where: { $0.isNumber || $0 == "\"" || $0 == "@" })
        }.prefix(6).joined(separator: " ")
    }

    private static func weight(_ scenario: Scenario) -> Int {
        let lists = scenario.rounds.reduce(0) { $0 + 10 + $1.moves.count + 5 * $1.runners.count }
        let clients = scenario.clientRounds.reduce(scenario.lastChanges.count) {
            $0 + $1.moves.count + $1.writes.count + $1.later.count + $1.appearances.count + 5 * $1.runners.count
        }
        let tracks = scenario.trackRounds.reduce(0) { $0 + $1.moves.count + 5 * $1.runners.count }
        return lists + clients + tracks + (scenario.onlyFaultsAt?.count ?? 1000) * 3
    }

    private static func shorten(_ best: inout Scenario, _ fails: (Scenario) -> Bool) {
        leaveOut(&best, fails, \.rounds)
        for round in best.rounds.indices.reversed() {
            leaveOut(&best, fails, \.rounds[round].moves)
            leaveOut(&best, fails, \.rounds[round].runners)
            simplify(&best, fails) { $0.rounds[round].wait = .zero }
            simplify(&best, fails) { $0.rounds[round].meddling = nil }
            for runner in best.rounds[round].runners.indices {
                simplify(&best, fails) { scenario in
                    let number = scenario.rounds[round].runners[runner].number
                    scenario.rounds[round].runners[runner] = Scenario.Runner(number: number, delay: .zero)
                }
            }
        }
        for round in best.clientRounds.indices.reversed() {
            leaveOut(&best, fails, \.clientRounds[round].moves)
            leaveOut(&best, fails, \.clientRounds[round].writes)
            leaveOut(&best, fails, \.clientRounds[round].later)
            leaveOut(&best, fails, \.clientRounds[round].appearances)
            leaveOut(&best, fails, \.clientRounds[round].runners)
        }
        leaveOut(&best, fails, \.lastChanges)
        for round in best.trackRounds.indices.reversed() {
            leaveOut(&best, fails, \.trackRounds[round].moves)
            leaveOut(&best, fails, \.trackRounds[round].runners)
        }
        leaveOutFaults(&best, fails)
        simplify(&best, fails) { $0.afflicted = [:] }
        simplify(&best, fails) { $0.foreigners = 0 }
        simplify(&best, fails) { $0.maxSharing = 10 }
        simplify(&best, fails) { $0.concurrentRequests = 1 }
        simplify(&best, fails) { $0.recordsPerRequest = 1 }
    }

    private static func simplify(
        _ best: inout Scenario, _ fails: (Scenario) -> Bool, _ change: (inout Scenario) -> Void
    ) {
        var candidate = best
        change(&candidate)
        if fails(candidate) { best = candidate }
    }

    /// Leaves out halves, then quarters, then single elements (Zeller's ddmin, without its complements).
    private static func leaveOut<T>(
        _ best: inout Scenario, _ fails: (Scenario) -> Bool, _ path: WritableKeyPath<Scenario, [T]>
    ) {
        var size = max(1, best[keyPath: path].count / 2)
        while true {
            var start = 0
            while start < best[keyPath: path].count {
                var candidate = best
                let end = min(start + size, candidate[keyPath: path].count)
                candidate[keyPath: path].removeSubrange(start..<end)
                if fails(candidate) { best = candidate } else { start += size }
            }
            if size == 1 { return }
            size /= 2
        }
    }

    private static func leaveOutFaults(_ best: inout Scenario, _ fails: (Scenario) -> Bool) {
        guard let all = best.onlyFaultsAt else { return }
        for key in all.sorted() {
            simplify(&best, fails) { $0.onlyFaultsAt?.remove(key) }
        }
    }
}
