import RollcallCore
import Synchronization
import Warehouse

/// A plan that waits in its middle until it is told to go on. It is asked on a database thread, which may block.
final class WaitingPlan: StagedPlan {
    private enum Stage { case begun, going, given }

    private let changes: [Change]
    private let stage = Mutex<Stage?>(nil)

    init(_ changes: [Change]) { self.changes = changes }

    var hasBegun: Bool { stage.withLock { $0 != nil } }
    func goOn() { stage.withLock { $0 = .going } }

    func nextChanges(limit: Int) -> [Change] {
        while true {
            let answer: [Change]? = stage.withLock { stage in
                switch stage {
                case nil:
                    stage = .begun
                    return nil
                case .begun: return nil
                case .going:
                    stage = .given
                    return changes
                case .given: return []
                }
            }
            if let answer { return answer }
        }
    }

    func nextRecords(limit: Int) -> [ValidationRecord] { [] }
}
