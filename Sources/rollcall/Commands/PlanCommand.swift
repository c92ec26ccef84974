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

    @Flag(help: "As with `run --full`: everything again.")
    var full = false

    @Flag(help: "As with `run --retry-rejected`.")
    var retryRejected = false

    @Option(help: ArgumentHelp("As with `run --only`.", valueName: "key"))
    var only: String?

    @Option(help: ArgumentHelp("As with `run --backfill`.", valueName: "all|span"))
    var backfill: BackfillOption?

    @Flag(name: .customLong("accept-new-ids"), help: "As with `run --accept-new-ids`.")
    var acceptNewIDs = false

    @Flag(
        help: "Ask Iterable who is on the list already, and say how many of the entering are (up to 5 calls a minute).")
    var compareList = false

    @Flag(help: "Read the snapshot from the warehouse, not from the local cache.")
    var noCache = false

    @OptionGroup var options: ConfigurationOptions

    func validate() throws {
        if only != nil && backfill != nil { throw ValidationError("--only and --backfill exclude each other.") }
    }

    func run() async throws {
        let app = try App.load(options)
        let sync = try app.configuration.sync(named: sync)
        var request = RunRequest()
        (request.full, request.only, request.backfill, request.acceptNewIDs) = (
            full, only, backfill?.value, acceptNewIDs
        )
        if let misuse = request.misuse(of: sync) { throw UsageError(misuse) }
        let line = ProgressLine(sync.name, console: app.console)
        try await app.withPipeline(sync, withCache: !noCache, progress: { line.show($0) }) { pipeline, _ in
            let plan = try await pipeline.plan(
                full: full, retryRejected: retryRejected, only: only, backfill: backfill?.value,
                acceptNewIDs: acceptNewIDs)
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
        var object = RunJSON(
            plan: plan.counts, sync: sync.name, kind: plan.kind, target: plan.target, listID: plan.listID,
            held: plan.held, read: plan.read)
        if !plan.preparations.isEmpty {
            object.fields.append(("preparations", .array(plan.preparations.map { .string($0) })))
        }
        if !plan.notes.isEmpty { object.fields.append(("notes", .array(plan.notes.map { .string($0) }))) }
        if let already { object.fields.append(("already_on_list", .integer(already))) }
        if !plan.oversharedIdentifiers.isEmpty { object.fields.append(("overshared", overshared(plan))) }
        // The rows are too many for one text: they follow one by one.
        console.out(object.text.dropLast() + ",\"rows\":[")
        var separator = ""
        try plan.forEachChange(limit: rows.limit) { change in
            console.out(separator + " " + Self.listing(plan.kind).jsonObject(row(change)).text)
            separator = ","
        }
        try plan.forEachInvalidRow(limit: rows.limit) { record in
            console.out(separator + " " + Self.listing(plan.kind).jsonObject(row(record, plan.kind)).text)
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
        console.out(Self.listing(plan.kind).csv)
        try plan.forEachChange(limit: rows.limit) { console.out(Listing.csvLine(row($0))) }
        try plan.forEachInvalidRow(limit: rows.limit) { console.out(Listing.csvLine(row($0, plan.kind))) }
    }

    private static func listing(_ kind: RecordKind) -> Listing {
        let names =
            switch kind {
            case .list: ["email", "user_id"]
            case .users: ["record_key", "email", "user_id"]
            case .events: ["record_key", "email", "user_id", "event_name", "event_id"]
            case .catalog: ["record_key", "item_id"]
            }
        return Listing(columns: ["operation"] + names + ["note"])
    }

    private func row(_ change: Change) -> [Value] {
        let person = [Value(change.identity.email), Value(change.identity.userID)]
        let names =
            change.record.map { [.text($0.key)] + ($0.itemID.map { [.text($0)] } ?? person) } ?? person
        let event = change.event.map { [Value.text($0.name), .text($0.id)] } ?? []
        return [.text(change.operation.rawValue)] + names + event + [Value(note(of: change))]
    }

    private func note(of change: Change) -> String? {
        if change.kind == .parked {
            return change.refusal?.reason
                ?? "not sent: Iterable refused \(change.record == nil ? "this person" : "it") before"
        }
        if change.goesLast { return "after all others, its address belongs to another profile until then" }
        return change.waitsUntil.map { "not before \($0.iso8601), what was sent before may still land" }
    }

    private func row(_ record: ValidationRecord, _ kind: RecordKind) -> [Value] {
        let names: [[UInt8]?] =
            switch kind {
            case .list: [record.email, record.userID]
            case .users: [record.recordKey, record.email, record.userID]
            case .events: [record.recordKey, record.email, record.userID, nil, nil]
            case .catalog: [record.recordKey, nil]
            }
        return [.text("invalid")] + names.map { Value(text($0)) } + [.text(record.reason.reason)]
    }

    private func text(_ bytes: [UInt8]?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

    // MARK: Words

    /// Of events, an id says little to people, and neither does a name that all of them have.
    private static func shorten(_ listing: inout Listing) {
        listing.drop(5)
        let names = Set(listing.rows.map { $0[4].plain }.filter { !$0.isEmpty })
        if names.count < 2 { listing.drop(4) }
        for column in [3, 2] where listing.rows.allSatisfy({ $0[column] == .none }) { listing.drop(column) }
    }

    private static func target(_ plan: Plan) -> String {
        switch plan.kind {
        case .catalog: return "catalog \(plan.target ?? "")"
        case .users: return "profiles"
        case .events: return RunText.events(named: plan.target)
        case .list: break
        }
        return plan.listID.map { "list \($0)" } ?? "a list that would be made first"
    }

    private func showText(_ plan: Plan, _ sync: SyncSettings, _ already: Int?, _ console: Console) throws {
        let words = RunText(console: console)
        console.outSentence(
            "plan for \(Self.target(plan)); nothing was changed", after: console.styled(sync.name, .bold) + "  ")
        for line in words.counts(plan.counts, plan.kind, status: nil) { console.out(line) }
        if sync.read != .all { for line in words.readLines(plan.read) { console.out(line) } }
        for line in plan.preparations {
            for part in TextTable.wrap("first, \(DisplayText.safe(line, limit: 2000))", console.width - 2) {
                console.out("  " + part)
            }
        }
        for note in plan.notes {
            for part in TextTable.wrap(DisplayText.safe(note, limit: 2000), console.width - 2) {
                console.out("  " + part)
            }
        }
        if let already {
            console.out("  \(DisplayText.grouped(already)) of the entering are on the list already")
        }
        for line in words.oversharedLines(plan.oversharedIdentifiers) { console.out(line) }
        for line in words.heldLines(plan.held, plan.kind) { console.out(line) }
        if !plan.held.isEmpty { console.out("  A run would stop there and wait for approval.") }
        var listing = Self.listing(plan.kind)
        try plan.forEachChange(limit: rows.limit) { listing.rows.append(row($0)) }
        try plan.forEachInvalidRow(limit: rows.limit) { listing.rows.append(row($0, plan.kind)) }
        // The id is mostly the key itself.
        if plan.kind == .catalog, listing.rows.allSatisfy({ $0[2] == .none || $0[1] == $0[2] }) { listing.drop(2) }
        if plan.kind == .events { Self.shorten(&listing) }
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
