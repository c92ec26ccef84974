/// How a plan reads its rows, and why.
package struct ReadChoice: Sendable, Equatable {
    /// Whether buckets are asked for.
    package var usesBuckets: Bool
    /// A whole sentence.
    package var reason: String

    package init(usesBuckets: Bool, reason: String) {
        self.usesBuckets = usesBuckets
        self.reason = reason
    }

    /// Runs whose costs are looked at.
    package static let history = 40
    /// Readings of all rows before the other way is tried: one that makes the local cache, and two that have it.
    private static let first = 3
    /// The dearer way is tried again after this many readings in the other.
    private static let again = 20
    /// Wall times that differ by no more than this share of the smaller one count as equal; then the bytes decide.
    private static let tolerance = 0.1

    /// What `auto` takes: the way whose last reading took less time, and of two that took about as long the one with fewer bytes.
    ///
    /// The other way is tried once after the second reading that had the local cache. Its first reading brings all rows with their
    /// buckets, and says nothing of the cost; the one after it does. Whatever was dearer is tried again after twenty readings in the
    /// other way; reading what changed twice, for the first time finds much that has changed since. Where it was tried twice and all
    /// rows came both times, it is left alone for twenty readings too: what one that succeeded once has cost says nothing of it.
    /// - Parameter runs: how earlier runs of the sync read their rows, the newest first.
    package static func auto(_ runs: [AudienceRead]) -> ReadChoice {
        let readings = runs.count { $0.mode == .all }
        guard let all = runs.first(where: { $0.mode == .all }), readings >= first || hasTried(runs) else {
            return ReadChoice(usesBuckets: false, reason: "All rows are read at first, to know what that costs.")
        }
        if isInVain(runs) {
            return ReadChoice(
                usesBuckets: false,
                reason:
                    "Reading what changed was tried twice, and all rows came. It is tried again after \(again) runs.")
        }
        guard let changed = runs.first(where: { $0.mode == .changed }) else {
            return ReadChoice(usesBuckets: true, reason: "Reading what changed is tried, to know what that costs.")
        }
        let changedIsLess = costsLess(changed, than: all)
        let loser: AudienceRead.Mode = changedIsLess ? .all : .changed
        let since = runs.firstIndex { $0.mode == loser } ?? runs.count
        if since >= again {
            return ReadChoice(
                usesBuckets: !changedIsLess,
                reason: "\(words(loser)) cost more before, and is tried again after \(again) runs.")
        }
        if !changedIsLess, isFirstOfTrial(runs) {
            return ReadChoice(
                usesBuckets: true,
                reason:
                    "Reading what changed is tried once more: after \(again) runs it had much to find the first time.")
        }
        return ReadChoice(usesBuckets: changedIsLess, reason: comparison(all, changed, changedIsLess))
    }

    /// Whether the newest reading was of what changed, and the twenty before it were of all rows. What was known of the buckets was
    /// old: it has renewed that, and the next one shows the cost.
    private static func isFirstOfTrial(_ runs: [AudienceRead]) -> Bool {
        runs.first?.mode == .changed && runs.dropFirst().prefix { $0.mode == .all }.count >= again
    }

    private static func hasTried(_ runs: [AudienceRead]) -> Bool { runs.contains { $0.mode != .all } }

    /// Whether the last two attempts at reading what changed, one after the other, brought all rows, not long ago.
    private static func isInVain(_ runs: [AudienceRead]) -> Bool {
        let since = runs.prefix { $0.mode == .all }.count
        let inVain = runs.dropFirst(since).prefix { $0.mode == .grouped || $0.mode == .fallback }.count
        return since < again && inVain >= 2
    }

    private static func costsLess(_ one: AudienceRead, than other: AudienceRead) -> Bool {
        let difference = abs(one.seconds - other.seconds)
        if difference > tolerance * min(one.seconds, other.seconds) { return one.seconds < other.seconds }
        guard let bytes = one.bytes, let others = other.bytes else { return one.seconds < other.seconds }
        return bytes < others
    }

    private static func words(_ mode: AudienceRead.Mode) -> String {
        mode == .all ? "Reading all rows" : "Reading what changed"
    }

    private static func comparison(_ all: AudienceRead, _ changed: AudienceRead, _ changedIsLess: Bool) -> String {
        let (less, more) = changedIsLess ? (changed, all) : (all, changed)
        return "\(words(less.mode)) cost less: \(cost(less)) beside \(cost(more))."
    }

    private static func cost(_ read: AudienceRead) -> String {
        let time = "\((read.seconds * 100).rounded() / 100) s"
        return read.bytes.map { "\(time) and \($0) bytes" } ?? time
    }
}
