import CLibPQ
import Foundation

extension PostgresSession {
    /// Runs a `COPY … TO STDOUT` and calls `body` with each message, valid only during the call. An error of `body` ends the
    /// reading and costs the connection.
    func copyOut(
        _ sql: String, _ cancellation: PostgresCancellation, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        _ = try checked(PostgresResult(PQexecParams(connection, sql, 0, nil, nil, nil, nil, 0)))
        do {
            var messages = 0
            while let message = nextMessage() {
                defer { PQfreemem(UnsafeMutableRawPointer(mutating: message.baseAddress)) }
                messages &+= 1
                if messages & 1023 == 0 { try cancellation.check() }
                try body(message)
            }
        } catch {
            condemn()
            throw error
        }
        try drain()
    }

    private func nextMessage() -> UnsafeRawBufferPointer? {
        var buffer: UnsafeMutablePointer<CChar>?
        let length = PQgetCopyData(connection, &buffer, 0)
        guard length > 0, let buffer else { return nil }
        return UnsafeRawBufferPointer(start: buffer, count: Int(length))
    }

    /// Runs a `COPY … FROM STDIN (FORMAT binary)`. `fill` appends rows to the writer and says whether more will follow.
    ///
    /// Where rows have characters that the database's encoding may lack, the server must be asked, which it cannot be in
    /// mid-COPY: the rows so far are ended as one COPY, and the others follow in another of the same transaction.
    func copyIn(_ sql: String, _ fill: (inout BinaryCopyWriter) throws -> Bool) throws {
        try beginCopyIn(sql)
        var writer = BinaryCopyWriter(characters)
        do {
            while try fill(&writer) {
                let unknown = writer.unknown
                if !unknown.isEmpty {
                    try endCopyIn()
                    try learn(unknown)
                    writer.fillGaps()
                    try beginCopyIn(sql)
                }
                try put(writer.bytes)
                writer.removeAll()
            }
        } catch {
            PQputCopyEnd(connection, "ended by the client")
            try? drain()
            throw error
        }
        try endCopyIn()
    }

    private func beginCopyIn(_ sql: String) throws {
        _ = try checked(PostgresResult(PQexecParams(connection, sql, 0, nil, nil, nil, nil, 0)))
        try put(BinaryCopyWriter().bytes)
    }

    private func endCopyIn() throws {
        var end = BinaryCopyWriter(characters)
        end.finish()
        try put(end.bytes)
        guard PQputCopyEnd(connection, nil) == 1 else { throw failure(PostgresResult(nil)) }
        try drain()
    }

    private func put(_ bytes: [UInt8]) throws {
        let sent = bytes.withUnsafeBytes { bytes in
            PQputCopyData(connection, bytes.bindMemory(to: CChar.self).baseAddress, Int32(bytes.count))
        }
        guard sent == 1 else { throw failure(PostgresResult(nil)) }
    }

    /// Reads the results that are left and throws the first failure among them.
    private func drain() throws {
        var failed: PostgresFailure?
        while let pointer = PQgetResult(connection) {
            let result = PostgresResult(pointer)
            if result.status == PGRES_FATAL_ERROR { failed = failed ?? failure(result) }
            if PQstatus(connection) != CONNECTION_OK { break }
        }
        if let failed { throw failed }
        if PQstatus(connection) != CONNECTION_OK { throw failure(PostgresResult(nil)) }
    }
}
