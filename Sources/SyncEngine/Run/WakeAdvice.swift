import RollcallCore
package import Warehouse

/// What there is to say of the notifications that wake a stream: for `check`.
extension SyncPipeline {
    /// Whether they come, and what sends them. Writes nothing. Empty where the sync has no `stream.wake`.
    /// - Parameter seconds: how long it waits for the watch to say whether they come, at most.
    package func wakeAdvice(
        watching source: any SourceWatching, seconds: Double = 10
    ) async throws -> [Advice] {
        guard let stream = sync.stream, let channel = stream.wake else { return [] }
        let watch = try await source.watch(channel: channel) {}
        let state = await lastState(of: watch, seconds)
        await watch.end()
        return [arrival(state, channel, stream), try await sender(channel)]
    }

    private func lastState(of watch: any SourceWatch, _ seconds: Double) async -> WakeState {
        let end = clock.uptime + .seconds(seconds)
        while watch.wakes == .none, clock.uptime < end {
            guard (try? await clock.sleep(for: .milliseconds(100))) != nil else { break }
        }
        return watch.wakes
    }

    private func arrival(_ state: WakeState, _ channel: String, _ stream: StreamSettings) -> Advice {
        let subject = "wake"
        let poll = DisplayText.duration(stream.pollSeconds)
        let polled = "without them the stream looks every \(poll), and less often while nothing comes"
        switch state {
        case .listening:
            return Advice(
                subject: subject, finding: "a notification of the channel \"\(channel)\", sent for a try, came",
                fix: nil)
        case .none:
            return Advice(
                subject: subject,
                finding:
                    "whether notifications of the channel \"\(channel)\" come could not be found out in time; \(polled)",
                fix: nil, isWarning: true)
        case .unavailable(let reason):
            return Advice(
                subject: subject,
                finding: "notifications of the channel \"\(channel)\" do not come: \(reason) \(Self.sentence(polled))",
                fix: "let url name the server itself, or a pooler in session mode; or take wake out",
                isWarning: true)
        }
    }

    private static func sentence(_ words: String) -> String { words.prefix(1).uppercased() + words.dropFirst() + "." }

    /// Which triggers there are is not looked up: a notification may as well come from the program that writes the rows.
    private func sender(_ channel: String) async throws -> Advice {
        let subject = "trigger"
        guard case .table(let table) = sync.audience, try await isTable() else {
            return Advice(
                subject: subject,
                finding: "the source is a view or a query, so the tables that it reads must send the notifications, if"
                    + " nothing does yet",
                fix:
                    "give each of them a trigger for each statement that calls pg_notify, or let the program that writes"
                    + " the rows send NOTIFY")
        }
        let statements = PostgresNotification.statements(
            channel: channel, table: table, updates: looksAtChanges)
        return Advice(
            subject: subject,
            finding: "if nothing sends the notifications yet, a function and a trigger of the table do",
            fix: statements.joined(separator: "\n"))
    }

    /// Whether rows that have changed are sent, and not only new ones.
    private var looksAtChanges: Bool {
        if case .events(let events) = sync.target { events.changedRows == .update } else { true }
    }

    /// Only of tables it is known whether an index serves a column.
    private func isTable() async throws -> Bool {
        guard let column = try await cursorColumn() else { return false }
        return try await warehouse.index(on: column, of: sync.audience) != .unknown
    }
}
