import CLibPQ
import Foundation

/// One connection. Confined to the queue of its ``PostgresLane``; every call blocks.
final class PostgresSession {
    let connection: OpaquePointer
    /// Set when the connection's state is no longer known, after a broken-off COPY or a cancel request.
    private var isCondemned = false
    /// What text can be written.
    private(set) lazy var encoding = PostgresEncoding(
        PQparameterStatus(connection, "server_encoding").map { String(cString: $0) })

    init(_ settings: PostgresConnectionString) throws {
        connection = try settings.connect()
    }

    deinit { PQfinish(connection) }

    var role: String { PQuser(connection).map { String(cString: $0) } ?? "" }

    var descriptor: Int32 { PQsocket(connection) }

    var isUsable: Bool { !isCondemned && PQstatus(connection) == CONNECTION_OK }

    /// The lane throws the connection away after the present call.
    func condemn() { isCondemned = true }

    /// Whether the connection still stands, seen without asking the server: a server that shut down has closed the socket.
    func isAlive() -> Bool {
        for _ in 0..<16 {
            guard isUsable else { return false }
            var descriptor = pollfd(fd: PQsocket(connection), events: Int16(POLLIN), revents: 0)
            guard poll(&descriptor, 1, 0) > 0 else { return true }
            guard PQconsumeInput(connection) == 1 else { return false }
        }
        return isUsable
    }

    /// Runs one or more statements without parameters.
    func execute(_ sql: String) throws {
        _ = try checked(PostgresResult(PQexec(connection, sql)))
    }

    /// Runs a single statement. The parameters are text, written as far as the database can hold it; the statement casts
    /// them. The result is text too, or in PostgreSQL's binary formats.
    func query(_ sql: String, _ parameters: [String?] = [], binary: Bool = false) throws -> PostgresResult {
        let result = withCStrings(try parameters.map { try $0.map(storable) }) {
            PQexecParams(connection, sql, Int32(parameters.count), nil, $0, nil, nil, binary ? 1 : 0)
        }
        return try checked(PostgresResult(result))
    }

    /// Runs a statement that writes and says how many rows it touched.
    @discardableResult
    func modify(_ sql: String, _ parameters: [String?] = []) throws -> Int {
        try query(sql, parameters).affectedRows
    }

    /// Lets the server parse a single statement, without running it, and describes it.
    func describe(_ sql: String) throws -> (parameters: Int, columns: Int) {
        _ = try checked(PostgresResult(PQprepare(connection, "", sql, 0, nil)))
        let description = try checked(PostgresResult(PQdescribePrepared(connection, "")))
        return (Int(PQnparams(description.pointer)), description.columnCount)
    }

    /// Passes a good result on and throws for a bad one.
    func checked(_ result: consuming PostgresResult) throws -> PostgresResult {
        switch result.status {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY, PGRES_COPY_OUT, PGRES_COPY_IN: return result
        default: throw failure(result)
        }
    }

    func failure(_ result: borrowing PostgresResult) -> PostgresFailure {
        let message =
            result.errorField(PostgresErrorField.message)
            ?? PostgresConnectionString.oneLine(String(cString: PQerrorMessage(connection)))
        let sqlState = result.errorField(PostgresErrorField.sqlState)
        return PostgresFailure(
            sqlState: sqlState,
            message: message.isEmpty
                ? "the connection was lost" : PostgresFailure.withoutValues(message, sqlState: sqlState),
            hint: result.errorField(PostgresErrorField.hint),
            position: result.errorField(PostgresErrorField.position).flatMap { Int($0) }, role: role,
            isDisconnected: PQstatus(connection) != CONNECTION_OK)
    }
}

extension PostgresSession {
    /// The text as the database can hold it: what it lacks is escaped. The one way of text into parameters and arrays; that
    /// of a COPY is ``copyIn(_:_:)``.
    func storable(_ text: String) throws -> String {
        let text = PostgresText.withoutNUL(text)
        if let written = encoding.written(text) { return written }
        try learn(text.unicodeScalars)
        return encoding.written(text) ?? text
    }

    /// An array literal of any texts.
    func array(_ values: [String?]) throws -> String {
        PostgresText.array(try values.map { try $0.map(storable) })
    }

    /// A text that ``storable(_:)`` has written.
    func original(_ written: String) throws -> String {
        guard !encoding.holdsEverything else { return written }
        try learn(PostgresEncoding.escapes(in: written))
        return encoding.original(written)
    }

    /// Finds out which of these characters the database can hold.
    func learn(_ scalars: some Sequence<Unicode.Scalar>) throws {
        try encoding.learn(scalars) { text in
            // An error would end the transaction.
            guard PQtransactionStatus(connection) == PQTRANS_INTRANS else { return try isHeld(text) }
            try execute("SAVEPOINT rollcall_characters")
            let held = try isHeld(text)
            try execute(
                (held ? "" : "ROLLBACK TO SAVEPOINT rollcall_characters; ") + "RELEASE SAVEPOINT rollcall_characters")
            return held
        }
    }

    /// Gives the text to the server as any parameter is given to it.
    private func isHeld(_ text: String) throws -> Bool {
        do {
            let result = withCStrings([text]) {
                PQexecParams(
                    connection, "SELECT WHERE $1::pg_catalog.text IS NULL", 1, nil, $0, nil, nil, 0)
            }
            _ = try checked(PostgresResult(result))
            return true
        } catch let failure as PostgresFailure where failure.isUnheldCharacter {
            return false
        }
    }
}

extension PostgresSession {
    /// How often a transaction is run again after a deadlock, a serialisation failure or a lock that was not had.
    private static let repetitions = 3

    /// Runs `body` between `begin` (a BEGIN and its SET LOCALs) and COMMIT. After an error nothing is left.
    /// `repeatable`: `body` may be run again from its start. A COMMIT whose answer is lost has an unknown outcome.
    func transaction<T>(
        _ begin: String, repeatable: Bool = true, _ body: (PostgresSession) throws -> T
    ) throws -> T {
        var repetition = 0
        while true {
            do {
                return try once(begin, body)
            } catch let failure as PostgresFailure where failure.isWorthRepeating {
                repetition += 1
                guard repeatable, repetition <= Self.repetitions, isUsable else { throw failure }
                usleep(UInt32(repetition) * 20_000)
            }
        }
    }

    private func once<T>(_ begin: String, _ body: (PostgresSession) throws -> T) throws -> T {
        do {
            try execute(begin)
            let value = try body(self)
            try execute("COMMIT")
            return value
        } catch {
            if isUsable, PQtransactionStatus(connection) != PQTRANS_IDLE {
                do { try execute("ROLLBACK") } catch { condemn() }
            }
            throw error
        }
    }
}
