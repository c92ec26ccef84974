import Hummingbird
import RollcallCore
import SyncEngine

extension Problem {
    /// What an error of the service means to the one who asked.
    init(_ error: ServiceError) {
        let status: HTTPResponse.Status =
            switch error.kind {
            case .unknownSync, .unknownRun: .notFound
            case .busy, .alreadyHeld, .notHeld, .notRunning, .stateElsewhere: .conflict
            case .warehouse, .stopping: .serviceUnavailable
            case .failed: .badGateway
            }
        self.init(status, error.error.code, error.error.message, hint: error.error.hint, runID: error.runID)
        if status == .serviceUnavailable { headers[.retryAfter] = "5" }
    }
}
