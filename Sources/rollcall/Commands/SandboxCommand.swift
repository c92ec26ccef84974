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

    @Flag(
        inversion: .prefixedNo, help: "Allow size, getUsers and previewUsers 5 times a minute only, as Iterable does.")
    var readLimits = true

    @Option(help: ArgumentHelp("A fault to produce.", valueName: "fault"))
    var fault: [String] = []

    @Option(help: ArgumentHelp("An address that is forgotten (GDPR).", valueName: "email"))
    var forgottenEmail: [String] = []

    @Option(help: ArgumentHelp("A userId that is forgotten (GDPR).", valueName: "user-id"))
    var forgottenUserId: [String] = []

    @Option(help: "Seed of everything random.")
    var seed: UInt64 = 1

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
        options.readRateLimits = readLimits
        options.forgottenEmails = forgottenEmail
        options.forgottenUserIds = forgottenUserId
        options.seed = seed
        for text in fault {
            do { options.faults.append(try Fault(parsing: text)) } catch { throw ValidationError("--fault: \(error)") }
        }
        return options
    }

    func run() async throws {
        let console = Console.standard
        let options = try options()
        let sandbox = try make(options)
        do {
            let port = try await sandbox.start()
            console.out(
                "sandbox of Iterable (\(projectType.rawValue) project) at http://127.0.0.1:\(port)  API key: \(apiKey)")
            console.out("in rollcall.yaml: base_url: http://127.0.0.1:\(port)   Ctrl-C ends it")
        } catch let error as SandboxError {
            throw RunError(code: "sandbox", message: "\(error)", hint: "Choose another port with --port.")
        }
        await Self.untilSignal()
        await sandbox.stop()
    }

    private func make(_ options: SandboxOptions) throws -> Sandbox {
        do { return try Sandbox(options: options) } catch { throw ValidationError("\(error)") }
    }

    /// Returns on Ctrl-C or SIGTERM.
    static func untilSignal() async {
        await withCheckedContinuation { continuation in
            let once = OnceFlag()
            for number in [SIGINT, SIGTERM] {
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
                source.setEventHandler {
                    if once.set() { continuation.resume() }
                    withExtendedLifetime(source) {}
                }
                source.resume()
            }
        }
    }
}
