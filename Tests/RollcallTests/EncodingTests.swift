import Foundation
import IterableSandbox
import TestSupport
import Testing

/// The program on databases whose encoding lacks characters that rows, lists and messages have.
@Suite(.timeLimit(.minutes(10))) struct EncodingTests {
    private static let encodings = ["LATIN1", "WIN1252", "EUC_JP", "SQL_ASCII", "UTF8"]

    private func shop(_ encoding: String, _ body: (Shop) async throws -> Void) async throws {
        let fixture = try await PostgresFixture.make(encoding: encoding)
        try await Shop.with(.postgres, people: Shop.people(1...3), fixture: fixture, body)
    }

    /// The mark at a long value's end, and characters that the encoding may lack.
    @Test(arguments: encodings) func aLongInvalidRowIsAFailedRecordInEveryRun(_ encoding: String) async throws {
        try await shop(encoding) { shop in
            // The last character within the limit would be cut through.
            try await shop.execute("INSERT INTO people VALUES (repeat('x', 1023) || 'ë' || repeat('y', 975))")
            for _ in 0..<2 {
                let run = try await shop.rollcall("run", "members", "--json")
                #expect(run.code == 3, "\(run.all)")
            }
            #expect(try await shop.statuses() == ["completed_with_failures", "completed_with_failures"])
            let rows = try await shop.query(
                "SELECT DISTINCT email FROM \(shop.state("sync_log")) WHERE operation = 'validate'")
            // UTF-8 as it came, two bytes for the letter where the server converts or keeps them.
            #expect(rows == [[String(repeating: "x", count: 1023) + "... (2000 bytes)"]])
            #expect(shop.members == Set(Shop.people(1...3)))
        }
    }

    /// A run whose error says what the database cannot hold is failed for everybody who asks, not `running`.
    @Test(arguments: encodings) func aMessageInOtherLettersClosesTheRun(_ encoding: String) async throws {
        try await shop(encoding) { shop in
            let name = "Größe ☃"
            for _ in 0..<2 { _ = shop.sandbox.addList(name: name) }
            try shop.configure { $0.list = "\"\(name)\"" }
            let run = try await shop.rollcall("run", "members", "--json")
            #expect(run.code == 1 && run.all.contains(name), "\(run.all)")
            #expect(try await shop.statuses() == ["failed"])
            let stored = try await shop.query("SELECT error_code, error_message FROM \(shop.state("sync_runs"))")
            #expect(stored.first?.first == "list_ambiguous")
            let held =
                switch encoding {
                case "UTF8", "SQL_ASCII": name
                default: #"Größe \u{2603}"#
                }
            #expect(stored.first?.last??.contains(held) == true, "\(stored)")
            let runs = try await shop.rollcall("runs", "members", "--format", "json")
            #expect(runs.code == 0 && runs.out.contains("\"failed\"") && !runs.out.contains("\"running\""))
        }
    }

    /// The list's name is what a later run knows the list by.
    @Test(arguments: encodings) func aListOfSuchANameIsMadeOnce(_ encoding: String) async throws {
        try await shop(encoding) { shop in
            let name = "Größe ☃"
            try shop.configure { $0.list = "\"\(name)\"" }
            for number in 1...3 {
                let run = try await shop.rollcall("run", "members", "--json")
                #expect(run.code == 0, "\(run.all)")
                try await shop.enter(["late\(number)@example.com"])
            }
            #expect(shop.sandbox.lists().filter { $0.name == name }.count == 1)
        }
    }
}
