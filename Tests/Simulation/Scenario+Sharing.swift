import RollcallCore

extension Scenario {
    /// The processes of the history keep the rate limit together, by turns that the warehouse gives out.
    struct Sharing: Sendable {
        /// Processes of other configurations with the same API key, which take turns of every budget that there is.
        var neighbours: [Neighbour] = []

        struct Neighbour: Sendable {
            var start: Duration
            /// How often it asks for turns, once a second.
            var exchanges: Int
            /// Requests a second.
            var wanted: Double
            /// Whether it gives back its part in the end, or is killed.
            var leaves: Bool
        }
    }

    /// Every tenth history.
    func sharing(seed: UInt64) -> Sharing? {
        var dice = Dice(seed, "sharing")
        guard dice.chance(10) else { return nil }
        var sharing = Sharing()
        for _ in 0..<dice.below(3) {
            sharing.neighbours.append(
                Sharing.Neighbour(
                    start: dice.milliseconds(0, dice.pick([5_000, 60_000])), exchanges: dice.between(3, 60),
                    wanted: dice.pick([0.2, requestsPerSecond]), leaves: dice.chance(50)))
        }
        return sharing
    }

    /// As ``plain(_:list:)``, with a shared limit, and with a neighbour that is killed in the middle of it.
    static func shared() -> Scenario {
        var scenario = plain(.email, list: .byID)
        scenario.requestsPerSecond = 5
        scenario.sharing = Sharing(neighbours: [
            Sharing.Neighbour(start: .milliseconds(100), exchanges: 3, wanted: 5, leaves: false)
        ])
        return scenario
    }
}
