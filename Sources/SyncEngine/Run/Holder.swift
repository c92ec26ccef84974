import Foundation

/// Who holds a lease: this process and no other on any machine, also from one that gets the same pid later.
package struct Holder: Sendable, Equatable {
    /// `machine boot pidNamespace pid startTime`, without blanks in the parts.
    package let text: String

    package init(text: String) { self.text = text }

    package static let current = Holder(
        text: [
            ProcessInfo.processInfo.hostName.isEmpty ? "-" : ProcessInfo.processInfo.hostName, bootID, pidNamespace,
            "\(getpid())", startTime(of: getpid()) ?? "-",
        ].joined(separator: " "))

    /// True only if the holder ran on this very machine, since the same boot and among the same pids, and is gone.
    package static func isDead(_ text: String) -> Bool {
        let parts = text.split(separator: " ").map(String.init)
        guard parts.count == 5, parts[1] == bootID, parts[2] == pidNamespace, bootID != "-", pidNamespace != "-",
            let pid = Int32(parts[3]), parts[4] != "-"
        else { return false }
        if kill(pid, 0) != 0 && errno == ESRCH { return true }
        // A process that /proc hides from us lives, as far as we can tell.
        guard let found = startTime(of: pid) else { return false }
        return found != parts[4]
    }

    /// For people: machine and pid.
    static func shown(_ text: String) -> String {
        let parts = text.split(separator: " ").map(String.init)
        return parts.count == 5 ? "process \(parts[3]) on \(parts[0])" : text
    }

    private static let bootID =
        (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))?
        .trimmingCharacters(in: .whitespacesAndNewlines) ?? "-"

    private static let pidNamespace =
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) ?? "-"

    /// When a process started, in clock ticks since boot, or `zombie`; nil if that cannot be read.
    /// Source: proc(5), field 22 of stat.
    private static func startTime(of pid: Int32) -> String? {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let end = stat.lastIndex(of: ")")
        else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 19 else { return nil }
        return fields[0] == "Z" ? "zombie" : String(fields[19])
    }
}
