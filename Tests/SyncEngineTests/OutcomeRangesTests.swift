import Foundation
import RollcallCore
import Testing

@testable import SyncEngine

@Suite struct OutcomeRangesTests {
    private static let reason = FailureReason(code: "code", reason: "Reason.")
    private static let doubt = Date(timeIntervalSince1970: 1000)

    private static func changes(_ sequences: [Int64]) -> [Change] {
        sequences.map {
            Change(
                sequence: $0, kind: .send, operation: .update, fingerprint: Fingerprint(high: 1, low: 1),
                identity: Identity(email: "p\($0)", userID: nil))
        }
    }

    private static func sent(
        _ sequences: [Int64], _ exceptions: [Int64: RecordOutcome] = [:], mayLandUntil: Date? = nil
    ) -> BatchOutcome {
        BatchOutcome(
            sequences: sequences[0]...sequences[sequences.count - 1], changes: sequences.count, operation: .update,
            exceptions: exceptions, httpStatus: 200, attempts: 2, mayLandUntil: mayLandUntil,
            entries: changes(sequences))
    }

    /// Each range as `first-last`, with `?` where it may still be carried out, and its exceptions.
    private static func words(_ ranges: [BatchOutcome]) -> [String] {
        ranges.map { range in
            let exceptions = range.exceptions.sorted { $0.key < $1.key }.map { " \($0.key) \($0.value.kind.rawValue)" }
            return "\(range.sequences.lowerBound)-\(range.sequences.upperBound)"
                + (range.mayLandUntil == nil ? "" : "?") + exceptions.joined()
        }
    }

    @Test func whatWasCertainlyNotCarriedOutIsCutOutOfADoubt() {
        let ranges = OutcomeRanges.of(
            [Self.sent([1, 4, 6], mayLandUntil: Self.doubt)],
            [2: .rejected(Self.reason), 3: .notAttempted(Self.reason), 5: .rejected(Self.reason)], mayLandUntil: nil,
            in: Self.changes(Array(1...6)))
        #expect(
            Self.words(ranges) == ["1-1?", "2-2 2 rejected", "3-3 3 not_attempted", "4-4?", "5-5 5 rejected", "6-6?"])
        #expect(ranges.map(\.changes) == [1, 1, 1, 1, 1, 1] && ranges.map(\.attempts) == [2, 1, 0, 2, 1, 2])
        #expect(ranges.flatMap(\.entries).map(\.sequence) == Array(1...6))
    }

    @Test func aDoubtOfWhatWasWithheldIsNotThatOfItsNeighbours() {
        let ranges = OutcomeRanges.of(
            [Self.sent([1, 3])], [2: .unknown(Self.reason)], mayLandUntil: Self.doubt, in: Self.changes([1, 2, 3]))
        #expect(Self.words(ranges) == ["1-1", "2-2? 2 unknown", "3-3"])
    }

    @Test func whereAllIsCertainOneRangeIsEnough() {
        let ranges = OutcomeRanges.of(
            [Self.sent([2, 4, 7], [4: .failed(Self.reason)])],
            [1: .rejected(Self.reason), 3: .rejected(Self.reason), 9: .rejected(Self.reason)], mayLandUntil: nil,
            in: Self.changes([1, 2, 3, 4, 7, 9]))
        #expect(Self.words(ranges) == ["1-1 1 rejected", "2-7 3 rejected 4 failed", "9-9 9 rejected"])
        #expect(ranges.map(\.changes) == [1, 4, 1])
    }

    @Test func whatWasSentBetweenOthersLaterHasARange() {
        let ranges = OutcomeRanges.of(
            [Self.sent([1, 2]), Self.sent([4, 6]), Self.sent([3, 5], [5: .failed(Self.reason)])], [:],
            mayLandUntil: nil, in: Self.changes(Array(1...6)))
        #expect(Self.words(ranges) == ["1-2", "3-3", "4-4", "5-5 5 failed", "6-6"])
    }

    @Test func nothingWasSent() {
        let ranges = OutcomeRanges.of(
            [], [1: .rejected(Self.reason), 2: .rejected(Self.reason), 5: .rejected(Self.reason)], mayLandUntil: nil,
            in: Self.changes([1, 2, 5]))
        #expect(Self.words(ranges) == ["1-5 1 rejected 2 rejected 5 rejected"])
    }
}
