package import RollcallCore
import Warehouse

extension RunError {
    /// What any error of the ports means for a run.
    package init(any error: any Error) {
        switch error {
        case let error as RunError: self = error
        case let error as WarehouseError: self = error.error
        case let error as DestinationError: self = error.error
        case is CancellationError: self.init(code: "stopped", message: "the run was stopped")
        default: self.init(code: "internal", message: "unexpected error: \(error)")
        }
    }
}

extension RunError {
    /// The lease of a sync is another process's.
    static func busy(_ sync: String, _ attempt: LeaseAttempt) -> RunError {
        guard case .busy(let holder, let seconds, let runID) = attempt else {
            return RunError(code: "busy", message: "the sync is busy")
        }
        let run = runID.map { " (run \($0))" } ?? ""
        return RunError(
            code: "busy", message: "another run of \(sync) is in progress\(run), held by \(Holder.shown(holder))",
            hint: "Wait for it; if its process is dead, the sync is free in \(Int(seconds.rounded(.up))) s.")
    }
}
