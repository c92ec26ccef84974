import RollcallCore
import SeededRandom

/// Processes that share one rate limit through a database, in virtual time: the decisions are the real ones, and between them
/// things take time, fail and die. Times are microseconds of the world; each process has a separate clock.
struct BudgetWorld {
    /// What goes wrong, in shares of the exchanges or times a minute for each process.
    struct Faults {
        var slow = 0.0
        var lost = 0.0
        var kills = 0.0
        var pauses = 0.0
    }

    struct Sent {
        var at: Int64
        var process: Int
    }

    private struct Database {
        var budget = RateBudget()
        var rows: [Int: (claim: RateClaim, seen: Int64)] = [:]

        mutating func exchange(_ need: RateNeed?, _ process: Int, begun: Int64, _ now: Int64) -> RateGrants {
            guard let need else { return RateGrants(begun: begun, now: now, grants: []) }
            rows = rows.filter { now - $0.value.seen <= RateBudget.lifetime }
            let others = rows.filter { $0.key != process }.sorted { $0.key < $1.key }.map(\.value.claim)
            let grant = budget.exchange(need, others: others, now: now)
            rows[process] = need.claim.map { ($0, now) }
            return RateGrants(begun: begun, now: now, grants: grant.map { [$0] } ?? [])
        }
    }

    private(set) var processes: [BudgetProcess] = []
    private(set) var sent: [Sent] = []
    private(set) var exchanges = 0
    private var database = Database()
    private var generator: SeededGenerator
    private(set) var now: Int64 = 1_000_000_000_000
    let faults: Faults
    let limit: Double
    /// What a question or an answer takes, in microseconds.
    let way: ClosedRange<Int64>

    init(seed: UInt64, limit: Double, way: ClosedRange<Int64> = 500...5500, faults: Faults = Faults()) {
        generator = SeededGenerator(seed: seed)
        self.way = way
        self.limit = limit
        self.faults = faults
    }

    /// - Parameters:
    ///   - latency: microseconds from a request to its answer.
    ///   - rest: the longest pause after an answer, in microseconds; 0: there is always more to send.
    mutating func add(
        limit: Double? = nil, concurrency: Int = 4, latency: Int64 = 100_000, rest: Int64 = 0, isStream: Bool = false
    ) {
        processes.append(
            BudgetProcess(
                limit: limit ?? self.limit, concurrency: concurrency, latency: latency, rest: rest, isStream: isStream,
                skew: Int64(generator.next(below: 1_000_000_000)), now: now))
    }

    mutating func kill(_ process: Int) { processes[process].isAlive = false }

    mutating func run(seconds: Double) {
        let end = now + Int64(seconds * 1_000_000)
        while let (process, time) = next(), time < end {
            now = max(now, time)
            step(process)
        }
        now = end
    }

    private func next() -> (Int, Int64)? {
        var first: (Int, Int64)?
        for (index, process) in processes.enumerated() where process.isAlive {
            if let time = process.next, time < first?.1 ?? .max { first = (index, time) }
        }
        return first
    }

    private mutating func step(_ index: Int) {
        if processes[index].commitDue(now), let exchange = processes[index].exchange {
            processes[index].exchange?.grants = database.exchange(exchange.need, index, begun: exchange.begunAt, now)
            return
        }
        if processes[index].pausedUntil <= now {
            if happens(faults.kills) { return replace(index) }
            if happens(faults.pauses) {
                processes[index].pausedUntil = now + Int64(generator.next(below: 20_000_000))
                return
            }
        }
        if processes[index].step(now, random: generator.unit()) { sent.append(Sent(at: now, process: index)) }
        if processes[index].wantsExchange { beginExchange(index) }
    }

    /// Once in this number of the steps that a process makes in a minute.
    private mutating func happens(_ timesAMinute: Double) -> Bool {
        timesAMinute > 0 && generator.unit() < timesAMinute / 60 / (3 * limit + 10)
    }

    private mutating func replace(_ index: Int) {
        let old = processes[index]
        processes[index].isAlive = false
        add(
            limit: old.limit, concurrency: old.concurrency, latency: old.latency, rest: old.rest, isStream: old.isStream
        )
    }

    private mutating func beginExchange(_ index: Int) {
        let isSlow = generator.unit() < faults.slow
        let begun = now + travel()
        let commit = begun + (isSlow ? Int64(generator.next(below: 3_000_000)) : 0)
        let answer = commit + travel() + (isSlow ? Int64(generator.next(below: 1_000_000)) : 0)
        let isLost = generator.unit() < faults.lost
        processes[index].beginExchange(now, begun: begun, commit: commit, answer: answer, isLost: isLost)
        if processes[index].exchange?.need != nil { exchanges += 1 }
    }

    private mutating func travel() -> Int64 {
        way.lowerBound + Int64(generator.next(below: Int(way.upperBound - way.lowerBound)))
    }
}

extension BudgetWorld {
    /// The most requests in any second, or in any second of some processes.
    func busiestSecond(from start: Int64 = 0) -> Int {
        var first = 0
        var most = 0
        let times = sent.map(\.at).filter { $0 >= start }
        for (index, time) in times.enumerated() {
            while times[first] <= time - 1_000_000 { first += 1 }
            most = max(most, index - first + 1)
        }
        return most
    }

    func count(of process: Int? = nil, from start: Int64, seconds: Double) -> Int {
        let end = start + Int64(seconds * 1_000_000)
        return sent.count { $0.at >= start && $0.at < end && (process == nil || $0.process == process) }
    }
}
