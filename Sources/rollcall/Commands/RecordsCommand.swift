import ArgumentParser
import Foundation
import RollcallConfig
import RollcallCore
import SyncEngine
import Warehouse

struct RecordsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "records",
        abstract: "Show the records of a sync and what became of each.",
        usage: "rollcall records <sync> [--state <state>] [<options>]",
        discussion: """
            The members of a list, users, items of a catalog or events, in an order that means \
            nothing. Of an event that was sent its id is kept; of one that is still to be sent, or \
            failed, also its key and its person.

            States are, of lists, subscribed, subscribing, unsubscribing and rejected; of users and \
            catalogs synced, sending, removing and rejected; of events sent, sending, skipped, \
            waiting and rejected.
            """)

    @Argument(help: ArgumentHelp("The sync.", valueName: "sync"))
    var sync: String

    @Option(help: ArgumentHelp("Only records in this state.", valueName: "state"))
    var state: String?

    @Option(help: "How many, at most; 0 for all.")
    var limit = 100

    @Option(help: "Output format.")
    var format = OutputFormat.table

    @OptionGroup var options: ConfigurationOptions

    private static let page = 500

    func validate() throws {
        if let state, !RecordKind.allCases.contains(where: { Self.states(of: $0).contains(state) }) {
            let states = RecordKind.allCases.map { "\(Self.states(of: $0).joined(separator: ", ")) (\($0.rawValue))" }
            throw ValidationError(
                "\"\(state)\" is no state of a record. They are: \(states.joined(separator: "; ")).")
        }
        if limit < 0 { throw ValidationError("--limit is 0 (all) or more.") }
    }

    func run() async throws {
        let app = try App.load(options)
        let settings = try app.configuration.sync(named: sync)
        if let state, !Self.states(of: settings.kind).contains(state) { throw Self.wrongState(state, settings) }
        var writer = RecordListWriter(settings.kind, format, app.console)
        let warehouse = try app.stateWarehouse(settings.warehouse)
        let result: Result<Void, any Error>
        do {
            let home = app.configuration.stateWarehouse(of: settings.warehouse)
            let errors = try await app.lookingElsewhereIfDenied(home, sync: settings.name) {
                try await app.statesElsewhere(in: home, warehouse, sync: settings.name)
            }
            if let error = errors[settings.name] { throw error }
            switch settings.kind {
            case .events: try await readEvents(settings.name, warehouse, &writer)
            case .list, .users, .catalog: try await readEntries(settings, warehouse, &writer)
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await warehouse.close()
        if case .success = result { writer.end() } else if writer.count > 0 { writer.end() }
        try result.get()
        if limit > 0 && writer.count >= limit {
            app.console.note("\(limit) \(writer.words.entries) shown; all: --limit 0")
        }
    }

    /// The words that the state has for records of a kind.
    private static func states(of kind: RecordKind) -> [String] {
        kind == .events ? EventState.allCases.map(\.rawValue) : MemberState.allCases.map { $0.word(kind) }
    }

    private static func wrongState(_ state: String, _ sync: SyncSettings) -> UsageError {
        UsageError(
            code: "record_state_unknown",
            message: "\"\(state)\" is no state of the \(sync.kind.words.entries) of \(sync.name)",
            hint: "They are \(states(of: sync.kind).joined(separator: ", ")).")
    }

    // MARK: Reading

    private func readEvents(_ sync: String, _ warehouse: any Warehouse, _ writer: inout RecordListWriter) async throws {
        let states = Set(EventState.allCases.filter { state == nil || $0.rawValue == state })
        var last: Fingerprint?
        while let size = pageSize(writer) {
            let events = try await warehouse.events(sync: sync, in: states, after: last, limit: size)
            for event in events { writer.add(event.row) }
            last = events.last?.key
            if events.count < size { return }
        }
    }

    private func readEntries(
        _ sync: SyncSettings, _ warehouse: any Warehouse, _ writer: inout RecordListWriter
    ) async throws {
        guard let entries = try await entries(of: sync, warehouse) else { return }
        let states = Set(MemberState.allCases.filter { state == nil || $0.word(sync.kind) == state })
        var last: Fingerprint?
        while let size = pageSize(writer) {
            let page = try await warehouse.entries(
                sync: sync.name, of: entries, in: states, after: last, limit: size)
            for entry in page { writer.add(entry.row(sync.kind)) }
            last = page.last?.member.fingerprint
            if page.count < size { return }
        }
    }

    /// nil: a list that is not known yet, of which there are no members.
    private func entries(of sync: SyncSettings, _ warehouse: any Warehouse) async throws -> EntrySet? {
        guard sync.kind == .list else { return .records(sync.kind) }
        return try await warehouse.listBinding(sync: sync.name)?.listID.map(EntrySet.list)
    }

    /// How many to read next; nil: no more.
    private func pageSize(_ writer: RecordListWriter) -> Int? {
        if limit == 0 { return Self.page }
        return writer.count < limit ? min(Self.page, limit - writer.count) : nil
    }
}
