import Foundation
import RollcallCore

extension Scenario {
    /// What happens to a further sync in the same history, which sends the events of a table of visits.
    struct Tracks: Sendable {
        /// Which column says what is new.
        enum Cursor: Sendable { case whole, time, number }

        var key = ["id"]
        var cursor = Cursor.time
        /// In seconds, or in steps of a column of whole numbers.
        var overlap: Int64 = 10
        var sweepSeconds = 20
        var start = EventSettings.Start.all
        var updates = false
        /// Whether a column gives the names; and those that are sent, nil: all.
        var hasNames = true
        var names: [String]?
        /// Names that the project does not take, and whether its answers count their events as failures.
        var disallowed: Set<String> = []
        var countsDisallowed = false
        /// Whether a column says when an event happened.
        var hasTime = true
        /// Whether both identifiers are mapped, where a project can use both.
        var mapsBoth = true
        var delivery = EventSettings.Delivery.bulk
        /// Whether people wait for the sync of users.
        var followsClients = false
        var waitSeconds = 120
        var maxEvents: Int?
        var maxAgeSeconds: Int?
        var maxInvalid: Double?
        /// Events that a stream reads at most before it sends them.
        var mostWaiting = 100_000
        /// Whether a stream knows that nothing was committed.
        var knowsCommits = false
        /// Whether the warehouse gives all rows, whichever are asked for.
        var givesMoreRows = false
        /// What becomes of a run that is held at the end.
        var approvesLast = true
        var visitors = 0
        /// Email projects: who is not known to Iterable at first.
        var strangers: Set<Int> = []
        /// Who is known to Iterable as forgotten or invalid.
        var afflicted: [Int: Affliction] = [:]
        /// For each round of the history.
        var rounds: [Round] = []

        struct Round: Sendable {
            var moves: [TrackMove]
            var runners: [Runner]
        }

        static let namespace = "tracks"
        static let constantName = "visit"
        /// Fields, and the columns that fill them.
        static let fields = ["row": "id", "amount": "amount", "note": "note"]

        func mapsUserID(_ type: ProjectType) -> Bool { type != .email || mapsBoth }
    }

    struct NewVisit: Sendable {
        var visitor: Int
        var name = 0
        var amount = 1
        /// By how much the cursor's column is behind what it is to be now, in seconds or steps; less than 0: ahead.
        var lag = 0
        /// Seconds since it happened.
        var age = 0
        /// After which time its transaction is committed.
        var delay: Duration?
    }

    /// A change of the rows. The first number says which row, or who.
    enum TrackMove: Sendable {
        case add(NewVisit)
        /// A row with the place of the last one.
        case tie(Int)
        case change(Int, amount: Int)
        /// The row is another visitor's.
        case hand(Int, to: Int)
        case rename(Int, Int)
        /// The row is deleted, or comes back.
        case toggle(Int)
        case spoil(Int, Visits.Flaw?)
        /// Another row gets its key; nil: it goes.
        case twin(Int, isSame: Bool?)
        /// Iterable gets to know a visitor after a while.
        case appear(Int, after: Duration)
        case turn
    }

    /// The rounds of the sync of events; none where there is no such sync.
    var trackRounds: [Tracks.Round] {
        get { tracks?.rounds ?? [] }
        set { tracks?.rounds = newValue }
    }

    /// A third of the histories that have neither a catalog nor users have one, and some of those with users.
    func tracks(seed: UInt64) -> Tracks? {
        var dice = Dice(seed, "tracks")
        // Only in email projects does a person have to be known before.
        let share = clients != nil ? 25 : type == .email ? 75 : 30
        guard goods == nil, dice.chance(share) else { return nil }
        var tracks = Tracks(&dice, self)
        for number in rounds.indices {
            var round = Tracks.Round(moves: [], runners: [])
            for _ in 0..<dice.between(number == 0 ? 1 : 0, 6) { round.moves.append(TrackMove(&dice, tracks)) }
            round.runners = [Runner(&dice, number: 9001 + 10 * number)]
            while round.runners.count < 3, dice.chance(30) {
                round.runners.append(Runner(&dice, number: 9001 + 10 * number + round.runners.count))
            }
            tracks.rounds.append(round)
        }
        streams(seed, &tracks)
        return tracks
    }

