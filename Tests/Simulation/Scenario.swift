package import RollcallCore

/// One history, before it happens: everything that does not depend on what the engine does.
package struct Scenario: Sendable {
    package var seed: UInt64
    package var type: ProjectType
    var list: ListStart
    var recordsPerRequest: Int
    var concurrentRequests: Int
    var timeoutSeconds: Double
    var settleSeconds: Double
    var requestsPerSecond: Double
    var maxRemovals: GuardSettings.RemovalLimit
    var allowEmpty: Bool
    /// Hybrid projects: an identifier beside more different others than this counts as none.
    var maxSharing = 10
    var onlyExistingUsers: Bool
    var placeholders: Bool
    /// Processes run on one machine, so that a dead holder is recognised at once.
    var sameMachine: Bool
    var people: Int
    /// Who is known to Iterable as forgotten, as invalid, with bad data, or not at all: by person.
    var afflicted: [Int: Affliction]
    /// People on the list before Rollcall; the first may be one of the audience.
    var foreigners: Int
    var rounds: [Round]
    var faults: Set<Fault>
    /// How often a call to the warehouse meets a fault, in percent, and how often one to Iterable.
    var storePercent: Int
    var requestPercent: Int
    /// Shrinking: only these calls may meet a fault.
    var onlyFaultsAt: Set<String>?
    /// Exactly these faults, by call; nil: as the dice fall.
    var chosenFaults: [String: Fault]?
    /// Shrinking: tasks run in the order in which they became ready.
    var isOrderly = false
    /// A promise that the warehouse breaks, to see that the oracle notices.
    var sabotage: Sabotage?
    /// What is sent with the members of the list; nil: nothing but their identifiers.
    var listFields: ListFields?
    /// How the rows of the list are read.
    var reading = ReadSetting.all
    var recordReading = ReadSetting.all
    /// A rate limit that the processes share; nil: each keeps its own.
    var sharing: Sharing?
    /// A second sync, of a catalog; nil: there is none.
    var goods: Goods?
    /// A second sync, of users; nil: there is none. A history has one of the two at most.
    var clients: Clients?
    /// A further sync, of events; nil: there is none. It may stand beside one of users.
    var tracks: Tracks?

    enum ListStart: Sendable { case absent, present, byID }
    enum Affliction: String, Sendable, CaseIterable { case forgotten, invalid, badData, unknown }

    /// What happens between two quiet moments.
    struct Round: Sendable {
        var moves: [Move]
        var runners: [Runner]
        var meddling: Meddling?
        var wait: Duration
    }

    enum Meddling: Sendable { case deleteList, recreateList }

    /// One process that runs the sync once.
    struct Runner: Sendable {
        /// Names the process; stays the same when other runners are left out.
        var number: Int
        var delay: Duration
        var full = false
        var retryRejected = false
        var plansFirst = false
        /// Of events and catalogs: it streams, and is asked to stop after this number of looks at the source; nil: it runs.
        var looks: Int?
        /// When it is asked to stop, after its start, and whether as a cancellation.
        var stop: (after: Duration, cancels: Bool)?
        var whenHeld = WhenHeld.leave
        /// Seconds by which its wall clock is wrong.
        var wallError: Double = 0
        /// How much faster its monotonic clock runs, in ten thousandths; ten times what a machine's clock may do.
        var drift: Int = 0
    }

    enum WhenHeld: Sendable { case leave, approve, discard, force }

    /// A change of the audience's rows.
    enum Move: Sendable {
        case toggle(Int)
        case newAddress(Int)
        case newUserID(Int)
        case swapAddresses(Int, Int)
        case takeAddress(Int, from: Int)
        case toggleEmail(Int)
        case toggleUserID(Int)
        case spelling(Int, Int)
        /// Hybrid projects: the address, the userId or both are a placeholder that others have too: 0 none, 1 the userId, 2 the
        /// address, 3 both.
        case placeholders(Int, Int)
        /// Hybrid projects: which rows the person has beside the first one, as a code from 0 (none) to ``mostRows``.
        case otherRows(Int, Int)
        case invalidRow(Int)
        /// What the person's rows say beside the identifiers; every row but the first may say something else.
        case values(Int, MemberValues, others: MemberValues?)
        case emptyAudience
    }
}

