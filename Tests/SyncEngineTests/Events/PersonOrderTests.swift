import RollcallCore
import Testing

@testable import SyncEngine

@Suite struct PersonOrderTests {
    private static func change(_ sequence: Int64, _ person: String) -> Change {
        Change(
            sequence: sequence, kind: .send, operation: .track, fingerprint: Fingerprint(high: 1, low: 1),
            identity: Identity(email: person, userID: nil))
    }

    private static func outcome(_ batch: [Change], _ exceptions: [Int64: RecordOutcome] = [:]) -> BatchOutcome {
        BatchOutcome(
            sequences: batch[0].sequence...batch[batch.count - 1].sequence, operation: .track, exceptions: exceptions,
            httpStatus: 200, attempts: 1, entries: batch)
    }

    private static let reason = FailureReason(code: "code", reason: "Reason.")

    @Test func aPersonIsInOneRequestAtATime() {
        var order = PersonOrder()
        let first = [Self.change(1, "ann"), Self.change(2, "ben"), Self.change(3, "ann")]
        #expect(order.isFree(for: first))
        order.begin(first)
        #expect(!order.isFree(for: [Self.change(4, "cy"), Self.change(5, "ben")]))
        #expect(order.isFree(for: [Self.change(4, "cy")]))
        order.begin([Self.change(4, "cy")])
        order.end(first, [Self.outcome(first)])
        #expect(order.isFree(for: [Self.change(5, "ann"), Self.change(6, "ben")]))
        #expect(!order.isFree(for: [Self.change(5, "cy")]))
    }

    @Test func whatFollowsAnEventThatWaitsOrIsInDoubtIsWithheld() {
        var order = PersonOrder()
        let first = [Self.change(1, "ann"), Self.change(2, "ben"), Self.change(3, "cy"), Self.change(4, "dan")]
        order.begin(first)
        order.end(
            first,
            [
                Self.outcome(
                    Array(first[..<2]), [1: .waiting(Self.reason), 2: .unknown(Self.reason)]),
                Self.outcome(Array(first[2...]), [3: .rejected(Self.reason)]),
            ])
        let next = [Self.change(5, "dan"), Self.change(6, "ben"), Self.change(7, "ann"), Self.change(8, "cy")]
        let withheld = order.withheld(next)
        #expect(withheld.keys.sorted() == [6, 7])
        #expect(withheld[6]?.kind == .waiting && withheld[7]?.kind == .waiting)
        #expect(withheld[7]?.reason?.code == "waiting_for_user")
    }

    @Test func whatFollowsAnEventThatWasNotSentIsNotSentEither() {
        var order = PersonOrder()
        let first = [Self.change(1, "ann"), Self.change(2, "ben"), Self.change(3, "ann")]
        order.begin(first)
        order.end(first, [Self.outcome(first, [1: .notAttempted(Self.reason), 3: .waiting(Self.reason)])])
        let withheld = order.withheld([Self.change(4, "ben"), Self.change(5, "ann")])
        #expect(withheld.keys.sorted() == [5])
        #expect(withheld[5]?.kind == .notAttempted && withheld[5]?.reason?.code == "code")
    }
}