    /// Some processes stream instead of running.
    private func streams(_ seed: UInt64, _ tracks: inout Tracks) {
        var dice = Dice(seed, "streams")
        guard tracks.cursorColumn != nil, dice.chance(50) else { return }
        tracks.knowsCommits = dice.chance(50)
        tracks.mostWaiting = dice.pick([1, 2, 100_000])
        for (round, runners) in tracks.rounds.map(\.runners).enumerated() {
            for place in runners.indices where dice.chance(70) {
                tracks.rounds[round].runners[place].looks = dice.between(1, dice.pick([3, 12]))
            }
        }
    }

    func sync(_ tracks: Tracks, guarded: Bool) -> SyncSettings {
        let name = tracks.hasNames ? EventSettings.Name.column("name") : .constant(Tracks.constantName)
        var events = EventSettings(key: tracks.key, name: name, namespace: Tracks.namespace)
        events.names = tracks.names
        events.createdAt = tracks.hasTime ? EventSettings.Time(column: "at") : nil
        events.fields = .only(
            Tracks.fields.sorted { $0.key < $1.key }.map { FieldSetting(name: $0.key, source: .column($0.value)) })
        events.start = tracks.start
        if let column = tracks.cursorColumn {
            var cursor = EventSettings.Cursor(column: column)
            cursor.overlap = tracks.cursor == .number ? .steps(tracks.overlap) : .seconds(Int(tracks.overlap))
            cursor.sweepSeconds = tracks.sweepSeconds
            events.cursor = cursor
        }
        events.changedRows = tracks.updates ? .update : .ignore
        events.after = tracks.followsClients ? "clients" : nil
        events.waitForUserSeconds = tracks.waitSeconds
        events.delivery = tracks.delivery
        var sync = SyncSettings(
            name: "tracks", warehouse: "shop", destination: "marketing", audience: Visits.table,
            target: .events(events))
        sync.mapping = ColumnMapping(
            email: type == .userID ? nil : "email", userID: tracks.mapsUserID(type) ? "user_id" : nil)
        sync.guards.maxEvents = guarded ? tracks.maxEvents : nil
        sync.guards.maxAgeSeconds = guarded ? tracks.maxAgeSeconds : nil
        sync.guards.maxInvalid = guarded ? tracks.maxInvalid : nil
        return sync
    }

    /// Visits of three people, of whom one is not known at first in email projects; then a row that comes late, one
    /// that changes, one that repeats another; with a process for each round. No one is on a list.
    static func events(_ type: ProjectType, updates: Bool) -> Scenario {
        var scenario = plain(type, list: .absent)
        var tracks = Tracks()
        (tracks.visitors, tracks.strangers, tracks.updates) = (3, type == .email ? [2] : [], updates)
        (tracks.sweepSeconds, tracks.overlap, tracks.waitSeconds) = (5, 2, 600)
        let moves: [[TrackMove]] = [
            [0, 1, 2, 0].map { .add(NewVisit(visitor: $0)) },
            [.add(NewVisit(visitor: 1, age: 20)), .add(NewVisit(visitor: 2)), .change(0, amount: 2)],
            [
                .appear(2, after: .zero), .add(NewVisit(visitor: 0, lag: 6)), .twin(1, isSame: true),
                .change(4, amount: 3), .add(NewVisit(visitor: 2)),
            ],
        ]
        tracks.rounds = moves.enumerated().map { number, moves in
            Tracks.Round(moves: moves, runners: [Runner(number: 9001 + 10 * number, delay: .zero)])
        }
        scenario.tracks = tracks
        scenario.rounds = moves.map { _ in Round(moves: [], runners: [], wait: .seconds(6)) }
        return scenario
    }
}

