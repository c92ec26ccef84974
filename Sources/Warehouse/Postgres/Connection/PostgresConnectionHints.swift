extension PostgresFailure {
    /// How a failed connection is fixed, by its SQLSTATE and, where libpq itself or a pooler failed, by their own text,
    /// which is English whatever the server's `lc_messages` says.
    var connectionHint: String? {
        guard kind == .connection || isDisconnected else { return nil }
        if let missingRoleHint { return missingRoleHint }
        if let sqlState, let hint = Self.hintsByState[sqlState] { return hint }
        if let hint = Self.hintsByText.first(where: { message.contains($0.text) })?.hint { return hint }
        return isBeforeConnection
            ? "Check that the server runs and that the URL names its host, port and database."
            : "The connection was lost; look at the server's log and at the network. Running again carries on."
    }

    /// The code is also that of a role that may not come in. Servers that speak another language get the hint for those.
    private var missingRoleHint: String? {
        guard sqlState == "28000", let match = message.firstMatch(of: /role "(.+)" does not exist/) else { return nil }
        let role = PostgresText.identifier(String(match.1))
        return "Correct the user in the URL, or make the role: CREATE ROLE \(role) LOGIN PASSWORD '...'."
    }

    /// How many connections a run of one sync opens at most: lease, claims, state, two for reading and writing in bulk, and
    /// one more to read a large table in two parts.
    static let connectionsPerRun = 6

    static let shortageHint = shortage(of: connectionsPerRun)

    /// How a shortage of connections is fixed where a run opens that number.
    static func shortage(of connections: Int) -> String {
        "A run opens up to \(connections) connections. Raise the role's CONNECTION LIMIT, the database's, the"
            + " server's max_connections or the pooler's pool size, or end other sessions of this role"
            + " (pg_stat_activity lists them)."
    }

    private static let hintsByState: [String: String] = [
        "53300": shortageHint,
        "28P01": "The user or the password is wrong. Correct the URL, the passfile or the service file.",
        "28000": "pg_hba.conf, or the role's settings, do not let this role in from this host in this way (password,"
            + " certificate, TLS).",
        "3D000": "There is no such database on this server. Correct the database's name in the URL.",
        "57P03": "The server is starting, stopping or recovering. Try again when it accepts connections.",
        "57P01": "The server was shut down, or an administrator ended the session. Running again carries on.",
        "57P02": "The server crashed or was stopped at once. Running again carries on.",
        "57P05": "The server ended the session because it was idle. Running again carries on.",
        "25P03": "The server ended a transaction that stood idle. Running again carries on.",
    ]

    /// The first text that the message contains decides.
    private static let hintsByText: [(text: String, hint: String)] = [
        (
            "statement pooling",
            "The pooler is in statement mode, in which there are no transactions. Set pool_mode to"
                + " transaction or session for this database."
        ),
        ("query_wait_timeout", "The pooler had no server connection free in time. " + shortageHint),
        ("no more connections allowed", "The pooler takes no more clients. " + shortageHint),
        ("too many", shortageHint),
        (
            "certificate verify failed",
            "The server's certificate is not signed by an authority that sslrootcert trusts."
                + " Give the authority's certificate with sslrootcert=FILE (or sslrootcert=system)."
        ),
        (
            "root certificate file",
            "sslmode=verify-full and verify-ca need the certificate of the authority that signed the"
                + " server's: name its file with sslrootcert=FILE."
        ),
        (
            "does not match host name",
            "The server's certificate is for another host name. Connect by the name that it has,"
                + " or have it issued for this one."
        ),
        (
            "does not support SSL",
            "The server offers no TLS, but the URL's sslmode requires it. Switch TLS on in the server"
                + " or correct sslmode."
        ),
        (
            "certificate",
            "Look at sslmode, sslrootcert, sslcert and sslkey in the URL, and at the server's certificate."
        ),
        ("SSL error", "The TLS handshake failed. Look at sslmode, sslrootcert, sslcert and sslkey in the URL."),
        (
            "definition of service",
            "The service file has no such section. Correct `service` in the URL, or the service"
                + " file (PGSERVICEFILE, ~/.pg_service.conf)."
        ),
        ("service file", "The service file cannot be used. Look at PGSERVICEFILE and ~/.pg_service.conf."),
        (
            "session is read-only",
            "target_session_attrs asks for a server that takes writes, and no host of the URL does"
                + " now. Name the primary among the hosts."
        ),
        (
            "server is in hot standby mode",
            "target_session_attrs asks for a primary, and no host of the URL is one now."
                + " Name the primary among the hosts."
        ),
        (
            "session is not read-only",
            "target_session_attrs asks for a read-only server, but Rollcall writes its state."
                + " Use target_session_attrs=read-write."
        ),
        (
            "server is not in hot standby mode",
            "target_session_attrs asks for a standby, but Rollcall writes its state. Use"
                + " target_session_attrs=read-write."
        ),
        (
            "no password supplied",
            "The server asks for a password. Put it into the URL from the environment, a passfile"
                + " (~/.pgpass) or a service file."
        ),
        (
            "could not translate host name",
            "The host's name is not known to DNS from this machine. Correct the host in the"
                + " URL."
        ),
        (
            "Connection refused",
            "No server listens at this host and port. Start it, or correct the host and port in the"
                + " URL."
        ),
        (
            "No such file or directory",
            "No server listens on this Unix socket. Start it, or give host=... (a host name, or"
                + " the folder of its socket) in the URL."
        ),
        (
            "No route to host",
            "The host cannot be reached. Look at the network and at firewalls between it and this machine."
        ),
        (
            "timeout expired",
            "The host did not answer in time. Look at the network and at firewalls between it and this"
                + " machine; connect_timeout in the URL sets how long to try."
        ),
    ]
}
