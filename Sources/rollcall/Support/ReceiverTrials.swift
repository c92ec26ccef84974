import AsyncHTTPClient
import Foundation
import Iterable
import NIOCore
import NIOHTTP1
import RollcallCore

/// The requests of `rollcall receivers test`, and what they are to be answered with.
struct ReceiverTrials {
    /// Requests that are alike but for their bodies.
    struct Trial {
        /// `token 1, Basic base64`
        var name: String
        /// Its name and its value, which is never shown.
        var header: (name: String, value: Secret)?
        var bodies: [String]
        var expected: Int
    }

    let receiver: ReceiverSettings
    /// With the path.
    let address: String

    /// Seconds for one answer.
    private static let timeoutSeconds: Int64 = 15

    init(_ receiver: ReceiverSettings, address: String) {
        self.receiver = receiver
        self.address = address
    }

    /// An address, to which the path is added where it has none; nil: it is no address of http or https.
    static func address(_ text: String, path: String) -> String? {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            ["http", "https"].contains(scheme), !(parts.host ?? "").isEmpty, parts.user == nil, parts.fragment == nil,
            parts.query == nil
        else { return nil }
        if parts.path.isEmpty { return text + path }
        return parts.path == "/" ? text.dropLast() + path : text
    }

    // MARK: What is posted

    var trials: [Trial] {
        let samples = ReceiverSample.all
        let headers = receiver.credentials.enumerated().flatMap { Self.forms($1, number: $0 + 1) }
        guard let first = headers.first else {
            return [
                Trial(name: "no auth", header: nil, bodies: samples, expected: 204),
                Trial(name: "a body that is no JSON", header: nil, bodies: [ReceiverSample.broken], expected: 400),
            ]
        }
        // Not even by chance the right one.
        let wrong = Secret("wrong-\(UUID().uuidString)")
        return headers.map { Trial(name: $0.form, header: ($0.name, $0.value), bodies: samples, expected: 204) } + [
            Trial(name: "a wrong token", header: (first.name, wrong), bodies: [samples[0]], expected: 401),
            Trial(name: "no token", header: nil, bodies: [samples[0]], expected: 401),
            Trial(
                name: "a body that is no JSON", header: (first.name, first.value), bodies: [ReceiverSample.broken],
                expected: 400),
        ]
    }

    /// Every form in which a credential is taken.
    private static func forms(
        _ credential: ReceiverSettings.Credential, number: Int
    ) -> [(form: String, name: String, value: Secret)] {
        switch credential {
        case .header(let name, let value): return [("header \(name)", name, value)]
        case .token(let token):
            let text = token.reveal()
            return [
                ("as typed", text), ("Basic", "Basic \(text)"),
                ("Basic, in base64", "Basic \(Data(text.utf8).base64EncodedString())"), ("OAuth2", "OAuth2 \(text)"),
            ].map { ("token \(number), \($0.0)", "Authorization", Secret($0.1)) }
        }
    }

    // MARK: Posting

    /// Posts everything, one request after the other.
    /// - Throws: `receiver_not_listening`, when nothing listens at the address of the first request.
    func run() async throws -> ReceiverTrialResults {
        let timeout = TimeAmount.seconds(Self.timeoutSeconds)
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: timeout, read: timeout))
        configuration.proxy = nil
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(configuration: configuration)
        let results: Result<ReceiverTrialResults, any Error>
        do { results = .success(try await post(client)) } catch { results = .failure(error) }
        try? await client.shutdown()
        return try results.get()
    }

    private func post(_ client: HTTPClient) async throws -> ReceiverTrialResults {
        var results = ReceiverTrialResults(receiver: receiver.name, address: address)
        for trial in trials {
            var result = ReceiverTrialResults.Entry(name: trial.name, expected: trial.expected)
            for body in trial.bodies {
                do {
                    let (status, text) = try await answer(client, body, trial.header)
                    result.add(status: status, trial.expected == status ? nil : hideTokens(text))
                } catch {
                    let failure = TransportFailures.message(for: error, host: host)
                    if results.entries.isEmpty, result.sent == 0 { throw notListening(failure) }
                    result.add(status: nil, failure)
                }
            }
            results.entries.append(result)
        }
        return results
    }

    private func answer(
        _ client: HTTPClient, _ body: String, _ header: (name: String, value: Secret)?
    ) async throws -> (status: Int, text: String) {
        var request = HTTPClientRequest(url: address)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(name: "User-Agent", value: "rollcall/\(rollcallVersion)")
        request.headers.add(name: "Rollcall-Test", value: "1")
        if let header { request.headers.add(name: header.name, value: header.value.reveal()) }
        request.body = .bytes(ByteBuffer(string: body))
        let response = try await client.execute(request, timeout: .seconds(Self.timeoutSeconds))
        let answer = try await response.body.collect(upTo: 65_536)
        return (Int(response.status.code), Self.message(String(buffer: answer)))
    }

    /// What an answer says, if it is one of ours.
    private static func message(_ text: String) -> String {
        guard let object = (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any],
            let error = object["error"] as? [String: Any], let message = error["message"] as? String
        else { return "" }
        let wayOut = error["hint"] as? String ?? (error["code"] as? String).flatMap { hint($0) }
        return [message, wayOut].compactMap { $0 }.joined(separator: " ")
    }

    /// What to do about an answer that says nothing of it, for it may go to anyone.
    static func hint(_ code: String) -> String? {
        switch code {
        case "address_not_allowed":
            "Add this machine's address to the receiver's allow_from; behind a proxy, name the proxy in server.trusted_proxies."
        case "not_found":
            "No receiver that is served there has this path: compare it with the path that serve prints, and with what a proxy"
                + " cuts off."
        default: nil
        }
    }

    /// A server that is not ours may say back what it was sent.
    private func hideTokens(_ text: String) -> String {
        receiver.credentials.reduce(text) { text, credential in
            let secret =
                switch credential {
                case .token(let secret), .header(_, let secret): secret.reveal()
                }
            return [secret, Data(secret.utf8).base64EncodedString()].reduce(text) {
                $0.replacingOccurrences(of: $1, with: "…")
            }
        }
    }

    private var host: String {
        let parts = URLComponents(string: address)
        return (parts?.host ?? "?") + (parts?.port.map { ":\($0)" } ?? "")
    }

    private func notListening(_ failure: String) -> RunError {
        RunError(
            code: "receiver_not_listening", message: "nothing answers at \(address): \(failure)",
            hint: "Start it with `rollcall serve`, which prints \"receiving on …\"; or name another address with --url."
        )
    }
}
