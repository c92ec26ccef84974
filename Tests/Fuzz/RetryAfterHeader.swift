import Foundation
import IterableProtocol

@testable import RollcallCore

/// `Retry-After`: nothing, or from now to five minutes.
func fuzz(_ bytes: [UInt8]) {
    var input = Bytes(bytes)
    let headers = (0..<2).map { _ in String(decoding: input.piece(), as: UTF8.self) }
    let now = Date(timeIntervalSince1970: 784_111_740)
    let delay = RetryAfter.parse(headers, now: now)
    require(delay.map { $0 >= .zero && $0 <= RetryAfter.longest } ?? true, "out of bounds")
    let more = RetryAfter.parse(headers + ["7"], now: now)
    require(more == max(delay ?? .zero, .seconds(7)), "the longest counts")
}
