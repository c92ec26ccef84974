import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

enum ReportConformance {
    static let tests = [
        ConformanceTest("runs are filtered and paged, newest first", runs),
        ConformanceTest("records are filtered and paged, newest first", records),
        ConformanceTest("the views answer the two first questions", views),
    ]

    @Sendable static func runs(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let other = try await Scene.lease(fixture.warehouse, sync: "other")
        for number in 1...4 { try await scene.finish(try await scene.staged(number, [])) }
        try await fixture.warehouse.openRun(other, Scene.run(5, sync: "other"))
        func ids(_ filter: RunFilter) async throws -> [Int] {
            try await fixture.warehouse.runs(filter).compactMap { Int($0.id.suffix(3)) }
        }
        #expect(try await ids(RunFilter()) == [5, 4, 3, 2, 1])
        #expect(try await ids(RunFilter(sync: Scene.sync)) == [4, 3, 2, 1])
        #expect(try await ids(RunFilter(status: .running)) == [5])
        #expect(try await ids(RunFilter(sync: Scene.sync, limit: 2)) == [4, 3])
        #expect(try await ids(RunFilter(sync: Scene.sync, limit: 2, before: Scene.id(3))) == [2, 1])
        #expect(try await ids(RunFilter(sync: "none")) == [])
        let all = try await fixture.warehouse.runs(RunFilter())
        let (begins, ends) = (all.map(\.startedAt).sorted(), all.compactMap(\.finishedAt).sorted())
        let (begin, end) = (try #require(begins.first), try #require(ends.first))
        #expect(ends.count == 4)
        #expect(try await ids(RunFilter(since: begin)) == [5, 4, 3, 2, 1])
        #expect(try await ids(RunFilter(since: try #require(begins.last).addingTimeInterval(1))) == [])
        #expect(try await ids(RunFilter(limit: .max, endedSince: end)) == [5, 4, 3, 2, 1])
        let after = try #require(ends.last).addingTimeInterval(1)
        #expect(try await ids(RunFilter(endedSince: after)) == [5], "one that goes on has not ended")
    }

    @Sendable static func records(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let started = try await fixture.warehouse.now()
        let run = try await scene.staged(1, (1...5).map { Scene.subscribe(Int64($0), $0) })
        try await scene.acknowledge(
            run, [Scene.batch(.subscribe, 1...5, [2: .failed(Scene.reason("not_found"))])])
        func people(_ change: (inout RecordFilter) -> Void) async throws -> [String] {
            var filter = RecordFilter()
            change(&filter)
            let seen = Collected<LogRecord>()
            try await fixture.warehouse.records(filter) { seen.add($0) }
            #expect(zip(seen.all, seen.all.dropFirst()).allSatisfy { $0.recordID > $1.recordID })
            return seen.all.map { $0.userID ?? "-" }
        }
        #expect(try await people { _ in } == ["u5", "u4", "u3", "u2", "u1"])
        #expect(try await people { $0.status = "failed" } == ["u2"])
        #expect(try await people { $0.limit = 2 } == ["u5", "u4"])
        #expect(try await people { $0.identifiers = ["p3@example.com", "u1", "nobody"] } == ["u3", "u1"])
        #expect(try await people { $0.runID = run.id }.count == 5)
        #expect(try await people { $0.runID = Scene.id(2) }.isEmpty)
        #expect(try await people { $0.sync = "other" }.isEmpty)
        #expect(try await people { $0.since = started.addingTimeInterval(-1) }.count == 5)
        #expect(try await people { $0.since = started.addingTimeInterval(3600) }.isEmpty)
        let all = Collected<LogRecord>()
        try await fixture.warehouse.records(RecordFilter()) { all.add($0) }
        let third = all.all[2]
        #expect(try await people { $0.before = third.recordID } == ["u2", "u1"])
        #expect(third.operation == "subscribe" && third.status == "succeeded" && third.attempts == 2)
        #expect(third.httpStatus == 200 && third.email == "p3@example.com" && third.runID == run.id)
        #expect(third.sync == Scene.sync && third.loggedAt >= started.addingTimeInterval(-1))
        #expect(all.all[3].errorCode == "not_found" && all.all[3].errorReason == "Because of not_found.")
    }

    @Sendable static func views(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await scene.finish(try await scene.staged(1, []))
        let run = try await scene.staged(2, [Scene.subscribe(1, 1), Scene.subscribe(2, 2)])
        try await scene.acknowledge(
            run, [Scene.batch(.subscribe, 1...2, [2: .failed(Scene.reason("not_found"))])])
        let latest = try await fixture.query("SELECT run_id, status FROM \(fixture.state("latest_runs"))")
        #expect(latest == [[Scene.id(2), "running"]])
        let failed = try await fixture.query(
            "SELECT run_id, list_id, email, error_code FROM \(fixture.state("failed_records"))")
        #expect(failed == [[Scene.id(2), "42", "p2@example.com", "not_found"]])
    }
}
