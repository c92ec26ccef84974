import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// Requests that Iterable refuses because a value in them is not of its field's type: few more requests find the records.
@Suite(.timeLimit(.minutes(10))) struct TypeMismatchTests {
    private static let reason = FailureReason(
        code: "type_mismatch", reason: "A value has another type.", httpStatus: 400)
    private static let mismatch = TypeMismatch(field: "address.zip", expected: "long", offending: .string("x"))

    /// The field `address` is made of JSON in the column `city`.
    private static func bench(records: Int = 100) async throws -> UsersBench {
        try await UsersBench { users, _, destination in
            users.fields = .only([FieldSetting(name: "address", source: .column("city", type: .json))])
            destination.limits.users.recordsPerRequest = records
        }
    }

    /// People of whom these have a text where a number belongs.
    private static func fill(_ bench: UsersBench, _ count: Int, bad: Set<Int>) async throws {
        try await bench.setRows(
            (1...count).map { number in
                let zip = bad.contains(number) ? #""x""# : "\(number)"
                return "\(number), 'p\(number)@example.com', 'free', '{\"zip\":\(zip)}', 1"
            })
    }

    private static func isBad(_ request: UsersRequest) -> Bool {
        request.people.contains { String(decoding: $0.object, as: UTF8.self).contains(#""zip":"x""#) }
    }

    @Test func recordsWithSuchAValueAreTakenOutAndTheRestIsSent() async throws {
        let bench = try await Self.bench()
        try await Self.fill(bench, 20, bad: [3, 11, 20])
        bench.users.setFate { request, _ in
            Self.isBad(request) ? .answer(.mismatched(Self.reason, [Self.mismatch])) : .ok
        }
        let run = try await bench.run()
        #expect(bench.users.requests.map(\.people.count) == [20, 17])
        #expect(run.counts.succeeded.update == 17 && run.counts.failed.update == 3, "\(run.counts)")
        let failed = try await bench.log(run).filter { $0.contains("failed") }
        #expect(Set(failed) == Set([3, 11, 20].map { "update failed type_mismatch \($0)" }))
        let reasons = try await bench.fixture.query(
            "SELECT DISTINCT error_reason, http_status FROM \(bench.fixture.state("sync_log")) WHERE error_code IS NOT NULL"
        )
        #expect(reasons.count == 1 && reasons[0][1] == "400")
        #expect(
            reasons[0][0]
                == "The value of the field address.zip, which is of type long in Iterable, is of another type.")
        #expect(try await bench.snapshot().filter { $0.hasPrefix("rejected") }.count == 3)
        let second = try await bench.run()
        #expect(second.counts.failed.update == 3 && bench.users.requests.count == 2, "not sent until the row changes")
    }

    /// No list of fields shows those of events.
    @Test func ofAnEventTheReasonNamesTheWayOut() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.fields = .only([FieldSetting(name: "note", source: .column("note"))])
        }
        try await bench.insert(
            "id, email, at, note", "1, 'ann@example.com', 100, 'x'", "2, 'ben@example.com', 200, NULL")
        let mismatch = TypeMismatch(field: "note", expected: "long", offending: .string("x"))
        bench.events.setFate { events, _ in
            let hasText = events.contains { String(decoding: $0.object, as: UTF8.self).contains(#""note""#) }
            return hasText ? .answer(.mismatched(Self.reason, [mismatch])) : .ok
        }
        let run = try await bench.run()
        #expect(run.counts.succeeded.track == 1 && run.counts.failed.track == 1, "\(run)")
        let reasons = try await bench.fixture.query(
            "SELECT error_reason FROM \(bench.fixture.state("sync_log")) WHERE error_code = 'type_mismatch'")
        #expect(
            reasons == [
                [
                    "The value of the field note, which is of type long in Iterable, is of another type. Iterable gave the field"
                        + " its type by the first value that came; send it under another name, or as that type."
                ]
            ])
    }

    @Test func whereAllHaveSuchAValueNothingElseIsTried() async throws {
        let bench = try await Self.bench()
        try await Self.fill(bench, 5, bad: Set(1...5))
        bench.users.setFate { _, _ in .answer(.mismatched(Self.reason, [Self.mismatch])) }
        let run = try await bench.run()
        #expect(bench.users.requests.count == 1 && run.counts.failed.update == 5)
    }

    /// The answer names a field that no record has: only halves tell.
    @Test func whereTheAnswerHelpsNothingTheRequestIsHalved() async throws {
        let bench = try await Self.bench()
        try await Self.fill(bench, 16, bad: [7])
        let other = TypeMismatch(field: "plan", expected: "long", offending: .string("x"))
        bench.users.setFate { request, _ in
            Self.isBad(request) ? .answer(.mismatched(Self.reason, [other])) : .ok
        }
        let run = try await bench.run()
        #expect(run.counts.succeeded.update == 15 && run.counts.failed.update == 1)
        #expect(bench.users.requests.count == 9, "2 · log2(16) and the first one")
        #expect(try await bench.snapshot().contains("rejected 7 p7@example.com"))
    }

    @Test func narrowingEndsAfterFortyRequests() async throws {
        let bench = try await Self.bench(records: 1000)
        try await Self.fill(bench, 200, bad: Set(1...200))
        bench.users.setFate { _, _ in .answer(.refused(Self.reason)) }
        let run = try await bench.run()
        #expect(bench.users.requests.count == 41, "\(run.requests)")
        #expect(run.counts.failed.update + run.counts.notAttempted.update == 200)
        #expect(run.counts.failed.update > 0 && run.counts.notAttempted.update > 100)
        #expect(run.status == .completedWithFailures)
        // What was given up is tried by the next run.
        bench.users.setFate { _, _ in .ok }
        #expect(try await bench.run().counts.succeeded.update > 100)
    }

    /// Looks of a stream share a row of `sync_runs`, and the forty requests of halving with it.
    @Test func theLooksOfAnHourShareTheFortyRequests() async throws {
        let bench = try await UsersBench { users, _, destination in
            users.fields = .only([FieldSetting(name: "address", source: .column("city", type: .json))])
            users.cursor = RecordStreamBench.cursor()
            destination.limits.users.recordsPerRequest = 100
        }
        let other = TypeMismatch(field: "plan", expected: "long", offending: .string("x"))
        bench.users.setFate { request, _ in
            Self.isBad(request) ? .answer(.mismatched(Self.reason, [other])) : .ok
        }
        let stream = RecordStreamBench(bench)
        let add: @Sendable (Int) async throws -> Void = { look in
            let rows = (1...16).map { number in
                let id = 16 * look + number
                let zip = number == 7 ? #""x""# : "\(id)"
                return "(\(id), 'p\(id)@example.com', '{\"zip\":\(zip)}', \(id))"
            }
            try await bench.fixture.execute(
                "INSERT INTO customers (id, email, city, changed) VALUES \(rows.joined(separator: ", "))")
        }
        let end = await stream.stream { number in
            try await add(number)
            return number < 10
        }
        guard case .failed(let error, _) = end, error.code == "stream_broke_off" else {
            Issue.record("\(end)")
            return
        }
        // Five looks have made eight further requests each, and the sixth one may make none.
        #expect(bench.users.requests.count == 5 * 9 + 1)
        #expect(stream.ended.count == 1 && stream.ended[0].counts.failed.update == 5, "\(stream.ended)")
        #expect(stream.ended[0].counts.succeeded.update == 75 && stream.ended[0].counts.notAttempted.update == 16)
        // Another row of the stream takes up what was left, with as many requests as the first one had.
        let again = await stream.stream { $0 < 2 }
        guard case .stopped = again else {
            Issue.record("\(again)")
            return
        }
        #expect(bench.users.requests.count == 6 * 9 + 1)
        #expect(stream.ended.count == 2 && stream.ended[1].counts.succeeded.update == 15, "\(stream.ended)")
        try await stream.check()
    }

    /// A stream into which one bad row comes with each look goes on: the answers name it.
    @Test func looksWhoseAnswersNameTheFieldTakeNoneOfTheFortyRequests() async throws {
        let looks = 42
        let bench = try await UsersBench { users, _, destination in
            users.fields = .only([FieldSetting(name: "address", source: .column("city", type: .json))])
            users.cursor = RecordStreamBench.cursor()
            destination.limits.users.recordsPerRequest = 100
        }
        bench.users.setFate { request, _ in
            Self.isBad(request) ? .answer(.mismatched(Self.reason, [Self.mismatch])) : .ok
        }
        let stream = RecordStreamBench(bench)
        let end = await stream.stream { number in
            guard number <= looks else { return false }
            let rows = [(2 * number, "1"), (2 * number + 1, #""x""#)].map { id, zip in
                "(\(id), 'p\(id)@example.com', '{\"zip\":\(zip)}', \(id))"
            }
            try await bench.fixture.execute(
                "INSERT INTO customers (id, email, city, changed) VALUES \(rows.joined(separator: ", "))")
            return true
        }
        guard case .stopped = end else {
            Issue.record("\(end)")
            return
        }
        let run = try #require(stream.ended.first)
        #expect(stream.ended.count == 1 && bench.users.requests.count == 2 * looks, "\(run)")
        #expect(run.counts.succeeded.update == looks && run.counts.failed.update == looks, "\(run.counts)")
        try await stream.check()
    }

    /// An earlier attempt had no answer: what it may have carried out is in doubt, record by record.
    @Test func afterALostAnswerEachRecordIsTold() async throws {
        let bench = try await Self.bench()
        try await Self.fill(bench, 4, bad: [2])
        bench.users.setFate { request, number in
            if number == 1 { return .loseAfter }
            return Self.isBad(request) ? .answer(.mismatched(Self.reason, [Self.mismatch])) : .ok
        }
        let run = try await bench.run()
        #expect(run.counts.succeeded.update == 3 && run.counts.failed.update == 1, "\(run.counts)")
        #expect(try await bench.snapshot().contains("rejected 2 p2@example.com"))
        let doubts = try await bench.fixture.query(
            "SELECT count(*) FROM \(bench.fixture.state("settling_requests"))")
        #expect(doubts[0][0] == "4")
    }

    /// The record that was refused by itself was in no request whose answer was lost: it is not this sync's own.
    @Test func whatWasRefusedBeforeALostAnswerIsNotDeletedWhenItsRowGoes() async throws {
        let bench = try await UsersBench { users, _, destination in
            users.fields = .only([FieldSetting(name: "address", source: .column("city", type: .json))])
            users.onLeave = .delete
            destination.limits.users.recordsPerRequest = 100
        }
        try await Self.fill(bench, 5, bad: [2, 4])
        bench.users.setFate { request, number in
            if number == 2 { return .loseAfter }
            return Self.isBad(request) ? .answer(.mismatched(Self.reason, [Self.mismatch])) : .ok
        }
        let run = try await bench.run()
        #expect(bench.users.requests.map(\.people.count) == [5, 3, 3])
        #expect(run.counts.succeeded.update == 3 && run.counts.failed.update == 2, "\(run.counts)")
        let owned = try await bench.fixture.query(
            "SELECT record_key FROM \(bench.fixture.state("synced_records")) WHERE owned ORDER BY record_key")
        #expect(owned == [["1"], ["3"], ["5"]])
        let doubts = try await bench.fixture.query(
            "SELECT count(*) FROM \(bench.fixture.state("settling_requests"))")
        #expect(doubts[0][0] == "3")
        // Both have profiles of another system.
        bench.users.write("p2@example.com", "plan", #""free""#)
        try await bench.setRows([1, 3, 5].map { "\($0), 'p\($0)@example.com', 'free', '{\"zip\":\($0)}', 1" })
        bench.clock.advance(by: .seconds(600))
        let next = try await bench.run()
        #expect(next.counts.planned.total == 0 && bench.users.deletions.isEmpty, "\(next)")
        #expect(bench.users.people.contains("p2@example.com"))
    }

    @Test func aTypeIsComparedByWhatIterableTakes() {
        func isOf(_ json: String, _ mismatch: TypeMismatch) throws -> Bool {
            mismatch.isOf(try JSONDecoder().decode([String: JSONTree].self, from: Data(json.utf8)))
        }
        let date = TypeMismatch(field: "at", expected: "date", offending: .string("soon"))
        #expect((try? isOf(#"{"at":"later"}"#, date)) == true)
        #expect((try? isOf(#"{"at":"2026-11-29"}"#, date)) == false, "a date is of the type")
        #expect((try? isOf(#"{"at":3}"#, date)) == false && (try? isOf(#"{"at":null}"#, date)) == false)
        let long = TypeMismatch(field: "n", expected: "long", offending: .number(3.5))
        #expect((try? isOf(#"{"n":4.5}"#, long)) == true && (try? isOf(#"{"n":4}"#, long)) == false)
        let text = TypeMismatch(field: "n", expected: "string", offending: .number(3.5))
        #expect((try? isOf(#"{"n":4}"#, text)) == true && (try? isOf(#"{"n":"4"}"#, text)) == false)
        let nested = TypeMismatch(field: "a.b", expected: nil, offending: .boolean(true))
        #expect((try? isOf(#"{"a":{"b":false}}"#, nested)) == true && (try? isOf(#"{"b":true}"#, nested)) == false)
        #expect((try? isOf(#"{"a":[{"b":1},{"b":true}]}"#, nested)) == true, "each element counts")
        #expect((try? isOf(#"{"a":{"b":1}}"#, nested)) == false && (try? isOf(#"{"a":true}"#, nested)) == false)
    }
}
