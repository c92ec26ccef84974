package import Foundation
import RollcallCore

/// One HTTP answer, complete, as far as its meaning depends on it.
package struct HTTPAnswer: Sendable, Equatable {
    package var status: Int
    /// Every `Retry-After` header, in the order of arrival.
    package var retryAfter: [String]
    package var body: [UInt8]
    /// When the answer arrived; dates in `Retry-After` count from here.
    package var now: Date

    package init(status: Int, retryAfter: [String] = [], body: [UInt8] = [], now: Date) {
        self.status = status
        self.retryAfter = retryAfter
        self.body = body
        self.now = now
    }
}

/// A request that got no usable HTTP answer.
package struct TransportFailure: Error, Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        /// Nothing of the request's body left this machine (refused connection, unknown host, failed TLS handshake):
        /// certainly not carried out.
        case notSent
        /// Nothing of the request's body left this machine, because the caller's last look said no.
        case withheld
        /// Sent, at least in part, and the answer did not arrive whole: may have been carried out, now or later.
        case noAnswer
    }

    package var kind: Kind
    /// Stable, lower-case: `connect_failed`, `unknown_host`, `tls_failed`, `timeout`, `connection_lost`,
    /// `answer_too_large`, `cancelled`, `withheld`.
    package var code: String
    /// One sentence for a person, without secrets.
    package var message: String

    package init(kind: Kind, code: String, message: String) {
        self.kind = kind
        self.code = code
        self.message = message
    }
}
