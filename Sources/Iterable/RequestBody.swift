import Synchronization

/// How far a request got.
final class BodyState: Sendable {
    private let state = Atomic<UInt8>(0)

    /// Whether the HTTP client has taken the body to send it. As long as it has not, no server can have carried the request
    /// out.
    var isSent: Bool { has(Self.sent) }
    /// Whether the last look said no.
    var isWithheld: Bool { has(Self.withheld) }
    /// Whether the client has a request without a body. Nothing tells when its head is written: it may have been carried out
    /// from then on, unless there never was a connection.
    var isGivenAway: Bool { has(Self.givenAway) }

    /// Notes that the client is given a request without a body.
    func giveAway() { add(Self.givenAway) }

    private func has(_ bit: UInt8) -> Bool { state.load(ordering: .acquiring) & bit != 0 }
    fileprivate func add(_ bit: UInt8) { state.bitwiseOr(bit, ordering: .acquiringAndReleasing) }
    fileprivate static let sent: UInt8 = 1
    fileprivate static let withheld: UInt8 = 2
    private static let givenAway: UInt8 = 4
}

/// A request's body, which looks one last time whether it may be sent, and notes when it is taken.
///
/// AsyncHTTPClient takes the bytes of a collection of up to 4 MiB in the event loop, once a connection stands and the head is
/// written, and writes them at once: between the look and the write there is no change of thread and no waiting. Where the
/// look says no, there are no bytes: the client finds the body shorter than announced, fails the request and closes the
/// connection, and the server has the head of a request that never came.
struct RequestBody: Collection, Sendable {
    let bytes: [UInt8]
    let state: BodyState
    let mayStillSend: @Sendable () -> Bool

    private var taken: [UInt8] {
        guard mayStillSend() else {
            state.add(BodyState.withheld)
            return []
        }
        state.add(BodyState.sent)
        return bytes
    }

    func withContiguousStorageIfAvailable<R>(_ body: (UnsafeBufferPointer<UInt8>) throws -> R) rethrows -> R? {
        try taken.withContiguousStorageIfAvailable(body)
    }

    func makeIterator() -> Array<UInt8>.Iterator { taken.makeIterator() }

    var startIndex: Int { 0 }
    var endIndex: Int { bytes.count }
    var count: Int { bytes.count }
    func index(after index: Int) -> Int { index + 1 }
    subscript(position: Int) -> UInt8 { bytes[position] }

    subscript(bounds: Range<Int>) -> ArraySlice<UInt8> {
        let taken = taken
        return taken.isEmpty ? [] : taken[bounds]
    }
}
