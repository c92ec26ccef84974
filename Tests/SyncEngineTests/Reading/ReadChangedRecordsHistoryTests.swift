import Foundation
import RollcallCore
import SeededRandom
import TestSupport
import Testing
import Warehouse

@testable import SyncEngine

/// Whatever happens to rows, answers, runs and the local cache: who reads users and catalogs by bucket plans what who reads
/// everything plans.
@Suite(.timeLimit(.minutes(10))) struct ReadChangedRecordsHistoryTests {
    typealias Bench = RecordReadingBench
    private static let kinds: [Bench.Records] = [
        .users(.hybrid, hasKey: true, .clear), .users(.hybrid, hasKey: false, .delete),
        .users(.email, hasKey: true, .keep), .users(.email, hasKey: true, .delete),
        .users(.email, hasKey: false, .clear),
        .users(.userID, hasKey: true, .delete), .users(.userID, hasKey: false, .keep), .items(.upsert, .replace),
        .items(.mirror, .merge),
    ]

    /// On SQLite, where another reader groups the rows.
    @Test(arguments: 0..<kinds.count, 1...4)
    func bothReadersPlanTheSame(_ kind: Int, seed: UInt64) async throws {
        let spread: RecordGrouper.Spread = seed.isMultiple(of: 2) ? .wholeRow : .firstColumn
        try await Bench.with(Self.kinds[kind], people: 600, grouper: RecordGrouper(spread), adjust: Self.rule(seed)) {
            bench in
            try await Self.history(bench, seed: seed, "\(Self.kinds[kind]), seed \(seed)")
        }
    }

    @Test(arguments: 0..<kinds.count)
    func bothReadersPlanTheSameOfPostgres(_ kind: Int) async throws {
        let seed = UInt64(100 + kind)
        try await Bench.withPostgres(Self.kinds[kind], people: 600, adjust: Self.rule(seed)) { bench in
            try await Self.history(bench, seed: seed, "\(Self.kinds[kind]) of Postgres")
        }
    }

    /// Of several rows the newest counts, or none.
    private static func rule(_ seed: UInt64) -> @Sendable (inout Bench.Settings) -> Void {
        { settings in
            guard seed % 3 != 0 else { return }
            settings.users.duplicates = .newest("changed")
            settings.users.nested = .merge
        }
    }

    private static func history(_ bench: Bench, seed: UInt64, _ name: String) async throws {
        var random = SeededGenerator(seed: seed)
        var modes: [AudienceRead.Mode: Int] = [:]
        try await bench.run()
        for round in 0..<12 {
            for _ in 0..<4 { try await bench.disturb(&random) }
            let what = "\(name), round \(round)"
            let before = try await bench.compare(what)
            modes[before.changed.mode, default: 0] += 1
            setFates(bench, random.next() % 4)
            try await run(bench, round)
            bench.clock.advance(by: .seconds(200))
            try await bench.compare(what + ", after the run")
        }
        #expect(modes[.changed, default: 0] >= 5, "\(name): \(modes)")
    }

    /// Answers are lost, records refused, and items accepted that are not carried out.
    private static func setFates(_ bench: Bench, _ kind: UInt64) {
        let reason = FailureReason(code: "forgotten", reason: "Forgotten.")
        bench.iterable.users.setFate { request, number in
            switch (kind, number % 3) {
            case (0, 0): .loseAfter
            case (0, 1), (1, _):
                .refuse(
                    Dictionary(
                        request.people.prefix(2).compactMap { $0.identity.email ?? $0.identity.userID }
                            .map { ($0, RecordOutcome.rejected(reason)) }, uniquingKeysWith: { first, _ in first }))
            default: .ok
            }
        }
        bench.iterable.users.setRenameFate { _, number in kind == 0 && number % 2 == 0 ? .loseAfter : .ok }
        bench.iterable.catalogs.setFate { request, number in
            switch (kind, number % 3) {
            case (0, 0): .loseAfter
            case (0, 1): .accept(without: Set(request.items.prefix(2).map(\.id)))
            case (1, _):
                .answer(
                    .answered(
                        request.items.indices.map { $0 < 2 ? .rejected(reason) : .succeeded }, httpStatus: 202))
            default: .ok
            }
        }
    }

    /// A run of one kind or another.
    private static func run(_ bench: Bench, _ round: Int) async throws {
        var request = RunRequest()
        switch round {
        case 3:
            // Another machine, or one that reads everything.
            try await bench.run(.all, usesCache: false)
        case 4:
            // With another configuration, and back.
            try await bench.run { ($0.users.nulls, $0.catalog.duplicates) = (.skip, .refuse) }
        case 5, 6:
            let held = try await bench.run {
                $0.sync.guards.maxRemovals = .count(0)
                $0.sync.guards.maxChanges = 0
                $0.sync.guards.maxInvalid = 0
            }
            guard held.status == .held else { return }
            request.kind = round == 5 ? .discard(runID: held.id) : .approve(runID: held.id)
            try await bench.run(.changed, request)
        case 8:
            request.retryRejected = true
            try await bench.run(.changed, request)
        case 9:
            try bench.loseCache()
            try await bench.run()
        case 10:
            try await bench.run { $0.destination.apiKey = Secret("another") }
        default:
            try await bench.run()
        }
    }
}
