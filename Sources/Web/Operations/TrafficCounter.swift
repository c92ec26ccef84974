import Synchronization

/// Counts the requests that were answered.
final class TrafficCounter: Sendable {
    struct Key: Hashable, Sendable {
        var method: String
        var route: String
        var status: Int
    }

    private let counts = Mutex<[Key: Int]>([:])

    func count(method: String, route: String, status: Int) {
        // A client can make methods up; the labels of a metric may not grow without end.
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].contains(method) ? method : "other"
        counts.withLock { $0[Key(method: known, route: route, status: status), default: 0] += 1 }
    }

    /// Sorted, so that two readings can be compared.
    var snapshot: [(key: Key, count: Int)] {
        counts.withLock { Array($0) }.map { (key: $0.key, count: $0.value) }.sorted {
            ($0.key.route, $0.key.method, $0.key.status) < ($1.key.route, $1.key.method, $1.key.status)
        }
    }
}
