import Foundation

/// Judges a whole plan before its first request.
package enum GuardJudge {
    /// - Parameters:
    ///   - counts: of the plan.
    ///   - removals: members or records that would be removed.
    ///   - snapshot: entries that may be in Iterable because of this sync, before the run.
    ///   - changed: acknowledged records whose content is another one now.
    ///   - hasAnotherMapping: whether the configuration makes other objects of rows than the last run sent.
    ///   - renamed: acknowledged records that get another address.
    /// - Returns: every guard that the plan runs into; empty when it may be carried out.
    package static func judge(
        _ guards: GuardSettings, counts: RunCounts, removals: Int, snapshot: Int, changed: Int = 0,
        hasAnotherMapping: Bool = false, renamed: Int = 0
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
            if snapshot >= exemptBelow {
                findings += finding("max_removals", removals, of: snapshot, above: limit)
            }
        }
        if let limit = guards.maxChanges, snapshot >= exemptBelow {
            findings += finding(
                "max_changes", changed, of: snapshot, above: limit,
                note: hasAnotherMapping ? "; the mapping of the sync has changed" : "")
        }
        if let limit = guards.maxIdentityChanges, snapshot >= exemptBelow {
            findings += finding("max_identity_changes", renamed, of: snapshot, above: limit)
        }
        if let limit = guards.maxInvalid {
            findings += finding("max_invalid", counts.invalid, of: counts.rowsRead, above: limit)
        }
        return findings
    }

    /// Of a sync of events.
    /// - Parameters:
    ///   - counts: of the plan.
    ///   - new: events to be sent that no earlier run has begun to send.
    ///   - old: events to be sent that happened longer ago than the guards allow.
    ///   - possiblySent: events to be sent whose keys are forgotten, so that they may have been sent before.
    package static func judge(
        _ guards: GuardSettings, events counts: RunCounts, new: Int, old: Int, possiblySent: Int
    ) -> [GuardFinding] {
        var findings: [GuardFinding] = []
        if let limit = guards.maxEvents, new > limit {
            findings.append(GuardFinding(guard: "max_events", limit: "\(limit)", observed: "\(new)"))
        }
        if let seconds = guards.maxAgeSeconds, old > 0 {
            findings.append(GuardFinding(guard: "max_age", limit: TimeSpan.text(seconds), observed: "\(old)"))
        }
        if possiblySent > 0 {
            findings.append(GuardFinding(guard: "backfill", limit: "0", observed: "\(possiblySent)"))
        }
        if let limit = guards.maxInvalid {
            findings += finding("max_invalid", counts.invalid, of: counts.rowsRead, above: limit)
        }
        return findings
    }

    /// - Parameter limit: in percent. Compared by multiplication, so that 25 % of 100 is exactly 25.
    private static func finding(
        _ name: String, _ number: Int, of total: Int, above limit: Double, note: String = ""
    ) -> [GuardFinding] {
        guard Double(number) * 100 > limit * Double(total) else { return [] }
        let share = percentText(Double(number) * 100 / Double(total))
        return [
            GuardFinding(
                guard: name, limit: "\(percentText(limit))%", observed: "\(share)% (\(number) of \(total)\(note))")
        ]
    }

    /// A percentage says nothing about a handful: snapshots smaller than this are exempt from it.
    package static let exemptBelow = 100

    static func percentText(_ value: Double) -> String {
        value == value.rounded() ? String(Int(value)) : String(format: "%.1f", value)
    }
}
