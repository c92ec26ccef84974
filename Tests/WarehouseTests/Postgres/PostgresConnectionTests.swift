import Foundation
import RollcallCore
import TemporaryFolders
import TestSupport
import Testing
import Warehouse

@Suite struct PostgresConnectionTests {
    private func works(_ url: String) async -> WarehouseError? {
        let warehouse = PostgresWarehouse(url: Secret(url), stateSchema: "rollcall")
        let error = await warehouseFailure { try await warehouse.now() }
        await warehouse.close()
        return error
    }

    @Test func takesEveryKindOfConnectionString() async throws {
        try await withDatabase { fixture in
            let cluster = fixture.cluster
            let folder = try TemporaryFolders.make("connection")
            defer { try? FileManager.default.removeItem(at: folder) }
            let role = "r_" + fixture.database
            try await cluster.createRole(role, password: "s3cret:pass")
            let passfile = folder.appendingPathComponent("passfile")
            try "127.0.0.1:*:*:\(role):s3cret\\:pass\n".write(to: passfile, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: passfile.path)
            let service = folder.appendingPathComponent("service.conf")
            try "[crm]\nhost=127.0.0.1\nport=\(cluster.port)\ndbname=\(fixture.database)\nuser=postgres\n"
                .write(to: service, atomically: true, encoding: .utf8)
            let database = fixture.database
            let urls = [
                cluster.socketURL(database: database), cluster.tcpURL(database: database),
                cluster.tcpURL(database: database) + "?sslmode=prefer&connect_timeout=3",
                cluster.tcpURL(database: database, user: role, password: "s3cret%3Apass"),
                cluster.tcpURL(database: database, user: role) + "?passfile=\(passfile.path)",
                "postgresql:///\(database)?host=\(cluster.folder.path)&port=\(cluster.port)&user=postgres",
            ]
            for url in urls { #expect(await works(url) == nil, "\(url)") }
            // In a process of its own, as no thread may read the environment while another one changes it.
            await #expect(processExitsWith: .success) { [path = service.path as String] in
                setenv("PGSERVICEFILE", path, 1)
                let warehouse = PostgresWarehouse(url: Secret("service=crm"), stateSchema: "rollcall")
                #expect(await warehouseFailure { try await warehouse.now() } == nil)
            }
            try await cluster.run("DROP ROLE \(role)")
        }
    }

    @Test(arguments: [
        "postgresql://u:c4nary@127.0.0.1:1/db", "host=127.0.0.1 port=1 password=c4nary",
        "host=/nowhere password=c4nary",
        "postgresql://u:c4nary@127.0.0.1:99999999/db", "password=c4nary c4nary", "postgresql://u:c4nary@[::1/db",
        "nonsense c4nary", "postgresql://u:p@127.0.0.1/db?c4nary=1",
    ])
    func failuresNeverShowTheConnectionString(url: String) async throws {
        let error = try #require(await works(url))
        #expect(error.kind == .connection)
        #expect(!"\(error) \(String(reflecting: error))".contains("c4nary"))
    }

    @Test func theUsersSettingsWinOverOurs() async throws {
        try await withDatabase { fixture in
            let url = fixture.cluster.socketURL(database: fixture.database)
            for (addition, expected) in [("", "rollcall"), (" application_name=mine", "mine")] {
                let warehouse = PostgresWarehouse(url: Secret(url + addition), stateSchema: "rollcall")
                let rows = try await audience(
                    warehouse, .query("SELECT current_setting('application_name') AS name", file: nil),
                    IdentifierColumns(email: "name", userID: nil))
                #expect(rows.first?.first?.text == expected)
                await warehouse.close()
            }
        }
    }

    @Test func aLostConnectionFailsTheCallAndTheNextOneReconnects() async throws {
        try await withDatabase { fixture in
            let warehouse = fixture.warehouse
            let error = await warehouseFailure {
                try await warehouse.readAudience(
                    .query(
                        "SELECT g::text AS id, pg_sleep(CASE g WHEN 5000 THEN 600 ELSE 0 END) FROM generate_series(1, 9999) g",
                        file: nil), columns: IdentifierColumns(email: "id", userID: nil)
                ) { cell, _ in
                    guard cell.bytes?.elementsEqual("1".utf8) == true else { return }
                    Task { try await fixture.cluster.terminateBackends(database: fixture.database) }
                }
            }
            #expect(error?.kind == .connection)
            let columns = try await warehouse.columns(of: .query("SELECT 1 AS id", file: nil))
            #expect(columns.count == 1)
        }
    }

    @Test func worksAgainAfterTheServerRestarted() async throws {
        let cluster = try await PostgresCluster.separate()
        defer { cluster.stop() }
        let fixture = try await PostgresFixture.make(on: cluster)
        let version = try await fixture.warehouse.migrate().to
        let lease = try await fixture.warehouse.lease()
        try await cluster.restart()
        try await fixture.warehouse.renewLease(lease, seconds: 30)
        #expect(try await fixture.warehouse.schemaVersion() == version)
    }

    @Test func callsAfterCloseFail() async throws {
        try await withDatabase { fixture in
            await fixture.warehouse.close()
            #expect(await warehouseFailure { try await fixture.warehouse.now() } != nil)
        }
    }
}
