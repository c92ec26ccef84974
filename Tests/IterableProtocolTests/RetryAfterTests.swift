import Foundation
import Testing

@testable import IterableProtocol
@testable import RollcallCore

@Suite struct RetryAfterTests {
    /// Sun, 06 Nov 1994 08:49:00 GMT.
    static let now = Date(timeIntervalSince1970: 784_111_740)

    @Test(
        arguments: [
            ([], nil), (["0"], .zero), (["1"], .seconds(1)), (["120"], .seconds(120)), ([" 7 "], .seconds(7)),
            (["300"], .seconds(300)), (["301"], .seconds(300)), (["1000000000"], .seconds(300)),
            (["99999999999999999999999999"], .seconds(300)), (["007"], .seconds(7)),
            (["-5"], nil), (["+5"], nil), (["1.5"], nil), (["1e9"], nil), (["abc"], nil), ([""], nil), (["٣"], nil),
            (["5, 7"], nil), ([String(repeating: "9", count: 1000)], nil),
            (["5", "7"], .seconds(7)), (["7", "5"], .seconds(7)), (["abc", "5"], .seconds(5)), (["-1", "0"], .zero),
            (["Sun, 06 Nov 1994 08:49:37 GMT"], .seconds(37)), (["Sunday, 06-Nov-94 08:49:37 GMT"], .seconds(37)),
            (["Sun Nov  6 08:49:37 1994"], .seconds(37)), (["Sun, 06 Nov 1994 08:48:00 GMT"], .zero),
            (["Mon, 07 Nov 1994 08:49:37 GMT"], .seconds(300)), (["Sun, 99 Nov 1994 08:49:37 GMT"], nil),
            (["Sun, 06 Nov 1994"], nil),
        ] as [([String], Duration?)])
    func headers(values: [String], expected: Duration?) {
        #expect(RetryAfter.parse(values, now: Self.now) == expected)
    }
}
