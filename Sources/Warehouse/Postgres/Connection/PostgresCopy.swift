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
    func copyIn(_ sql: String, _ fill: (inout BinaryCopyWriter) throws -> Bool) throws {
        _ = try checked(PostgresResult(PQexecParams(connection, sql, 0, nil, nil, nil, nil, 0)))
        var writer = BinaryCopyWriter()
        do {
            while try fill(&writer) { try put(&writer) }
            writer.finish()
            try put(&writer)
        } catch {
            PQputCopyEnd(connection, "ended by the client")
            try? drain()
            throw error
        }
        guard PQputCopyEnd(connection, nil) == 1 else { throw failure(PostgresResult(nil)) }
        try drain()
    }

    private func put(_ writer: inout BinaryCopyWriter) throws {
        let sent = writer.bytes.withUnsafeBytes { bytes in
            PQputCopyData(connection, bytes.bindMemory(to: CChar.self).baseAddress, Int32(bytes.count))
        }
        guard sent == 1 else { throw failure(PostgresResult(nil)) }
        writer.removeAll()
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
