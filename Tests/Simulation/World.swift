import Foundation

/// One simulated machine room: virtual time, and processes whose tasks are run one job at a time in an order that the
/// seed decides. Everything happens on the thread that calls ``run(budget:)``; nothing here may be used from another.
///
/// The design follows FoundationDB's and TigerBeetle's simulators: real code, simulated surroundings, one seed.
final class World: @unchecked Sendable {
    /// Time since the beginning of the history.
    private(set) var now = Duration.zero
    /// A hash of everything that happened so far; two runs of one seed must agree in it.
    private(set) var trace: UInt64 = 0xcbf2_9ce4_8422_2325
    private(set) var steps = 0
    /// What happened, in words; only kept if asked for.
    private(set) var story: [String] = []
    let tellsStory: Bool
    private var dice: Dice
    private let isOrderly: Bool
    private var ready: [(job: UnownedJob, process: Process)] = []
    private var timers: [(at: Duration, number: Int, timer: Timer)] = []
    private var timerCount = 0

    private enum Timer {
        case sleeper(UnsafeContinuation<Void, any Error>)
        case event(() -> Void)
    }

    /// - Parameter isOrderly: jobs run in the order in which they became ready; makes a shrunk history easier to read.
    init(seed: UInt64, isOrderly: Bool = false, tellsStory: Bool = false) {
        dice = Dice(seed, "order")
        self.isOrderly = isOrderly
        self.tellsStory = tellsStory
    }

    /// The tasks of one process. A process that is stopped gets no time; one that died lets its tasks unwind without
    /// any effect on the world.
    final class Process: TaskExecutor, @unchecked Sendable {
        let world: World
        let name: String
        fileprivate(set) var isStopped = false
        var isDead = false

        init(_ world: World, _ name: String) {
            self.world = world
            self.name = name
        }

        func enqueue(_ job: consuming ExecutorJob) { world.ready.append((UnownedJob(job), self)) }
    }

    // MARK: Running

    /// Runs until nothing is left to do. Returns false if that takes more than `budget` jobs: something runs in circles.
    func run(budget: Int = 200_000) -> Bool {
        let end = steps + budget
        while steps < end {
            if let next = nextReady() {
                let (job, process) = ready.remove(at: next)
                steps += 1
                job.runSynchronously(on: process.asUnownedTaskExecutor())
            } else if !fireNextTimer() {
                return true
            }
        }
        return false
    }

    private func nextReady() -> Int? {
        if isOrderly { return ready.firstIndex { !$0.process.isStopped } }
        let running = ready.count { !$0.process.isStopped }
        if running == 0 { return nil }
        let chosen = dice.below(running)
        return running == ready.count ? chosen : ready.indices.filter { !ready[$0].process.isStopped }[chosen]
    }

    private func fireNextTimer() -> Bool {
        guard
            let next = timers.indices.min(by: {
                (timers[$0].at, timers[$0].number) < (timers[$1].at, timers[$1].number)
            })
        else { return false }
        let (at, _, timer) = timers.remove(at: next)
        now = max(now, at)
        switch timer {
        case .sleeper(let continuation): continuation.resume()
        case .event(let action): action()
        }
        return true
    }

    // MARK: Time

    /// Calls `action` once the time has moved on by `delay`.
    func after(_ delay: Duration, _ action: @escaping () -> Void) {
        timerCount += 1
        timers.append((now + delay, timerCount, .event(action)))
    }

    /// Waits; throws `CancellationError` when the task is cancelled.
    func sleep(_ duration: Duration) async throws {
        try Task.checkCancellation()
        timerCount += 1
        let (number, at) = (timerCount, now + max(.zero, duration))
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
                if Task.isCancelled {
                    continuation.resume(throwing: CancellationError())
                } else {
                    timers.append((at, number, .sleeper(continuation)))
                }
            }
        } onCancel: {
            guard let index = timers.firstIndex(where: { $0.number == number }) else { return }
            if case .sleeper(let continuation) = timers.remove(at: index).timer {
                continuation.resume(throwing: CancellationError())
            }
        }
    }

    /// Waits, cancelled or not: what is outside a process does not end with a task's patience.
    func pass(_ duration: Duration) async {
        timerCount += 1
        let (number, at) = (timerCount, now + max(.zero, duration))
        try? await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
            timers.append((at, number, .sleeper(continuation)))
        }
    }

    /// Stops a process (SIGSTOP) and lets it go on (SIGCONT) after `duration`.
    func stop(_ process: Process, for duration: Duration) {
        process.isStopped = true
        after(duration) { process.isStopped = false }
    }

    // MARK: What happened

    /// Adds to the trace and, if asked for, to the story.
    func note(_ process: Process?, _ text: @autoclosure () -> String) {
        let words = text()
        for byte in words.utf8 { trace = (trace ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        trace = (trace ^ UInt64(bitPattern: now.components.seconds)) &* 0x0000_0100_0000_01b3
        if tellsStory {
            let seconds = Double(now.components.seconds) + Double(now.components.attoseconds) * 1e-18
            story.append(String(format: "%9.3f  ", seconds) + (process.map { "\($0.name): " } ?? "") + words)
        }
    }
}
