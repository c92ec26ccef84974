import ArgumentParser
import Foundation
import RollcallConfig
import RollcallCore
import SyncEngine
import Synchronization
import Warehouse

struct SyncsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "syncs", abstract: "Show every sync: list, size, last run.")

    @Option(help: "Output format.")
    var format = OutputFormat.table

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let app = try App.load(options)
        var known: [String: [Value]] = [:]
        var failure: (any Error)?
        do {
            try await app.forEachState { name, warehouse in
                let elsewhere = try await app.statesElsewhere(in: name, warehouse)
                var unread: (any Error)?
                for sync in app.configuration.syncs where app.configuration.stateWarehouse(of: sync.warehouse) == name {
                    if let error = elsewhere[sync.name] {
                        app.note(error)
                        known[sync.name] = Self.unknown(error.code)
                        continue
                    }
                    // Others may be readable where one is not.
                    do { known[sync.name] = try await state(sync, warehouse) } catch { unread = unread ?? error }
                }
                if let unread { throw unread }
            }
        } catch {
            failure = error
        }
        var listing = Listing(columns: [
            "sync", "enabled", "schedule", "list_id", "members", "last_status", "last_started_at", "last_run_id",
            "warehouse", "state_warehouse",
        ])
        listing.rows = app.configuration.syncs.map { sync in
            [.text(sync.name), .flag(sync.enabled), schedule(sync)] + (known[sync.name] ?? Self.unknown("unreachable"))
                + [.text(sync.warehouse), Value(app.configuration.stateWarehouses[sync.warehouse])]
        }
        if format == .table { listing = Self.table(listing) }
        if format == .table && !TextTable(listing).fits(app.console) {
            for (sync, row) in zip(app.configuration.syncs, listing.rows) {
                Self.showStacked(row, sync.kind.words, on: app.console)
            }
        } else {
            app.console.out(listing.render(format, on: app.console))
        }
        if let failure { throw failure }
    }

    /// Without the warehouses where all is in one.
    private static func table(_ listing: Listing) -> Listing {
        var listing = listing
        let places = Set(listing.rows.flatMap { [$0[8], $0[9]] }).subtracting([.none])
        if places.count < 2 { for column in [9, 8] { listing.drop(column) } }
        return listing
    }

    /// For narrow terminals.
    private static func showStacked(_ row: [Value], _ kind: KindWords, on console: Console) {
        console.out(console.styled(row[0].shown, .bold))
        var facts: [String] = []
        if row[3] != .none { facts.append("list \(row[3].shown)") }
        if row[4] != .none {
            facts.append("\(row[4].shown) \(row[4] == Value(1) ? String(kind.entries.dropLast()) : kind.entries)")
        }
        facts.append(row[2] == streamed ? "streamed" : row[2] == .none ? "by hand" : "every \(row[2].shown)")
        facts.append("enabled \(row[1].shown)")
        console.out("    " + facts.joined(separator: ", "))
        console.out("    \(last(status: row[5], started: row[6]))")
        if row[7] != .none { console.out("    \(row[7].shown)") }
        if row.count > 8 {
            console.out("    from \(row[8].shown)" + (row[9] == .none ? "" : ", state in \(row[9].shown)"))
        }
    }

    /// What became of the last run, in words.
    private static func last(status: Value, started: Value) -> String {
        switch status {
        case .none: "no run yet"
        case .text("state_elsewhere"): "last run not known: the state is in another warehouse"
        case .text("state_unknown"): "last run not known: the state may be in a warehouse that cannot be read"
        case .text("unreachable"): "last run not known: the warehouse cannot be read"
        default: "last \(status.shown.replacingOccurrences(of: "_", with: " ")) \(started.shown)"
        }
    }

    /// The values of ``state(_:_:)`` of a sync of which nothing is known.
    private static func unknown(_ status: String) -> [Value] { [.none, .none, .text(status), .none, .none] }

    /// List, members, and of the latest run status, time and id.
    private func state(_ sync: SyncSettings, _ warehouse: any Warehouse) async throws(WarehouseError) -> [Value] {
        let last = try await warehouse.runs(RunFilter(sync: sync.name, limit: 1)).first
        let list = sync.kind == .list ? try await warehouse.listBinding(sync: sync.name)?.listID : nil
        let members = try await members(sync, list, warehouse)
        return [Value(list), members, Value(last?.status.rawValue), Value(last?.startedAt), Value(last?.id)]
    }

    /// Members, records, or events that may be in Iterable because of the sync.
    private func members(
        _ sync: SyncSettings, _ list: Int64?, _ warehouse: any Warehouse
    ) async throws(WarehouseError) -> Value {
        if sync.kind == .events {
            let counts = try await warehouse.eventCounts(sync: sync.name)
            return Value((counts[.sent] ?? 0) + (counts[.sending] ?? 0))
        }
        let entries = sync.kind == .list ? list.map { EntrySet.list($0) } : .records(sync.kind)
        guard let entries else { return .none }
        let counts = try await warehouse.memberCounts(sync: sync.name, of: entries)
        return Value(counts.filter { $0.key != .rejected }.values.reduce(0, +))
    }

    /// How often the sync runs by itself.
    private func schedule(_ sync: SyncSettings) -> Value {
        sync.stream == nil ? Value(sync.schedule?.every.rawValue) : Self.streamed
    }

    private static let streamed = Value.text("stream")
}

