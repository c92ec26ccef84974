import CLibPQ
import Foundation

/// Opens one connection step by step, where libpq's blocking call could neither be stopped nor say the SQLSTATE of a refusal.
struct PostgresConnecting {
    /// libpq's keywords and values; the last value wins.
    let keywords: [String]
    let values: [String]
    /// Seconds for one host.
    let timeout: Double
    /// Asked several times a second whether the caller still wants the connection.
    let isStopped: () -> Bool

    /// A new connection in whatever state it came to; the caller ends it. nil: no memory.
    ///
    /// A URL with several hosts is left to libpq's blocking call, which alone can give one host up for the next.
    func open() throws -> OpaquePointer? {
        let connection = withCStrings(keywords) { keywords in
            withCStrings(values) { values in PQconnectStartParams(keywords, values, 1) }
        }
        guard let connection, PQstatus(connection) != CONNECTION_BAD else { return connection }
        if Self.hasSeveralHosts(connection) {
            PQfinish(connection)
            return withCStrings(keywords) { keywords in
                withCStrings(values) { values in PQconnectdbParams(keywords, values, 1) }
            }
        }
        // Verbose messages have the SQLSTATE, which libpq gives in no other way before there is a session.
        PQsetErrorVerbosity(connection, PQERRORS_VERBOSE)
        do {
            try finish(connection)
        } catch {
            PQfinish(connection)
            throw error
        }
        PQsetErrorVerbosity(connection, PQERRORS_DEFAULT)
        return connection
    }

    private func finish(_ connection: OpaquePointer) throws {
        let start = ContinuousClock.now
        let deadline = start + .seconds(timeout)
        var step = PGRES_POLLING_WRITING
        while step != PGRES_POLLING_OK && step != PGRES_POLLING_FAILED {
            try wait(connection, forReading: step == PGRES_POLLING_READING, since: start, until: deadline)
            step = PQconnectPoll(connection)
        }
    }

    private func wait(
        _ connection: OpaquePointer, forReading: Bool, since start: ContinuousClock.Instant,
        until deadline: ContinuousClock.Instant
    ) throws {
        while true {
            if ContinuousClock.now - start >= .seconds(WaitClock.grace), isStopped() { throw CancellationError() }
            guard ContinuousClock.now < deadline else {
                let host = PQhost(connection).map { String(cString: $0) } ?? ""
                throw PostgresFailure(
                    message: "connection to \(host.isEmpty ? "the server" : host) failed: timeout expired",
                    isDisconnected: true, isBeforeConnection: true)
            }
            var descriptor = pollfd(
                fd: PQsocket(connection), events: Int16(forReading ? POLLIN : POLLOUT), revents: 0)
            if descriptor.fd < 0 || poll(&descriptor, 1, 200) != 0 { return }
        }
    }

    private static func hasSeveralHosts(_ connection: OpaquePointer) -> Bool {
        guard let options = PQconninfo(connection) else { return false }
        defer { PQconninfoFree(options) }
        var option = options
        while let keyword = option.pointee.keyword {
            let name = String(cString: keyword)
            if name == "host" || name == "hostaddr", let value = option.pointee.val,
                String(cString: value).utf8.contains(UInt8(ascii: ","))
            {
                return true
            }
            option += 1
        }
        return false
    }
}

/// A refusal in libpq's verbose form: `… failed: FATAL:  53300: sorry, too many clients already`, then `LOCATION: …`.
struct PostgresRefusal {
    var sqlState: String?
    /// One line, without SQLSTATE and source location.
    var message: String

    init(verbose text: String) {
        var lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        lines.removeAll { $0.isEmpty || $0.hasPrefix("LOCATION:") }
        for index in lines.indices {
            guard let range = lines[index].range(of: ":  [0-9A-Z]{5}: ", options: .regularExpression) else { continue }
            sqlState = sqlState ?? String(lines[index][range].dropFirst(3).prefix(5))
            lines[index].replaceSubrange(range, with: ":  ")
        }
        message = lines.joined(separator: "; ")
    }
}
