/// Who is notified while a call waits for a warehouse, and what ends the wait early. Set around a piece of work with
/// `WarehouseWait.$current.withValue`; every call to a warehouse inside of it heeds it.
package struct WarehouseWait: Sendable {
    @TaskLocal package static var current = WarehouseWait()

    /// Whether the caller no longer wants what it waits for. Asked several times a second, from any thread.
    package var isStopped: @Sendable () -> Bool
    /// Gets what is waited for; must not block.
    package var report: @Sendable (Report) -> Void
    /// Seconds after which a wait is reported for the first time, and between two reports after that.
    package var firstReport: Double
    package var nextReport: Double

    package init(
        isStopped: @escaping @Sendable () -> Bool = { false }, report: @escaping @Sendable (Report) -> Void = { _ in },
        firstReport: Double = 5, nextReport: Double = 30
    ) {
        self.isStopped = isStopped
        self.report = report
        self.firstReport = firstReport
        self.nextReport = nextReport
    }

    /// A wait that has lasted for a while.
    package struct Report: Sendable, Equatable {
        /// What is waited for: "a connection to Postgres (too many connections …)".
        package var reason: String
        /// Seconds waited so far, and at most.
        package var seconds: Double
        package var limit: Double

        package init(reason: String, seconds: Double, limit: Double) {
            self.reason = reason
            self.seconds = seconds
            self.limit = limit
        }

        /// One line: "waiting for a lock … (5 s so far, at most 120 s)".
        package var text: String {
            "waiting for \(reason) (\(Int(seconds.rounded())) s so far, at most \(Int(limit.rounded())) s)"
        }
    }
}

/// One wait of one call: how long it has lasted, when it is reported next, when it is over.
struct WaitClock {
    let limit: Double
    let isReported: Bool
    private let start = ContinuousClock.now
    private var nextReport: Double?

    /// - Parameters:
    ///   - limit: seconds that the call may wait in all.
    ///   - isReported: false for waits that are part of normal work.
    init(limit: Double, isReported: Bool = true) {
        self.limit = limit
        self.isReported = isReported
    }

    var seconds: Double {
        let components = start.duration(to: .now).components
        return Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }

    /// Seconds that a call may wait although a stop was requested.
    static let grace = 0.3

    enum Verdict { case goOn, over, stopped }

    /// Looks whether to try once more, and reports the wait when it is time.
    mutating func check(_ wait: WarehouseWait, _ reason: String) -> Verdict {
        let seconds = seconds
        // A run that is stopped still writes down how it ended, over new connections if need be.
        if seconds >= Self.grace, wait.isStopped() { return .stopped }
        if seconds >= limit { return .over }
        if isReported, seconds >= nextReport ?? wait.firstReport {
            wait.report(.init(reason: reason, seconds: seconds, limit: limit))
            nextReport = seconds + wait.nextReport
        }
        return .goOn
    }
}
