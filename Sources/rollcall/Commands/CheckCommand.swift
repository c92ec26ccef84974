import ArgumentParser
import Foundation
import Iterable
import RollcallConfig
import RollcallCore
import SyncEngine
import Warehouse

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Look whether everything is in place: one line each, and how to fix what is not.",
        usage: "rollcall check [<sync> ...] [<options>]",
        discussion:
            """
            Configuration, connections, rights, columns and their types, API key, lists, catalogs; \
            and receivers, unless syncs are named. Changes nothing.
            """)

    @Argument(help: ArgumentHelp("The syncs to look at; all when left out.", valueName: "sync"))
    var syncs: [String] = []

    @Option(help: "Output format.")
    var format = OutputFormat.table

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let app = try App.load(options)
        let chosen = syncs.isEmpty ? app.configuration.syncs : try syncs.map { try app.configuration.sync(named: $0) }
        var findings = [
            Finding(
                subject: "configuration", isFine: true,
                detail: "\(app.configuration.path): \(Self.contents(app.configuration))")
        ]
        findings += await warehouses(chosen, app)
        findings += try await destinations(chosen, app)
        var lines = findings.map { Line(finding: $0) }
        for sync in chosen { lines += try await check(sync, app) }
        if syncs.isEmpty { lines += await ReceiverCheck(app, now: Date()).findings().map { Line(finding: $0) } }
        show(lines, app.console)
        if lines.contains(where: { !$0.finding.isFine }) { throw ExitCode(ExitStatus.failed.rawValue) }
    }

    /// A finding as it is shown.
    private struct Line {
        var finding: Finding
        /// Of one that is fine: whether it had better be otherwise.
        var isWarning = false
    }

    /// Seconds that a look waits for a connection or a lock at most.
    private static let waitSeconds = 10.0

    private func show(_ lines: [Line], _ console: Console) {
        if format != .table {
            var listing = Listing(columns: ["subject", "ok", "detail", "fix"])
            listing.rows = lines.map(\.finding).map {
                [.text($0.subject), .flag($0.isFine), .text($0.detail), Value($0.fix)]
            }
            return console.out(listing.render(format, on: console))
        }
        // A warehouse that cannot be used fails everything that needs it, for one reason.
        var said: [String: String] = [:]
        for line in lines {
            let finding = line.finding
            let (start, subject) = (mark(line, console) + " ", finding.subject + ": ")
            if !finding.isFine, let fix = finding.fix {
                let all = "\(finding.detail)\n\(fix)"
                if let first = said[all] {
                    console.outSentence("\(subject)the same as of \(first)", after: start)
                    continue
                }
                said[all] = finding.subject
            }
            console.outSentence(subject + DisplayText.safe(finding.detail), after: start)
            let label = finding.isFine ? "       better: " : "       fix: "
            for line in finding.fix?.split(separator: "\n") ?? [] { console.outSentence(String(line), after: label) }
        }
    }

    private func mark(_ line: Line, _ console: Console) -> String {
        if !line.finding.isFine { return console.styled("FAIL", .red) }
        return line.isWarning ? console.styled("warn", .yellow) : console.styled("ok  ", .green)
    }

    /// `3 syncs`, `3 syncs, 1 receiver`
    private static func contents(_ configuration: Configuration) -> String {
        let syncs = DisplayText.count(configuration.syncs.count, "sync")
        let receivers = configuration.receivers.count
        return receivers == 0 ? syncs : "\(syncs), \(DisplayText.count(receivers, "receiver"))"
    }

    private func warehouses(_ chosen: [SyncSettings], _ app: App) async -> [Finding] {
        var findings: [Finding] = []
        let receiving = syncs.isEmpty ? Set(app.configuration.receivers.map(\.warehouse)) : []
        let sources = Set(chosen.map(\.warehouse))
        // What processes share is written there.
        let shared = chosen.compactMap { app.configuration.destinations[$0.destination]?.limits.sharedIn }
        let used = receiving.union(sources).union(sources.map { app.configuration.stateWarehouse(of: $0) })
            .union(shared)
        for name in app.configuration.warehouseOrder where used.contains(name) {
            guard let warehouse = try? app.sourceWarehouse(name, waitSeconds: Self.waitSeconds) else { continue }
            findings += await diagnose(warehouse, name, chosen, app).map { finding in
                Finding(
                    subject: "warehouse \(name), \(finding.subject)", isFine: finding.isFine, detail: finding.detail,
                    fix: finding.fix)
            }
            await warehouse.close()
        }
        return findings
    }

    private func diagnose(
        _ warehouse: any Warehouse, _ name: String, _ chosen: [SyncSettings], _ app: App
    ) async -> [Finding] {
        // Several syncs may read the same; it is looked at once.
        let sources = chosen.filter { $0.warehouse == name }.map(\.audience)
            .reduce(into: [AudienceSource]()) { if !$0.contains($1) { $0.append($1) } }
        guard let state = app.configuration.stateWarehouses[name] else { return await warehouse.diagnose(sources) }
        let elsewhere = Finding(
            subject: "state", isFine: true,
            detail: "of its syncs lives in the warehouse \(state); nothing is written here")
        return [elsewhere] + (await warehouse.diagnoseSources(sources))
    }

    private func destinations(_ chosen: [SyncSettings], _ app: App) async throws -> [Finding] {
        var findings: [Finding] = []
        for name in app.configuration.destinationOrder where chosen.contains(where: { $0.destination == name }) {
            let (settings, client) = try app.destination(name)
            let subject = "destination \(name)"
            do throws(DestinationError) {
                let lists = try await client.lists()
                findings.append(
                    Finding(
                        subject: subject, isFine: true,
                        detail: "the API key works at \(settings.baseURL), \(DisplayText.count(lists.count, "list"))"))
            } catch {
                findings.append(
                    Finding(
                        subject: subject, isFine: false, detail: error.error.message,
                        fix: error.error.hint
                            ?? "Look at the network between this machine and \(settings.baseURL), and at any proxy."))
            }
            await client.shutdown()
        }
        return findings
    }

    private func check(_ sync: SyncSettings, _ app: App) async throws -> [Line] {
        try await app.withPipeline(sync, waitSeconds: Self.waitSeconds) { pipeline, warehouse in
            let columns = await finding("sync \(sync.name), columns") {
                try await pipeline.describeColumns()
            }
            let list = await finding("sync \(sync.name), \(sync.kind.rawValue)") {
                try await pipeline.describeTarget()
            }
            let sharing = columns.isFine ? await self.sharing(sync, pipeline) : []
            let state = await self.state(sync, pipeline, app)
            var lines = ([columns] + sharing + [list] + state).map { Line(finding: $0) }
            if columns.isFine {
                lines += await advice(sync, "rows") { try await pipeline.sourceAdvice() }
                lines += await advice(sync, "wake") { try await pipeline.wakeAdvice(watching: warehouse) }
            }
            return lines
        }
    }

    /// Where the sync's state is, if it is not where its rows are. What else fails, others say.
    private func state(_ sync: SyncSettings, _ pipeline: SyncPipeline, _ app: App) async -> [Finding] {
        let subject = "sync \(sync.name), state"
        do {
            try await pipeline.refuseStateElsewhere()
        } catch let error as RunError where ["state_elsewhere", "state_unknown"].contains(error.code) {
            return [Finding(subject: subject, isFine: false, detail: error.message, fix: error.hint)]
        } catch {
            return []
        }
        guard let state = app.configuration.stateWarehouses[sync.warehouse] else { return [] }
        return [
            Finding(
                subject: subject, isFine: true,
                detail: "in the warehouse \(state); rows come from the warehouse \(sync.warehouse)")
        ]
    }

    /// What a sync of events, or a stream, may do that its author did not mean; no failure.
    /// - Parameter subject: what fails where the advice cannot be given.
    private func advice(
        _ sync: SyncSettings, _ subject: String, _ body: () async throws -> [SyncPipeline.Advice]
    ) async -> [Line] {
        do {
            return try await body().map { advice in
                let finding = Finding(
                    subject: "sync \(sync.name), \(advice.subject)", isFine: true, detail: advice.finding,
                    fix: advice.fix)
                return Line(finding: finding, isWarning: advice.isWarning)
            }
        } catch {
            let error = RunError(any: error)
            return [
                Line(
                    finding: Finding(
                        subject: "sync \(sync.name), \(subject)", isFine: false, detail: error.message,
                        fix: error.hint))
            ]
        }
    }

    /// Identifiers that count as none, as far as the first rows show them. A run goes on without them, so this is no failure.
    private func sharing(_ sync: SyncSettings, _ pipeline: SyncPipeline) async -> [Finding] {
        let subject = "sync \(sync.name), identifiers"
        do {
            guard let sharing = try await pipeline.findOversharing() else { return [] }
            let rows = DisplayText.count(sharing.rows, "row")
            let among =
                sharing.isWhole ? "among \(rows)" : "among the first \(rows), which is as far as this looks"
            guard let first = sharing.found.first else {
                let limit = sync.identity.maxSharing
                return [
                    Finding(
                        subject: subject, isFine: true,
                        detail: "\(among), none stands beside more than \(limit) different other ones")
                ]
            }
            let more = sharing.found.count > 1 ? ", and \(sharing.found.count - 1) more like it" : ""
            return [
                Finding(
                    subject: subject, isFine: true, detail: "\(among), \(RunText.words(first))\(more)",
                    fix:
                        "select NULL in its place in the audience; or raise identity.max_sharing if it is one person's"
                )
            ]
        } catch {
            let error = RunError(any: error)
            return [Finding(subject: subject, isFine: false, detail: error.message, fix: error.hint)]
        }
    }

    private func finding(_ subject: String, _ body: () async throws -> String) async -> Finding {
        do {
            return Finding(subject: subject, isFine: true, detail: try await body())
        } catch {
            let error = RunError(any: error)
            return Finding(subject: subject, isFine: false, detail: error.message, fix: error.hint)
        }
    }
}
