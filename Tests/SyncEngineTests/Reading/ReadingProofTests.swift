import Foundation
import RollcallCore
import Testing
import Warehouse

@testable import SyncEngine

/// What proves that two readings were of the same rows, read alike.
@Suite struct ReadingProofTests {
    private func shape(_ fields: FieldSelection = .all(except: [])) throws -> RecordShape {
        let columns: [(String, ColumnFamily)] = [
            ("email", .text), ("plan", .text), ("orders", .long), ("score", .number), ("at", .localTimestamp),
            ("born", .date), ("details", .json),
        ]
        return try RecordShape(
            .people(UserSettings(fields: fields), mapping: ColumnMapping(email: "email"), project: .email),
            columns.map { AudienceColumn(name: $0.0, type: "", canIdentify: $0.1 == .text, family: $0.1) })
    }

    private func basis(_ shape: RecordShape) -> String { RecordPlanner.basis(shape, "salt", .table(["people"])) }

    @Test func theProgramAndItsTimeZonesBelongToIt() throws {
        let parts = try basis(shape()).split(whereSeparator: \.isWhitespace).map(String.init)
        #expect(parts.contains(rollcallVersion) && parts.contains(TimeZone.timeZoneDataVersion))
        #expect(parts.contains(EmailRules.topLevelDomainsVersion))
    }

    /// The text that Swift makes of a private type has an address in it, which is another one in each process.
    @Test func itHasNoAddressOfTheProcess() throws {
        let people = basis(try shape())
        #expect(!people.contains("unknown context"))
        let settings = CatalogSettings(name: "things", key: "plan", fields: .all(except: []))
        let items = try RecordShape(
            .items(settings),
            ["plan", "city"].map { AudienceColumn(name: $0, type: "", canIdentify: true, family: .text) })
        let things = basis(items)
        #expect(!things.contains("unknown context"))
    }

    @Test func theZoneOfAFieldBelongsToIt() throws {
        func basis(_ zone: String?) throws -> String {
            self.basis(try shape(.only([FieldSetting(name: "at", source: .column("at", zone: zone))])))
        }
        #expect(try basis("Europe/Berlin") != basis("Europe/Paris"))
        #expect(try basis("Europe/Berlin") == basis("Europe/Berlin"))
    }
}
