import ArgumentParser
import Foundation
import RollcallConfig
import RollcallCore
import SyncEngine
import Warehouse

struct WhyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why",
        abstract: "Explain one person or record: in the source, in Iterable, what happened, what comes next.",
        usage: "rollcall why <sync> <identifier> [<options>]",
        discussion: "Reads the source once to the end and plans the next run; writes nothing.")

    @Argument(help: ArgumentHelp("The sync.", valueName: "sync"))
    var sync: String

    @Argument(
        help: ArgumentHelp(
            "An email, in any spelling, or a userId; of a record its key, of a catalog also an item's id, of events an "
                + "event's.", valueName: "identifier"))
    var identifier: String

    @Option(help: "How many logged outcomes, at most; 0: all. (default: 20 in a table, all in other formats)")
    var limit: Int?

    /// Outcomes that a table shows where `--limit` says nothing.
    private static let tableRows = 20

    @Option(help: "Output format.")
    var format = OutputFormat.table

    @OptionGroup var options: ConfigurationOptions

    func validate() throws {
        if let limit, limit < 0 { throw ValidationError("--limit is 0 (all) or more.") }
    }

    func run() async throws {
        let app = try App.load(options)
        let sync = try app.configuration.sync(named: sync)
        try await app.withPipeline(sync) { pipeline, _ in
            let limit = limit ?? (format == .table ? Self.tableRows : 0)
            let report = try await pipeline.why(identifier, logLimit: limit == 0 ? .max : limit)
            switch format {
            case .table: showText(report, limit, app.console)
            case .json: app.console.out(json(report))
            case .csv:
                let writer = RecordWriter(.csv, app.console, hasRecords: report.kind != .list)
                report.records.forEach(writer.add)
                writer.end()
            }
        }
    }

    private func showText(_ report: WhyReport, _ limit: Int, _ console: Console) {
        let head = [console.styled(DisplayText.safe(identifier), .bold), "in", sync]
        console.out(console.flowed(head, depth: 2).joined(separator: "\n"))
        let lines =
            report.kind == .events
            ? WhyEventText(report).lines : Self.audienceLines(report) + Self.snapshotLines(report)
        for line in lines + ["next run:  " + DisplayText.safe(report.nextStep)] {
            console.outSentence(String(line.dropFirst(Self.labelWidth)), after: "  \(line.prefix(Self.labelWidth))")
        }
        console.out()
        if report.records.isEmpty {
            console.out("  no logged outcome (logs are kept for a limited time)")
        } else {
            let writer = RecordWriter(.table, console, hasRecords: report.kind != .list)
            report.records.forEach(writer.add)
            writer.end()
            if report.records.count == limit { console.note("the latest \(limit) outcomes are shown; all: --limit 0") }
        }
    }

    /// Characters of what each line begins with: `source:`, `next run:`, and blanks.
    private static let labelWidth = 11

    static func audienceLines(_ report: WhyReport) -> [String] {
        if report.kind != .list { return sourceLines(report) }
        if report.rows.isEmpty { return ["audience:  no row carries this identifier"] }
        return report.rows.map { row in
            let values = [row.email.map { "email \($0)" }, row.userID.map { "userId \($0)" }]
            let shown = values.compactMap(\.self).map { DisplayText.safe($0) }.joined(separator: ", ")
            let verdict = row.isValid ? "valid" : "invalid"
            return "audience:  \(shown); \(verdict)" + (row.failure.map { ": \($0.reason)" } ?? "")
                + (row.representative.map { "; the row \($0) represents this person" } ?? "")
        }
    }

    private static func sourceLines(_ report: WhyReport) -> [String] {
        if report.rows.isEmpty {
            return ["source:    no row has this \(report.kind == .users ? "key, email or userId" : "key")"]
        }
        return report.rows.map { row in
            "source:    \(DisplayText.safe(row.recordKey ?? "")); "
                + (row.failure.map { "invalid: \($0.reason)" } ?? "valid")
        }
    }

    static func snapshotLines(_ report: WhyReport) -> [String] {
        if report.members.isEmpty { return ["snapshot:  \(report.kind == .list ? "not a member" : "not known")"] }
        return report.members.map { entry in
            let since = String(entry.since.iso8601.prefix(19)).replacingOccurrences(of: "T", with: " ")
            let why = entry.member.rejection.map { ": \($0.reason)" } ?? ""
            let identity = entry.member.identity
            let person = identity == Identity(email: nil, userID: nil) ? "" : " (\(identity))"
            let name = entry.member.record.map { DisplayText.safe($0.key + person) } ?? "\(identity)"
            return "snapshot:  \(name), \(entry.member.state.word(report.kind)) since \(since)\(why)"
        }
    }

    private func json(_ report: WhyReport) -> String {
        switch report.kind {
        case .list: personJSON(report)
        case .events: WhyEventText(report).json(sync: sync, identifier: identifier)
        case .users, .catalog: recordJSON(report)
        }
    }

    private func recordJSON(_ report: WhyReport) -> String {
        var rows = Listing(columns: ["record_key", "valid", "error_code", "error_reason"])
        rows.rows = report.rows.map {
            [Value($0.recordKey), .flag($0.isValid), Value($0.failure?.code), Value($0.failure?.reason)]
        }
        var entries = Listing(columns: ["record_key", "email", "user_id", "item_id", "state", "since_run_id", "since"])
        entries.rows = report.members.map {
            [
                Value($0.member.record?.key), Value($0.member.identity.email), Value($0.member.identity.userID),
                Value($0.member.record?.itemID), .text($0.member.state.word(report.kind)),
                .text($0.sinceRunID), .time($0.since),
            ]
        }
        var records = Listing(columns: LogRecord.columns + LogRecord.recordColumns)
        records.rows = report.records.map { RecordWriter.row($0, hasRecords: true) }
        return JSON.object([
            "sync": .string(sync), "identifier": .string(identifier),
            "in_source": .bool(report.rows.contains(where: \.isValid)), "source": rows.json,
            "snapshot": entries.json, "next": .string(report.nextStep), "log": records.json,
        ]).text
    }

    private func personJSON(_ report: WhyReport) -> String {
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
        records.rows = report.records.map { RecordWriter.row($0, hasRecords: false) }
        return JSON.object([
            "sync": .string(sync), "identifier": .string(identifier),
            "in_audience": .bool(report.rows.contains(where: \.isValid)), "audience": rows.json,
            "snapshot": members.json, "next": .string(report.nextStep), "log": records.json,
        ]).text
    }
}
