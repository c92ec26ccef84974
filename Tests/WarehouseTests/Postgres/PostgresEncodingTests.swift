import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// Databases that lack characters. What a person wrote is stored as far as the encoding holds it, in whatever way it gets there.
@Suite struct PostgresEncodingTests {
    /// A database's encoding and what becomes of ``text`` in it.
    struct Case: Sendable, CustomTestStringConvertible {
        var encoding: String
        var stored: String
        var testDescription: String { encoding }
    }

    private static let text = #"Zoë "O'Neil" \ {1,2} … 日本 ☃ 😀"#
    static let cases = [
        Case(encoding: "UTF8", stored: text), Case(encoding: "SQL_ASCII", stored: text),
        Case(
            encoding: "LATIN1",
            stored: #"Zoë "O'Neil" \ {1,2} \u{2026} \u{65E5}\u{672C} \u{2603} \u{1F600}"#),
        Case(encoding: "WIN1252", stored: #"Zoë "O'Neil" \ {1,2} … \u{65E5}\u{672C} \u{2603} \u{1F600}"#),
        Case(encoding: "EUC_JP", stored: #"Zoë "O'Neil" \ {1,2} … 日本 \u{2603} \u{1F600}"#),
        Case(
            encoding: "KOI8R",
            stored: #"Zo\u{00EB} "O'Neil" \ {1,2} \u{2026} \u{65E5}\u{672C} \u{2603} \u{1F600}"#),
    ]

    private func withDatabase(_ encoding: String, _ body: (PostgresFixture, Lease) async throws -> Void) async throws {
        let fixture = try await PostgresFixture.make(encoding: encoding)
        do {
            _ = try await fixture.warehouse.migrate()
            try await body(fixture, fixture.warehouse.lease())
        } catch {
            await fixture.tearDown()
            throw error
        }
        await fixture.tearDown()
    }

    private static func record(_ email: String) -> ValidationRecord {
        ValidationRecord(
            isFailure: true, email: Array(email.utf8), userID: nil,
            reason: FailureReason(code: "email_syntax", reason: "It is no address: \(email)"))
    }

    @Test(arguments: cases) func valuesOfRows(_ sample: Case) async throws {
        try await withDatabase(sample.encoding) { fixture, lease in
            let run = newRun()
            try await fixture.warehouse.openRun(lease, run)
            let broken = ValidationRecord(
                isFailure: true, email: Array("ë".utf8) + [0, 0xFF, 0xE2, 0x80], userID: nil,
                reason: FailureReason(code: "email_syntax", reason: "It is no address."))
            try await fixture.warehouse.stage(
                lease, run, plan: ListPlan([], [Self.record(Self.text), broken]), log: LogSettings())
            let rows = try await fixture.query("SELECT email, error_reason FROM rollcall.sync_log ORDER BY record_id")
            #expect(rows[0] == [sample.stored, "It is no address: " + sample.stored])
            let letter = sample.encoding == "KOI8R" ? #"\u{00EB}"# : "ë"
            #expect(rows[1][0] == letter + #"\x00\xFF\xE2\x80"#)
            // Whoever looks for the value as it is in the warehouse finds it.
            var filter = RecordFilter()
            filter.identifiers = ["another@example.com", Self.text]
            let found = Collector<String?>()
            try await fixture.warehouse.records(filter) { found.add($0.email) }
            #expect(found.all == [sample.stored])
        }
    }

    /// Characters that are asked about in the middle of a COPY of many pages: no row is lost, doubled or moved.
    @Test(arguments: ["LATIN1", "UTF8"]) func manyRows(_ encoding: String) async throws {
        try await withDatabase(encoding) { fixture, lease in
            let run = newRun()
            try await fixture.warehouse.openRun(lease, run)
            let values = (0..<9000).map { number in
                let scalar = Unicode.Scalar(UInt32(0x4E00 + number % 4000)).map { String($0) } ?? ""
                return number % 3 == 0 ? "\(number) é" : "\(number) \(number % 500 == 1 ? scalar : "")"
            }
            try await fixture.warehouse.stage(
                lease, run, plan: ListPlan([], values.map(Self.record)), log: LogSettings())
            let rows = try await fixture.query("SELECT email FROM rollcall.sync_log ORDER BY record_id")
            let expected = values.map { value in
                value.unicodeScalars.map { scalar in
                    encoding == "LATIN1" && scalar.value > 0xFF
                        ? "\\u{\(String(scalar.value, radix: 16, uppercase: true))}" : String(scalar)
                }.joined()
            }
            #expect(rows.map { $0[0] ?? "" } == expected)
        }
    }

    @Test(arguments: cases) func messagesAndReasons(_ sample: Case) async throws {
        try await withDatabase(sample.encoding) { fixture, lease in
            var run = newRun()
            try await fixture.warehouse.openRun(lease, run)
            run.counts.planned.subscribe = 3
            let names = ["a", "b", "c"].map { $0 + "@example.com" }
            let plan = ListPlan(names.enumerated().map { change(Int64($0 + 1), $1) })
            try await fixture.warehouse.stage(lease, run, plan: plan, log: LogSettings())
            let reason = FailureReason(code: "x", reason: Self.text, httpStatus: 400)
            let outcome = BatchOutcome(
                sequences: 1...2, operation: .subscribe, exceptions: [1: .failed(reason), 2: .rejected(reason)],
                httpStatus: 200, attempts: 1, mayLandUntil: nil)
            run.counts.failed.subscribe = 2
            try await fixture.warehouse.acknowledge(lease, run, outcomes: [outcome], log: LogSettings())
            run.status = .failed
            run.error = RunError(code: "x", message: Self.text, hint: Self.text)
            run.counts.notAttempted.subscribe = 1
            run.finishedAt = run.startedAt
            try await fixture.warehouse.finishRun(lease, run, reason: reason, log: LogSettings())
            let rows = try await fixture.query("SELECT DISTINCT error_reason FROM rollcall.sync_log")
            #expect(rows == [[sample.stored]])
            #expect(
                try await fixture.query("SELECT error_reason FROM rollcall.list_members") == [[sample.stored]])
            let stored = try #require(try await fixture.warehouse.run(id: run.id))
            #expect(stored.status == .failed)
            #expect(stored.error == RunError(code: "x", message: sample.stored, hint: sample.stored))
        }
    }

    /// The name of a list is a key: what is read is what was written, whatever the column holds.
    @Test(arguments: cases) func namesOfLists(_ sample: Case) async throws {
        try await withDatabase(sample.encoding) { fixture, lease in
            for name in [Self.text, #"already \u{00E9} escaped \u{12} \u{110000} \u{"#, "plain"] {
                let binding = ListBinding(sync: "vip", destination: "marketing", listName: name, listID: 7)
                try await fixture.warehouse.saveListBinding(lease, binding)
                if name == Self.text {
                    let rows = try await fixture.query("SELECT list_name FROM rollcall.sync_state")
                    #expect(rows == [[sample.stored]])
                }
                // A connection that has asked about nothing yet.
                let second = try fixture.second()
                let expected =
                    sample.encoding == "KOI8R" ? name.replacingOccurrences(of: #"\u{00E9}"#, with: "é") : name
                #expect(try await second.listBinding(sync: "vip")?.listName == expected)
                await second.close()
            }
        }
    }

    @Test(
        "the conformance suite, where texts are written",
        arguments: ["LATIN1", "EUC_JP"], LogConformance.tests + ReportConformance.tests + RunConformance.tests)
    func conformance(_ encoding: String, _ test: ConformanceTest) async throws {
        try await test.run(with: PostgresFixture.make(encoding: encoding))
    }
}
