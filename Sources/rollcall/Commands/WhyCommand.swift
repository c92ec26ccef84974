import ArgumentParser
import Foundation
import RollcallConfig
import RollcallCore
import SyncEngine
import Warehouse

struct WhyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why",
        abstract: "Explain one person: in the audience, on the list, what happened, what comes next.",
        usage: "rollcall why <sync> <identifier> [<options>]",
        discussion: "Reads the audience once to the end and plans the next run; writes nothing.")

    @Argument(help: ArgumentHelp("The sync.", valueName: "sync"))
    var sync: String

    @Argument(help: ArgumentHelp("An email, in any spelling, or a userId.", valueName: "identifier"))
    var identifier: String

    @Option(help: "How many logged outcomes, at most.")
    var limit = 20

    @Option(help: "Output format.")
    var format = OutputFormat.table

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let app = try App.load(options)
        let sync = try app.configuration.sync(named: sync)
        try await app.withPipeline(sync) { pipeline, _ in
            let report = try await pipeline.why(identifier, logLimit: max(1, limit))
            switch format {
            case .table: showText(report, app.console)
            case .json: app.console.out(json(report))
            case .csv:
                let writer = RecordWriter(.csv, app.console)
                report.records.forEach(writer.add)
                writer.end()
            }
        }
    }

    private func showText(_ report: WhyReport, _ console: Console) {
        console.out("\(console.styled(DisplayText.safe(identifier), .bold)) in \(sync)")
        for line in Self.audienceLines(report) + Self.snapshotLines(report) { console.out("  " + line) }
        console.out("  next run:  " + report.nextStep)
        console.out()
        if report.records.isEmpty {
            console.out("  no logged outcome (logs are kept for a limited time)")
        } else {
            let writer = RecordWriter(.table, console)
            report.records.forEach(writer.add)
            writer.end()
        }
    }

    static func audienceLines(_ report: WhyReport) -> [String] {
        if report.rows.isEmpty { return ["audience:  no row carries this identifier"] }
        return report.rows.map { row in
            let values = [row.email.map { "email \($0)" }, row.userID.map { "userId \($0)" }]
            let shown = values.compactMap(\.self).map { DisplayText.safe($0) }.joined(separator: ", ")
            let verdict = row.isValid ? "valid" : "invalid"
            return "audience:  \(shown); \(verdict)" + (row.failure.map { ": \($0.reason)" } ?? "")
                + (row.representative.map { "; the row \($0) represents this person" } ?? "")
        }
    }

    static func snapshotLines(_ report: WhyReport) -> [String] {
        if report.members.isEmpty { return ["snapshot:  not a member"] }
        return report.members.map { entry in
            let since = String(entry.since.iso8601.prefix(19)).replacingOccurrences(of: "T", with: " ")
            let why = entry.member.rejection.map { ": \($0.reason)" } ?? ""
            return "snapshot:  \(entry.member.identity), \(entry.member.state.rawValue) since \(since)\(why)"
        }
    }

    private func json(_ report: WhyReport) -> String {
        var rows = Listing(columns: [
            "email", "user_id", "valid", "error_code", "error_reason", "represented_by_email",
            "represented_by_user_id",
        ])
        rows.rows = report.rows.map {
            [
                Value($0.email), Value($0.userID), .flag($0.isValid), Value($0.failure?.code),
                Value($0.failure?.reason), Value($0.representative?.email),
                Value($0.representative?.userID),
            ]
        }
        var members = Listing(columns: ["email", "user_id", "state", "since_run_id", "since"])
        members.rows = report.members.map {
            [
                Value($0.member.identity.email), Value($0.member.identity.userID), .text($0.member.state.rawValue),
                .text($0.sinceRunID), .time($0.since),
            ]
        }
        var records = Listing(columns: LogRecord.columns)
        records.rows = report.records.map(RecordWriter.row)
        return JSON.object([
            "sync": .string(sync), "identifier": .string(identifier),
            "in_audience": .bool(report.rows.contains(where: \.isValid)), "audience": rows.json,
            "snapshot": members.json, "next": .string(report.nextStep), "log": records.json,
        ]).text
    }
}
