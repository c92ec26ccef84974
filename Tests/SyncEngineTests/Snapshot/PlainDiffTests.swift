import Foundation
import RollcallCore
import SeededRandom
import TemporaryFolders
import TestSupport
import Testing
import Warehouse

@testable import SyncEngine

/// The fast comparison against the plainest one there is, on seeded audiences of a few batches, with and without a cache.
@Suite struct PlainDiffTests {
    @Test(arguments: 1...3, [ProjectType.email, .userID])
    func withoutACache(seed: UInt64, type: ProjectType) async throws {
        try await compare(seed, try await Bench(type))
    }

    @Test(arguments: 1...3, [ProjectType.email, .userID])
    func withACache(seed: UInt64, type: ProjectType) async throws {
        let folder = try TemporaryFolders.path("cache").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let bench = try await Bench(type, cache: SnapshotCache(folder: folder, leastMembers: 1))
        try await compare(seed, bench)
        let files = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(files.count == 1 && files[0].hasPrefix("vip-"), "\(files)")
    }

    /// What a diff is, said as plainly as can be: rows in, members known, people and changes out.
    private struct PlainDiff {
        var people: Set<String> = []
        var entered: Set<String> = []
        var left: Set<String> = []
        var invalid = 0
        var duplicates = 0

        init(rows: [String], members: Set<String>, _ type: ProjectType) {
            for row in rows {
                var value = row
                if type == .email { value = row.trimmingCharacters(in: .whitespacesAndNewlines).lowercased() }
                let isValid = type == .email ? value.contains("@example.") : value.count < 50 && !value.contains("\t")
                if row == "-" || !isValid {
                    invalid += 1
                } else if !people.insert(value).inserted {
                    duplicates += 1
                }
            }
            entered = people.subtracting(members)
            left = members.subtracting(people)
        }
    }

    private func compare(_ seed: UInt64, _ bench: Bench) async throws {
        var random = SeededGenerator(seed: seed)
        var members: Set<String> = []
        for round in 1...3 {
            let rows = Self.rows(&random, bench.projectType)
            try await bench.setAudience(bench.projectType == .email ? rows : rows.map { "-/\($0)" })
            let expected = PlainDiff(rows: rows, members: members, bench.projectType)
            let place = Comment(rawValue: "seed \(seed), round \(round)")
            try Self.expect(try await bench.pipeline().plan(), expected, rows, place)
            var request = RunRequest()
            request.forceNew = true
            let run = try await bench.run(request)
            #expect(run.status == .succeeded || run.status == .completedWithFailures, place)
            #expect(run.counts.succeeded.subscribe == expected.entered.count, place)
            #expect(run.counts.succeeded.unsubscribe == expected.left.count, place)
            members = expected.people
            let snapshot = Self.snapshot(try await bench.snapshot())
            #expect(Array(snapshot.symmetricDifference(members).sorted().prefix(5)) == [], place)
        }
    }

    private static func expect(_ plan: Plan, _ expected: PlainDiff, _ rows: [String], _ place: Comment) throws {
        var (entered, left) = (Set<String>(), Set<String>())
        try plan.forEachChange(limit: nil) { change in
            let name = change.identity.email ?? change.identity.userID ?? ""
            if change.operation == .subscribe { entered.insert(name) } else { left.insert(name) }
        }
        #expect(Array(entered.symmetricDifference(expected.entered).sorted().prefix(5)) == [], place)
        #expect(Array(left.symmetricDifference(expected.left).sorted().prefix(5)) == [], place)
        #expect(plan.counts.rowsRead == rows.count, place)
        #expect(plan.counts.invalid == expected.invalid, place)
        #expect(plan.counts.duplicates == expected.duplicates, place)
        #expect(plan.counts.audience == expected.people.count, place)
        #expect(plan.counts.unchanged == expected.people.count - expected.entered.count, place)
    }

    /// Most people stay from round to round; some are there twice, some are nobody.
    private static func rows(_ random: inout SeededGenerator, _ type: ProjectType) -> [String] {
        var rows: [String] = []
        for number in 0..<1500 where random.next() % 10 > 0 {
            var row = type == .email ? "p\(number)@example.com" : "u\(number)"
            if type == .email, random.next() % 7 == 0 { row = " " + row.uppercased() + "\t" }
            rows.append(row)
            switch random.next() % 25 {
            case 0: rows.append(row)
            case 1: rows.append("-")
            case 2: rows.append(type == .email ? "nobody" : "no\tbody")
            case 3: rows.append(String(repeating: "x ", count: 700))
            default: break
            }
        }
        rows.shuffle(using: &random)
        return rows
    }

    private static func snapshot(_ rows: Set<String>) -> Set<String> {
        Set(
            rows.map { row in
                let names = row.split(separator: " ")[1].split(separator: "/")
                return String(names[0] == "-" ? names[1] : names[0])
            })
    }
}
