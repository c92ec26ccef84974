import Foundation
import RollcallCore
import Testing

@testable import rollcall

/// What a run's summary says to do next.
@Suite struct RunTextTests {
    private func advice(_ status: RunStatus, _ edit: (inout RunCounts) -> Void) -> [String] {
        var run = SyncRun(
            id: "01a22642-5c18-7d02-9e37-4f0ab61c82d5", sync: "members", destination: "marketing", trigger: .manual,
            status: status, startedAt: Date(timeIntervalSince1970: 1_800_000_000))
        edit(&run.counts)
        return RunText(console: Console(environment: [:])).advice(run)
    }

    /// `--status failed` would show nothing of a run whose records are unknown.
    @Test func theLogIsAskedForTheStatusesThatThereAre() {
        let log = "    rollcall log --run 01a22642-5c18-7d02-9e37-4f0ab61c82d5 --status"
        #expect(advice(.succeeded) { _ in }.isEmpty)
        let failed = advice(.completedWithFailures) { $0.failed = PerOperation(subscribe: 1) }
        #expect(failed == ["  Which and why:", "\(log) failed"])
        let unknown = advice(.interrupted) { $0.unknown = PerOperation(subscribe: 3) }
        #expect(unknown == ["  Which and why:", "\(log) unknown"])
        let both = advice(.interrupted) {
            $0.invalid = 2
            $0.unknown = PerOperation(subscribe: 3)
        }
        #expect(both == ["  Which and why:", "\(log) failed", "\(log) unknown"])
    }

    @Test func whyARunFailedFitsTheTerminal() {
        let message = "Iterable did not take a request after 6 attempts: example.com:8421 did not answer in time."
        let statement = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rollcall TO rollcall_service;"
        var run = SyncRun(
            id: "01a22642-5c18-7d02-9e37-4f0ab61c82d5", sync: "members", destination: "marketing", trigger: .manual,
            status: .failed, startedAt: Date(timeIntervalSince1970: 1_800_000_000))
        run.error = RunError(code: "destination_unavailable", message: message, hint: message + "\n" + statement)
        func lines(_ columns: Int?) -> [String] {
            RunText(console: Console(environment: ["NO_COLOR": "1"], outColumns: columns)).advice(run)
        }
        #expect(
            lines(80) == [
                "  error: Iterable did not take a request after 6 attempts: example.com:8421 did",
                "         not answer in time.",
                "  Iterable did not take a request after 6 attempts: example.com:8421 did not",
                "  answer in time.", statement,
            ])
        #expect(lines(nil) == ["  error: " + message, "  " + message, statement])
    }
}
