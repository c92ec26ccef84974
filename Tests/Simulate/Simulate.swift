import ArgumentParser
import Foundation
import Simulation

/// `make simulate`: plays histories of the engine on simulated surroundings.
@main
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Play histories of crashes, lost answers and changing audiences, each from one seed.",
        discussion: """
            Every history ends in a quiet phase, in which one more run must make the list equal to the audience, and the \
            catalog or the profiles of a second sync equal to their rows; the events of a further one must be there once. \
            A seed that breaks a rule is printed, shrunk and told; --seed replays it.
            """)

    @Option(help: "How many seeds.") var seeds: UInt64 = 1000
    @Option(help: "The first seed.") var from: UInt64 = 0
    @Option(help: "Threads.") var threads = ProcessInfo.processInfo.activeProcessorCount
    @Option(help: "Replay this seed alone and tell its story, shrunk if it breaks a rule.") var seed: UInt64?
    @Flag(help: "With --seed: tell it as it is.") var whole = false
    @Flag(help: "Stop at the first seed that breaks a rule, one seed after the other, and tell nothing.") var first =
        false
    @Flag(
        help:
            """
            Also try every fault at every call of histories without faults; and fail if something was never seen that must be, \
            as campaigns of tens of thousands of seeds do.
            """)
    var thorough = false
    @Flag(help: "Print what was seen, with the number of histories that saw it.") var seen = false
    @Flag(help: ArgumentHelp("Print the trace of every twentieth seed only.", visibility: .hidden)) var traces = false

    func validate() throws {
        guard seeds > 0, threads > 0, from <= .max - seeds else {
            throw ValidationError("Give at least one seed and one thread.")
        }
    }

    func run() throws {
        if let seed { return try replay(seed) }
        let range = from..<(from + seeds)
        if traces { return printTraces(range) }
        let start = ContinuousClock.now
        let isWatched = isatty(STDERR_FILENO) == 1
        let campaign = Simulation.campaign(
            range, threads: first ? 1 : threads, limit: first ? 1 : 20, traced: Simulate.isTraced
        ) { count in
            if isWatched { FileHandle.standardError.write(Data("\r\(count) histories\r".utf8)) }
        }
        let elapsed = start.duration(to: .now)
        show(campaign, elapsed)
        if seen {
            for (event, count) in campaign.seen.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
                print("\(count) \(event)")
            }
        }
        for report in campaign.broken { print("broken: seed \(report.seed): \(report.violations[0])") }
        if let worst = campaign.broken.first {
            if first { throw ExitCode(1) }
            try replay(worst.seed)
        }
        try compareTraces(campaign)
        if thorough && !campaign.unseen.isEmpty {
            print("never seen: \(campaign.unseen.joined(separator: ", "))")
            throw ExitCode(1)
        }
        if thorough { try trySingleFaults() }
    }

    private func trySingleFaults() throws {
        let (histories, tried, broken) = Simulation.singleFaults(threads: threads)
        print("\(tried) single faults in \(histories) histories without others, \(broken.count) broken")
        for fault in broken.prefix(20) { print("broken: \(fault)") }
        if !broken.isEmpty { throw ExitCode(1) }
    }

    private func replay(_ seed: UInt64) throws {
        let report = (whole ? nil : Shrinker.shrink(seed: seed)) ?? Simulation.play(seed: seed, tellsStory: true)
        print(report.story.joined(separator: "\n"))
        if report.violations.isEmpty { return print("seed \(seed): no rule is broken") }
        print("seed \(seed) breaks: \(report.violations[0])")
        print("replay: make simulate SEED=\(seed)")
        throw ExitCode(1)
    }

    private func show(_ campaign: Simulation.Campaign, _ elapsed: Duration) {
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
        print(
            """
            \(campaign.histories) histories, \(campaign.runs) runs, \(campaign.requests) requests, \
            \(campaign.faults) faults, \(campaign.broken.count) broken
            \(Int(Double(campaign.histories) / seconds)) histories a second on \(threads) threads; \
            \(Int(campaign.seconds / 86_400)) days simulated, \(Int(campaign.seconds / seconds)) times real time
            """)
    }

    // MARK: Determinism

    private static func isTraced(_ seed: UInt64) -> Bool { seed % 20 == 0 }

    private func printTraces(_ range: Range<UInt64>) {
        for seed in range where Simulate.isTraced(seed) { print(seed, Simulation.play(seed: seed).trace) }
    }

    /// Every twentieth history is played again by another process, which hashes its dictionaries otherwise: it must leave
    /// the same trace.
    private func compareTraces(_ campaign: Simulation.Campaign) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).standardizedFileURL
        process.arguments = ["--traces", "--seeds", String(seeds), "--from", String(from)]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        var (same, different) = (0, 0)
        for line in String(decoding: output, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: " ").compactMap { UInt64($0) }
            guard parts.count == 2, let trace = campaign.traces[parts[0]] else { continue }
            if trace == parts[1] { same += 1 } else { different += 1 }
            if trace != parts[1] { print("seed \(parts[0]) went another way the second time") }
        }
        print("\(same) of \(same + different) histories, played again by another process, left the same trace")
        if different > 0 || process.terminationStatus != 0 { throw ExitCode(1) }
    }
}
