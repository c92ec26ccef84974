import RollcallCore

extension Scenario.Clients {
    /// How processes stream the rows of customers.
    struct Streaming: Sendable {
        /// How far before the highest value of the cursor's column a look reads, in steps; each change of a row is ten steps.
        var overlap: Int64 = 0
        var sweepSeconds = 3600
        /// Records that a look takes at most.
        var mostWaiting = 100_000
        /// Whether a stream knows that nothing was committed.
        var knowsCommits = false
        /// What changes while the stream of the quiet phase goes on, in the time in which its requests still get lost.
        var lastChanges: [LaterChange] = []
    }

    /// A change of the rows while processes run.
    struct LaterChange: Sendable {
        /// Since the processes began.
        var after: Duration
        var move: Scenario.ClientMove
        /// Whether the cursor's column grows with it.
        var grows = true
        /// By how much the column's value is behind, as that of a transaction that took long.
        var lag: Int64 = 0
    }

    /// Another system makes the profile of a customer.
    struct Appearance: Sendable {
        var customer: Int
        var after: Duration
    }
}

extension Scenario {
    /// Of the stream of users in the quiet phase; none where there is no such stream.
    var lastChanges: [Clients.LaterChange] {
        get { clients?.streaming?.lastChanges ?? [] }
        set { clients?.streaming?.lastChanges = newValue }
    }

    /// Some syncs send only people whom Iterable knows. Who that is at first, and who gets a profile while processes run.
    func updatesOnly(_ seed: UInt64, _ clients: inout Clients) {
        var dice = Dice(seed, "clients known")
        guard dice.chance(35) else { return }
        clients.updatesOnly = true
        for customer in 0..<clients.customers where dice.chance(50) { clients.known.insert(customer) }
        for round in clients.rounds.indices {
            for _ in 0..<dice.between(0, 2) {
                let after = dice.milliseconds(0, dice.pick([1, 2_000, 20_000]))
                clients.rounds[round].appearances.append(.init(customer: dice.below(clients.customers), after: after))
            }
        }
    }

    /// Some processes stream instead of running, and rows change meanwhile.
    func streams(_ seed: UInt64, _ clients: inout Clients) {
        var dice = Dice(seed, "client streams")
        guard dice.chance(40) else { return }
        var streaming = Clients.Streaming()
        streaming.overlap = dice.pick([0, 10, 40, 1_000_000])
        streaming.sweepSeconds = dice.pick([5, 20, 3600, 3600])
        streaming.mostWaiting = dice.pick([1, 2, 100_000])
        streaming.knowsCommits = dice.chance(50)
        for (round, runners) in clients.rounds.map(\.runners).enumerated() {
            for place in runners.indices where dice.chance(75) {
                clients.rounds[round].runners[place].looks = dice.between(1, dice.pick([4, 20]))
            }
            for _ in 0..<dice.between(0, dice.pick([2, 6])) {
                clients.rounds[round].later.append(.init(&dice, clients, within: dice.pick([3_000, 20_000, 90_000])))
            }
        }
        for _ in 0..<dice.between(1, 6) {
            var change = Clients.LaterChange(&dice, clients, within: Clients.Streaming.lossMilliseconds)
            (change.grows, change.lag) = (true, 0)
            streaming.lastChanges.append(change)
        }
        clients.streaming = streaming
    }

    /// Only some customers are known to Iterable; one appears while a process runs, and one before the next.
    static func updates(_ type: ProjectType) -> Scenario {
        var scenario = profiles(type)
        guard var clients = scenario.clients else { return scenario }
        (clients.updatesOnly, clients.known) = (true, [0, 1])
        clients.rounds[0].appearances = [.init(customer: 2, after: .milliseconds(300))]
        clients.rounds[1].appearances = [.init(customer: 3, after: .zero)]
        scenario.clients = clients
        return scenario
    }

    /// The customers of ``profiles(_:)``, streamed by one process after the other, while rows change.
    static func streamedProfiles(_ type: ProjectType) -> Scenario {
        var scenario = profiles(type)
        guard var clients = scenario.clients else { return scenario }
        clients.streaming = .init(overlap: 10, sweepSeconds: 3600)
        clients.streaming?.lastChanges = [
            .init(after: .seconds(3), move: .toggle(0, 1)), .init(after: .seconds(9), move: .set(2, 30)),
        ]
        for round in clients.rounds.indices {
            clients.rounds[round].runners[0].looks = 5
            clients.rounds[round].later = [
                .init(after: .seconds(2), move: .toggle(4, 1)), .init(after: .seconds(4), move: .toggle(4, 1)),
            ]
        }
        scenario.clients = clients
        return scenario
    }
}

extension Scenario.Clients.Streaming {
    /// For how long requests of the quiet phase's stream may still get lost.
    static let lossMilliseconds = 25_000
}

extension Scenario.Clients.LaterChange {
    fileprivate init(_ dice: inout Dice, _ clients: Scenario.Clients, within milliseconds: Int) {
        after = dice.milliseconds(0, milliseconds)
        move = Scenario.ClientMove(&dice, clients)
        // Most changes are of values.
        if dice.chance(60) { move = .set(dice.below(clients.customers), dice.below(108)) }
        grows = dice.chance(85)
        if dice.chance(20) { lag = dice.pick([5, 15, 45, 500]) }
        // The newest row of a key goes, and leaves an older one.
        if clients.newest && dice.chance(25) {
            (move, grows, lag) = (.noOthers(dice.below(clients.customers)), dice.chance(40), 0)
        }
    }
}
