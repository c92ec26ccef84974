import Foundation
import RollcallCore

extension SQLiteWarehouse {
    public func knownFields(destination: String, scope: String) async throws(WarehouseError) -> [KnownField] {
        try await read([]) { database in
            try database.rows(
                """
                SELECT field, type, created_by_run FROM rollcall_destination_fields
                 WHERE destination = :destination AND scope = :scope ORDER BY field COLLATE BINARY
                """, ["destination": .of(destination), "scope": .of(scope)]
            ) { KnownField(name: $0.text(0) ?? "", type: $0.text(1) ?? "", createdByRun: $0.text(2)) }
        }
    }

    public func noteFields(
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
}
