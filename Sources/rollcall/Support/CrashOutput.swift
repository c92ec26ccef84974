import Foundation

/// Keeps what lies in memory out of the output of a crash.
enum CrashOutput {
    /// The signals that Swift's runtime answers with a backtrace.
    /// Source: Swift's documentation, docs/Backtracing.rst, "What signals are caught".
    private static let signals = [SIGQUIT, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP]

    /// Where a toolchain is installed, Swift's backtracer writes registers, and the memory they point to, on stderr; a
    /// core file has all of the memory. The API key or a person's address may be there. Both stay off unless a person
    /// asks for them with `SWIFT_BACKTRACE`.
    static func hideMemory() {
        guard ProcessInfo.processInfo.environment["SWIFT_BACKTRACE"] == nil else { return }
        for number in signals { signal(number, SIG_DFL) }
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = 0
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
    }
}
