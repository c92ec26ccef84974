import ArgumentParser
import Foundation
import RollcallConfig
import RollcallCore
import Warehouse

struct LogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Show the record log: every record of every run, newest first.",
        usage: "rollcall log [<sync>] [--run <run-id>] [--status <status>] [<options>]")

    @Argument(help: ArgumentHelp("Only records of this sync.", valueName: "sync"))
    var sync: String?

    @Option(help: ArgumentHelp("Only records of this run.", valueName: "run-id"))
    var run: String?

    @Option(help: ArgumentHelp("succeeded, failed, unknown, not_attempted or waiting.", valueName: "status"))
    var status: String?

    @Option(help: ArgumentHelp("Only younger records: 30m, 12h, 2d, 3w, or a UTC date.", valueName: "age"))
    var since: String?

    @Option(help: "How many, at most; 0 for all.")
    var limit = 100

    @Option(help: "Output format.")
    var format = OutputFormat.table

    @OptionGroup var options: ConfigurationOptions

    static let statuses = ["succeeded", "failed", "unknown", "not_attempted", "waiting"]

    func validate() throws {
        if let status, !Self.statuses.contains(status) {
            throw ValidationError(
                "\"\(status)\" is no status of a record; they are \(Self.statuses.joined(separator: ", ")).")
        }
        if let since, PastTime.parse(since, now: Date()) == nil {
            throw ValidationError("\"\(since)\" is no age; write 30m, 12h, 2d, 3w or a date such as 2026-11-21.")
        }
        if limit < 0 { throw ValidationError("--limit is 0 (all) or more.") }
        if let run, !RunID.isValid(run.lowercased()) { throw ValidationError("\"\(run)\" is not a run id.") }
    }

    func run() async throws {
        let app = try App.load(options)
        var filter = RecordFilter()
        filter.runID = run?.lowercased()
        filter.status = status
        filter.since = since.flatMap { PastTime.parse($0, now: Date()) }
        filter.limit = limit == 0 ? nil : limit
        var only: String?
        if let sync {
            let settings = try app.configuration.sync(named: sync)
            filter.sync = settings.name
            only = settings.warehouse
        } else if let run {
            only = try await app.findRun(run.lowercased()).warehouse
        }
        let writer = RecordWriter(format, app.console, hasRecords: app.hasRecords)
        do {
            try await app.forEachState(only) { name, warehouse in
                try await app.noteStatesElsewhere(in: name, warehouse, sync: filter.sync)
                try await warehouse.records(filter) { writer.add($0) }
            }
        } catch {
            if !writer.isEmpty { writer.end() }
            throw error
        }
        writer.end()
        if limit > 0 && writer.count >= limit {
            app.console.note("\(limit) records shown, the newest; all: --limit 0")
        }
    }
}

/// Writes records as they come: JSON and CSV in bounded memory, tables whole.
// SAFETY: warehouses are asked one after the other, and each gives its records one at a time.
final class RecordWriter: @unchecked Sendable {
    private let console: Console
    private var stream: ListingStream
    private let hasRecords: Bool
    var count: Int { stream.count }

    /// - Parameter hasRecords: whether there may be records of other kinds than lists, which have a key.
    init(_ format: OutputFormat, _ console: Console, hasRecords: Bool) {
        self.console = console
        self.hasRecords = hasRecords
        stream = ListingStream(
            columns: LogRecord.columns + (hasRecords ? LogRecord.recordColumns : []), format, console)
    }

    var isEmpty: Bool { count == 0 }

    static func row(_ record: LogRecord, hasRecords: Bool) -> [Value] {
        let names: [Value] =
            hasRecords
            ? [Value(record.recordKey), Value(record.itemID), Value(record.eventName), Value(record.eventID)] : []
        return [
            .text(record.runID), .text(record.sync), Value(record.email), Value(record.userID),
            .text(record.operation), .text(record.status), Value(record.errorCode), Value(record.errorReason),
            Value(record.httpStatus.map(Int64.init)), Value(record.attempts), .time(record.loggedAt),
        ] + names
    }

    func add(_ record: LogRecord) { stream.add(Self.row(record, hasRecords: hasRecords)) }

    func end() { stream.end(table: stream.listing.rows.isEmpty ? "no records" : table) }

    private var table: String {
        var short = Listing(columns: [
            "time (UTC)", "key", "email", "user_id", "event_name", "event_id", "operation", "status", "why",
        ])
        short.rows = stream.listing.rows.map { row in
            let time = String(row[10].plain.prefix(19)).replacingOccurrences(of: "T", with: " ")
            let key = hasRecords ? row[11] : .none
            let event = hasRecords ? [row[13], row[14]] : [.none, .none]
            return [.text(time), key, row[2], row[3]] + event + [row[4], row[5], Self.reason(row)]
        }
        for column in [5, 4, 3, 2, 1] where short.rows.allSatisfy({ $0[column] == .none }) { short.drop(column) }
        let table = TextTable(short)
        return table.fits(console) ? table.render(on: console) : stacked
    }

    private static func reason(_ row: [Value]) -> Value {
        .text([row[6].plain, row[7].plain].filter { !$0.isEmpty }.joined(separator: ": "))
    }

    /// For narrow terminals: the reason below each record.
    private var stacked: String {
        stream.listing.rows.flatMap { row in
            let time = String(row[10].plain.prefix(19)).replacingOccurrences(of: "T", with: " ")
            let names = [row[2], row[3]] + (hasRecords ? [row[11], row[13], row[14]] : [])
            let record = names.filter { $0 != .none }.map { console.styled($0.shown, .bold) }
            let head = console.flowed(["\(time) ", "\(row[4].plain) \(row[5].plain) "] + record, depth: 4)
            let reason = Self.reason(row).shown
            return head + (reason.isEmpty ? [] : TextTable.wrap(reason, console.width - 4).map { "    " + $0 })
        }.joined(separator: "\n")
    }
}

extension Listing {
    /// Takes a column away.
    mutating func drop(_ column: Int) {
        columns.remove(at: column)
        for index in rows.indices { rows[index].remove(at: column) }
    }
}
