import Foundation
import RollcallCore

extension PostgresWarehouse {
    public func knownFields(destination: String, scope: String) async throws(WarehouseError) -> [KnownField] {
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

    public func noteFields(
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
}
