import Foundation
import Testing

/// The recorded help of each command.
enum HelpTexts {
    struct Entry: Sendable, CustomTestStringConvertible {
        let arguments: [String]
        let text: String

        var testDescription: String { (["rollcall"] + arguments).joined(separator: " ") }

        /// Name of the constant and of its file.
        var name: String {
            arguments.isEmpty
                ? "rootHelp"
                : arguments.flatMap { $0.components(separatedBy: "-") }.enumerated()
                    .map { $0.offset == 0 ? $0.element : $0.element.capitalized }.joined() + "Help"
        }
    }

    static let all: [Entry] = [
        Entry(arguments: [], text: rootHelp),
        Entry(arguments: ["demo"], text: demoHelp),
        Entry(arguments: ["init"], text: initHelp),
        Entry(arguments: ["check"], text: checkHelp),
        Entry(arguments: ["schema"], text: schemaHelp),
        Entry(arguments: ["plan"], text: planHelp),
        Entry(arguments: ["run"], text: runHelp),
        Entry(arguments: ["serve"], text: serveHelp),
        Entry(arguments: ["syncs"], text: syncsHelp),
        Entry(arguments: ["runs"], text: runsHelp),
        Entry(arguments: ["run-report"], text: runReportHelp),
        Entry(arguments: ["log"], text: logHelp),
        Entry(arguments: ["records"], text: recordsHelp),
        Entry(arguments: ["why"], text: whyHelp),
        Entry(arguments: ["lists"], text: listsHelp),
        Entry(arguments: ["lists", "show"], text: listsShowHelp),
        Entry(arguments: ["lists", "create"], text: listsCreateHelp),
        Entry(arguments: ["fields"], text: fieldsHelp),
        Entry(arguments: ["catalogs"], text: catalogsHelp),
        Entry(arguments: ["receivers"], text: receiversHelp),
        Entry(arguments: ["receivers", "show"], text: receiversShowHelp),
        Entry(arguments: ["receivers", "test"], text: receiversTestHelp),
        Entry(arguments: ["migrate"], text: migrateHelp),
        Entry(arguments: ["move-state"], text: moveStateHelp),
        Entry(arguments: ["prune"], text: pruneHelp),
        Entry(arguments: ["abandon"], text: abandonHelp),
        Entry(arguments: ["sandbox"], text: sandboxHelp),
    ]

    /// Writes one entry's file beside this one.
    static func record(_ entry: Entry, _ text: String) throws {
        let lines = text.trimmingCharacters(in: .newlines).components(separatedBy: "\n")
        let indented = lines.map { $0.isEmpty ? "" : "        " + $0 }.joined(separator: "\n")
        let source = """
            extension HelpTexts {
                /// `\(entry.testDescription) --help`
                static let \(entry.name) = #\"\"\"
            \(indented)
                    \"\"\"#
            }

            """
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("HelpTexts+\(entry.name).swift")
        try Data(source.utf8).write(to: file)
    }
}
