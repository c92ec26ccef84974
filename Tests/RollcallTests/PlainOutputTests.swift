import Foundation
import Testing

/// How output looks in files, in pipes and on terminals.
@Suite(.serialized, .timeLimit(.minutes(10))) struct PlainOutputTests {
    private static let escape = "\u{1B}"
    private static let scriptProgram = "/usr/bin/script"
    private static let hasTerminal = FileManager.default.isExecutableFile(atPath: scriptProgram)

    private static let commands = [
        ["--help"], ["run", "members"], ["runs"], ["syncs"], ["check"], ["log"], ["plan", "members"],
        ["why", "members", "user1@example.com"], ["run", "no-such-sync"], ["lists", "iterable"],
        ["fields", "iterable"], ["catalogs", "iterable"],
    ]

    @Test func withoutATerminalThereAreNoEscapes() async throws {
        try await Shop.with(people: Shop.people(1...3) + ["nobody"]) { shop in
            for command in Self.commands {
                let output = try await shop.rollcall(command, environment: ["TERM": "xterm-256color"])
                #expect(!output.all.contains(Self.escape) && !output.all.contains("\r"), "\(command)")
            }
        }
    }

    @Test func textFromTheWarehouseCannotSteerATerminal() async throws {
        try await Shop.with { shop in
            try await shop.execute("INSERT INTO people VALUES (char(27) || '[31mred' || char(7)), ('ok@example.com')")
            #expect(try await shop.rollcall("run", "members").code == 3)
            for command in [["log"], ["plan", "members"], ["why", "members", "\u{1B}[31mred\u{7}"]] {
                let output = try await shop.rollcall(command)
                #expect(output.code == 0)
                #expect(!output.all.contains(Self.escape) && !output.all.contains("\u{7}"), "\(command)")
                #expect(output.out.contains("[31mred"), "\(command): \(output.out)")
            }
        }
    }

    @Test(.enabled(if: hasTerminal)) func onATerminalThereIsColourUnlessItIsUnwanted() async throws {
        try await Shop.with(people: ["a@example.com", "nobody"]) { shop in
            let coloured = try await terminal(shop, ["run", "members"])
            #expect(coloured.contains("\(Self.escape)[33m"), "\(coloured)")
            for unwanted in [["NO_COLOR": "1"], ["TERM": "dumb"]] {
                let plain = try await terminal(shop, ["runs"], environment: unwanted)
                #expect(!plain.contains("\(Self.escape)[3") && !plain.contains("\(Self.escape)[1m"), "\(plain)")
                let run = try await terminal(shop, ["run", "members"], environment: unwanted)
                #expect(!run.contains("m") || !run.contains("\(Self.escape)[33m"))
            }
        }
    }

    @Test(.enabled(if: hasTerminal)) func linesFitATerminalOf80Columns() async throws {
        try await Shop.with(people: Shop.people(1...3) + ["nobody"]) { shop in
            let helps = HelpTexts.all.map { $0.arguments + ["--help"] }
            for command in helps + [["run", "members"], ["runs"], ["log"], ["lists", "iterable"]] {
                let text = try await terminal(shop, command)
                #expect(!text.isEmpty)
                for line in visibleLines(text) {
                    #expect(line.count <= 80, "\(command): \(line.count) columns: \(line)")
                }
            }
        }
    }

    /// What is broken in them is a sentence; what is not, a path, an address or a statement.
    @Test(.enabled(if: hasTerminal)) func sentencesFitATerminalOf80Columns() async throws {
        try await Shop.with(people: Shop.people(1...3) + ["nobody"]) { shop in
            #expect(try await shop.rollcall("run", "members").code == 3)
            let long = "somebody.with.a.very.long.name.indeed@a-department.of-a-company.example.com"
            for command in [
                ["plan", "members"], ["plan", "no-such-sync-as-this-one-is-there-in-this-configuration"],
                ["why", "members", long], ["why", "members", "nobody"],
                ["run", "members", "--only", "user1@example.com"],
                ["run", "members", "--approve", "01a22642-5c18-7d02-9e37-4f0ab61c82d5"],
                ["receivers", "test", "no-such-receiver"], ["log", "--since", "yesterday-in-the-morning"],
            ] { try await expectFit(shop, command) }
            try shop.configure { $0.audience = "table: peeple" }
            for command in [["check"], ["plan", "members"], ["run", "members"]] { try await expectFit(shop, command) }
            try shop.configure { $0.guards = "max_removals_with_a_name_that_is_not_known_to_anybody: 10%" }
            try await expectFit(shop, ["plan", "members"])
        }
    }

    /// A line may be wider only if it ends in one word that leaves no room beside what it begins with.
    private func expectFit(_ shop: Shop, _ command: [String]) async throws {
        let text = try await terminal(shop, command)
        #expect(!text.isEmpty)
        for line in visibleLines(text) where line.count > 80 {
            let last = line.split(separator: " ").last?.count ?? 0
            #expect(line.count - last <= 81 && last > 40, "\(command): \(line.count) columns: \(line)")
        }
    }

    @Test(.enabled(if: hasTerminal)) func theTableOfSyncsFitsATerminalOf80Columns() async throws {
        try await Shop.with(people: Shop.people(1...3)) { shop in
            #expect(try await shop.rollcall("run", "members").code == 0)
            let widest = visibleLines(try await terminal(shop, ["syncs"])).map(\.count).max() ?? 0
            #expect(widest <= 80)
        }
    }

    /// What the program writes on a terminal of 80 columns.
    private func terminal(
        _ shop: Shop, _ arguments: [String], environment: [String: String] = [:]
    ) async throws -> String {
        let line = ([try Program.url().path] + arguments).map { "'\($0)'" }.joined(separator: " ")
        let chosen = shop.environment.merging(["TERM": "xterm-256color", "SHELL": "/bin/sh"]) { $1 }
        let program = try RunningProgram(
            URL(fileURLWithPath: Self.scriptProgram), ["-qec", "stty cols 80 rows 24; \(line)", "/dev/null"],
            in: shop.folder, environment: chosen.merging(environment) { $1 })
        return try await program.output().out
    }

    /// Lines without escape sequences, each as it stands when the cursor leaves it.
    private func visibleLines(_ text: String) -> [String] {
        text.replacingOccurrences(of: "\r\n", with: "\n")
            .split(separator: "\n").flatMap { $0.split(separator: "\r") }
            .map { String($0).replacing(/\u{1B}\[[0-9;?]*[A-Za-z]/, with: "") }
    }
}
