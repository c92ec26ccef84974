import Foundation
import RollcallCore
import TestSupport
import Testing

@testable import Warehouse

/// What errors say: where, and how to fix it, and never a value of a row.
@Suite struct PostgresErrorTests {
    private static let address = "u1@example.com"

    /// Functions that raise an error with a person's address in it, under any code, and casts that fail with it.
    private static let setup = """
        CREATE TABLE people AS SELECT text '\(address)' AS email, 1 AS id;
        CREATE FUNCTION raise(code text, value text) RETURNS text LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION '%', value USING ERRCODE = code, HINT = value, DETAIL = value; END $$;
        CREATE FUNCTION lookup(value text) RETURNS text LANGUAGE plpgsql AS $$
            BEGIN EXECUTE 'SELECT "' || value || '"'; RETURN ''; END $$;
        CREATE FUNCTION number(value text) RETURNS text LANGUAGE sql AS 'SELECT value::int::text';
        CREATE TYPE tier AS ENUM ('gold');
        """

    private static let codes = [
        "P0001", "P0002", "P0004", "42703", "42P01", "42601", "42501", "42883", "22023", "23505", "0A000", "21000",
        "XX000",
        "53100", "40001", "55000", "57014", "3F000", "38000", "ZZ001",
    ]

    static let expressions =
        codes.map { "raise('\($0)', email)" } + [
            "lookup(email)", "number(email)", "email::int::text", "email::date::text", "email::regclass::text",
            "email::uuid::text",
            "email::tier::text", "email::jsonb::text", "email::regproc::text", "to_date(email, email)::text",
            "(1 / (id - 1))::text", "repeat(email, 1)::varchar(3)::int::text", "email::inet::text",
            "(string_to_array(email, '@'))::int[]::text", "regexp_replace(email, '(' || email, '')",
            "email::xml::text || email::point::text",
        ]

    @Test(arguments: expressions) func noErrorQuotesAValue(_ expression: String) async throws {
        try await withDatabase { fixture in
            try await fixture.execute(Self.setup)
            let error = await warehouseFailure {
                try await audience(
                    fixture.warehouse, .query("SELECT \(expression) AS email FROM people", file: nil),
                    IdentifierColumns(email: "email", userID: nil))
            }
            let shown = "\(error?.error.message ?? "") \(error?.error.hint ?? "")"
            #expect(error != nil && !shown.contains("u1@"), "\(shown)")
            #expect(shown.contains("SQLSTATE") || error?.kind == .timeout, "\(shown)")
        }
    }

    /// The names of what is missing are the query's own, at the place that the server points to.
    @Test(arguments: [
        ("SELECT email\nFROM \"VIP people\" p", "audience_table_missing", "VIP people", "(line 2, column 6)"),
        ("SELECT nope FROM people", "audience_column_missing", "nope", "(line 1, column 8)"),
        ("SELECT p.Nope\n  FROM people p", "audience_column_missing", "p.nope", "(line 1, column 8)"),
        ("SELECT email FROM marts.people", "audience_table_missing", "marts.people", "(line 1, column 19)"),
        ("SELEC email FROM people", "warehouse_query", "selec", "(line 1, column 1)"),
        ("SELECT ü, email\nFROM people,", "warehouse_query", "syntax error", "(line 2, column 13)"),
        ("SELECT email FROM people WHERE email = 5", "warehouse_query", "operator", "(line 1, column 38)"),
    ])
    func missingNamesComeFromTheQuery(_ query: String, _ code: String, _ name: String, _ place: String) async throws {
        try await withDatabase { fixture in
            try await fixture.execute(Self.setup)
            let error = await warehouseFailure { try await fixture.warehouse.columns(of: .query(query, file: nil)) }
            #expect(error?.error.code == code, "\(error as Any)")
            #expect(error?.error.message.contains(name) == true, "\(error as Any)")
            #expect(error?.error.message.contains(place) == true, "\(error as Any)")
        }
    }

