import CLibPQ
import Foundation
import RollcallCore

/// The user's libpq URI or keyword string together with what Rollcall adds to it. What the user says, in the string,
/// in a service or in libpq's environment variables, always wins.
struct PostgresConnectionString: Sendable {
    var url: Secret
    var applicationName: String

    /// Additions that stand behind the user's word; the variable is libpq's own for the same setting.
    /// The waits keep a dead network from holding a run for hours (libpq's documentation, "Parameter Key Words").
    private static let defaults: [(keyword: String, value: String, variable: String?)] = [
        ("connect_timeout", "10", "PGCONNECT_TIMEOUT"), ("keepalives_idle", "30", nil),
        ("keepalives_interval", "10", nil), ("keepalives_count", "3", nil), ("tcp_user_timeout", "30000", nil),
    ]

    /// Opens a connection; blocks. The message of a failure has no part of the connection string but host and user.
    ///
    /// - Parameter isStopped: asked several times a second; true ends the attempt with `CancellationError`.
    func connect(isStopped: () -> Bool) throws -> OpaquePointer {
        let given = try parsed()
        var keywords = ["fallback_application_name"]
        var values = [applicationName]
        let environment = ProcessInfo.processInfo.environment
        let hasService = given["service"] != nil || environment["PGSERVICE"] != nil
        for item in Self.defaults where given[item.keyword] == nil && !hasService {
            if let variable = item.variable, environment[variable] != nil { continue }
            keywords.append(item.keyword)
            values.append(item.value)
        }
        keywords += ["dbname", "client_encoding"]
        values += [url.reveal(), "UTF8"]
        // 0 and less mean "for ever" to libpq; a run is to end all the same.
        let timeout = (given["connect_timeout"] ?? environment["PGCONNECT_TIMEOUT"]).flatMap { Double($0) } ?? 10
        return try withoutActuallyEscaping(isStopped) { isStopped in
            let connecting = PostgresConnecting(
                keywords: keywords, values: values, timeout: timeout > 0 ? timeout : 120, isStopped: isStopped)
            guard let connection = try connecting.open() else {
                throw PostgresFailure(message: "no memory for a connection", isDisconnected: true)
            }
            try check(connection, secrets: ["password", "sslpassword"].compactMap { given[$0] })
            PQsetNoticeProcessor(connection, { _, _ in }, nil)
            return connection
        }
    }

    /// Ends a connection that did not come about, and says why.
    private func check(_ connection: OpaquePointer, secrets: [String]) throws {
        guard PQstatus(connection) != CONNECTION_OK else { return }
        let refusal = PostgresRefusal(verbose: String(cString: PQerrorMessage(connection)))
        PQfinish(connection)
        var message = refusal.message
        for secret in secrets where !secret.isEmpty {
            message = message.replacingOccurrences(of: secret, with: "***", options: .literal)
        }
        // A server on a full disk refuses a new session as it cannot write a file of the database.
        let isFull =
            refusal.sqlState == "53100" || message.contains("could not write init file")
            || message.contains("No space left on device")
        throw PostgresFailure(
            sqlState: isFull ? "53100" : refusal.sqlState, message: message, isDisconnected: !isFull,
            isBeforeConnection: true)
    }

    /// The keywords that the string sets. libpq's own message about a broken string would quote it, so it is left out.
    private func parsed() throws -> [String: String] {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(url.reveal(), &message) else {
            PQfreemem(message)
            throw PostgresFailure(
                message: "the connection string is not one that libpq understands",
                hint: "Write a URI (postgresql://user@host:5432/database?sslmode=verify-full) or keywords"
                    + " (host=... dbname=... user=...); percent-encode special characters of a URI.",
                isDisconnected: true, isBeforeConnection: true)
        }
        defer { PQconninfoFree(options) }
        var given: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { given[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        return given
    }

    /// libpq's messages run over several lines, with tabs.
    static func oneLine(_ message: String) -> String {
        message.split(whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
            .joined(separator: "; ")
    }
}

/// Calls `body` with a NULL-terminated array of C strings; nil elements become NULL.
func withCStrings<R>(
    _ strings: [String?], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) throws -> R
) rethrows -> R {
    // SAFETY: the copies are freed when `body` has returned, and it has the array during its call only.
    let copies = strings.map { $0.flatMap { strdup($0) } }
    defer { for copy in copies { free(copy) } }
    let pointers = copies.map { UnsafePointer($0) } + [nil]
    return try pointers.withUnsafeBufferPointer { try body($0.baseAddress) }
}
