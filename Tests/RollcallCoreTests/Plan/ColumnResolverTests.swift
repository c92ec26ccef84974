import Foundation
import RollcallCore
import Testing

@Suite struct ColumnResolverTests {
    private let columns: [ColumnResolver.Column] = [
        ("email", "text", true), ("userId", "text", true), ("score", "double precision", false),
        ("twice", "text", true),
        ("twice", "text", true),
    ]

    private func resolve(
        _ mapping: ColumnMapping, _ type: ProjectType, placeholder: Bool = false
    ) -> Result<[String?], RunError> {
        do throws(RunError) {
            let found = try ColumnResolver.resolve(
                mapping, projectType: type, placeholderEmails: placeholder, columns: columns)
            return .success([found.email, found.userID])
        } catch {
            return .failure(error)
        }
    }

    @Test func withoutAMappingTheUsualNamesAreTaken() {
        #expect(resolve(ColumnMapping(), .email) == .success(["email", nil]))
        #expect(resolve(ColumnMapping(), .userID) == .success([nil, "userId"]))
        #expect(resolve(ColumnMapping(), .hybrid) == .success(["email", "userId"]))
        #expect(resolve(ColumnMapping(), .email, placeholder: true) == .success([nil, "userId"]))
    }

    @Test(arguments: [
        ("Email", "column_missing"), ("nope", "column_missing"), ("score", "column_type"),
        ("twice", "column_ambiguous"),
    ])
    func badColumnsAreRefusedByName(name: String, code: String) {
        guard case .failure(let error) = resolve(ColumnMapping(email: name), .email) else {
            Issue.record("\(name) was taken")
            return
        }
        #expect(error.code == code)
        #expect(error.message.contains("\"\(name)\""))
        #expect(error.hint != nil)
    }

    @Test func runIDsAreUUIDsThatSortByTime() {
        let early = RunID.make(now: Date(timeIntervalSince1970: 1_000_000_000), random: (.max, .max))
        let late = RunID.make(now: Date(timeIntervalSince1970: 1_000_000_000.001), random: (0, 0))
        #expect(early < late)
        #expect(RunID.isValid(early) && RunID.isValid(late))
        #expect(early.dropFirst(14).first == "7" && "89ab".contains(early.dropFirst(19).first ?? "x"))
        #expect(!RunID.isValid("not-an-id"))
    }
}
