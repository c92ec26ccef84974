import Foundation

/// The files that the process may have open.
enum OpenFiles {
    /// Files that are kept for warehouses, destinations and configuration.
    static let reserve = 256

    /// Raises the limit as far as the process may, and gives it; at least `reserve` + 16.
    static func limit() -> Int {
        var limits = rlimit()
        let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(files, &limits) == 0 else { return reserve + 512 }
        if limits.rlim_cur < limits.rlim_max {
            var raised = limits
            raised.rlim_cur = min(limits.rlim_max, 65_536)
            if raised.rlim_cur > limits.rlim_cur, setrlimit(files, &raised) == 0 { limits = raised }
        }
        return max(reserve + 16, Int(clamping: limits.rlim_cur))
    }

    /// How many of the wanted connections a listener may have.
    /// - Parameter share: of all that the process may have, which its listeners divide among themselves; 0 to 1.
    static func connections(wanted: Int, share: Double) -> Int {
        min(wanted, Int(Double(limit() - reserve) * share))
    }

    /// The share of the listener of receivers; the rest is for dashboard and API.
    static let receivers = 0.75
}
