import ArgumentParser
import RollcallConfig
import RollcallCore
import SyncEngine
import Warehouse

struct AbandonCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "abandon",
        abstract: "Let a sync go of what it keeps; what is in Iterable stays as it is.",
        usage: "rollcall abandon <sync> [--list <id>] [<options>]",
        discussion: """
            Drops the sync's snapshot, its held run and its tie to what it keeps, and sends \
            nothing. No sync removes these members or records any more. Runs and logs stay. The sync may have left \
            the configuration. With exit code 5 nothing was changed: a run is in progress, or a \
            request without an answer may still land.
            """)

    @Argument(help: ArgumentHelp("The sync that lets go.", valueName: "sync"))
    var sync: String

    @Option(help: ArgumentHelp("Only what it has to do with this list.", valueName: "id"))
    var list: Int64?

    @Option(help: ArgumentHelp("The warehouse with its state; needed where several know the sync.", valueName: "name"))
    var warehouse: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let app = try App.load(options)
        let name = try await place(app)
        let warehouse = try app.sourceWarehouse(name)
        let outcome: Result<Abandoning.Outcome, any Error>
        do {
            outcome = .success(
                try await app.lookingElsewhereIfDenied(name, sync: sync) { try await letGo(name, warehouse, app) })
        } catch {
            outcome = .failure(error)
        }
        await warehouse.close()
        switch try outcome.get() {
        case .busy(let refusal):
            let error = refusal.code == "busy" ? refusal.whileStreamed(configured(app)) : refusal
            app.console.error(
                "\(sync): \(DisplayText.safe(error.message)) (warehouse \(name))"
                    + (error.hint.map { "\n  " + $0 } ?? ""))
            try ExitStatus.busy.check()
        case .done(let abandonment):
            app.console.out(
                json
                    ? Self.json(abandonment, sync: sync, warehouse: name)
                    : text(abandonment, warehouse: name, kind: configured(app)?.kind))
        }
    }

    /// - Throws: `state_elsewhere` where there is nothing to let go of because another warehouse has the state.
    private func letGo(_ name: String, _ warehouse: any Warehouse, _ app: App) async throws -> Abandoning.Outcome {
        let outcome = try await abandoning(warehouse, app).carryOut(list: list)
        if case .done(let abandonment) = outcome, abandonment.isEmpty, self.warehouse == nil,
            let error = try await app.statesElsewhere(in: name, warehouse, sync: sync)[sync],
            error.code == "state_elsewhere"
        {
            throw error
        }
        return outcome
    }

    // MARK: Where

    private func configured(_ app: App) -> SyncSettings? { app.configuration.syncs.first { $0.name == sync } }

    /// The warehouse that is named, whatever its `state`; else where the state lives of the sync, or of one that left the configuration.
    private func place(_ app: App) async throws -> String {
        if let warehouse {
            _ = try app.configuration.warehouse(named: warehouse)
            return warehouse
        }
        if let configured = configured(app) { return app.configuration.stateWarehouse(of: configured.warehouse) }
        var places: [String] = []
        try await app.forEachState { name, warehouse in
            if try await abandoning(warehouse, app).isKnown() { places.append(name) }
        }
        guard let place = places.first else {
            // Says which names there are, and which was probably meant.
            return try app.configuration.sync(named: sync).warehouse
        }
        if places.count > 1 {
            throw ValidationError(
                "Several warehouses know \(sync); name one: --warehouse \(places.joined(separator: ", ")).")
        }
        return place
    }

    private func abandoning(_ warehouse: any Warehouse, _ app: App) -> Abandoning {
        let settings = configured(app)
        let limits = settings.flatMap { app.configuration.destinations[$0.destination]?.limits }
        return Abandoning(
            sync: sync, warehouse: warehouse, log: settings?.logs ?? LogSettings(),
            limits: limits ?? DestinationLimits(), clock: app.clock)
    }

    // MARK: Words

    private static func json(_ abandonment: Abandonment, sync: String, warehouse: String) -> String {
        let lists = abandonment.lists.map {
            JSON.object(["list_id": .integer($0.listID), "members": .integer($0.members)])
        }
        return JSON.object([
            "sync": .string(sync), "warehouse": .string(warehouse), "lists": .array(lists),
            "members": .integer(abandonment.members), "records": .integer(abandonment.records),
            "discarded_run_id": .string(abandonment.discardedRunID),
            "discarded_changes": .integer(abandonment.discardedChanges),
        ]).text
    }

    /// - Parameter kind: nil: the sync has left the configuration.
    private func text(_ abandonment: Abandonment, warehouse: String, kind: RecordKind?) -> String {
        if abandonment.isEmpty {
            return
                "\(sync): there was nothing to let go of\(list.map { " on list \($0)" } ?? "") in warehouse \(warehouse)"
        }
        var lines = abandonment.lists.map { list in
            "\(sync): let go of list \(list.listID) with \(DisplayText.count(list.members, "member"))"
        }
        if abandonment.records > 0 {
            let what = kind == .events ? "event" : "record"
            lines.append("\(sync): let go of \(DisplayText.count(abandonment.records, what))")
        }
        if let id = abandonment.discardedRunID {
            lines.append(
                "\(sync): discarded the held run \(id) with \(DisplayText.count(abandonment.discardedChanges, "change"))"
            )
        }
        lines.append("  Nothing was sent: what is in Iterable stays there, and no sync removes it any more.")
        lines.append("  Runs and logs stay in the warehouse \(warehouse).")
        if let kind {
            let next = kind == .events ? "begins from start: again" : "puts everything there again"
            lines.append("  The configuration still has \(sync): its next run \(next).")
        }
        if abandonment.records > 0, (kind ?? .catalog) == .catalog {
            lines.append(
                "  A later sync of the catalog must write documents: replace, since the catalog was there before it.")
        }
        return lines.joined(separator: "\n")
    }
}
