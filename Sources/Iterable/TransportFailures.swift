import AsyncHTTPClient
import Foundation
import IterableProtocol
import RollcallCore

/// Turns what NIO and AsyncHTTPClient throw into words. Their own descriptions are searched, never shown: some contain
/// header values.
package enum TransportFailures {
    /// One sentence: why a request to a host had no answer. It shows nothing of the address but the host that is given.
    package static func message(for error: any Error, host: String) -> String { words(for: error, host: host).message }

    /// - Parameters:
    ///   - state: whether the request's body was taken to be sent, or withheld.
    ///   - baseURL: only its host and port are shown.
    static func failure(for error: any Error, _ state: BodyState, baseURL: String) -> TransportFailure {
        let host = host(of: baseURL)
        if state.isWithheld && !state.isSent {
            return TransportFailure(
                kind: .withheld, code: "withheld",
                message: "The request to \(host) was not sent: it was too late for it.")
        }
        let (code, what) = words(for: error, host: host)
        let mayHaveCome = state.isSent || (state.isGivenAway && !hadNoConnection(error))
        return TransportFailure(kind: mayHaveCome ? .noAnswer : .notSent, code: code, message: what)
    }

    /// Whether an error says that no connection came about, so that nothing can have been sent. Other errors may come from one
    /// that stood, a refusal by the network among them.
    private static func hadNoConnection(_ error: any Error) -> Bool {
        if let error = error as? HTTPClientError {
            return [.connectTimeout, .getConnectionFromPoolTimeout, .tlsHandshakeTimeout, .alreadyShutdown]
                .contains(error)
        }
        let text = String(describing: error)
        let marks = [
            "NIOConnectionError", "SocketAddressError", "connect(descriptor", "errno: 111", "handshakeFailed",
            "CERTIFICATE_VERIFY_FAILED",
        ]
        return marks.contains { text.contains($0) }
    }

    /// What may be done about a request that had no answer; nil: its message says all there is to say.
    ///
    /// - Parameters:
    ///   - code: the failure's.
    ///   - baseURL: only its port is shown, where it is this machine's.
    static func hint(for code: String, baseURL: String) -> String? {
        switch code {
        case "connect_failed":
            localPort(of: baseURL).map { "Start `rollcall sandbox --port \($0)`, or correct base_url." }
                ?? "Check the network, a firewall, a proxy, and base_url or data_center."
        case "unknown_host": "Check DNS, and base_url or data_center."
        case "tls_failed": "Check this machine's certificates and clock, proxies that open TLS, and base_url."
        default: nil
        }
    }

    /// The port of an address of this machine; nil: it is another's, or names no port.
    private static func localPort(of baseURL: String) -> Int? {
        guard let address = URLComponents(string: baseURL), let host = address.host, LoopbackAddress.contains(host)
        else { return nil }
        return address.port
    }

    private static func words(for error: any Error, host: String) -> (code: String, message: String) {
        switch error {
        case is DeadlineExceeded:
            return ("timeout", "\(host) did not answer in time.")
        case is CancellationError:
            return ("cancelled", "The request to \(host) was given up because the run was stopped.")
        case is AnswerTooLarge:
            return ("answer_too_large", "The answer of \(host) is larger than any answer of Iterable's.")
        case let error as HTTPClientError:
            return words(for: error, host: host)
        default:
            return words(forDescription: String(describing: error), host: host)
        }
    }

    private static func words(for error: HTTPClientError, host: String) -> (code: String, message: String) {
        switch error {
        case .connectTimeout, .getConnectionFromPoolTimeout:
            ("connect_failed", "No connection to \(host) in time.")
        case .tlsHandshakeTimeout:
            ("tls_failed", "The TLS handshake with \(host) was not finished in time.")
        case .readTimeout, .writeTimeout, .deadlineExceeded:
            ("timeout", "\(host) did not answer in time.")
        case .cancelled:
            ("cancelled", "The request to \(host) was given up because the run was stopped.")
        case .alreadyShutdown:
            ("cancelled", "The request to \(host) was not made because the client is shut down.")
        default:
            ("connection_lost", "\(host) closed the connection before the answer was complete.")
        }
    }

    private static func words(forDescription text: String, host: String) -> (code: String, message: String) {
        let known: [(mark: String, code: String, message: String)] = [
            ("CERTIFICATE_VERIFY_FAILED", "tls_failed", "The certificate of \(host) is not trusted."),
            ("ertificate", "tls_failed", "The certificate of \(host) does not fit."),
            ("handshakeFailed", "tls_failed", "The TLS handshake with \(host) failed."),
            ("SSL", "tls_failed", "The TLS connection with \(host) failed."),
            ("errno: 111", "connect_failed", "No connection to \(host): the connection was refused."),
            ("errno: 110", "connect_failed", "No connection to \(host) in time."),
            ("errno: 113", "connect_failed", "No connection to \(host): there is no route to it."),
            ("errno: 101", "connect_failed", "No connection to \(host): the network cannot be reached."),
            ("errno: 104", "connection_lost", "\(host) broke off the connection."),
            ("errno: 32", "connection_lost", "\(host) closed the connection while the request was sent."),
            ("NIOConnectionError", "unknown_host", "No connection to \(host): the name is not known."),
            ("SocketAddressError", "unknown_host", "No connection to \(host): the name is not known."),
        ]
        for entry in known where text.contains(entry.mark) { return (entry.code, entry.message) }
        return ("connection_lost", "The connection to \(host) broke before the answer was complete.")
    }

    /// Host, and port where one is given; nothing else of the address, which may carry a password.
    static func host(of baseURL: String) -> String {
        guard let address = URLComponents(string: baseURL), let host = address.host, !host.isEmpty else {
            return "Iterable"
        }
        return address.port.map { "\(host):\($0)" } ?? host
    }
}
