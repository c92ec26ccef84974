import CLibPQ
import Foundation

extension PostgresSession {
    /// Runs a SELECT, in an open transaction, and calls `body` with each message of a binary `COPY … TO STDOUT` of it, valid
    /// only during the call. An error of `body` ends the reading and costs the connection.
    ///
    /// - Parameters:
    ///   - meter: gets the bytes of all messages when the reading has ended, also by an error.
    ///   - given: notes the first message before `body` gets it.
    func copyOut(
        _ select: String, _ cancellation: PostgresCancellation, _ meter: ReadMeter? = nil, _ given: GivenRows? = nil,
        _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        // Not for each message, of which there is one for each row: that costs as much as to compare the row.
        var bytes = 0
        defer { if bytes > 0 { meter?.add(bytes) } }
        func take(_ message: UnsafeRawBufferPointer) throws {
            if bytes == 0 { given?.note() }
            bytes &+= message.count
            try body(message)
        }
        guard try begin(copy: "COPY (\(select)) TO STDOUT (FORMAT binary)") else {
            return try selectOut(select, cancellation, take)
        }
        do {
            var messages = 0
            while let message = nextMessage() {
                defer { PQfreemem(UnsafeMutableRawPointer(mutating: message.baseAddress)) }
                messages &+= 1
                if messages & 1023 == 0 { try cancellation.check() }
                try take(message)
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

    /// Writes rows into a table, in an open transaction. `fill` appends them to the writer and says whether more will follow.
    ///
    /// Where rows have characters that the database's encoding may lack, the server must be asked, which it cannot be in
    /// mid-COPY: the rows so far are ended as one COPY, and the others follow in another of the same transaction.
    ///
    /// - Parameter table: with its columns: `sync_log (run_id, status)`.
    /// - Returns: how many rows the server says it took. Where a trigger keeps rows away or puts them elsewhere, as an owner may
    ///   have partitioned a table, these are fewer than were written.
    @discardableResult
    func copyIn(_ table: String, _ fill: (inout BinaryCopyWriter) throws -> Bool) throws -> Int {
        let sql = "COPY \(table) FROM STDIN (FORMAT binary)"
        guard try beginCopyIn(sql) else { return try insertIn(table, fill) }
        var taken = 0
        var writer = BinaryCopyWriter(characters)
        do {
            var goesOn = true
            while goesOn {
                goesOn = try fill(&writer)
                let unknown = writer.unknown
                if !unknown.isEmpty {
                    taken += try endCopyIn()
                    try learn(unknown)
                    writer.fillGaps()
                    _ = try beginCopyIn(sql)
                }
                try put(writer.bytes)
                writer.removeAll()
            }
        } catch {
            PQputCopyEnd(connection, "ended by the client")
            _ = try? drain()
            throw error
        }
        return try taken + endCopyIn()
    }

    private func beginCopyIn(_ sql: String) throws -> Bool {
        guard try begin(copy: sql) else { return false }
        try put(BinaryCopyWriter().bytes)
        return true
    }

    private func endCopyIn() throws -> Int {
        var end = BinaryCopyWriter(characters)
        end.finish()
        try put(end.bytes)
        guard PQputCopyEnd(connection, nil) == 1 else { throw failure(PostgresResult(nil)) }
        return try drain()
    }

    private func put(_ bytes: [UInt8]) throws {
        // SAFETY: UInt8 and CChar have the same layout, and libpq copies the bytes during the call.
        let sent = bytes.withUnsafeBytes { bytes in
            PQputCopyData(connection, bytes.bindMemory(to: CChar.self).baseAddress, Int32(bytes.count))
        }
        guard sent == 1 else { throw failure(PostgresResult(nil)) }
    }

    /// Reads the results that are left and throws the first failure among them.
    /// - Returns: how many rows they say they are about.
    @discardableResult
    private func drain() throws -> Int {
        var failed: PostgresFailure?
        var rows = 0
        while let pointer = PQgetResult(connection) {
            let result = PostgresResult(pointer)
            rows += result.affectedRows
            if result.status == PGRES_FATAL_ERROR { failed = failed ?? failure(result) }
            if PQstatus(connection) != CONNECTION_OK { break }
        }
        if let failed { throw failed }
        if PQstatus(connection) != CONNECTION_OK { throw failure(PostgresResult(nil)) }
        return rows
    }
}
