import ArgumentParser
import Foundation
import RollcallConfig
import RollcallCore
import SyncEngine

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run syncs now.",
        usage: """
            rollcall run <sync> ... [<options>]
            rollcall run --all [<options>]
            rollcall run --approve <run-id> | --discard <run-id> [<options>]
            """,
        discussion: """
            Reads the source, compares it with the snapshot, and sends the difference. A plan \
            that a guard stops is held: nothing is sent until it is approved, exactly as it was \
            staged, or discarded.
            """)

    @Argument(help: ArgumentHelp("The syncs to run, one after the other.", valueName: "sync"))
    var syncs: [String] = []

    @Flag(help: "Run every enabled sync.")
    var all = false

    @Flag(help: "Send everything again; still remove only what left.")
    var full = false

    @Flag(help: "Send again also records that Iterable refused permanently.")
    var retryRejected = false

    @Option(
        help: ArgumentHelp(
            "Send only this record, by its key, as a first try; not of lists. The rest waits for the next run.",
            valueName: "key"))
    var only: String?

    @Option(
        help: ArgumentHelp(
            "Of events: send also those that were there before the sync began, or were discarded; all of them, "
                + "or those of a span such as 30d.", valueName: "all|span"))
    var backfill: BackfillOption?

    @Flag(
        name: .customLong("accept-new-ids"), help: "Of events: go on although what their ids are made of has changed.")
    var acceptNewIDs = false

    @Option(help: ArgumentHelp("Carry out a held run as it was staged.", valueName: "run-id"))
    var approve: String?

    @Option(help: ArgumentHelp("Drop a held run.", valueName: "run-id"))
    var discard: String?

    @Flag(help: "Discard a held run first, and plan again.")
    var forceNew = false

    @Flag(help: "Print one JSON object per run.")
    var json = false

    @Flag(help: "Neither read nor write the local cache of the snapshot.")
    var noCache = false

    @OptionGroup var options: ConfigurationOptions

    func validate() throws {
        let ways = [!syncs.isEmpty && approve == nil && discard == nil, all, approve != nil, discard != nil].count {
            $0
        }
        if ways == 0 { throw ValidationError("Name the syncs to run, or give --all, --approve or --discard.") }
        if ways > 1 { throw ValidationError("Sync names, --all, --approve and --discard exclude each other.") }
        if approve != nil || discard != nil {
            if syncs.count > 1 { throw ValidationError("A run belongs to one sync; name that one or none.") }
            if full || retryRejected || forceNew || only != nil || backfill != nil || acceptNewIDs {
                throw ValidationError(
                    "A held run is carried out as it was staged; leave out --full, --retry-rejected, --only, "
                        + "--backfill, --accept-new-ids and --force-new.")
            }
        }
        if only != nil && backfill != nil {
            throw ValidationError(
                "--only and --backfill exclude each other; --only sends an event also where it was skipped.")
        }
        if only != nil && (all || syncs.count > 1) { throw ValidationError("--only is for one sync; name that one.") }
    }

    func run() async throws {
        let app = try App.load(options)
        if !noCache, let warning = App.cacheWarning(ProcessInfo.processInfo.environment) { app.warn(warning) }
        var request = request
        var chosen: [SyncSettings]
        if let id = approve ?? discard {
            request.kind = approve != nil ? .approve(runID: id) : .discard(runID: id)
            chosen = [try await syncOfRun(id, app)]
        } else if all {
            chosen = app.configuration.syncs.filter(\.enabled)
            if chosen.isEmpty { app.console.note("no sync is enabled") }
        } else {
            chosen = try syncs.map { try app.configuration.sync(named: $0) }
        }
        for sync in chosen { if let misuse = request.misuse(of: sync) { throw UsageError(misuse) } }
        try await run(chosen, request, app)
    }

    private var request: RunRequest {
        var request = RunRequest()
        request.full = full
        request.retryRejected = retryRejected
        request.only = only
        request.backfill = backfill?.value
        request.acceptNewIDs = acceptNewIDs
        request.forceNew = forceNew
        return request
    }

    private func syncOfRun(_ id: String, _ app: App) async throws -> SyncSettings {
        let run = try await app.findRun(id).run
        if let name = syncs.first, name != run.sync {
            throw UsageError(code: "run_other_sync", message: "run \(id) belongs to sync \(run.sync), not to \(name)")
        }
        return try app.configuration.sync(named: run.sync)
    }

    private func run(_ chosen: [SyncSettings], _ request: RunRequest, _ app: App) async throws {
        let stop = StopSignal()
        let signals = await Signals.take()
        let work = Task {
            var statuses: [ExitStatus] = []
            for sync in chosen where stop.reason == nil {
                statuses.append(await runOne(sync, request, app, stop))
            }
            return statuses
        }
        let watch = Signals.follow(signals, stop: stop, console: app.console) { work.cancel() }
        defer { withExtendedLifetime(watch) {} }
        var statuses = await work.value
        if stop.reason != nil && statuses.count < chosen.count { statuses.append(.interrupted) }
        try ExitStatus.worst(statuses).check()
    }

    private func runOne(_ sync: SyncSettings, _ request: RunRequest, _ app: App, _ stop: StopSignal) async -> ExitStatus
    {
        let line = ProgressLine(sync.name, console: app.console, isQuiet: false)
        let outcome: RunOutcome
        do {
            let watch = CancelWatch(stop)
            outcome = try await app.withPipeline(
                sync, withCache: !noCache, stop: watch.stop,
                progress: { progress in
                    watch.note(progress)
                    line.show(progress)
                }
            ) { pipeline, warehouse in
                await watch.during(warehouse) { await pipeline.run(request) }
            }
        } catch {
            outcome = RunOutcome(failure: error)
        }
        line.end()
        show(outcome, sync, app.console)
        switch (outcome, request.kind) {
        case (.failed, _) where stop.reason == .interrupted: return .interrupted
        // A held run that was to be discarded ends as cancelled.
        case (.ran(let run), .discard) where run.status == .cancelled && run.error == nil: return .success
        default: return ExitStatus(outcome)
        }
    }

    private func show(_ outcome: RunOutcome, _ sync: SyncSettings, _ console: Console) {
        switch outcome {
        case .ran(let run):
            console.out(json ? RunJSON(run).text : RunText(console: console).summary(run))
        case .alreadyHeld(let held):
            if json {
                console.out(RunJSON(held).text)
            } else {
                console.outSentence("\(sync.name): an earlier run is still held, so nothing was read or planned now:")
                console.out(RunText(console: console).summary(held))
                // The events of a discarded run are not sent by later ones.
                if held.kind != .events {
                    console.out("    rollcall run \(sync.name) --force-new   (discards it and plans again)")
                }
            }
        case .busy(let error): show(error.whileStreamed(sync), sync, console)
        case .failed(let error, _): show(error, sync, console)
        }
    }

    private func show(_ error: RunError, _ sync: SyncSettings, _ console: Console) {
        if json { console.out(RunJSON(sync: sync.name, kind: sync.kind, error: error).text) }
        console.error("\(sync.name): \(DisplayText.safe(error.message))" + (error.hint.map { "\n  " + $0 } ?? ""))
    }
}
