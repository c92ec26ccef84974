import Foundation
import RollcallConfig
import SyncEngine
import Testing

@testable import rollcall

/// Sentences that are wider than the terminal.
@Suite struct FlowedTextTests {
    private static let escape = "\u{1B}"

    @Test func withoutATerminalEveryLineStaysWhole() {
        let text = "one two three four five\n  six seven"
        let lines = FlowedText.lines(text, after: "error: ", width: nil)
        #expect(lines == ["error: one two three four five", "  six seven"])
    }

    @Test func aLineGoesOnUnderTheTextThatItContinues() {
        let lines = FlowedText.lines("one two three four\n  five six seven eight nine", after: "error: ", width: 24)
        #expect(lines == ["error: one two three", "       four", "  five six seven eight", "  nine"])
    }

    @Test func coloursTakeNoRoom() {
        let label = "\(Self.escape)[31merror: \(Self.escape)[0m"
        let lines = FlowedText.lines("one two three four", after: label, width: 24)
        #expect(lines == ["\(label)one two three", "       four"])
    }

    @Test func aWideLabelLeavesRoomForTheText() {
        let lines = FlowedText.lines("one two three four", after: "a-sync-with-a-name: ", width: 30)
        #expect(lines == ["a-sync-with-a-name: one two", "    three four"])
    }

    @Test func whatFitsStaysAsItIs() {
        #expect(FlowedText.lines("  list 42,  3 requests", width: 80) == ["  list 42,  3 requests"])
        #expect(FlowedText.lines("", after: "fix: ", width: 80) == ["fix: "])
    }

    @Test func wordsThatAreWiderThanTheTerminalStayWhole() {
        let path = "/a/path/that/is/wider/than/the/terminal"
        #expect(FlowedText.lines("see \(path) now", width: 20) == ["see", path, "now"])
        #expect(FlowedText.lines(path, after: "error: ", width: 30) == ["error: \(path)"])
    }

    @Test(arguments: [
        "GRANT SELECT ON crm.a_table_with_a_long_name TO reader;", "CREATE INDEX ON crm.orders (created_at, id)",
        "rollcall run --approve 01a22642-5c18-7d02-9e37-4f0ab61c82d5", "sudo install -d -m 700 -o user '/var/spool'",
    ])
    func whatIsToBeCopiedStaysWhole(_ statement: String) {
        #expect(FlowedText.lines(statement, after: "       fix: ", width: 40) == ["       fix: \(statement)"])
    }

    @Test func piecesAreNotBroken() {
        let pieces = ["2026-11-30 12:00:00 ", "subscribe failed ", "a.long.address@example.com", "an id"]
        #expect(
            FlowedText.join(pieces, width: 40, depth: 4)
                == ["2026-11-30 12:00:00  subscribe failed", "    a.long.address@example.com an id"])
        #expect(
            FlowedText.join(pieces, width: nil, depth: 4)
                == ["2026-11-30 12:00:00  subscribe failed  a.long.address@example.com an id"])
    }

    @Test func thePlaceOfAProblemStaysAtTheBeginning() {
        let problem = ConfigurationProblem(
            file: "rollcall.yaml", line: 3, column: 5, message: "there is no key \"tabel\" in an audience of a sync",
            suggestion: "\"table\"", hint: "Write table.")
        let shown = Console(environment: [:], outColumns: nil, errorColumns: 60).shown(problem)
        let lines = shown.components(separatedBy: "\n")
        #expect(lines.count == 3 && lines.allSatisfy { $0.count <= 60 }, "\(shown)")
        #expect(lines[0].hasPrefix("rollcall.yaml:3:5: there is no key") && lines[1].hasPrefix("                   "))
        #expect(lines[2] == "    hint: Write table.")
        let whole = Console(environment: [:], outColumns: nil, errorColumns: nil).shown(problem)
        #expect(whole == problem.description)
    }

    @Test func oneChangeIsStagedAsOne() {
        func staging(_ changes: Int) -> String {
            ProgressLine.text(.staging(changes: changes), elapsed: .seconds(1), width: 60)
        }
        #expect(staging(1) == "staging 1 change" && staging(2000) == "staging 2,000 changes")
    }

    @Test func whatTheDemoShowsOfItsShopFits80Columns() {
        for sql in [DemoWarehouse.change, DemoWarehouse.newOrders] {
            #expect(sql.split(separator: "\n").allSatisfy { $0.count <= 77 })
        }
    }
}
