import Foundation
import Testing

/// The help of every command, word for word. `RECORD_GOLDEN=1 swift test --filter HelpTests` writes it again.
@Suite(.serialized, .timeLimit(.minutes(10))) struct HelpTests {
    private static let isRecording = ProcessInfo.processInfo.environment["RECORD_GOLDEN"] == "1"

    @Test(arguments: HelpTexts.all) func helpIsAsRecorded(_ entry: HelpTexts.Entry) async throws {
        try await withFolder { folder in
            let help = try await Program.run(entry.arguments + ["--help"], in: folder)
            #expect(help.code == 0)
            #expect(help.stderr.isEmpty)
            if Self.isRecording {
                try HelpTexts.record(entry, help.out)
            } else {
                #expect(help.out.trimmingCharacters(in: .newlines) == entry.text, "RECORD_GOLDEN=1 records it again")
            }
            for line in help.out.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
        }
    }

    /// Commands of the contract.
    @Test(arguments: [
        "demo", "init", "check", "plan", "run", "serve", "syncs", "runs", "run-report", "log", "records", "why",
        "lists",
        "lists create", "fields", "catalogs", "receivers", "receivers test",
        "migrate", "move-state", "prune", "abandon", "sandbox", "schema",
    ])
    func everyCommandExistsAndIsInTheReadme(_ command: String) async throws {
        try await withFolder { folder in
            let help = try await Program.run(command.components(separatedBy: " ") + ["--help"], in: folder)
            #expect(help.code == 0 && help.out.contains("rollcall \(command)"), "\(help.all)")
            let root = try await Program.run(["--help"], in: folder)
            #expect(root.out.contains("  \(command.components(separatedBy: " ")[0]) "))
        }
        let readme = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("README.md")
        let text = try String(contentsOf: readme, encoding: .utf8)
        #expect(text.contains("`\(command)`") || text.contains("rollcall \(command)"))
        for code in ["0 success", "1 failed", "2 ", "3 ", "4 held", "5 ", "130 interrupted"] {
            #expect(text.contains(code), "exit code \(code)")
        }
    }

    @Test func everyCommandInTheHelpIsRecorded() async throws {
        try await withFolder { folder in
            let root = try await Program.run(["--help"], in: folder)
            let names = root.out.matches(of: /\n  ([a-z][a-z-]+) {2,}[A-Z]/).map { String($0.output.1) }
            #expect(names.count >= 14)
            let recorded = HelpTexts.all.compactMap(\.arguments.first)
            for name in names { #expect(recorded.contains(name), "add \(name) to HelpTexts.all") }
        }
    }

    @Test func theVersion() async throws {
        try await withFolder { folder in
            let version = try await Program.run(["--version"], in: folder)
            #expect(version.code == 0)
            #expect(version.out.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil)
        }
    }
}
