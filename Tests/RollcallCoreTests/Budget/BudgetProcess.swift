import RollcallCore

/// One process of a ``BudgetWorld``: it does what `SharedBudget` and a run do, step by step.
struct BudgetProcess {
    private enum Phase {
        case resting
        /// Waits for the process's own limit.
        case paced(RateLimiterState.Slot)
        case asks
        case hasTurn(HeldTurns.Turn)
    }

    private struct Request {
        var phase = Phase.resting
        var at: Int64
        var isWaiting = false
    }

    struct Exchange {
        /// nil: only the clock is looked at.
        var need: RateNeed?
        var asked: Int64
        var begunAt: Int64
        var commitAt: Int64
        var answerAt: Int64
        var isLost: Bool
        /// nil: it is not committed yet.
        var grants: RateGrants?
    }

    let limit: Double
    let concurrency: Int
    let latency: Int64
    let rest: Int64
    let isStream: Bool
    /// The process's clock less the world's.
    private let skew: Int64
    private var limiter: RateLimiterState
    private var held: HeldTurns
    private var offset = WarehouseOffset()
    private var duration: Int64 = 0
    /// Looks at the clock since the last exchange.
    private var looks = 0
    private var requests: [Request]
    private var exchangedAt: Int64?
    private(set) var wantsExchange = false
    var exchange: Exchange?
    var isAlive = true
    var pausedUntil: Int64 = 0

    init(limit: Double, concurrency: Int, latency: Int64, rest: Int64, isStream: Bool, skew: Int64, now: Int64) {
        self.limit = limit
        self.concurrency = concurrency
        self.latency = latency
        self.rest = rest
        self.isStream = isStream
        self.skew = skew
        limiter = RateLimiterState(requestsPerSecond: limit)
        held = HeldTurns(budget: "b", limit: limit)
        requests = (0..<concurrency).map { Request(at: now + Int64($0)) }
    }

    var share: Double? { held.share }

    /// When something happens in it, or to its exchange.
    var next: Int64? {
        let due = exchange == nil ? exchangedAt.map { $0 + 1_000_000 } : exchange?.answerAt
        let own = (requests.map(\.at) + [due].compactMap(\.self)).min().map { max($0, pausedUntil) }
        return [own, exchange.flatMap { $0.grants == nil ? $0.commitAt : nil }].compactMap(\.self).min()
    }

    /// Whether its exchange is committed now: that does not wait for the process.
    func commitDue(_ now: Int64) -> Bool { exchange.map { $0.grants == nil && $0.commitAt <= now } ?? false }

    mutating func beginExchange(_ now: Int64, begun: Int64, commit: Int64, answer: Int64, isLost: Bool) {
        wantsExchange = false
        if looks == 0 { exchangedAt = now }
        let isLook = !offset.isKnown && looks < 2
        looks = isLook ? looks + 1 : 0
        let need = isLook ? nil : held.need(now: now + skew, duration: duration)
        exchange = Exchange(
            need: need, asked: now, begunAt: begun, commitAt: commit, answerAt: answer, isLost: isLost)
        if let need, need.claim == nil { held = HeldTurns(budget: "b", limit: limit) }
    }

    /// - Returns: whether a request leaves.
    mutating func step(_ now: Int64, random: Double) -> Bool {
        if let ended = exchange, ended.answerAt <= now, let grants = ended.grants { return receive(grants, ended, now) }
        if exchange == nil, let exchangedAt, now - exchangedAt >= 1_000_000 {
            wantsExchange = true
            return false
        }
        guard let index = requests.indices.min(by: { requests[$0].at < requests[$1].at }) else { return false }
        var request = requests[index]
        defer { requests[index] = request }
        return step(&request, now, random)
    }

    private mutating func receive(_ grants: RateGrants, _ ended: Exchange, _ now: Int64) -> Bool {
        exchange = nil
        if ended.isLost {
            looks = 0
            return false
        }
        duration = now - ended.asked
        if !offset.note(begun: grants.begun, now: grants.now, asked: ended.asked + skew, answered: now + skew) {
            held.drop()
        }
        if ended.need == nil {
            wantsExchange = true
            return false
        }
        guard let local = offset.local(grants.now) else { return false }
        for grant in grants.grants { held.receive(grant, first: local + grant.first - grants.now, now: now + skew) }
        for index in requests.indices where requests[index].isWaiting { requests[index].at = now }
        return false
    }

    private mutating func step(_ request: inout Request, _ now: Int64, _ random: Double) -> Bool {
        let time = Duration.microseconds(now + skew)
        switch request.phase {
        case .resting where held.share == nil:
            // The pace begins once the process takes part.
            _ = held.take(now: now + skew, limit: limit, isStream: isStream, isWaiting: &request.isWaiting)
            askSoon(&request, now)
        case .resting:
            if request.isWaiting { held.stopWaiting(now: now + skew, isStream: isStream) }
            request.isWaiting = false
            pace(&request, limiter.reserve(now: time, isStream: isStream), now)
        case .paced(let slot):
            if let another = limiter.confirm(slot, now: time, isStream: isStream) {
                pace(&request, another, now)
            } else {
                request.phase = .asks
            }
        case .asks:
            if let turn = held.take(
                now: now + skew, limit: limit, isStream: isStream, isWaiting: &request.isWaiting)
            {
                request.phase = .hasTurn(turn)
                request.at = max(now, turn.first - skew)
            } else {
                askSoon(&request, now)
            }
        case .hasTurn(let turn):
            guard now + skew <= turn.last else {
                request.phase = .asks
                return false
            }
            request.phase = .resting
            request.at = now + latency + Int64(random * Double(rest))
            return true
        }
        return false
    }

    private mutating func askSoon(_ request: inout Request, _ now: Int64) {
        wantsExchange = exchange == nil && exchangedAt.map { now - $0 >= 1_000_000 } ?? true
        request.at = now + 200_000
    }

    private func pace(_ request: inout Request, _ slot: RateLimiterState.Slot, _ now: Int64) {
        request.phase = .paced(slot)
        request.at = now + Int64((slot.delay / .microseconds(1)).rounded(.up))
    }
}
