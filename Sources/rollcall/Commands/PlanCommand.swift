import ArgumentParser
import Foundation
import RollcallConfig
import RollcallCore
import SyncEngine

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show what a run would do; changes nothing anywhere.",
        usage: "rollcall plan <sync> [--rows <all|N>] [<options>]",
        discussion: "Judges the guards too. Exit code 0 also when a run would be held.")

    /// How many rows to show: `all` or a number.
    enum Rows: ExpressibleByArgument, Equatable {
        case all
        case count(Int)

        init?(argument: String) {
            if argument == "all" {
                self = .all
            } else if let number = Int(argument), number >= 0 {
                self = .count(number)
            } else {
                return nil
            }
        }

        var limit: Int? { if case .count(let number) = self { number } else { nil } }
        var defaultValueDescription: String { limit.map(String.init) ?? "all" }
    }

    @Argument(help: ArgumentHelp("The sync to look at.", valueName: "sync"))
    var sync: String

    @Option(help: ArgumentHelp("Rows to show of each kind.", valueName: "all|N"))
    var rows = Rows.count(10)

    @Option(help: "Output format.")
    var format = OutputFormat.table

    @Flag(help: "As with `run --full`: every member again.")
    var full = false

    @Flag(help: "As with `run --retry-rejected`.")
    var retryRejected = false

    @Flag(
        help: "Ask Iterable who is on the list already, and say how many of the entering are (up to 5 calls a minute).")
    var compareList = false

    @Flag(help: "Read the snapshot from the warehouse, not from the local cache.")
    var noCache = false

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let app = try App.load(options)
        let sync = try app.configuration.sync(named: sync)
        let line = ProgressLine(sync.name, console: app.console)
        try await app.withPipeline(sync, withCache: !noCache, progress: { line.show($0) }) { pipeline, _ in
            let plan = try await pipeline.plan(full: full, retryRejected: retryRejected)
            let already = compareList ? try await pipeline.countAlreadyOnList(plan) : nil
            line.end()
            switch format {
            case .json: try showJSON(plan, sync, already, app.console)
            case .csv: try showCSV(plan, app.console)
            case .table: try showText(plan, sync, already, app.console)
            }
        }
    }

    // MARK: JSON and CSV

    private func showJSON(_ plan: Plan, _ sync: SyncSettings, _ already: Int?, _ console: Console) throws {
        var object = RunJSON(plan: plan.counts, sync: sync.name, listID: plan.listID, held: plan.held)
        if let already { object.fields.append(("already_on_list", .integer(already))) }
        if !plan.oversharedIdentifiers.isEmpty { object.fields.append(("overshared", overshared(plan))) }
        // The rows are too many for one text: they follow one by one.
        console.out(object.text.dropLast() + ",\"rows\":[")
        var separator = ""
        try plan.forEachChange(limit: rows.limit) { change in
            console.out(separator + " " + Self.listing.jsonObject(row(change)).text)
            separator = ","
        }
        try plan.forEachInvalidRow(limit: rows.limit) { record in
            console.out(separator + " " + Self.listing.jsonObject(row(record)).text)
            separator = ","
        }
        console.out("]}")
    }

    /// Identifiers that count as none, as objects.
    private func overshared(_ plan: Plan) -> JSON {
        var listing = Listing(columns: ["identifier", "value", "others"])
        listing.rows = plan.oversharedIdentifiers.map {
            [.text($0.kind.rawValue), .text($0.value), .integer(Int64($0.others))]
        }
        return listing.json
    }

    private func showCSV(_ plan: Plan, _ console: Console) throws {
        console.out(Self.listing.csv)
        try plan.forEachChange(limit: rows.limit) { console.out(Listing.csvLine(row($0))) }
        try plan.forEachInvalidRow(limit: rows.limit) { console.out(Listing.csvLine(row($0))) }
    }

    private static let listing = Listing(columns: ["operation", "email", "user_id", "note"])

    private func row(_ change: Change) -> [Value] {
        let note: String? =
            change.kind == .parked
            ? "not sent: Iterable refused this person before"
            : change.notBefore.map { "not before \($0.iso8601), a lost request may still land" }
        return [
            .text(change.operation.rawValue), Value(change.identity.email), Value(change.identity.userID), Value(note),
        ]
    }

    private func row(_ record: ValidationRecord) -> [Value] {
        [.text("invalid"), Value(text(record.email)), Value(text(record.userID)), .text(record.reason.reason)]
    }

    private func text(_ bytes: [UInt8]?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

    // MARK: Words

    private func showText(_ plan: Plan, _ sync: SyncSettings, _ already: Int?, _ console: Console) throws {
        let words = RunText(console: console)
        let list = plan.listID.map { "list \($0)" } ?? "a list that would be made first"
        console.out("\(console.styled(sync.name, .bold))  plan for \(list); nothing was changed")
        for line in words.counts(plan.counts, status: nil) { console.out(line) }
        if let already {
            console.out("  \(DisplayText.grouped(already)) of the entering are on the list already")
        }
        for line in words.oversharedLines(plan.oversharedIdentifiers) { console.out(line) }
        for line in words.heldLines(plan.held) { console.out(line) }
        if !plan.held.isEmpty { console.out("  A run would stop there and wait for approval.") }
        var listing = Self.listing
        try plan.forEachChange(limit: rows.limit) { listing.rows.append(row($0)) }
        try plan.forEachInvalidRow(limit: rows.limit) { listing.rows.append(row($0)) }
        if listing.rows.isEmpty { return }
        console.out()
        console.out(listing.render(.table, on: console))
        let total = plan.counts.planned.total + plan.counts.invalid
        if listing.rows.count < total {
            console.out(
                console.styled("\(listing.rows.count) of \(DisplayText.grouped(total)) rows; all: --rows all", .faint))
        }
    }
}
