import Foundation
import RollcallCore
import SeededRandom
import TestSupport
import Testing
import Warehouse

@testable import SyncEngine

/// Whatever happens to rows, answers, runs and the local cache: who reads by bucket plans what who reads everything plans.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ReadChangedHistoryTests {
    private static let people = 3000

    @Test(arguments: [ProjectType.hybrid, .email, .userID], 1...3)
    func bothReadersPlanTheSame(_ type: ProjectType, seed: UInt64) async throws {
        try await ReadingBench.with(type, people: Self.people) { bench in
            var random = SeededGenerator(seed: seed)
            var modes: [AudienceRead.Mode: Int] = [:]
            var fewer = 0
            try await bench.run()
            for round in 0..<12 {
                for _ in 0..<3 { try await bench.disturb(&random, people: Self.people) }
                let what = "\(type), seed \(seed), round \(round)"
                let (changed, all) = try await bench.compare(what)
                modes[changed.mode, default: 0] += 1
                if let bytes = changed.bytes, let allBytes = all.bytes, bytes < allBytes { fewer += 1 }
                try await Self.run(bench, round, &random)
                bench.clock.advance(by: .seconds(200))
                try await bench.compare(what + ", after the run")
            }
            #expect(modes[.changed, default: 0] >= 4 && fewer >= 2, "\(type), seed \(seed): \(modes), \(fewer)")
        }
    }

    /// A run of one kind or another.
    private static func run(_ bench: ReadingBench, _ round: Int, _ random: inout SeededGenerator) async throws {
        let loss = random.next() % 4
        bench.iterable.setFate { _, number in
            guard loss == 0 else { return .ok }
            let refused = ["new\(number)@example.com", "p\(number * 7)@example.com", "u\(number * 11)"]
            switch number % 3 {
            case 0: return .loseAfter
            case 1: return .loseBefore
            default:
                let rejected = RecordOutcome.rejected(FailureReason(code: "forgotten", reason: "Forgotten."))
                return .refuse(Dictionary(uniqueKeysWithValues: refused.map { ($0, rejected) }))
            }
        }
        var request = RunRequest()
        switch round {
        case 4:
            // Another machine, or one that reads everything.
            try await bench.run(.all)
        case 5:
            let held = try await bench.run { $0.guards.maxRemovals = .count(0) }
            guard held.status == .held else { return }
            request.kind = .discard(runID: held.id)
            try await bench.run(.changed, request)
        case 6:
            let held = try await bench.run { $0.guards.maxRemovals = .count(0) }
            guard held.status == .held else { return }
            request.kind = .approve(runID: held.id)
            try await bench.run(.changed, request)
        case 8:
            request.retryRejected = true
            try await bench.run(.changed, request)
        case 9:
            try bench.loseCache()
            try await bench.run()
        default:
            try await bench.run()
        }
    }
}
