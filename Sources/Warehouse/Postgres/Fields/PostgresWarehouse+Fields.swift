import Foundation
import RollcallCore

extension PostgresWarehouse {
    package func knownFields(destination: String, scope: String) async throws(WarehouseError) -> [KnownField] {
        try await read(orWithoutTables: []) { session in
            let result = try session.query(
                """
                SELECT field, type, created_by_run FROM destination_fields
                 WHERE destination = $1 AND scope = $2 ORDER BY field COLLATE "C"
                """, [destination, scope])
            return try (0..<result.rowCount).compactMap { row in
                guard let name = try result.text(row, 0).map(session.original), let type = result.text(row, 1) else {
                    return nil
                }
                return KnownField(name: name, type: type, createdByRun: result.text(row, 2))
            }
        }
    }

    package func noteFields(
        _ lease: Lease, destination: String, scope: String, _ fields: [KnownField]
    ) async throws(WarehouseError) {
        try await leased(lease) { session in
            for field in fields {
                try session.modify(
                    """
                    INSERT INTO destination_fields (destination, scope, field, type, first_seen, created_by_run)
                    VALUES ($1, $2, $3, $4, now(), $5::uuid)
                    ON CONFLICT (destination, scope, field) DO UPDATE
                       SET type = excluded.type, created_by_run = excluded.created_by_run
                    """, [destination, scope, field.name, field.type, field.createdByRun])
            }
        }
    }

    package func fieldPlaces(sync: String) async throws(WarehouseError) -> [String] {
        try await read(orWithoutTables: []) { try Self.fieldPlaces(sync, $0) }
    }

    package func addFieldPlaces(_ lease: Lease, _ names: [String]) async throws(WarehouseError) -> [String] {
        try await leased(lease) { session in
            var places = try Self.fieldPlaces(lease.sync, session)
            // Names are compared by their bytes, as the table compares them.
            var known = Set(places.map { Array($0.utf8) })
            for name in names where known.insert(Array(name.utf8)).inserted {
                try session.modify(
                    "INSERT INTO field_places (sync_name, place, field) VALUES ($1, $2::integer, $3)",
                    [lease.sync, String(places.count), name])
                places.append(name)
            }
            return places
        }
    }

    private static func fieldPlaces(_ sync: String, _ session: PostgresSession) throws -> [String] {
        let result = try session.query(
            "SELECT place, field FROM field_places WHERE sync_name = $1 ORDER BY place", [sync])
        return try (0..<result.rowCount).map { row in
            guard result.integer(row, 0) == Int64(row), let name = result.text(row, 1) else {
                throw WarehouseError(.other, "A row of field_places is missing; it was deleted by hand.")
            }
            return try session.original(name)
        }
    }
}
