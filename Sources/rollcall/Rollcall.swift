import ArgumentParser
import Foundation
import RollcallConfig
import RollcallCore
import Warehouse

/// `rollcall`: the command line.
struct Rollcall: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollcall",
        abstract: "Keeps lists, profiles and catalogs in Iterable equal to your warehouse, and sends its events.",
        discussion: """
            A sync reads a table or a query in Postgres or SQLite, compares its rows with what it \
            sent before, and sends exactly the difference. Start with `rollcall demo`.

            Exit codes: 0 success, 1 failed, 2 usage or configuration, 3 completed with failed \
            records, 4 held by a guard, 5 another run is in progress, 130 interrupted.
            """,
        version: rollcallVersion,
        groupedSubcommands: [
            CommandGroup(
                name: "Getting started:",
                subcommands: [DemoCommand.self, InitCommand.self, CheckCommand.self, SchemaCommand.self]),
            CommandGroup(name: "Syncing:", subcommands: [PlanCommand.self, RunCommand.self, ServeCommand.self]),
            CommandGroup(
                name: "Looking:",
                subcommands: [
                    SyncsCommand.self, RunsCommand.self, RunReportCommand.self, LogCommand.self, RecordsCommand.self,
                    WhyCommand.self, ListsCommand.self, FieldsCommand.self, CatalogsCommand.self,
                    ReceiversCommand.self,
                ]),
            CommandGroup(
                name: "Housekeeping:",
                subcommands: [
                    MigrateCommand.self, MoveStateCommand.self, PruneCommand.self, AbandonCommand.self,
                    SandboxCommand.self,
                ]),
        ])
}

@main
enum Main {
    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        CrashOutput.hideMemory()
        // Before anything waits: then threads are made, and libdispatch ends a process that cannot read /proc/self/task.
        if CommandLine.argc == 0 { exit(report(noArguments)) }
        do {
            // Whatever waits for a warehouse says so, in every command.
            let wait = WarehouseWait(report: { Console.standard.noteSentence($0.text) })
            try await WarehouseWait.$current.withValue(wait) { try await runCommand() }
        } catch {
            exit(report(error))
        }
        if let failure = Console.outputFailure {
            Console.standard.error(failure)
            exit(ExitStatus.failed.rawValue)
        }
    }

    /// The program's own name is always among its arguments. On Linux Swift reads them from /proc/self/cmdline.
    /// Source: Swift's standard library, stdlib/public/stubs/CommandLine.cpp; a tmpfs in place of /proc, with Swift 6.3.
    private static let noArguments = UsageError(
        code: "no_arguments", message: "the command line cannot be read: /proc is not mounted",
        hint: "Mount it where the program runs: `mount -t proc proc /proc`, in a chroot's folder before it is entered.")

    private static func runCommand() async throws {
        var command = try Rollcall.parseAsRoot()
        do {
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let error as ValidationError {
            // Found while the command ran: the parser knows no more which command it was.
            let usage = type(of: command).configuration.usage
            throw UsageError(code: "usage", message: error.message, hint: usage.map { "Usage: \($0)" })
        }
    }

    /// What the parser refused. Its own texts fit a terminal already; what a command found wrong in its arguments need not.
    private static func noteUsage(_ message: String, _ console: Console) {
        let label = "Error: "
        guard message.hasPrefix(label) else { return console.noteSentence(message) }
        console.noteSentence(String(message.dropFirst(label.count)), after: label)
    }

    /// Prints an error where it belongs and gives the exit code of the contract.
    static func report(_ error: any Error) -> Int32 {
        let console = Console.standard
        switch error {
        case let code as ExitCode:
            return code.rawValue
        case let errors as ConfigurationErrors:
            console.note(errors.problems.map { console.shown($0) }.joined(separator: "\n\n"))
            return ExitStatus.usage.rawValue
        case let error as ConfigurationLookupError:
            console.error("\(error)")
            return ExitStatus.usage.rawValue
        case let error as UsageError:
            console.error(error.error.description)
            return ExitStatus.usage.rawValue
        case let error as RunError:
            console.error(DisplayText.safe(error.message) + (error.hint.map { "\n  " + $0 } ?? ""))
            return ExitStatus.failed.rawValue
        case let error as WarehouseError:
            return report(error.error)
        case let error as DestinationError:
            return report(error.error)
        default:
            let code = Rollcall.exitCode(for: error)
            let message = Rollcall.fullMessage(for: error)
            if code == .success {
                console.out(message)
                return ExitStatus.success.rawValue
            }
            noteUsage(message, console)
            return (code == .validationFailure ? ExitStatus.usage : .failed).rawValue
        }
    }
}
