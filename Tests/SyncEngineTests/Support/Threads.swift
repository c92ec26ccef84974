import Dispatch
import Foundation
import Synchronization

/// Threads of a test's own, which may wait for each other.
enum Threads {
    /// Runs all bodies at once, each to its end; then throws the first error of one.
    static func run(_ bodies: [@Sendable () throws -> Void]) async throws {
        let failure = Mutex<(any Error)?>(nil)
        let group = DispatchGroup()
        for body in bodies {
            group.enter()
            Thread.detachNewThread {
                do { try body() } catch { failure.withLock { $0 = $0 ?? error } }
                group.leave()
            }
        }
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            group.notify(queue: .global()) { continuation.resume() }
        }
        if let error = failure.withLock({ $0 }) { throw error }
    }
}

/// Tells from another thread whether a thread waits for something.
final class WatchedThread: Sendable {
    /// `PID/task/TID`.
    private let watched = Mutex<String?>(nil)

    func watchCurrent() { watched.withLock { $0 = Self.current } }

    var isCurrent: Bool { watched.withLock { $0 } == Self.current }

    /// - Returns: whether it was found waiting several times in a row, or has ended; false if it was not after `seconds`.
    func waits(seconds: Double) -> Bool {
        let deadline = Date(timeIntervalSinceNow: seconds)
        var looks = 0
        while Date() < deadline {
            looks = isWatching && isAsleep ? looks + 1 : 0
            if looks == 5 { return true }
            usleep(500)
        }
        return false
    }

    private static var current: String? {
        var path = [CChar](repeating: 0, count: 100)
        let count = readlink("/proc/thread-self", &path, path.count)
        return count > 0 ? String(decoding: path.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }

    private var isWatching: Bool { watched.withLock { $0 } != nil }

    /// The state is the word after the name in parentheses.
    private var isAsleep: Bool {
        guard let path = watched.withLock({ $0 }), let stat = FileManager.default.contents(atPath: "/proc/\(path)/stat")
        else { return true }
        let words = String(decoding: stat, as: UTF8.self).split(separator: ")").last?.split(separator: " ")
        return words?.first == "S"
    }
}
