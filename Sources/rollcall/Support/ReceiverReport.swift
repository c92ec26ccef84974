import Foundation
import RollcallConfig
import RollcallCore
import SyncEngine
import Warehouse

/// What the warehouses know of all receivers.
struct ReceiverReport {
    struct Entry {
        var settings: ReceiverSettings
        /// When the latest event arrived; nil: none has, or it is not known.
        var latestAt: Date?
        /// Requests since midnight, UTC.
        var counts: [ReceiverOutcome: Int] = [:]
        /// Why its warehouse cannot be read.
        var problem: RunError?
    }

    /// In the order of the configuration.
    var entries: [Entry]

    static func read(_ app: App, now: Date) async -> ReceiverReport {
        let receivers = app.configuration.receivers
        let midnight = Date(timeIntervalSince1970: (now.timeIntervalSince1970 / 86_400).rounded(.down) * 86_400)
        var entries: [String: Entry] = [:]
        for name in app.configuration.stateOrder {
            let mine = receivers.filter { $0.warehouse == name }
            if mine.isEmpty { continue }
            let read = await summaries(mine, in: name, since: midnight, app)
            for settings in mine { entries[settings.name] = entry(settings, read) }
        }
        return ReceiverReport(entries: receivers.compactMap { entries[$0.name] })
    }

    private static func summaries(
        _ receivers: [ReceiverSettings], in name: String, since: Date, _ app: App
    ) async -> Result<[String: ReceiverSummary], RunError> {
        do {
            let warehouse = try app.stateWarehouse(name, waitSeconds: 10)
            do {
                let found = try await warehouse.receiverSummaries(receivers.map(\.name), since: since)
                await warehouse.close()
                return .success(found)
            } catch {
                await warehouse.close()
                throw error
            }
        } catch {
            return .failure(RunError(any: error))
        }
    }

    private static func entry(
        _ settings: ReceiverSettings, _ read: Result<[String: ReceiverSummary], RunError>
    ) -> Entry {
        var entry = Entry(settings: settings)
        switch read {
        case .success(let found):
            entry.latestAt = found[settings.name]?.latestAt
            for count in found[settings.name]?.counts ?? [] { entry.counts[count.outcome, default: 0] += count.count }
        case .failure(let error): entry.problem = error
        }
        return entry
    }

    // MARK: Showing

    func render(_ format: OutputFormat, on console: Console) -> String {
        format == .table ? table(on: console) : listing.render(format, on: console)
    }

    private var listing: Listing {
        let outcomes = ReceiverOutcome.allCases
        var listing = Listing(
            columns: ["receiver", "path", "warehouse", "destination", "latest_event_at"] + outcomes.map(\.rawValue)
                + ["error_code", "error"])
        listing.rows = entries.map { entry in
            let settings = entry.settings
            let counts = outcomes.map { entry.problem == nil ? Value(entry.counts[$0] ?? 0) : .none }
            return [
                .text(settings.name), .text(settings.path), .text(settings.warehouse), Value(settings.destination),
                Value(entry.latestAt),
            ] + counts + [Value(entry.problem?.code), Value(entry.problem?.message)]
        }
        return listing
    }

    private func table(on console: Console) -> String {
        if entries.isEmpty { return "no receivers are configured" }
        var listing = Listing(columns: ["receiver", "path", "warehouse", "latest (UTC)", "today"])
        listing.rows = entries.map { entry in
            [
                .text(entry.settings.name), .text(entry.settings.path), .text(entry.settings.warehouse),
                Value(entry.latestAt), .text(Self.today(entry)),
            ]
        }
        return TextTable(listing).render(on: console)
    }

    /// `1,204 stored, 3 repeated`
    private static func today(_ entry: Entry) -> String {
        if let problem = entry.problem { return "not known: \(problem.message)" }
        let parts = ReceiverOutcome.allCases.compactMap { outcome -> String? in
            guard let count = entry.counts[outcome], count > 0 else { return nil }
            return "\(DisplayText.grouped(count)) \(outcome.rawValue.replacingOccurrences(of: "_", with: " "))"
        }
        return parts.isEmpty ? "nothing" : parts.joined(separator: ", ")
    }
}