/// Promises of a warehouse, broken.
enum Sabotage: String, CaseIterable, Sendable {
    /// The mark of what may have been sent is not kept.
    case forgetsClaims
    /// Requests that may still land are not kept.
    case forgetsDoubt
    /// A free lease and a held one are the same.
    case givesLeasesAway
    /// Runs of dead processes are left as they are.
    case recoversNothing
    /// Removals that succeeded stay on the snapshot.
    case keepsTheRemoved
    /// What may have been subscribed is not on the snapshot.
    case forgetsTheUnknown
    /// What a process without a lease has sent is not kept.
    case forgetsStrays
    /// The cursor of a sync of events moves although something was not attempted.
    case movesEveryCursor
    /// Keys of events that were sent, of events that wait, and of events that are never to be sent are forgotten at once.
    case forgetsSentEvents, forgetsWaitingEvents, forgetsSkippedEvents
    /// An event without an answer counts as sent.
    case takesDoubtForSent
    /// The fields that members of the list were sent with are forgotten.
    case forgetsFields
    /// Turns of a shared limit that were given out are given out again.
    case givesTurnsTwice
    /// The part of a dead process in a shared limit counts on.
    case keepsDeadShares

    /// Whether it is about events alone.
    var isOfEvents: Bool {
        switch self {
        case .movesEveryCursor, .forgetsSentEvents, .forgetsWaitingEvents, .forgetsSkippedEvents, .takesDoubtForSent:
            true
        default: false
        }
    }

    /// Whether it is about a list whose members are sent with fields.
    var isOfFields: Bool { self == .forgetsFields }
    /// Whether it is about a rate limit that processes share.
    var isOfSharing: Bool { self == .givesTurnsTwice || self == .keepsDeadShares }
}

extension Scenario {
    /// The history of a seed.
    package init(seed: UInt64) {
        var dice = Dice(seed, "scenario")
        self.seed = seed
        type = dice.pick([.email, .userID, .hybrid, .hybrid])
        list = dice.pick([.absent, .present, .byID])
        recordsPerRequest = dice.between(1, 5)
        concurrentRequests = dice.between(1, 4)
        timeoutSeconds = Double(dice.between(1, 10))
        settleSeconds = Double(dice.pick([0, 5, 20, 60]))
        requestsPerSecond = Double(dice.pick([1, 5, 50]))
        maxRemovals = dice.chance(60) ? .percent(100) : .count(dice.between(0, 4))
        allowEmpty = dice.chance(60)
        onlyExistingUsers = type != .email && dice.chance(15)
        placeholders = type == .email && dice.chance(15)
        sameMachine = dice.chance(50)
        // One or two people meet each other's histories more often than a dozen.
        people = dice.chance(30) ? dice.between(1, 2) : dice.between(2, 12)
        afflicted = [:]
        if dice.chance(40) {
            for _ in 0..<dice.between(1, 3) { afflicted[dice.below(people)] = dice.pick(Affliction.allCases) }
        }
        foreigners = dice.chance(40) ? dice.between(1, 2) : 0
        if type == .hybrid { maxSharing = dice.pick([1, 1, 2, 3, 10]) }
        // A run makes ten times as many calls to the warehouse as to Iterable.
        storePercent = dice.pick([0, 0, 1, 2, 5, 15])
        requestPercent = dice.pick([0, 10, 30, 60, 80])
        // A subset with its own weights: some histories know one fault only, some know all.
        let share = dice.pick([10, 30, 60, 100])
        faults = Set(Fault.allCases.filter { !Fault.ofGroups.contains($0) && dice.chance(share) }).union(Fault.ofGroups)
        rounds = []
        let (count, mayDelete) = (dice.between(1, people < 3 ? 9 : 6), list != .byID && dice.chance(15))
        for number in 0..<count {
            rounds.append(Round(&dice, self, number: number, mayDelete: mayDelete))
        }
        addListFields()
        sharing = sharing(seed: seed)
        reading = reading(seed: seed)
        goods = goods(seed: seed)
        clients = clients(seed: seed)
        tracks = tracks(seed: seed)
        recordReading = recordReading(seed: seed)
    }
}

extension Scenario {
    /// One person known by both identifiers, then by the address alone, who leaves and returns so: two entries of the
    /// snapshot, each with a removal of its own.
    static func twoNames() -> Scenario {
        var scenario = plain(.hybrid, list: .byID)
        (scenario.recordsPerRequest, scenario.concurrentRequests, scenario.people) = (1, 1, 1)
        let moves: [Move] = [.toggle(0), .toggleUserID(0), .toggle(0), .toggle(0)]
        scenario.rounds = moves.enumerated().map { number, move in
            Round(moves: [move], runners: [Runner(number: 10 * number + 1, delay: .zero)], wait: .seconds(90))
        }
        return scenario
    }

