public import RollcallCore
import Warehouse

extension RunError {
    /// What any error of the ports means for a run.
    public init(any error: any Error) {
        switch error {
        case let error as RunError: self = error
        case let error as WarehouseError: self = error.error
        case let error as DestinationError: self = error.error
        case is CancellationError: self.init(code: "stopped", message: "the run was stopped")
        default: self.init(code: "internal", message: "unexpected error: \(error)")
        }
    }
}
