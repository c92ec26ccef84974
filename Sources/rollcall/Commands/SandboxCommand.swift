import ArgumentParser
import Foundation
import IterableSandbox
import RollcallCore

struct SandboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sandbox",
        abstract: "Run a local Iterable to try things on.",
        usage: "rollcall sandbox [--port <port>] [--fault <fault> ...] [<options>]",
        discussion: """
            The lists, users, events and catalogs calls of Iterable's API with their validation, \
            limits and partial failures. State is kept in memory and shown at the printed address.

            With --webhook, what becomes of messages is posted there, as Iterable does it: people \
            who enter a list, and custom events, cause messages that are opened, clicked, bounced. \
            No message is sent. The token stands in an environment variable, never on the \
            command line.

            Faults, each with --fault, as often as wanted:
            \(Fault.help)
            """)

    @Option(help: "Port on 127.0.0.1; 0 takes a free one.")
    var port = 8421

    @Option(help: "The API key it accepts.")
    var apiKey = "sandbox-key"

    @Option(help: "email, user_id or hybrid (default: hybrid).", transform: { try choice($0) })
    var projectType = SandboxProjectType.hybrid

    @Option(help: "us or eu (default: us).", transform: { try choice($0) })
    var dataCenter = SandboxDataCenter.us

    @Option(help: "Limit for each of subscribe and unsubscribe; none when left out.")
    var requestsPerSecond: Double?

    @Option(help: "Seconds that each subscribe and unsubscribe takes.")
    var latency = 0.0

    @Option(help: "Seconds until what trackBulk has accepted is there.")
    var bulkEventsAfter = 0.0

    @Option(help: "Seconds until accepted changes of catalog items are carried out.")
    var catalogItemsAfter = 0.0

    @Flag(
        inversion: .prefixedNo, help: "Allow size, getUsers and previewUsers 5 times a minute only, as Iterable does.")
    var readLimits = true

    @Option(help: ArgumentHelp("A fault to produce.", valueName: "fault"))
    var fault: [String] = []

    @Option(help: ArgumentHelp("An address that is forgotten (GDPR).", valueName: "email"))
    var forgottenEmail: [String] = []

    @Option(help: ArgumentHelp("A userId that is forgotten (GDPR).", valueName: "user-id"))
    var forgottenUserId: [String] = []

    @Option(help: ArgumentHelp("A name of events that the project does not take.", valueName: "name"))
    var disallowEvent: [String] = []

    @Option(
        help: ArgumentHelp(
            "Post what becomes of messages here, such as http://127.0.0.1:8430/webhooks/iterable.", valueName: "url"))
    var webhook: String?

    @Option(
        help: ArgumentHelp(
            "How the webhook's token is sent: bare, basic, base64 or oauth2; not at all when left out.",
            valueName: "form"), transform: { try choice($0) as SandboxWebhookAuth })
    var webhookAuth: SandboxWebhookAuth?

    @Option(
        help: ArgumentHelp(
            "The environment variable that holds the webhook's token (default: \(usualVariable)).",
            valueName: "variable"))
    var webhookTokenEnv: String?

    @Flag(help: "Events that are posted have a userId, as Iterable does on request.")
    var webhookUserId = false

    @Option(help: "Seed of everything random.")
    var seed: UInt64 = 1

    private static let usualVariable = "ITERABLE_WEBHOOK_TOKEN"

    private static func choice<T: RawRepresentable & CaseIterable>(_ text: String) throws -> T
    where T.RawValue == String {
        if let value = T(rawValue: text) { return value }
        throw ValidationError("\"\(text)\" is not one of \(T.allCases.map(\.rawValue).joined(separator: ", ")).")
    }

    func options() throws -> SandboxOptions {
        var options = SandboxOptions()
        options.port = port
        options.apiKey = apiKey
        options.projectType = projectType
        options.dataCenter = dataCenter
        options.requestsPerSecond = requestsPerSecond
        options.latencySeconds = latency
        options.bulkEventsAfterSeconds = bulkEventsAfter
        options.catalogItemsAfterSeconds = catalogItemsAfter
        options.readRateLimits = readLimits
        options.forgottenEmails = forgottenEmail
        options.forgottenUserIds = forgottenUserId
        options.disallowedEventNames = Set(disallowEvent)
        options.seed = seed
        for text in fault {
            do { options.faults.append(try Fault(parsing: text)) } catch { throw ValidationError("--fault: \(error)") }
        }
        return options
    }

    /// - Parameter environment: holds the token.
    func webhook(
        environment: [String: String], send: @escaping SandboxWebhook.Sender
    ) throws -> SandboxWebhook? {
        guard let webhook else {
            guard webhookAuth == nil, webhookTokenEnv == nil, !webhookUserId else {
                throw ValidationError(
                    "--webhook-auth, --webhook-token-env and --webhook-user-id go together with --webhook.")
            }
            return nil
        }
        var settings = SandboxWebhook(url: webhook, send: send)
        settings.sendsUserIDs = webhookUserId
        guard let webhookAuth else {
            guard webhookTokenEnv == nil else {
                throw ValidationError("--webhook-token-env goes together with --webhook-auth: how is the token sent?")
            }
            return settings
        }
        let variable = webhookTokenEnv ?? Self.usualVariable
        guard let token = environment[variable], !token.isEmpty else {
            throw ValidationError(
                "--webhook-auth needs a token, and the environment variable \(variable) is empty or not set. "
                    + "Set it, or name another one with --webhook-token-env.")
        }
        settings.auth = webhookAuth
        settings.token = token
        return settings
    }

    func run() async throws {
        let client = SandboxWebhookClient()
        do {
            try await run(client)
        } catch {
            await client.shutdown()
            throw error
        }
        await client.shutdown()
    }

    private func run(_ client: SandboxWebhookClient) async throws {
        let console = Console.standard
        var options = try options()
        options.webhook = try webhook(environment: ProcessInfo.processInfo.environment) { try await client.send($0) }
        let sandbox = try make(options)
        do {
            let port = try await sandbox.start()
            console.out(
                "sandbox of Iterable (\(projectType.rawValue) project) at http://127.0.0.1:\(port)  API key: \(apiKey)")
            console.out("in rollcall.yaml: base_url: http://127.0.0.1:\(port)   Ctrl-C ends it")
            if options.webhook != nil {
                console.out("events go to the webhook; what became of them: http://127.0.0.1:\(port)/sandbox/webhooks")
            }
        } catch let error as SandboxError {
            throw RunError(code: "sandbox", message: "\(error)", hint: "Choose another port with --port.")
        }
        await Signals.first()
        await sandbox.stop()
    }

    private func make(_ options: SandboxOptions) throws -> Sandbox {
        do { return try Sandbox(options: options) } catch { throw ValidationError("\(error)") }
    }
}
