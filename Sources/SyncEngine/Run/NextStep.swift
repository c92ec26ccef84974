import RollcallCore

extension WhyReport {
    /// One sentence about the next run.
    public var nextStep: String {
        if let refusal { return "nothing is sent, the run is refused: \(refusal.message)" }
        let guarded = held.isEmpty ? "" : " (but a guard would hold the run)"
        let steps = changes.map { change in
            switch change.kind {
            case .parked: "nothing is sent: Iterable refused this person before; --retry-rejected tries again"
            default:
                "\(change.operation.rawValue) \(change.identity)"
                    + (change.notBefore.map { ", not before \($0.iso8601)" } ?? "")
            }
        }
        if !steps.isEmpty { return steps.joined(separator: "; ") + guarded }
        if rows.contains(where: \.isValid) { return "nothing to do, the list is right" }
        return rows.isEmpty ? "nothing to do" : "nothing is sent; the row fails again until it is corrected"
    }
}