struct RunsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs", abstract: "Show the latest runs, newest first.",
        usage: "rollcall runs [<sync>] [--status <status>] [<options>]")

    @Argument(help: ArgumentHelp("Only runs of this sync.", valueName: "sync"))
    var sync: String?

    @Option(help: ArgumentHelp("Only runs with this status.", valueName: "status"))
    var status: String?

    @Option(help: "How many, at most.")
    var limit = 20

    @Option(help: "Output format.")
    var format = OutputFormat.table

    @OptionGroup var options: ConfigurationOptions

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit is at least 1.") }
        if let status, RunStatus(rawValue: status) == nil {
            let known = RunStatus.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("\"\(status)\" is no status of a run; they are \(known).")
        }
    }

    func run() async throws {
        let app = try App.load(options)
        var filter = RunFilter(sync: sync, status: status.flatMap(RunStatus.init), limit: limit)
        var only: String?
        if let sync {
            let settings = try app.configuration.sync(named: sync)
            filter.sync = settings.name
            only = settings.warehouse
        }
        var runs: [SyncRun] = []
        var failure: (any Error)?
        do {
            try await app.forEachState(only) { name, warehouse in
                try await app.noteStatesElsewhere(in: name, warehouse, sync: filter.sync)
                runs += try await warehouse.runs(filter)
            }
        } catch {
            failure = error
        }
        if runs.isEmpty, let failure { throw failure }
        runs.sort { $0.id > $1.id }
        var listing = RunListing.full(runs.prefix(limit), app)
        if format == .table {
            listing = RunListing.short(runs.prefix(limit))
            if !TextTable(listing).fits(app.console) {
                return runs.prefix(limit).forEach { RunListing.showStacked($0, on: app.console) }
            }
        }
        app.console.out(listing.render(format, on: app.console))
        if let failure { throw failure }
    }
}

/// Runs as rows: all columns of the contract for programs, the telling ones for people.
enum RunListing {
    static let columns = [
        "run_id", "sync_name", "destination", "list_id", "trigger", "status", "started_at", "finished_at", "rows_read",
        "rows_invalid", "rows_duplicate", "audience_size", "unchanged", "planned_subscribe", "planned_unsubscribe",
        "succeeded_subscribe", "succeeded_unsubscribe", "failed_subscribe", "failed_unsubscribe", "not_attempted",
        "unknown", "requests_sent", "requests_retried", "rate_limited", "error_code", "error_message", "kind", "target",
        "rows_excluded", "waiting",
    ]

    /// Each operation of other kinds than lists has further columns, as far as there may be runs of them; `late` is of
    /// events.
    static func full(_ runs: some Sequence<SyncRun>, _ app: App) -> Listing {
        let operations = app.recordOperations
        var further = ["planned", "succeeded", "failed"].flatMap { count in
            operations.map { "\(count)_\($0.rawValue)" }
        }
        if app.hasEvents { further.append("late") }
        var listing = Listing(columns: columns + further)
        listing.rows = runs.map { row($0, operations) + (app.hasEvents ? [Value($0.counts.late)] : []) }
        return listing
    }

