import ArgumentParser
import Foundation
import RollcallConfig
import RollcallCore
import SyncEngine
import Warehouse

struct MoveStateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "move-state",
        abstract: "Move state and logs of a warehouse's syncs to where the configuration has them.",
        usage: "rollcall move-state <warehouse> [--from <other>] [--yes] [<options>]",
        discussion: """
            Says first what would be moved, and asks. The warehouse that is left keeps its rows, \
            marked: no run begins there any more, and the state can be moved back. Broken off \
            anywhere, the same command completes the move. What receivers have stored stays. \
            Exit code 5: a run of a sync is in progress; that sync was not moved.
            """)

    @Argument(help: ArgumentHelp("The warehouse whose syncs' state moves.", valueName: "warehouse"))
    var warehouse: String

    @Option(
        help: ArgumentHelp("Where the state is now; looked for in all warehouses when left out.", valueName: "other"))
    var from: String?

    @Flag(help: "Go on with an older copy, since the warehouse that has the state is lost.")
    var olderCopy = false

    @Flag(help: "Do not ask.")
    var yes = false

    @Flag(help: "Print one JSON object per sync.")
    var json = false

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let app = try App.load(options)
        let homes = try homes(app)
        let result: Result<ExitStatus, any Error>
        do { result = .success(try await move(app, homes)) } catch { result = .failure(error) }
        for home in homes { await home.warehouse.close() }
        try result.get().check()
    }

    /// The warehouse that is to have the state, and those that may have it now.
    private func homes(_ app: App) throws -> [StateHome] {
        _ = try app.configuration.warehouse(named: warehouse)
        let target = app.configuration.stateWarehouse(of: warehouse)
        if let from {
            _ = try app.configuration.warehouse(named: from)
            if from == target {
                throw UsageError(
                    code: "state_same",
                    message: "the configuration has the state of \(warehouse)'s syncs in \(target) now",
                    hint:
                        "--from names the warehouse that the state is to leave. Change `state` in the configuration first."
                )
            }
        }
        let others = from.map { [$0] } ?? app.configuration.warehouseOrder.filter { $0 != target }
        return try ([target] + others).map { try app.stateHome($0) }
    }

    private func move(_ app: App, _ homes: [StateHome]) async throws -> ExitStatus {
        let syncs = app.configuration.syncs.filter { $0.warehouse == warehouse }
        guard let target = homes.first, !syncs.isEmpty else {
            app.console.note("No sync of the configuration reads \(warehouse).")
            return .success
        }
        var plans: [(sync: SyncSettings, plan: StateMovePlan)] = []
        for sync in syncs {
            let plan = try await StateMovePlan.make(
                sync: sync.name, among: Array(homes.dropFirst()), to: target, acceptsOlderCopy: olderCopy)
            plans.append((sync, plan))
        }
        if from != nil, !olderCopy, let home = homes.last {
            try await StateMovePlan.refuseSameState(home, and: target)
        }
        // What is printed as the result stays apart from what is asked.
        for (_, plan) in plans {
            let line = MoveStateText.line(plan)
            json ? app.console.noteSentence(line) : app.console.outSentence(line)
        }
        guard plans.contains(where: { $0.plan.step.acts }) else {
            if json { for (_, plan) in plans { app.console.out(MoveStateText.json(plan, result: "nothing")) } }
            return .success
        }
        try await confirm(app.console)
        var statuses: [ExitStatus] = []
        for (sync, plan) in plans { statuses.append(try await carryOut(plan, sync, app)) }
        if statuses.contains(.success) {
            app.console.noteSentence(
                "Reload `rollcall serve` wherever it has the configuration of before;"
                    + " restart it where it is of an earlier version.")
        }
        return ExitStatus.worst(statuses)
    }

    private func carryOut(_ plan: StateMovePlan, _ sync: SyncSettings, _ app: App) async throws -> ExitStatus {
        let limits = app.configuration.destinations[sync.destination]?.limits ?? DestinationLimits()
        switch try await StateMove(plan, log: sync.logs, limits: limits, clock: app.clock).carryOut() {
        case .done:
            let result = plan.step.acts ? "done" : "nothing"
            if json {
                app.console.out(MoveStateText.json(plan, result: result))
            } else if plan.step.acts {
                app.console.out("\(sync.name): done, the state is in \(plan.target.name)")
            }
            return .success
        case .busy(let refusal):
            let error = refusal.whileStreamed(sync)
            if json { app.console.out(MoveStateText.json(plan, result: "busy")) }
            app.console.error(
                "\(sync.name): \(DisplayText.safe(error.message))" + (error.hint.map { "\n  " + $0 } ?? ""))
            return .busy
        }
    }

    private func confirm(_ console: Console) async throws {
        if yes { return }
        guard isatty(STDIN_FILENO) == 1, console.errorIsTerminal else {
            throw UsageError(
                code: "not_confirmed", message: "nothing was moved: this was not confirmed",
                hint: "--yes moves what stands above.")
        }
        console.raw("Move it? [y/N] ")
        // A person may take long to answer: the task waits without a thread.
        let answer = await withCheckedContinuation { (continuation: CheckedContinuation<String?, Never>) in
            SeparateThread.begin("rollcall.answer") { continuation.resume(returning: readLine()) }
        }
        guard ["y", "yes"].contains(answer?.lowercased() ?? "") else {
            throw UsageError(code: "not_confirmed", message: "nothing was moved", hint: nil)
        }
    }
}

/// A move of state in words.
enum MoveStateText {
    /// `members: from shop to archive: 1,204 rows (list_members 1,000, sync_log 201, …)`
    static func line(_ plan: StateMovePlan) -> String {
        switch plan.step {
        case .nothing(isThere: true): return "\(plan.sync): nothing to move, its state is in \(plan.target.name)"
        case .nothing(isThere: false): return "\(plan.sync): nothing to move, it has no state yet"
        case .takeBack(let other):
            return "\(plan.sync): the move from \(plan.target.name) to \(other.name) was broken off and is taken back"
        case .useOlderCopy(let lost):
            return "\(plan.sync): goes on with the older copy in \(plan.target.name), without what \(lost) has;"
                + " stop what still uses \(lost)"
        case .move(let source, let rows):
            let tables = StateTable.allCases.compactMap { table in
                rows[table].flatMap { $0 > 0 ? "\(table.rawValue) \($0)" : nil }
            }
            let total = DisplayText.count(rows.values.reduce(0, +), "row")
            return
                "\(plan.sync): from \(source.name) to \(plan.target.name), \(total) (\(tables.joined(separator: ", ")))"
        }
    }

    static func json(_ plan: StateMovePlan, result: String) -> String {
        var from: String?
        var tables: [StateTable: Int] = [:]
        switch plan.step {
        case .nothing: break
        case .takeBack(let other): from = other.name
        case .useOlderCopy(let lost): from = lost
        case .move(let source, let rows): (from, tables) = (source.name, rows)
        }
        let rows = StateTable.allCases.compactMap { table in
            tables[table].map {
                JSON.object(["table": .string(table.rawValue), "rows": .integer($0)])
            }
        }
        return JSON.object([
            "sync": .string(plan.sync), "from": .string(from), "to": .string(plan.target.name),
            "result": .string(result), "tables": .array(rows),
        ]).text
    }
}

extension StateMovePlan.Step {
    /// Whether anything is to be done.
    fileprivate var acts: Bool {
        if case .nothing = self { false } else { true }
    }
}
