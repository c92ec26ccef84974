import RollcallCore
import SeededRandom
import Warehouse

@testable import SyncEngine

/// Which identifiers an audience has.
enum AudienceShape: Sendable, CaseIterable {
    case email, userID, both

    var columns: IdentifierColumns {
        IdentifierColumns(email: self == .userID ? nil : "email", userID: self == .email ? nil : "user_id")
    }
}

/// Rows of everything that can be in an audience, from a seed, and a snapshot that knows some of the people.
struct MixedAudience: Sendable {
    struct Cell: Sendable {
        var bytes: [UInt8]?
        var isIdentifier = true

        init(_ text: String?, isIdentifier: Bool = true) {
            bytes = text.map { Array($0.utf8) }
            self.isIdentifier = isIdentifier
        }

        func with(_ body: (AudienceCell) throws -> Void) rethrows {
            guard let bytes else { return try body(AudienceCell(bytes: nil, isIdentifier: isIdentifier)) }
            try bytes.withUnsafeBytes { try body(AudienceCell(bytes: $0, isIdentifier: isIdentifier)) }
        }
    }

    struct Row: Sendable {
        var email: Cell
        var userID: Cell

        func give(_ body: (AudienceCell, AudienceCell) throws -> Void) rethrows {
            try email.with { email in try userID.with { userID in try body(email, userID) } }
        }
    }

    static let key = [UInt8](repeating: 5, count: 16)
    let shape: AudienceShape
    private(set) var rows: [Row] = []
    private var members: [(fingerprint: Fingerprint, marks: MemberTable.Marks)] = []

    /// - Parameters:
    ///   - count: rows.
    ///   - spread: one row of so many has a value that is too long for a ``RowBatch``.
    init(_ shape: AudienceShape, count: Int, spread: UInt64 = 5000, seed: UInt64) {
        self.shape = shape
        var random = SeededGenerator(seed: seed)
        let fingerprinter = Fingerprinter(key: Self.key)
        for number in 0..<count {
            let isLong = random.next() % spread == 0
            rows.append(isLong ? Self.longRow(number, &random) : Self.row(number, &random))
            guard random.next() % 2 == 0 else { continue }
            let state = random.next() % 4 > 0 ? .subscribed : MemberState.allCases.randomElement(using: &random)
            members.append(
                (
                    fingerprinter.fingerprint(Self.identity(number, shape, &random)),
                    MemberTable.Marks(state ?? .subscribed, listed: random.next() % 3 > 0)
                ))
        }
    }

    /// A comparison with the snapshot that has met nobody yet.
    func makeDiff(_ resend: PlanScope = .init()) -> AudienceDiff {
        let snapshot = LoadedTable(MemberTable(capacity: members.count))
        for member in members { snapshot.value.addMember(member.fingerprint, member.marks) }
        return AudienceDiff(
            columns: shape.columns, fingerprinter: Fingerprinter(key: Self.key), resend: resend, snapshot: snapshot)
    }

    private static func identity(
        _ number: Int, _ shape: AudienceShape, _ random: inout SeededGenerator
    ) -> Identity {
        // In hybrid projects some are known by one identifier alone.
        let known = shape == .both ? random.next() % 5 : 4
        return Identity(
            email: shape == .userID || known == 0 ? nil : "p\(number)@example.com",
            userID: shape == .email || known == 1 ? nil : "u\(number)")
    }

    /// Two rows of three are as they should be.
    private static func row(_ number: Int, _ random: inout SeededGenerator) -> Row {
        let email = "p\(number)@example.com"
        let userID = "u\(number)"
        switch random.next() % 40 {
        case 0, 1: return row("p\(random.next() % UInt64(number + 1))@example.com", userID)
        case 2, 3:
            let other = random.next() % UInt64(number + 1)
            return row("p\(other)@example.com", "u\(other)")
        case 4: return row(nil, userID)
        case 5: return row(email, nil)
        case 6: return row(nil, nil)
        case 7: return row("", "")
        case 8: return row(" \t", userID)
        case 9: return row("nobody", "no\tbody")
        case 10: return row("p\(number)@@example.com", userID)
        case 11: return row(email, String(repeating: "u", count: 53))
        case 12: return row(String(repeating: "x", count: 1024), String(repeating: "y", count: 1024))
        case 13: return row(String(repeating: " ", count: 1024 - email.utf8.count) + email, userID)
        case 14: return Row(email: Cell("1.5", isIdentifier: false), userID: Cell(userID))
        case 15: return Row(email: Cell(email), userID: Cell("1.5", isIdentifier: false))
        case 16: return row("p\(number)@exämple.com", userID)
        case 17, 18: return row("\t P\(number)@EXAMPLE.com ", userID)
        default: return row(email, userID)
        }
    }

    private static func longRow(_ number: Int, _ random: inout SeededGenerator) -> Row {
        let email = "p\(number)@example.com"
        let userID = "u\(number)"
        switch random.next() % 4 {
        case 0: return row(String(repeating: "x", count: 1025), userID)
        case 1: return row(email, String(repeating: "y", count: 4000))
        // As it stands too long for an address, and a good one when its blanks are gone.
        case 2: return row(String(repeating: " ", count: 1500) + email, userID)
        default: return row(email + String(repeating: "\t", count: 1025), String(repeating: "y", count: 1025))
        }
    }

    private static func row(_ email: String?, _ userID: String?) -> Row {
        Row(email: Cell(email), userID: Cell(userID))
    }
}

/// What a comparison found, in an order of its own.
struct DiffFindings {
    var counts: RunCounts
    var entered: [String] = []
    var records: [String] = []
    var table: [Fingerprint: MemberTable.Marks] = [:]

    init(_ diff: AudienceDiff) throws {
        counts = diff.counts
        let entries = diff.spool.makeEnteredReader()
        while let entry = try entries.next() {
            let (email, userID) = (entry.identity.email ?? "NULL", entry.identity.userID ?? "NULL")
            entered.append("\(entry.fingerprint.high) \(entry.fingerprint.low) \(entry.kind) \(email) \(userID)")
        }
        let reader = diff.spool.makeRecordReader()
        while let record = try reader.next() {
            let values = [record.email, record.userID].map { $0.map { String(decoding: $0, as: UTF8.self) } ?? "NULL" }
            records.append("\(record.isFailure) \(values) \(record.reason.code) \(record.reason.reason)")
        }
        entered.sort()
        records.sort()
        diff.table.forEach { table[$0] = $1 }
    }
}
