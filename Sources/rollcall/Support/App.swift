import ArgumentParser
import Foundation
import Iterable
import Logging
import RollcallConfig
import RollcallCore
import SyncEngine
import Warehouse

/// Options that every command with a configuration has.
struct ConfigurationOptions: ParsableArguments {
    @Option(name: .long, help: "The configuration; default: ROLLCALL_CONFIG, else rollcall.yaml in this folder.")
    var config: String?

    @Flag(name: .shortAndLong, help: "Say more on stderr.")
    var verbose = false
}

/// The composition root: the configuration and what is built from it.
final class App: Sendable {
    let configuration: Configuration
    let console: Console
    let logger: Logger
    let clock = SystemClock()
    let limiters: RateLimiterPool
    /// Where snapshots are kept between runs; nil: nowhere.
    let cache: SnapshotCache?

    /// - Throws: `ConfigurationErrors` with everything that is wrong.
    static func load(_ options: ConfigurationOptions) throws -> App {
        let environment = ProcessInfo.processInfo.environment
        let path = try Configuration.locate(
            explicit: options.config, environment: environment,
            workingDirectory: FileManager.default.currentDirectoryPath)
        let configuration = try Configuration.load(path: path, environment: environment)
        let app = App(configuration, console: .standard, verbose: options.verbose)
        for warning in configuration.warnings { app.warn(warning) }
        return app
    }

    /// Where snapshots are kept between runs: `ROLLCALL_CACHE_DIR`, else the user's cache folder as the XDG Base Directory
    /// Specification has it. nil where there is none, or with an empty `ROLLCALL_CACHE_DIR`.
    static func cache(_ environment: [String: String]) -> SnapshotCache? {
        if let folder = environment["ROLLCALL_CACHE_DIR"] {
            return folder.isEmpty ? nil : SnapshotCache(folder: folder)
        }
        if let base = environment["XDG_CACHE_HOME"], base.hasPrefix("/") {
            return SnapshotCache(folder: base + "/rollcall")
        }
        guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
        return SnapshotCache(folder: home + "/.cache/rollcall")
    }

    /// What to say where a folder was named that cannot be used; runs continue without it.
    static func cacheWarning(_ environment: [String: String]) -> String? {
        guard environment["ROLLCALL_CACHE_DIR"] != nil, let obstacle = cache(environment)?.obstacle else { return nil }
        return "ROLLCALL_CACHE_DIR: \(obstacle); plans will read every snapshot from the warehouse"
    }

    /// Says on stderr what keeps something from being shown.
    func note(_ error: RunError) {
        let message = TextTable.wrap(DisplayText.safe(error.message), console.width)
        let hint = (error.hint ?? "").split(separator: "\n").flatMap { TextTable.wrap(String($0), console.width - 2) }
        console.note((message + hint.map { "  " + $0 }).joined(separator: "\n"))
    }

    func warn(_ text: String) { console.noteSentence(text, after: warningLabel) }

    private func warn(_ problem: ConfigurationProblem) { console.note(console.shown(problem, after: warningLabel)) }

    private var warningLabel: String { console.styledError("warning: ", .yellow) }

    init(_ configuration: Configuration, console: Console, verbose: Bool) {
        self.configuration = configuration
        self.console = console
        var logger = Logger(label: "rollcall") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = verbose ? .debug : .warning
        self.logger = logger
        limiters = RateLimiterPool(clock: clock)
        cache = Self.cache(ProcessInfo.processInfo.environment)
    }

    /// Whether a sync of the configuration keeps records of another kind than a list, which have a key.
    var hasRecords: Bool { configuration.syncs.contains { $0.kind != .list } }

    var hasEvents: Bool { configuration.syncs.contains { $0.kind == .events } }

    /// What the runs of those syncs do.
    var recordOperations: [RollcallCore.Operation] {
        let kinds = Set(configuration.syncs.map(\.kind)).subtracting([.list])
        return RollcallCore.Operation.allCases.filter { operation in
            kinds.contains { $0.operations.contains(operation) }
        }
    }

    /// What the syncs of a warehouse work with: its rows, and their state wherever that lives.
    /// - Parameter waitSeconds: at most so long its calls wait for connections and locks; nil: as configured.
    func warehouse(_ name: String, waitSeconds: Double? = nil) throws -> any ServiceWarehouse {
        let source = try sourceWarehouse(name, waitSeconds: waitSeconds)
        guard configuration.stateWarehouses[name] != nil else { return source }
        return SplitWarehouse(source: source, state: try stateWarehouse(name, waitSeconds: waitSeconds))
    }

