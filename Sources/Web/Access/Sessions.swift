import Crypto
import Foundation
import RollcallCore
import Synchronization

/// A browser that logged in.
struct Session: Sendable, Equatable {
    var principal: Principal
    /// What forms of this session must carry.
    var formToken: String
    var expires: Date
}

/// The browsers that are logged in. Kept in memory: a restart asks for the token again.
final class Sessions: Sendable {
    /// How long a login lasts, in seconds.
    static let lifetime = 12.0 * 3600
    /// At most so many at once; the oldest goes first.
    static let limit = 1000

    /// By the hash of the cookie, so that the memory of the process does not hold what a browser sends.
    private let sessions = Mutex<[SHA256Digest: Session]>([:])

    /// Opens a session and gives the cookie's value: 256 random bits.
    func open(for principal: Principal, now: Date = Date()) -> String {
        let value = Self.random()
        let session = Session(
            principal: principal, formToken: Self.random(), expires: now.addingTimeInterval(Self.lifetime))
        sessions.withLock { sessions in
            sessions = sessions.filter { $0.value.expires > now }
            if sessions.count >= Self.limit, let oldest = sessions.min(by: { $0.value.expires < $1.value.expires }) {
                sessions[oldest.key] = nil
            }
            sessions[Self.key(value)] = session
        }
        return value
    }

    /// The session of a cookie, if it lasts.
    func find(_ value: String, now: Date = Date()) -> Session? {
        guard let session = sessions.withLock({ $0[Self.key(value)] }), session.expires > now else { return nil }
        return session
    }

    func close(_ value: String) { sessions.withLock { $0[Self.key(value)] = nil } }

    private static func key(_ value: String) -> SHA256Digest { SHA256.hash(data: Data(value.utf8)) }

    /// 256 bits as 64 hexadecimal digits.
    static func random() -> String {
        SymmetricKey(size: .bits256).withUnsafeBytes(\.hexadecimal)
    }
}
