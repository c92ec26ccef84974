import NIOCore
import Synchronization

/// Raised when the HTTP client takes the first byte of a request's body, which it does once a connection stands.
/// As long as it is not raised, no server can have carried the request out.
final class SentFlag: Sendable {
    private let flag = Atomic(false)

    var isSet: Bool { flag.load(ordering: .acquiring) }

    func set() { flag.store(true, ordering: .releasing) }
}

/// A request's body in one piece, which notes when it is taken.
struct FlaggedBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    typealias Failure = Never

    let bytes: ByteBuffer
    let sent: SentFlag

    struct Iterator: AsyncIteratorProtocol {
        var bytes: ByteBuffer?
        let sent: SentFlag

        mutating func next() async -> ByteBuffer? {
            sent.set()
            defer { bytes = nil }
            return bytes
        }
    }

    func makeAsyncIterator() -> Iterator { Iterator(bytes: bytes, sent: sent) }
}
