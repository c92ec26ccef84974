import RollcallCore
import Testing

@testable import SyncEngine

/// What is done about a pending tick, attempt by attempt.
@Suite struct TickLifeTests {
    private static let latest = TickAttempt.Circumstances(isConfigurationOver: false, isLatest: true)

    @Test(arguments: [
        (TickAttempt.ran(runID: "r"), TickStep.resolve(.ran, runID: "r")),
        (.held(runID: "h"), .resolve(.skippedHeld, runID: "h")), (.running, .resolve(.skippedRunning)),
        (.leaseRunsOut, .tryAgain(after: .zero)), (.stopping, .leave), (.decided, .leave),
        (.failed(latest), .tryAgain(after: .seconds(2))),
        (.failed(.init(isConfigurationOver: false, isLatest: false)), .resolve(.missed)),
        (.failed(.init(isConfigurationOver: true, isLatest: true)), .leave),
        (.failed(.init(isConfigurationOver: true, isLatest: false)), .leave),
    ])
    func eachAttemptHasItsStep(_ attempt: TickAttempt, _ step: TickStep) {
        var life = TickLife()
        #expect(life.next(after: attempt) == step)
    }

    @Test func failuresAreTriedAgainEverMoreSlowly() {
        var life = TickLife()
        let pauses = (1...7).map { _ in life.next(after: .failed(Self.latest)) }
        #expect(pauses == [2, 4, 8, 16, 30, 30, 30].map { TickStep.tryAgain(after: .seconds($0)) })
        #expect(life.next(after: .ran(runID: "r")) == .resolve(.ran, runID: "r"))
    }
}
