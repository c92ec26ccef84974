import Foundation
import IterableSandbox
import Testing

/// Requests that were given up and are carried out later. People who left meanwhile do not come back, and those who came
/// back are not removed.
@Suite(.timeLimit(.minutes(10))) struct LateRequestTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var warehouse: Shop.Kind
        var operation: Fault.Target
        /// The process is killed before it knows; else its second try is answered at once.
        var isKilled: Bool
        var testDescription: String { "\(warehouse), late \(operation), \(isKilled ? "killed" : "answered later")" }
    }

    private static let cases: [Case] = [Shop.Kind.sqlite, .postgres].flatMap { kind in
        [Fault.Target.subscribe, .unsubscribe].flatMap { operation in
            [true, false].map { Case(warehouse: kind, operation: operation, isKilled: $0) }
        }
    }

    @Test(arguments: cases) func aLateRequestChangesNothing(_ item: Case) async throws {
        let limits =
            "requests_per_second: 1000, settle_seconds: 1, subscribers_per_request: 10, concurrent_requests: 2, "
            + "request_timeout_seconds: 2"
        try await FaultScene.with(item.warehouse, .hybrid, limits: limits) { scene in
            try await scene.putsRight()
            for round in 0..<2 {
                let (leaving, entering) = (Set(round * 6 + 1...round * 6 + 6), Set(round * 6 + 31...round * 6 + 36))
                try await scene.leave(leaving)
                try await scene.enter(entering)
                scene.shop.sandbox.setFaults([
                    Fault(.lateApply, target: item.operation, limit: item.isKilled ? nil : 1, seconds: 1.2)
                ])
                let program = try scene.shop.start("run", "members")
                _ = try await eventually { program.hasEnded || scene.shop.sandbox.counts.pendingLateRequests > 0 }
                if item.isKilled { program.signal(SIGKILL) }
                let end = try await program.output()
                #expect(item.isKilled || end.code == 0, "\(end.all)")
                scene.shop.sandbox.setFaults([])
                // Half of them change their mind before the lost request lands; the other half stays as it is.
                if item.operation == .subscribe {
                    try await scene.leave(Set(entering.sorted().prefix(3)))
                } else {
                    try await scene.enter(Set(leaving.sorted().prefix(3)))
                }
                try await scene.putsRight("round \(round)")
            }
        }
    }
}
