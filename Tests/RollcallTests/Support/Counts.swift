import Foundation
import Testing

/// The counts of a run as `--json` gives them, checked for balance when they are read.
struct Counts {
    struct Pair: Equatable {
        var subscribe: Int
        var unsubscribe: Int
    }

    let rowsRead: Int
    let invalid: Int
    let duplicates: Int
    let audience: Int
    let unchanged: Int
    let planned: Pair
    let succeeded: Pair
    let failed: Pair
    let notAttempted: Int
    let unknown: Int

    /// - Parameter run: the whole object of a run.
    init(_ run: [String: Any]) throws {
        let counts = try #require(run["counts"] as? [String: Any])
        func number(_ key: String) throws -> Int { try #require(counts[key] as? Int, "\(key)") }
        func pair(_ key: String) throws -> Pair {
            let pair = try #require(counts[key] as? [String: Int], "\(key)")
            return Pair(subscribe: try #require(pair["subscribe"]), unsubscribe: try #require(pair["unsubscribe"]))
        }
        rowsRead = try number("rows_read")
        invalid = try number("invalid")
        duplicates = try number("duplicates")
        audience = try number("audience")
        unchanged = try number("unchanged")
        planned = try pair("planned")
        succeeded = try pair("succeeded")
        failed = try pair("failed")
        notAttempted = try number("not_attempted")
        unknown = try number("unknown")
        #expect(rowsRead == invalid + duplicates + audience)
        #expect(
            planned.subscribe + planned.unsubscribe
                == succeeded.subscribe + succeeded.unsubscribe + failed.subscribe + failed.unsubscribe + notAttempted
                + unknown)
    }
}
