import CLibPQ

/// What does the work of COPY on a server that has none, as some engines that speak PostgreSQL's protocol: a SELECT whose rows
/// come one by one, and INSERTs of many rows. Both carry the same bytes, for a value's binary form is the same in all of them
/// (PostgreSQL's documentation, "Binary Format" of COPY).
extension PostgresSession {
    /// Begins a COPY in an open transaction. False: the server has none, and the transaction goes on.
    func begin(copy sql: String) throws -> Bool {
        func begin() throws {
            _ = try checked(PostgresResult(PQexecParams(connection, sql, 0, nil, nil, nil, nil, 0)))
        }
        switch hasCopy {
        case true?: try begin()
        case false?: return false
        case nil: hasCopy = try attempt(begin) != nil
        }
        return hasCopy == true
    }

    /// Runs statements in an open transaction. nil: the server refuses them for what they are, and the transaction goes on as if
    /// they had not been tried.
    func attempt<T>(_ body: () throws -> T) throws -> T? {
        try execute("SAVEPOINT rollcall_attempt")
        do {
            return try body()
        } catch let failure as PostgresFailure where failure.isIncapable {
            try execute("ROLLBACK TO SAVEPOINT rollcall_attempt; RELEASE SAVEPOINT rollcall_attempt")
            return nil
        }
    }

    // MARK: Reading

    /// Calls `body` with the rows of a SELECT, each as a message of a binary COPY.
    func selectOut(
        _ select: String, _ cancellation: PostgresCancellation, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard PQsendQueryParams(connection, select, 0, nil, nil, nil, nil, 1) == 1, PQsetSingleRowMode(connection) == 1
        else { throw failure(PostgresResult(nil)) }
        var writer = BinaryCopyWriter()
        var rows = 0
        var failed: PostgresFailure?
        do {
            while let pointer = PQgetResult(connection) {
                let result = PostgresResult(pointer)
                switch result.status {
                case PGRES_SINGLE_TUPLE:
                    rows &+= 1
                    if rows & 1023 == 0 { try cancellation.check() }
                    writer.beginRow(fields: Int16(result.columnCount))
                    for column in 0..<result.columnCount { writer.raw(result.bytes(0, column)) }
                    try writer.bytes.withUnsafeBytes(body)
                    writer.removeAll()
                // The end of the rows.
                case PGRES_TUPLES_OK: break
                default: failed = failed ?? failure(result)
                }
                if PQstatus(connection) != CONNECTION_OK { break }
            }
        } catch {
            condemn()
            throw error
        }
        if let failed { throw failed }
        if PQstatus(connection) != CONNECTION_OK { throw failure(PostgresResult(nil)) }
    }

    // MARK: Writing

    /// Parameters of one statement at most: the protocol counts them in 16 bits ("Message Formats", Bind).
    private static let mostParameters = 65_535
    private static let mostRows = 500

    /// As ``copyIn(_:_:)``.
    func insertIn(_ table: String, _ fill: (inout BinaryCopyWriter) throws -> Bool) throws -> Int {
        var taken = 0
        var writer = BinaryCopyWriter(characters)
        var goesOn = true
        while goesOn {
            goesOn = try fill(&writer)
            let unknown = writer.unknown
            if !unknown.isEmpty {
                try learn(unknown)
                writer.fillGaps()
            }
            taken += try writer.bytes.withUnsafeBytes { try insert(into: table, rows: $0) }
            writer.removeAll()
        }
        return taken
    }

    /// - Parameter rows: as in a binary COPY, without header and trailer; all have the same number of fields.
    /// - Returns: how many rows the table took.
    private func insert(into table: String, rows bytes: UnsafeRawBufferPointer) throws -> Int {
        var cursor = BinaryFieldCursor(bytes)
        var taken = 0
        while !cursor.isAtEnd {
            var values: [UnsafePointer<CChar>?] = []
            var lengths: [Int32] = []
            var rows = 0
            var fields = 0
            repeat {
                fields = Int(try cursor.integer(Int16.self))
                for _ in 0..<fields {
                    let field = try cursor.field()
                    // SAFETY: UInt8 and CChar have the same layout, and `rows` outlives the call that reads the values.
                    values.append(field?.baseAddress?.assumingMemoryBound(to: CChar.self))
                    lengths.append(Int32(field?.count ?? 0))
                }
                rows += 1
            } while !cursor.isAtEnd && rows < Self.mostRows && values.count + fields <= Self.mostParameters
            let sql = "INSERT INTO \(table) VALUES " + Self.places(rows: rows, fields: fields)
            let formats = [Int32](repeating: 1, count: values.count)
            let result = PQexecParams(connection, sql, Int32(values.count), nil, values, lengths, formats, 0)
            taken += try checked(PostgresResult(result)).affectedRows
        }
        return taken
    }

    /// `($1, $2), ($3, $4)`
    private static func places(rows: Int, fields: Int) -> String {
        (0..<rows).map { row in
            "(" + (1...fields).map { "$\(row * fields + $0)" }.joined(separator: ", ") + ")"
        }
        .joined(separator: ", ")
    }
}
