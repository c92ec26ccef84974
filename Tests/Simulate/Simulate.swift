import ArgumentParser
import Foundation
import Simulation

@main
struct Simulate: ParsableCommand {
    @Option(help: "How many seeds.") var seeds = 1000
    @Option(help: "The first seed.") var from: UInt64 = 0

    @Option var story: UInt64?

    func run() throws {
        if let story {
            let report = Simulation.tell(seed: story)
            print(report.story.joined(separator: "\n"))
            return
        }
        var bad = 0
        let start = Date()
        for seed in from..<(from + UInt64(seeds)) {
            let report = Simulation.play(seed: seed)
            if !report.violations.isEmpty {
                bad += 1
                print(seed, report.violations.prefix(2))
                if bad > 20 { break }
            }
        }
        print(Double(seeds) / Date().timeIntervalSince(start), "histories a second;", bad, "bad")
    }
}