extension Scenario.Tracks {
    fileprivate init(_ dice: inout Dice, _ scenario: Scenario) {
        key = dice.pick([["id"], ["id"], ["number"], ["id", "part"]])
        cursor = dice.pick([.whole, .time, .time, .number])
        overlap = dice.pick(cursor == .number ? [0, 20, 100] : [0, 2, 10, 60])
        sweepSeconds = dice.pick([5, 20, 60])
        updates = dice.chance(40)
        hasNames = dice.chance(70)
        if hasNames && dice.chance(40) { names = ["order", "visit"] }
        if dice.chance(25) { disallowed = ["order"] }
        countsDisallowed = dice.chance(50)
        hasTime = dice.chance(75)
        start = dice.pick([.now, .now, .all])
        if (hasTime || cursor == .time) && dice.chance(30) {
            start = dice.pick([.time(History.beginning), .last(seconds: 1800)])
        }
        mapsBoth = dice.chance(60)
        delivery = dice.chance(35) ? .single : .bulk
        followsClients = scenario.clients != nil
        waitSeconds = dice.pick([0, 30, 120, 600])
        if dice.chance(25) { maxEvents = dice.between(0, 4) }
        if hasTime && dice.chance(20) { maxAgeSeconds = 1800 }
        if dice.chance(15) { maxInvalid = Double(dice.pick([10, 50])) }
        givesMoreRows = dice.chance(30)
        approvesLast = dice.chance(60)
        visitors = dice.chance(40) ? 1 : dice.between(2, 4)
        // One customer more than the sync of users has, of whom nothing is ever known.
        if let clients = scenario.clients { visitors = clients.customers + 1 }
        if scenario.type == .email && !followsClients {
            for visitor in 0..<visitors where dice.chance(50) { strangers.insert(visitor) }
        }
        if !followsClients && dice.chance(25) { afflicted[dice.below(visitors)] = dice.pick([.forgotten, .invalid]) }
    }
}

extension Scenario.NewVisit {
    fileprivate init(_ dice: inout Dice, _ tracks: Scenario.Tracks) {
        self.init(visitor: dice.below(tracks.visitors))
        name = dice.below(Visits.names.count)
        amount = dice.below(4)
        if dice.chance(30) { lag = dice.pick([1, 5, 15, 40, 90, 400]) }
        // What is ahead of all clocks stays so until the end.
        if dice.chance(10) { lag = tracks.cursor == .number ? -20 : dice.pick([-100, -1_000_000]) }
        if dice.chance(30) { age = dice.pick([10, 3600, 864_000]) }
        if dice.chance(25) { delay = dice.milliseconds(1, dice.pick([500, 10_000, 60_000])) }
    }
}

extension Scenario.TrackMove {
    fileprivate init(_ dice: inout Dice, _ tracks: Scenario.Tracks) {
        let row = dice.below(24)
        let visitor = dice.below(tracks.visitors)
        switch dice.below(40) {
        case 0...19: self = .add(Scenario.NewVisit(&dice, tracks))
        case 20, 21: self = .tie(visitor)
        case 22...25: self = .change(row, amount: dice.below(4))
        case 26: self = .hand(row, to: visitor)
        case 27: self = .rename(row, dice.below(Visits.names.count))
        case 28, 29: self = .toggle(row)
        case 30, 31: self = .spoil(row, dice.pick(Visits.Flaw.allCases))
        case 32: self = .spoil(row, nil)
        case 33, 34: self = .twin(row, isSame: dice.pick([true, false, nil]))
        case 35: self = .turn
        default: self = .appear(visitor, after: dice.milliseconds(0, dice.pick([10, 5_000, 60_000])))
        }
    }
}
