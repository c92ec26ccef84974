import ArgumentParser
import Foundation
import RollcallConfig
import RollcallCore

struct ReceiversCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receivers",
        abstract: "Show what takes Iterable's webhooks, or try it.",
        subcommands: [Show.self, Test.self], defaultSubcommand: Show.self)

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show every receiver: path, warehouse, latest event, counts of today (UTC).",
            usage: "rollcall receivers show [<options>]",
            discussion: """
                Reads the warehouses only. What waits in the spool of a running serve, because a \
                warehouse is away, is not among it; the dashboard and the API show that.
                """)

        @Option(help: "Output format.")
        var format = OutputFormat.table

        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            let app = try App.load(options)
            let report = await ReceiverReport.read(app, now: Date())
            app.console.out(report.render(format, on: app.console))
            if report.entries.contains(where: { $0.problem != nil }) { throw ExitCode(ExitStatus.failed.rawValue) }
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "test", abstract: "Post a sample of each type of event to a receiver; leaves nothing behind.",
            usage: "rollcall receivers test <receiver> [--url <url>] [<options>]",
            discussion: """
                Each type in each form of auth that the receiver takes, which it must answer with \
                204; a wrong token, 401; a body that is no JSON, 400. The requests say that they \
                are tests (Rollcall-Test: 1), and are counted and otherwise forgotten. `rollcall \
                serve` must run.
                """)

        @Argument(help: ArgumentHelp("The receiver.", valueName: "receiver"))
        var receiver: String

        @Option(
            help: ArgumentHelp(
                "Where to post; default: server.receiver_listen. Without a path: the receiver's.", valueName: "url"))
        var url: String?

        @Flag(help: "Print a JSON object.")
        var json = false

        @OptionGroup var options: ConfigurationOptions

        func validate() throws {
            if let url, ReceiverTrials.address(url, path: "/") == nil {
                throw ValidationError("--url \(url) is no address; write https://host/path or http://host:port.")
            }
        }

        func run() async throws {
            let app = try App.load(options)
            let settings = try app.configuration.receiver(named: receiver)
            let address = try address(settings, app)
            if address.hasPrefix("http://"), !Self.isLocal(address) {
                app.warn("http:// shows the tokens to the network between here and there; https:// does not")
            }
            let trials = ReceiverTrials(settings, address: address)
            let results = try await trials.run()
            app.console.out(json ? results.json.text : results.render(on: app.console))
            if !results.isFine { throw ExitCode(ExitStatus.failed.rawValue) }
        }

        private func address(_ settings: ReceiverSettings, _ app: App) throws -> String {
            let base = url ?? app.configuration.receiverListen.localURL
            if let base, let address = ReceiverTrials.address(base, path: settings.path) { return address }
            throw UsageError(
                code: "receiver_port", message: "server.receiver_listen has port 0, which is another one at each start",
                hint: "Name the address that serve has printed: --url http://127.0.0.1:PORT")
        }

        private static func isLocal(_ address: String) -> Bool {
            URLComponents(string: address)?.host.map(LoopbackAddress.contains) ?? false
        }
    }
}
