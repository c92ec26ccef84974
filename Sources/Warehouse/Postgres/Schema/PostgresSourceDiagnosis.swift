import Foundation
import RollcallCore

/// What a database is that is only read: its server, and whether that is a standby.
enum PostgresSourceDiagnosis {
    /// - Parameter session: in a transaction, which may be read-only.
    static func findings(_ session: PostgresSession) throws -> [Finding] {
        let row = try session.query(query)
        let encoding = row.text(0, 3).flatMap { $0 == "UTF8" ? nil : ", encoding \($0)" } ?? ""
        let connection = Finding(
            subject: "connection", isFine: true,
            detail: "PostgreSQL \(row.text(0, 0) ?? "?"), database \(row.text(0, 1) ?? "")\(encoding),"
                + " role \(row.text(0, 2) ?? "")")
        guard row.boolean(0, 4) else {
            let isForced = row.text(0, 5) == "on"
            return [
                connection,
                Finding(
                    subject: subject, isFine: true,
                    detail: "the database is only read"
                        + (isForced ? "; the role begins transactions without a right to write" : "")),
            ]
        }
        return [connection, standby(row)]
    }

    private static let subject = "reading"

    private static func standby(_ row: borrowing PostgresResult) -> Finding {
        let feedback = row.text(0, 6) == "on"
        let delay = row.text(0, 7) ?? "?"
        return Finding(
            subject: subject, isFine: true, detail: "the server is a standby, " + lag(row),
            fix: feedback || delay == "-1" ? nil : advice(delay))
    }

    /// A standby that has replayed all that it has received is as far as its primary, if it is connected to it: of a primary that
    /// changes nothing, the latest transaction only grows older. Until the first change comes, it has received less than it replayed of
    /// its copy.
    private static func lag(_ row: borrowing PostgresResult) -> String {
        let (isReceiving, hasReplayedAll) = (row.boolean(0, 8), row.boolean(0, 9))
        if isReceiving, hasReplayedAll { return "0 s behind its primary" }
        let connection = isReceiving ? "" : ", and not connected to it now"
        guard let seconds = row.text(0, 10).flatMap({ Double($0) }) else {
            return "how far behind its primary is not known\(connection)"
        }
        return "\(Int(max(0, seconds).rounded())) s behind its primary\(connection)"
    }

    private static func advice(_ delay: String) -> String {
        "replayed changes may end a long reading, which is then begun again: set hot_standby_feedback = on there, or"
            + " max_standby_streaming_delay above the time that a reading takes (it is \(delay))"
    }

    /// PostgreSQL's documentation, "Recovery Information Functions" and `pg_stat_wal_receiver`, of which roles without further rights
    /// see the process alone.
    private static let query = """
        SELECT pg_catalog.current_setting('server_version'), pg_catalog.current_database(), current_user,
               pg_catalog.current_setting('server_encoding'), pg_catalog.pg_is_in_recovery(),
               pg_catalog.current_setting('default_transaction_read_only'),
               pg_catalog.current_setting('hot_standby_feedback'),
               pg_catalog.current_setting('max_standby_streaming_delay'),
               EXISTS (SELECT FROM pg_catalog.pg_stat_wal_receiver WHERE pid IS NOT NULL),
               pg_catalog.pg_last_wal_receive_lsn() <= pg_catalog.pg_last_wal_replay_lsn(),
               pg_catalog.date_part('epoch',
                   pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp())
        """
}
