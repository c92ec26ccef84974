import RollcallCore
import SeededRandom
import Testing

@testable import SyncEngine

/// Large plans are staged in the order of fingerprints, small ones as they come, and nothing is lost on the way.
@Suite struct OrderedSpoolTests {
    private struct Row: Hashable {
        var isParked: Bool
        var fingerprint: Fingerprint
        var identity: Identity
    }

    private func rows(_ count: Int, emailBytes: Int) -> [Row] {
        var random = SeededGenerator(seed: UInt64(count))
        return (0..<count).map { number in
            let email = String(repeating: "x", count: Int(random.next() % UInt64(emailBytes))) + "\(number)@example.com"
            let both = random.next() % 3
            return Row(
                isParked: random.next() % 5 == 0,
                // Some share the first half, and the order of the second decides.
                fingerprint: Fingerprint(high: random.next() >> (number % 7 == 0 ? 60 : 0), low: random.next()),
                identity: Identity(email: both == 1 ? nil : email, userID: both == 2 ? nil : "u\(number)"))
        }
    }

    private func fill(_ rows: [Row]) throws -> PlanSpool {
        let spool = PlanSpool()
        for row in rows {
            try bytes(row.identity.email) { email in
                try bytes(row.identity.userID) { userID in
                    try spool.addEntered(
                        row.isParked ? .parked : .send, row.fingerprint, email: email, userID: userID)
                }
            }
        }
        return spool
    }

    private func bytes(_ text: String?, _ body: (UnsafeRawBufferPointer?) throws -> Void) throws {
        guard let text else { return try body(nil) }
        try Array(text.utf8).withUnsafeBytes { try body($0) }
    }

    private func read(_ reader: PlanSpool.EntryReader) throws -> [Row] {
        var rows: [Row] = []
        while let entry = try reader.next() {
            #expect(entry.operation == .subscribe)
            rows.append(
                Row(isParked: entry.kind == .parked, fingerprint: entry.fingerprint, identity: entry.identity))
        }
        return rows
    }

    @Test func aLargePlanComesByFingerprint() throws {
        let rows = rows(60_000, emailBytes: 200)
        let spool = try fill(rows)
        let ordered = try read(spool.makeOrderedEnteredReader())
        #expect(ordered == rows.sorted { $0.fingerprint < $1.fingerprint })
        #expect(try read(spool.makeEnteredReader()) == rows)
        // Staging may be repeated.
        #expect(try read(spool.makeOrderedEnteredReader()) == ordered)
    }

    @Test func aSmallPlanComesAsTheAudienceDoes() throws {
        let rows = rows(500, emailBytes: 20)
        #expect(try read(fill(rows).makeOrderedEnteredReader()) == rows)
        #expect(try read(PlanSpool().makeOrderedEnteredReader()).isEmpty)
    }

    @Test func leaversAreOrderedToo() throws {
        let spool = PlanSpool()
        var random = SeededGenerator(seed: 4)
        var expected: [Fingerprint] = []
        for number in 0..<60_000 {
            let fingerprint = Fingerprint(high: random.next(), low: random.next())
            expected.append(fingerprint)
            try spool.addLeft(
                .send,
                Member(
                    fingerprint: fingerprint,
                    identity: Identity(email: "somebody.with.a.long.address.\(number)@example.com", userID: nil),
                    state: .subscribed, listed: true))
        }
        let reader = try spool.makeOrderedLeftReader()
        var found: [Fingerprint] = []
        while let entry = try reader.next() { found.append(entry.fingerprint) }
        #expect(found == expected.sorted())
    }
}
