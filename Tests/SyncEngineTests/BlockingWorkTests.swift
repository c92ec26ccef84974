import Foundation
import Synchronization
import Testing

@testable import SyncEngine

/// Work that blocks or computes has threads apart from those of Swift's tasks.
@Suite(.timeLimit(.minutes(2)))
struct BlockingWorkTests {
    private final class Gate: Sendable {
        let begun = Atomic(0)
        let isOpen = Atomic(false)

        /// Computes until the gate is open.
        /// - Returns: false where it was not opened within 20 seconds.
        func pass() -> Bool {
            begun.add(1, ordering: .relaxed)
            let end = ContinuousClock.now + .seconds(20)
            while !isOpen.load(ordering: .relaxed) {
                if ContinuousClock.now > end { return false }
            }
            return true
        }
    }

    /// A task opens the gate when more pieces of work compute than the machine has cores.
    @Test func itKeepsNoTaskWaiting() async throws {
        let gate = Gate()
        let count = ProcessInfo.processInfo.activeProcessorCount + 1
        let work = (0..<count).map { _ in Task { try await BlockingWork.run { gate.pass() } } }
        while gate.begun.load(ordering: .relaxed) < count { try await Task.sleep(for: .milliseconds(1)) }
        gate.isOpen.store(true, ordering: .relaxed)
        for work in work { #expect(try await work.value) }
    }
}
