import Foundation
import GRDB
import RollcallCore

extension SQLiteWarehouse {
    package func knownFields(destination: String, scope: String) async throws(WarehouseError) -> [KnownField] {
        try await read([]) { database in
            try database.rows(
                """
                SELECT field, type, created_by_run FROM rollcall_destination_fields
                 WHERE destination = :destination AND scope = :scope ORDER BY field COLLATE BINARY
                """, ["destination": .of(destination), "scope": .of(scope)]
            ) { KnownField(name: $0.text(0) ?? "", type: $0.text(1) ?? "", createdByRun: $0.text(2)) }
        }
    }

    package func noteFields(
        _ lease: Lease, destination: String, scope: String, _ fields: [KnownField]
    ) async throws(WarehouseError) {
        try await write(lease) { database in
            for field in fields {
                try database.change(
                    """
                    INSERT INTO rollcall_destination_fields (destination, scope, field, type, first_seen, created_by_run)
                    VALUES (:destination, :scope, :field, :type, \(SQLiteTime.now), :run)
                        ON CONFLICT (destination, scope, field) DO UPDATE
                       SET type = excluded.type, created_by_run = excluded.created_by_run
                    """,
                    [
                        "destination": .of(destination), "scope": .of(scope), "field": .of(field.name),
                        "type": .of(field.type), "run": .of(field.createdByRun),
                    ])
            }
        }
    }

    package func fieldPlaces(sync: String) async throws(WarehouseError) -> [String] {
        try await read([]) { database in
            // Tables which no run has upgraded yet have none.
            guard try SQLiteMigrations.hasTable("rollcall_field_places", database) else { return [] }
            return try Self.fieldPlaces(sync, database)
        }
    }

    package func addFieldPlaces(_ lease: Lease, _ names: [String]) async throws(WarehouseError) -> [String] {
        try await write(lease) { database in
            var places = try Self.fieldPlaces(lease.sync, database)
            // Names are compared by their bytes, as the table compares them.
            var known = Set(places.map { Array($0.utf8) })
            for name in names where known.insert(Array(name.utf8)).inserted {
                try database.change(
                    "INSERT INTO rollcall_field_places (sync_name, place, field) VALUES (:sync, :place, :field)",
                    ["sync": .of(lease.sync), "place": .of(places.count), "field": .of(name)])
                places.append(name)
            }
            return places
        }
    }

    private static func fieldPlaces(_ sync: String, _ database: Database) throws -> [String] {
        let rows = try database.rows(
            "SELECT place, field FROM rollcall_field_places WHERE sync_name = :sync ORDER BY place",
            ["sync": .of(sync)]
        ) { (place: $0.count(0), name: $0.text(1) ?? "") }
        guard rows.enumerated().allSatisfy({ $0.element.place == $0.offset }) else {
            throw WarehouseError(.other, "A row of rollcall_field_places is missing; it was deleted by hand.")
        }
        return rows.map { $0.name }
    }
}
