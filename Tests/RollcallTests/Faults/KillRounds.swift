import Foundation
import IterableSandbox
import Synchronization
import Testing

/// In which state a run was when it was killed.
enum KillPhase: String, Sendable, CaseIterable {
    /// Its row was not written yet.
    case unopened
    /// Its row was there, its plan was not.
    case planning
    /// The plan was staged, nothing was claimed.
    case staged
    /// Changes were claimed: requests went out, answers came in.
    case delivering
    /// The run was closed, or the process had ended.
    case finished
}

/// Kills, one after the other, each in a run of a changed audience, each followed by runs that must put things right.
struct KillRounds {
    let scene: FaultScene
    private var generator: Seeded
    private var present: Set<Int>
    private var gone: Set<Int> = []
    private var newest: Int
    private var fullRun = Duration.milliseconds(300)

    private enum Aim {
        /// So long after the start.
        case delay(Duration)
        /// After so many requests, and so much later.
        case request(Int, Duration)
        /// As soon as the run is seen in this state.
        case state(KillPhase)
    }

    /// What the sandbox does to requests during a run that is killed; it is fixed afterwards.
    private static let faults: [[Fault]] = [
        [], [],
        [Fault(.lateApply, trigger: .probability(0.2), seconds: 0.3)],
        [Fault(.dropAfter, trigger: .probability(0.2))],
        [Fault(.stall, trigger: .probability(0.3), seconds: 0.05)],
        [Fault(.status(503), trigger: .probability(0.15))],
        [Fault(.truncated, trigger: .probability(0.15))],
        [Fault(.stall, trigger: .probability(0.5), target: .pathPrefix("/api/lists"), seconds: 0.03)],
    ]

    init(_ scene: FaultScene, seed: UInt64, people: ClosedRange<Int>) {
        self.scene = scene
        generator = Seeded(seed)
        present = Set(people)
        newest = people.upperBound
    }

    /// - Returns: how many kills hit which state.
    mutating func run(_ rounds: Int) async throws -> [KillPhase: Int] {
        try await scene.putsRight("before the first kill")
        try await change(everybody: 8)
        let start = ContinuousClock.now
        try await scene.putsRight("measuring")
        fullRun = (ContinuousClock.now - start) / 2
        var hits: [KillPhase: Int] = [:]
        for round in 0..<rounds {
            let context = "\(scene.shop.kind) \(scene.project) round \(round)"
            hits[try await oneRound(context), default: 0] += 1
        }
        return hits
    }

    private mutating func oneRound(_ context: String) async throws -> KillPhase {
        let shop = scene.shop
        let known = try await scene.runs().count
        try await change(everybody: 8)
        if let faults = Self.faults.randomElement(using: &generator) { shop.sandbox.setFaults(faults) }
        let program = try shop.start("run", "members")
        try await wait(program, for: aim())
        program.signal(SIGKILL)
        let end = try await program.output()
        shop.sandbox.setFaults([])
        // The next process is the first to look at what was left behind; for some, people have come and gone meanwhile.
        if Bool.random(using: &generator) { try await change(everybody: 2) }
        let further = try await scene.putsRight(context)
        let runs = try await scene.runs().dropFirst(known).dropLast(further)
        #expect(runs.count <= 1, "\(context)")
        return phase(runs.first, end)
    }

    private func phase(_ run: RunRow?, _ end: Output) -> KillPhase {
        guard let run else { return .unopened }
        if !end.endedBySignal || run.status != "interrupted" { return .finished }
        if run.planned == 0 { return .planning }
        return run.claimedThrough == 0 ? .staged : .delivering
    }

    private mutating func aim() -> Aim {
        switch Int.random(in: 0..<10, using: &generator) {
        case 0..<3: .delay(fullRun * Double.random(in: 0...1.1, using: &generator))
        case 3..<6:
            .request(
                Int.random(in: 1...7, using: &generator),
                .microseconds(Int.random(in: 0...20_000, using: &generator)))
        case 6..<8: .state(.planning)
        case 8: .state(.staged)
        default: .state(.delivering)
        }
    }

    private func wait(_ program: RunningProgram, for aim: Aim) async throws {
        let shop = scene.shop
        switch aim {
        case .delay(let delay):
            let moment = ContinuousClock.now + delay
            _ = try await eventually { program.hasEnded || ContinuousClock.now >= moment }
        case .request(let number, let further):
            let before = shop.sandbox.counts.requests
            try await scene.reached(number, since: before, program)
            let moment = ContinuousClock.now + further
            _ = try await eventually { program.hasEnded || ContinuousClock.now >= moment }
        case .state(let state):
            let condition =
                switch state {
                case .planning: "1 = 1"
                case .staged: "planned_subscribe + planned_unsubscribe > 0"
                default: "claimed_through > 0"
                }
            let question = "SELECT 1 FROM \(shop.state("sync_runs")) WHERE status = 'running' AND \(condition)"
            _ = try await eventually {
                if program.hasEnded { return true }
                return try await !shop.query(question).isEmpty
            }
        }
    }

    /// So many people leave and as many enter; a third of those who enter were there before.
    private mutating func change(everybody count: Int) async throws {
        let leaving = Set(present.sorted().shuffled(using: &generator).prefix(count))
        let returning = Set(gone.sorted().shuffled(using: &generator).prefix(count / 3))
        let entering = returning.union((newest + 1)...(newest + count - returning.count))
        newest += count - returning.count
        present = present.subtracting(leaving).union(entering)
        gone = gone.subtracting(returning).union(leaving)
        try await scene.leave(leaving)
        try await scene.enter(entering)
    }
}

/// Kills survived, over all kinds of warehouse and project; printed when all have had their turn.
enum KillTally {
    private struct State {
        var hits: [KillPhase: Int] = [:]
        var kinds = 0
    }

    private static let state = Mutex(State())

    static func add(_ hits: [KillPhase: Int], of kinds: Int) {
        let text = state.withLock { state -> String? in
            state.hits.merge(hits, uniquingKeysWith: +)
            state.kinds += 1
            guard state.kinds == kinds else { return nil }
            let parts = KillPhase.allCases.map { "\($0.rawValue) \(state.hits[$0] ?? 0)" }
            return "kills survived: \(state.hits.values.reduce(0, +)) (\(parts.joined(separator: ", ")))"
        }
        if let text { print(text) }
    }
}