    /// The configured warehouse alone, whether or not state lives in it.
    func sourceWarehouse(_ name: String, waitSeconds: Double? = nil) throws -> any AnyWarehouse {
        try configuration.warehouse(named: name).waiting(atMost: waitSeconds).makeWarehouse()
    }

    /// The warehouse alone in which the state of a warehouse's syncs lives: itself unless it has `state`.
    func stateWarehouse(_ name: String, waitSeconds: Double? = nil) throws -> any AnyWarehouse {
        try sourceWarehouse(configuration.stateWarehouse(of: name), waitSeconds: waitSeconds)
    }

    func destination(_ name: String) throws -> (settings: DestinationSettings, client: IterableClient) {
        let settings = try configuration.destination(named: name).withKeyHash
        return (settings, IterableClient(settings: settings, version: rollcallVersion, logger: logger))
    }

    /// Asks a destination something and closes its connections afterwards.
    func asking<R>(
        _ destination: String, _ question: (IterableClient, DestinationSettings) async throws -> R
    ) async throws -> R {
        let (settings, client) = try self.destination(destination)
        let result: Result<R, any Error>
        do { result = .success(try await question(client, settings)) } catch { result = .failure(error) }
        await client.shutdown()
        return try result.get()
    }

    /// Calls `body` with one sync's pipeline and closes its connections afterwards.
    func withPipeline<R>(
        _ sync: SyncSettings, withCache: Bool = false, waitSeconds: Double? = nil, stop: StopSignal = StopSignal(),
        progress: @escaping ProgressHandler = { _ in },
        _ body: (SyncPipeline, any ServiceWarehouse) async throws -> R
    ) async throws -> R {
        let warehouse = try warehouse(sync.warehouse, waitSeconds: waitSeconds)
        let (settings, client) = try destination(sync.destination)
        let (limits, opened) = try sharedLimits(of: sync, settings, warehouse, waitSeconds: waitSeconds)
        let pipeline = SyncPipeline(
            sync: sync, destinationSettings: settings, warehouse: warehouse, destination: client, limiters: limiters,
            clock: clock, stop: stop,
            retention: configuration.retention,
            cache: withCache ? cache : nil,
            neighbours: sync.neighbours(among: configuration.syncs) { configuration.destinations[$0] },
            search: configuration.search(for: sync), sharedLimits: limits, progress: progress)
        let result: Result<R, any Error>
        do { result = .success(try await body(pipeline, warehouse)) } catch { result = .failure(error) }
        await warehouse.close()
        await opened?.close()
        await client.shutdown()
        return try result.get()
    }

    /// Calls `body` with each warehouse in turn that holds state, or with the one that holds the state of the warehouse named. Each
    /// state comes once, whichever warehouses' syncs live in it. One that fails does not keep the others back.
    /// - Throws: the first failure, when all had their turn.
    func forEachState(
        _ name: String? = nil, _ body: (String, any Warehouse) async throws -> Void
    ) async throws {
        var failure: (any Error)?
        for name in name.map({ [configuration.stateWarehouse(of: $0)] }) ?? configuration.stateOrder {
            let warehouse = try stateWarehouse(name)
            do { try await lookingElsewhereIfDenied(name) { try await body(name, warehouse) } } catch {
                failure = failure ?? error
            }
            await warehouse.close()
        }
        if let failure { throw failure }
    }

    /// The warehouse that holds the state which knows a run, with the run.
    func findRun(_ id: String) async throws -> (warehouse: String, run: SyncRun) {
        guard RunID.isValid(id) else {
            throw UsageError(
                code: "run_id", message: "\"\(id)\" is not a run id", hint: "`rollcall runs` lists the runs there are.")
        }
        var found: (String, SyncRun)?
        do {
            try await forEachState { name, warehouse in
                if found == nil, let run = try await warehouse.run(id: id) { found = (name, run) }
            }
        } catch {
            // A warehouse that cannot be reached matters only if the run may be there.
            if found == nil { throw error }
        }
        guard let found else {
            // It may be one of those that are not shown.
            try await forEachState { name, warehouse in
                let errors = try await statesElsewhere(in: name, warehouse)
                if let error = configuration.syncs.compactMap({ errors[$0.name] }).first { throw error }
            }
            throw UsageError(
                code: "run_unknown", message: "there is no run \(id)", hint: "`rollcall runs` lists the runs there are."
            )
        }
        return found
    }
}