    /// Those of the relations that the query names, the nearest first, and none of state tables.
    @Test(arguments: [
        ("SELECT emial FROM people", "people.email, people.id."),
        ("SELECT p.ids FROM people p", "people.id, people.email."),
        ("SELECT emial FROM marts.buyers b, rollcall.sync_log", "buyers.e-mail."),
    ])
    func aMissingColumnIsAnsweredWithThoseThatExist(_ query: String, _ names: String) async throws {
        try await withDatabase { fixture in
            try await fixture.execute(Self.setup + "CREATE SCHEMA marts; CREATE TABLE marts.buyers (\"e-mail\" text);")
            _ = try await fixture.warehouse.migrate()
            let error = await warehouseFailure { try await fixture.warehouse.columns(of: .query(query, file: nil)) }
            #expect(error?.error.code == "audience_column_missing", "\(error as Any)")
            #expect(error?.error.hint?.hasSuffix("What the query names has: \(names)") == true, "\(error as Any)")
        }
    }

    /// What the server parses and does not take in FROM is no syntax error of the user's.
    @Test(arguments: ["DELETE FROM people RETURNING email", "EXPLAIN SELECT email FROM people", "SHOW search_path"])
    func whatIsNoSelectIsCalledSo(_ query: String) async throws {
        try await withDatabase { fixture in
            try await fixture.execute(Self.setup)
            let error = await warehouseFailure { try await fixture.warehouse.columns(of: .query(query, file: nil)) }
            #expect(error?.error.message == "The audience query is not a SELECT.", "\(error as Any)")
            #expect(error?.error.hint == "Write a single SELECT statement.")
        }
    }

    @Test func parametersHaveAHint() async throws {
        try await withDatabase { fixture in
            try await fixture.execute(Self.setup)
            let query = AudienceSource.query("SELECT email FROM people WHERE id = $1", file: nil)
            let error = await warehouseFailure { try await fixture.warehouse.columns(of: query) }
            #expect(error?.error.hint == "Write the values into the query.", "\(error as Any)")
        }
    }

    @Test func literalsOfTheQueryAreNotQuotedEither() async throws {
        try await withDatabase { fixture in
            for query in [
                "SELECT 1 AS id WHERE 'a' 'u1@example.com'", "SELECT 'u1@example.com", "SELECT 1 'u1@example.com'",
            ] {
                let error = await warehouseFailure { try await fixture.warehouse.columns(of: .query(query, file: nil)) }
                #expect(error?.kind == .query)
                #expect(error?.error.description.contains("u1@") == false, "\(error as Any)")
            }
        }
    }

