import Foundation

/// Judges a whole plan before its first request.
public enum GuardJudge {
    /// - Parameters:
    ///   - counts: of the plan.
    ///   - removals: members or records that would be removed.
    ///   - snapshot: entries that may be in Iterable because of this sync, before the run.
    /// - Returns: every guard that the plan runs into; empty when it may be carried out.
    public static func judge(
        _ guards: GuardSettings, counts: RunCounts, removals: Int, snapshot: Int
    ) -> [GuardFinding] {
        var findings: [GuardFinding] = []
        if counts.audience == 0 && !guards.allowEmpty {
            findings.append(GuardFinding(guard: "allow_empty", limit: "false", observed: "0 valid rows"))
        }
        switch guards.maxRemovals {
        case .count(let limit):
            if removals > limit {
                findings.append(
                    GuardFinding(guard: "max_removals", limit: "\(limit)", observed: "\(removals) of \(snapshot)"))
            }
        case .percent(let limit):
            // Compared by multiplication, so that 25 % of 100 is exactly 25.
            if snapshot >= exemptBelow && Double(removals) * 100 > limit * Double(snapshot) {
                let share = percentText(Double(removals) * 100 / Double(snapshot))
                findings.append(
                    GuardFinding(
                        guard: "max_removals", limit: "\(percentText(limit))%",
                        observed: "\(share)% (\(removals) of \(snapshot))"))
            }
        }
        if let limit = guards.maxInvalid, Double(counts.invalid) * 100 > limit * Double(counts.rowsRead) {
            let share = percentText(Double(counts.invalid) * 100 / Double(counts.rowsRead))
            findings.append(
                GuardFinding(
                    guard: "max_invalid", limit: "\(percentText(limit))%",
                    observed: "\(share)% (\(counts.invalid) of \(counts.rowsRead))"))
        }
        return findings
    }

    /// A percentage says nothing about a handful: snapshots smaller than this are exempt from it.
    public static let exemptBelow = 100

    static func percentText(_ value: Double) -> String {
        value == value.rounded() ? String(Int(value)) : String(format: "%.1f", value)
    }
}
