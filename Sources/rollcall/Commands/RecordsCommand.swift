import ArgumentParser
import Foundation
import RollcallConfig
import RollcallCore
import SyncEngine
import Warehouse

struct RecordsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "records",
        abstract: "Show the events of a sync: which were sent, wait, or failed for good.",
        usage: "rollcall records <sync> [--state <state>] [<options>]",
        discussion: """
            Their order means nothing. Of an event that was sent its id is kept; of one that is \
            still to be sent, or failed, also its key and its person. Of other kinds, the tables \
            synced_records and list_members have the same.
            """)

    @Argument(help: ArgumentHelp("The sync.", valueName: "sync"))
    var sync: String

    @Option(help: ArgumentHelp("sent, sending, skipped, waiting or rejected.", valueName: "state"))
    var state: String?

    @Option(help: "How many, at most; 0 for all.")
    var limit = 100

    @Option(help: "Output format.")
    var format = OutputFormat.table

    @OptionGroup var options: ConfigurationOptions

    private static let page = 500

    func validate() throws {
        if let state, EventState(rawValue: state) == nil {
            let known = EventState.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("\"\(state)\" is no state of an event; they are \(known).")
        }
        if limit < 0 { throw ValidationError("--limit is 0 (all) or more.") }
    }

    func run() async throws {
        let app = try App.load(options)
        let settings = try app.configuration.sync(named: sync)
        guard settings.kind == .events else { throw Self.wrongKind(settings) }
        var writer = EventWriter(format, app.console)
        let warehouse = try app.warehouse(settings.warehouse)
        let result: Result<Void, any Error>
        do { result = .success(try await read(settings.name, warehouse, &writer)) } catch { result = .failure(error) }
        await warehouse.close()
        if case .success = result { writer.end() } else if writer.count > 0 { writer.end() }
        try result.get()
        if limit > 0 && writer.count >= limit { app.console.note("\(limit) events shown; all: --limit 0") }
    }

    private static func wrongKind(_ sync: SyncSettings) -> UsageError {
        let table = sync.kind == .list ? "list_members" : "synced_records"
        return UsageError(
            code: "only_events",
            message: "`records` shows events, and \(sync.name) is a sync of kind \(sync.kind.rawValue)",
            hint: "The state has the table \(table): SELECT * FROM \(table) WHERE sync_name = '\(sync.name)'.")
    }

    private func read(_ sync: String, _ warehouse: any Warehouse, _ writer: inout EventWriter) async throws {
        let states = state.flatMap(EventState.init).map { Set([$0]) } ?? Set(EventState.allCases)
        var last: Fingerprint?
        while limit == 0 || writer.count < limit {
            let size = limit == 0 ? Self.page : min(Self.page, limit - writer.count)
            let events = try await warehouse.events(sync: sync, in: states, after: last, limit: size)
            for event in events { writer.add(event) }
            last = events.last?.key
            if events.count < size { return }
        }
    }
}

/// Writes events as they come: JSON and CSV in bounded memory, tables whole.
private struct EventWriter {
    private let format: OutputFormat
    private let console: Console
    private var listing = Listing(columns: StoredEvent.columns)
    private(set) var count = 0

    init(_ format: OutputFormat, _ console: Console) {
        self.format = format
        self.console = console
    }

    mutating func add(_ event: StoredEvent) {
        switch format {
        case .table: listing.rows.append(event.row)
        case .json: console.out((count == 0 ? "[" : ",") + listing.jsonObject(event.row).text)
        case .csv:
            if count == 0 { console.out(listing.csv) }
            console.out(Listing.csvLine(event.row))
        }
        count += 1
    }

    func end() {
        switch format {
        case .json: console.out(count == 0 ? "[]" : "]")
        case .csv: if count == 0 { console.out(listing.csv) }
        case .table: console.out(listing.rows.isEmpty ? "no events" : table)
        }
    }

    private var table: String {
        var short = Listing(columns: [
            "state", "since (UTC)", "event_id", "key", "event_name", "email", "user_id", "why",
        ])
        short.rows = listing.rows.map { row in
            let time = String(row[4].plain.prefix(19)).replacingOccurrences(of: "T", with: " ")
            let reason = [row[9].plain, row[10].plain].filter { !$0.isEmpty }.joined(separator: ": ")
            return [row[2], .text(time), row[1], row[5], row[6], row[7], row[8], .text(reason)]
        }
        for column in [7, 6, 5, 4, 3] where short.rows.allSatisfy({ $0[column].plain.isEmpty }) { short.drop(column) }
        return TextTable(short).render(on: console)
    }
}