    /// Tables behind views are named too, and views are told from tables.
    @Test func grantsAreForWhatIsMissing() async throws {
        try await withDatabase { fixture in
            let role = "role_" + fixture.database
            try await fixture.cluster.createRole(role)
            try await fixture.execute(
                "CREATE SCHEMA crm; CREATE TABLE crm.people (email text); CREATE TABLE other (email text);"
                    + " CREATE TABLE people (email text); GRANT SELECT ON people TO \(role)")
            let warehouse = PostgresWarehouse(
                url: Secret(fixture.cluster.socketURL(database: fixture.database, user: role)), stateSchema: "rollcall")
            func hint(_ query: String) async -> String? {
                await warehouseFailure { try await warehouse.columns(of: .query(query, file: nil)) }?.error.hint
            }
            #expect(
                await hint("SELECT email FROM crm.people") == "GRANT USAGE ON SCHEMA crm TO \(role);"
                    + " GRANT SELECT ON crm.people TO \(role);")
            #expect(
                await hint("SELECT o.email FROM Other o JOIN people USING (email)")
                    == "GRANT SELECT ON public.other TO \(role);")
            await warehouse.close()
            try await fixture.execute("DROP OWNED BY \(role) CASCADE; DROP ROLE \(role)")
        }
    }

    // MARK: Connections

    @Test(arguments: [
        (nil, "connection to server at \"x\" failed: SSL error: certificate verify failed", "sslrootcert"),
        (nil, "root certificate file \"/root/.postgresql/root.crt\" does not exist", "sslrootcert"),
        (nil, "server certificate for \"db\" does not match host name \"x\"", "another host name"),
        (nil, "definition of service \"crm\" not found", "service file"),
        (nil, "session is read-only", "takes writes"), (nil, "server is in hot standby mode", "primary"),
        (nil, "session is not read-only", "read-write"),
        ("53300", "sorry, too many clients already", "up to 6 connections"),
        ("53300", "tut mir leid, schon zu viele Verbindungen", "up to 6 connections"),
        ("28P01", "Passwort-Authentifizierung fehlgeschlagen", "password is wrong"),
        ("28000", "no pg_hba.conf entry", "pg_hba.conf"), ("3D000", "Datenbank existiert nicht", "no such database"),
        ("08P01", "transaction blocks not allowed in statement pooling mode", "pool_mode"),
        ("08P01", "no more connections allowed (max_client_conn)", "pool size"),
        ("57P03", "the database system is starting up", "accepts connections"),
        (nil, "could not translate host name \"x\" to address", "DNS"),
        (nil, "Connection refused", "No server listens"),
    ])
    func eachCauseHasItsHint(_ sqlState: String?, _ message: String, _ hint: String) {
        let failure = PostgresFailure(
            sqlState: sqlState, message: message, isDisconnected: true, isBeforeConnection: true)
        #expect(failure.warehouseError.kind == .connection)
        #expect(failure.warehouseError.error.hint?.contains(hint) == true, "\(failure.warehouseError)")
    }

    @Test func refusalsCarryTheirCodeInEveryLanguage() {
        let english = PostgresRefusal(
            verbose:
                "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  53300: sorry, too many clients already\n"
                + "LOCATION:  InitProcess, proc.c:359\n")
        #expect(english.sqlState == "53300")
        #expect(english.message.hasSuffix("failed: FATAL:  sorry, too many clients already"))
        let russian = PostgresRefusal(verbose: "… failed: ВАЖНО:  28P01: пользователь не прошёл проверку\nLOCATION:  x")
        #expect(russian.sqlState == "28P01" && !russian.message.contains("LOCATION"))
        #expect(PostgresRefusal(verbose: "could not connect: Connection refused").sqlState == nil)
    }

    @Test func realRefusalsHaveTheirHints() async throws {
        try await withDatabase { fixture in
            let cluster = fixture.cluster
            let role = "r_" + fixture.database
            try await cluster.createRole(role, password: "right")
            let port = cluster.port
            for (url, hint) in [
                (cluster.tcpURL(database: "nowhere"), "no such database"),
                (cluster.tcpURL(database: fixture.database, user: role, password: "wrong"), "password is wrong"),
                (cluster.tcpURL(database: fixture.database, user: role), "asks for a password"),
                (cluster.tcpURL(database: fixture.database) + "?sslmode=require", "no TLS"),
                ("service=nowhere", "service file"), ("host=127.0.0.1 port=1", "No server listens"),
                ("host=nowhere.invalid", "DNS"), ("host=/nowhere", "Unix socket"),
                (cluster.tcpURL(database: fixture.database) + "?target_session_attrs=read-only", "read-write"),
                ("host=127.0.0.1,127.0.0.1 port=\(port),\(port) dbname=nowhere user=postgres", "database"),
            ] {
                let warehouse = PostgresWarehouse(url: Secret(url), stateSchema: "rollcall", waitSeconds: 0)
                let error = await warehouseFailure { try await warehouse.now() }
                #expect(error?.kind == .connection)
                #expect(error?.error.hint?.contains(hint) == true, "\(url): \(error as Any)")
                await warehouse.close()
            }
            try await cluster.run("DROP ROLE \(role)")
        }
    }

    // MARK: The query's text

    @Test(arguments: [
        ("; /* the good ones */", true), ("; -- a\n /* b /* nested */ c */ ;\t", true), ("", true), ("/* open", false),
        ("/* /* */", false), ("/", false), ("-", false), ("; SELECT", false), ("-- only", true), ("--\rSELECT", false),
    ])
    func commentsAreNothing(_ text: String, _ isEmpty: Bool) {
        #expect(PostgresQueryText.isEmpty(Array(text.utf8)[...]) == isEmpty)
    }

    @Test(arguments: [
        ("SELECT a", 8, ["a"]), ("SELECT a.B.\"C \"\"d\"\"\"", 8, ["a", "b", "C \"d\""]), ("SELECT 'a'", 8, []),
        ("SELECT 5", 8, []), ("é ü.x", 3, ["ü", "x"]), ("a", 5, []), ("a", 0, []), ("\"open", 1, []),
    ])
    func namesAreReadAtAPlace(_ query: String, _ position: Int, _ names: [String]) {
        #expect(PostgresQueryText.name(at: position, in: query) == names)
    }
}
