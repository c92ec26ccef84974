import CLibPQ
import Foundation

/// A plain connection for tests, apart from the adapter under test. Blocks.
package final class PostgresClient {
    private let connection: OpaquePointer?

    package init(_ url: String) throws {
        connection = PQconnectdb(url)
        guard PQstatus(connection) == CONNECTION_OK else {
            // `deinit` ends it.
            throw PostgresCluster.Failure(description: String(cString: PQerrorMessage(connection)))
        }
        PQsetNoticeProcessor(connection, { _, _ in }, nil)
        // libpq would take the database's own.
        PQsetClientEncoding(connection, "UTF8")
    }

    deinit { PQfinish(connection) }

    /// Runs statements and gives the rows of the last, as text.
    @discardableResult
    package func run(_ sql: String) throws -> [[String?]] {
        let result = PQexec(connection, sql)
        defer { PQclear(result) }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: break
        default: throw PostgresCluster.Failure(description: String(cString: PQerrorMessage(connection)))
        }
        return (0..<PQntuples(result)).map { row in
            (0..<PQnfields(result)).map { column in
                PQgetisnull(result, row, column) == 1
                    ? nil : PQgetvalue(result, row, column).map { String(cString: $0) }
            }
        }
    }
}