    /// People come, then some leave, change and return, with a process for each round: the history in which every single
    /// fault is tried at every call.
    static func plain(_ type: ProjectType, list: ListStart) -> Scenario {
        var scenario = Scenario(seed: 4711)
        scenario.type = type
        scenario.list = list
        (scenario.recordsPerRequest, scenario.concurrentRequests) = (2, 2)
        (scenario.timeoutSeconds, scenario.settleSeconds, scenario.requestsPerSecond) = (5, 20, 50)
        (scenario.maxRemovals, scenario.allowEmpty) = (.percent(100), true)
        (scenario.onlyExistingUsers, scenario.placeholders) = (false, false)
        (scenario.people, scenario.afflicted, scenario.foreigners) = (5, [3: .forgotten], 0)
        let moves: [[Move]] = [
            (0..<4).map { .toggle($0) }, [.toggle(0), .newAddress(1), .toggle(4)],
            [.toggle(0), .toggle(2), .toggle(3)],
        ]
        scenario.rounds = moves.enumerated().map { number, moves in
            Round(moves: moves, runners: [Runner(number: 10 * number + 1, delay: .zero)], wait: .seconds(1))
        }
        scenario.chosenFaults = [:]
        (scenario.goods, scenario.clients, scenario.tracks) = (nil, nil, nil)
        (scenario.listFields, scenario.sharing, scenario.reading, scenario.recordReading) = (nil, nil, .all, .all)
        return scenario
    }
}

extension Scenario.Round {
    fileprivate init(_ dice: inout Dice, _ scenario: Scenario, number: Int, mayDelete: Bool) {
        let isFirst = number == 0
        moves = []
        if isFirst {
            for person in 0..<scenario.people where dice.chance(60) { moves.append(.toggle(person)) }
            if scenario.type == .hybrid && dice.chance(30) {
                let placeholder = dice.between(1, 3)
                for person in 0..<scenario.people where dice.chance(60) {
                    moves.append(.placeholders(person, placeholder))
                }
            }
            if scenario.type == .hybrid && dice.chance(60) {
                for person in 0..<scenario.people where dice.chance(50) {
                    moves.append(.otherRows(person, dice.below(Scenario.Move.mostRows + 1)))
                    if dice.chance(40) { moves.append(dice.chance(50) ? .toggleEmail(person) : .toggleUserID(person)) }
                }
            }
        } else {
            for _ in 0..<dice.between(0, scenario.people) { moves.append(.init(&dice, scenario)) }
        }
        runners = [.init(&dice, number: 10 * number + 1)]
        while runners.count < 3, dice.chance(30) {
            runners.append(.init(&dice, number: 10 * number + 1 + runners.count))
        }
        if mayDelete && !isFirst && dice.chance(40) { meddling = dice.pick([.deleteList, .recreateList]) }
        wait = dice.milliseconds(0, dice.pick([100, 5_000, 90_000]))
    }
}

extension Scenario.Runner {
    init(_ dice: inout Dice, number: Int) {
        self.number = number
        delay = number % 10 == 1 ? .zero : dice.milliseconds(0, dice.pick([2_000, 40_000]))
        full = dice.chance(8)
        retryRejected = dice.chance(8)
        plansFirst = dice.chance(8)
        if dice.chance(12) { stop = (dice.milliseconds(0, dice.pick([300, 8_000])), dice.chance(50)) }
        whenHeld = dice.pick([.leave, .approve, .discard, .force])
        if dice.chance(20) { wallError = Double(dice.pick([-31_536_000, -3_600, -1, 1, 3_600, 31_536_000])) }
        drift = dice.between(-10, 10)
    }
}

extension Scenario.Move {
    /// Up to three further rows, each one of three kinds, before or behind everybody's first row.
    static let mostRows = 127

    fileprivate init(_ dice: inout Dice, _ scenario: Scenario) {
        let people = scenario.people
        let person = dice.below(people)
        switch dice.below(scenario.type == .hybrid ? 26 : 20) {
        case 0...8: self = .toggle(person)
        case 9: self = .newAddress(person)
        case 10: self = .newUserID(person)
        case 11: self = .swapAddresses(person, dice.below(people))
        case 12: self = .takeAddress(person, from: dice.below(people))
        case 13, 14: self = .toggleEmail(person)
        case 15, 16: self = .toggleUserID(person)
        case 17: self = .spelling(person, dice.below(4))
        case 18: self = .invalidRow(person)
        case 20, 21: self = .placeholders(person, dice.below(4))
        case 22...: self = .otherRows(person, dice.below(Scenario.Move.mostRows + 1))
        default: self = dice.chance(30) ? .emptyAudience : .toggle(person)
        }
    }
}
