import Foundation
import RollcallCore
import Testing
import Warehouse

@testable import SyncEngine

@Suite struct InDoubtIndexTests {
    private static let ann = Identity(email: "ann@example.com", userID: "u1")
    private static let nobody = Identity(email: nil, userID: nil)
    private static func at(_ seconds: Double) -> Date { Date(timeIntervalSince1970: seconds) }

    private func request(
        _ operation: RollcallCore.Operation, _ identity: Identity, until seconds: Double
    ) -> RequestInDoubt {
        RequestInDoubt(identity: identity, operation: operation, mayLandUntil: Self.at(seconds))
    }

    @Test func theSameWriteIsRepeatedAtOnceAndAnyOtherWaits() {
        let index = InDoubtIndex([request(.subscribe, Self.ann, until: 10), request(.subscribe, Self.ann, until: 8)])
        #expect(index.notBefore(.init(operation: .subscribe), for: .person(Self.ann)) == nil)
        #expect(index.notBefore(.init(operation: .unsubscribe), for: .person(Self.ann)) == Self.at(10))
        for other in [Identity(email: "ann@example.com", userID: "u9"), Identity(email: nil, userID: "u1")] {
            #expect(index.notBefore(.init(operation: .unsubscribe), for: .person(other)) == Self.at(10), "\(other)")
        }
        let namesake = Identity(email: "u1", userID: "ann@example.com")
        #expect(index.notBefore(.init(operation: .unsubscribe), for: .person(namesake)) == nil, "an email is no userId")
    }

    @Test func recordsAreKnownByFingerprintAndContent() {
        let (item, other) = (Fingerprint(high: 1, low: 2), Fingerprint(high: 2, low: 2))
        var lost = request(.put, Self.nobody, until: 10)
        (lost.fingerprint, lost.content) = (item, 5)
        var older = lost
        (older.content, older.mayLandUntil) = (4, Self.at(7))
        let index = InDoubtIndex([lost])
        #expect(index.notBefore(.init(operation: .put, content: 5), for: .record(item, Self.nobody)) == nil)
        #expect(index.notBefore(.init(operation: .put, content: 6), for: .record(item, Self.nobody)) == Self.at(10))
        #expect(index.notBefore(.init(operation: .delete, content: 5), for: .record(item, Self.nobody)) == Self.at(10))
        #expect(index.notBefore(.init(operation: .put, content: 6), for: .record(other, Self.nobody)) == nil)
        // A person is the same one under another key.
        let anna = Identity(email: "anna@example.com", userID: nil)
        var update = request(.update, anna, until: 10)
        (update.fingerprint, update.content) = (item, 5)
        let people = InDoubtIndex([update])
        #expect(people.notBefore(.init(operation: .update, content: 6), for: .record(other, anna)) == Self.at(10))
        #expect(people.notBefore(.init(operation: .update, content: 5), for: .record(other, anna)) == nil)
        let both = InDoubtIndex([lost, older])
        #expect(both.notBefore(.init(operation: .put, content: 5), for: .record(item, Self.nobody)) == Self.at(7))
        #expect(both.notBefore(.init(operation: .put, content: 4), for: .record(item, Self.nobody)) == Self.at(10))
    }

    @Test func aRequestOfAClockThatWasSetBackWaitsNoLongerThanAnother() {
        let index = InDoubtIndex([request(.subscribe, Self.ann, until: 1000)], latest: Self.at(20))
        #expect(index.notBefore(.init(operation: .unsubscribe), for: .person(Self.ann)) == Self.at(20))
    }
}
