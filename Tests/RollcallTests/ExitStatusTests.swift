import Testing

@testable import rollcall

@Suite struct ExitStatusTests {
    @Test func theMostSeriousCodeWins() {
        #expect(ExitStatus.worst([.success, .completedWithFailures, .busy]) == .busy)
        #expect(ExitStatus.worst([.busy, .held, .completedWithFailures]) == .held)
        #expect(ExitStatus.worst([.held, .failed]) == .failed)
        #expect(ExitStatus.worst([]) == .success)
    }
}