    private static func row(_ run: SyncRun, _ operations: [RollcallCore.Operation]) -> [Value] {
        let counts = run.counts
        var row: [Value] = [
            .text(run.id), .text(run.sync), .text(run.destination), Value(run.listID), .text(run.trigger.rawValue),
            .text(run.status.rawValue), .time(run.startedAt), Value(run.finishedAt), Value(counts.rowsRead),
            Value(counts.invalid), Value(counts.duplicates), Value(counts.audience), Value(counts.unchanged),
            Value(counts.planned.subscribe), Value(counts.planned.unsubscribe), Value(counts.succeeded.subscribe),
            Value(counts.succeeded.unsubscribe), Value(counts.failed.subscribe), Value(counts.failed.unsubscribe),
            Value(counts.notAttempted.total), Value(counts.unknown.total), Value(run.requests.sent),
            Value(run.requests.retried),
            Value(run.requests.rateLimited), Value(run.error?.code), Value(run.error?.message),
            .text(run.kind.rawValue), Value(run.target), Value(counts.excluded), Value(counts.waiting),
        ]
        for numbers in [counts.planned, counts.succeeded, counts.failed] {
            row += operations.map { Value(numbers[$0]) }
        }
        return row
    }

    /// Two lines for each run, for narrow terminals: a run's id is never cut.
    static func showStacked(_ run: SyncRun, on console: Console) {
        let words = RunText(console: console)
        let status = run.status.rawValue.replacingOccurrences(of: "_", with: " ")
        let time = String(run.startedAt.iso8601.prefix(16)).replacingOccurrences(of: "T", with: " ")
        console.out("\(run.id)  \(time)  \(console.styled(status, words.style(run.status)))")
        let counts = run.counts
        let kind = run.kind.words
        let (isPut, isRemoved) = run.kind == .list ? ("in", "out") : (kind.isPut, kind.isRemoved)
        let put = DisplayText.grouped(counts.succeeded.total(.put))
        let removed = DisplayText.grouped(counts.succeeded.total(.remove))
        console.out(
            "    \(run.sync): \(DisplayText.count(counts.audience, kind.one, kind.many)), "
                + "\(put) \(isPut), " + (run.kind.hasRemovals ? "\(removed) \(isRemoved), " : "")
                + "\(DisplayText.grouped(counts.invalid + counts.failed.total)) bad")
    }

    static func short(_ runs: some Sequence<SyncRun>) -> Listing {
        let (put, removed) = runs.allSatisfy { $0.kind == .list } ? ("in", "out") : ("sent", "removed")
        var listing = Listing(columns: ["run", "sync", "status", "started (UTC)", "records", put, removed, "bad"])
        listing.rows = runs.map { run in
            [
                .text(run.id), .text(run.sync), .text(run.status.rawValue),
                .text(String(run.startedAt.iso8601.prefix(16)).replacingOccurrences(of: "T", with: " ")),
                Value(run.counts.audience), Value(run.counts.succeeded.total(.put)),
                Value(run.counts.succeeded.total(.remove)), Value(run.counts.invalid + run.counts.failed.total),
            ]
        }
        if !listing.rows.isEmpty, !runs.contains(where: \.kind.hasRemovals) { listing.drop(6) }
        return listing
    }
}

struct RunReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run-report", abstract: "Show one run: what it did, and why it failed or is held.",
        usage: "rollcall run-report <run-id> [<options>]")

    @Argument(help: ArgumentHelp("The run.", valueName: "run-id"))
    var runID: String

    @Option(help: "Output format.")
    var format = OutputFormat.table

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let app = try App.load(options)
        let run = try await app.findRun(runID.lowercased()).run
        switch format {
        case .json: app.console.out(RunJSON(run).text)
        case .csv: app.console.out(RunListing.full([run], app).csv)
        case .table:
            app.console.out(RunText(console: app.console).summary(run))
            var failures = Listing(columns: ["operation", "error_code", "records"])
            failures.rows = try await failureCounts(run, app)
            if !failures.rows.isEmpty { app.console.out("\n" + failures.render(.table, on: app.console)) }
        }
    }

    /// Failed records of the run, counted by reason.
    private func failureCounts(_ run: SyncRun, _ app: App) async throws -> [[Value]] {
        var filter = RecordFilter()
        filter.runID = run.id
        filter.status = "failed"
        let counter = ReasonCounter()
        let found = try await app.findRun(run.id)
        try await app.forEachState(found.warehouse) { _, warehouse in
            try await warehouse.records(filter) { counter.add($0) }
        }
        return counter.rows
    }
}

/// Counts records by operation and reason.
private final class ReasonCounter: Sendable {
    private let counts = Mutex<[String: (operation: String, code: String, count: Int)]>([:])

    func add(_ record: LogRecord) {
        let code = record.errorCode ?? "-"
        counts.withLock { $0[record.operation + " " + code, default: (record.operation, code, 0)].count += 1 }
    }

    var rows: [[Value]] {
        counts.withLock { $0 }.values.sorted { ($0.count, $1.code) > ($1.count, $0.code) }
            .map { [.text($0.operation), .text($0.code), Value($0.count)] }
    }
}
