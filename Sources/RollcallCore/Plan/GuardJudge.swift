import Foundation

/// Judges a whole plan before its first request.
public enum GuardJudge {
    /// - Parameters:
    ///   - audience: valid, distinct people in the audience.
    ///   - removals: planned unsubscribes.
    ///   - snapshot: members that this sync may have put on the list, before the run.
    /// - Returns: every guard that the plan runs into; empty when it may be carried out.
    public static func judge(
        _ guards: GuardSettings, audience: Int, removals: Int, snapshot: Int
    ) -> [GuardFinding] {
        var findings: [GuardFinding] = []
        if audience == 0 && !guards.allowEmpty {
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
        return findings
    }

    /// A percentage says nothing about a handful: snapshots smaller than this are exempt from it.
    public static let exemptBelow = 100

    static func percentText(_ value: Double) -> String {
        value == value.rounded() ? String(Int(value)) : String(format: "%.1f", value)
    }
}
