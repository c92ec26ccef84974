import CLibPQ
import Foundation

/// One connection. Confined to the queue of its ``PostgresWorker``; every call blocks.
final class PostgresSession {
    let connection: OpaquePointer
    /// Set when the connection's state is no longer known, after a broken-off COPY or a cancel request.
    private var isCondemned = false
    /// For whom the present call waits, and how long in all: set by the worker.
    var wait = WarehouseWait()
    var waitSeconds = 0.0
    /// Whether the server has COPY; nil: it was not asked for yet.
    var hasCopy: Bool?
    /// What text can be written.
    private(set) lazy var characters = StorableCharacters(serverEncoding)

    /// - Parameter isStopped: true ends the attempt to connect with `CancellationError`.
    init(_ settings: PostgresConnectionString, isStopped: () -> Bool = { false }) throws {
        connection = try settings.connect(isStopped: isStopped)
    }

    deinit { PQfinish(connection) }

    var role: String { PQuser(connection).map { String(cString: $0) } ?? "" }

    /// The server's version as `server_version_num` has it: 150018.
    var version: Int { Int(PQserverVersion(connection)) }

    /// The encoding of the database's texts, as `server_encoding` has it.
    var serverEncoding: String? { parameter("server_encoding") }

    /// A setting that the server reports without being asked; nil where it, or a pooler, does not.
    private func parameter(_ name: String) -> String? {
        PQparameterStatus(connection, name).map { String(cString: $0) }
    }

    var descriptor: Int32 { PQsocket(connection) }

    var isUsable: Bool { !isCondemned && PQstatus(connection) == CONNECTION_OK }

    /// The worker throws the connection away after the present call.
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
        let sqlState = result.errorField(PostgresErrorField.sqlState)
        let position = result.errorField(PostgresErrorField.position).flatMap { Int($0) }
        let context = result.errorField(PostgresErrorField.context)
        let isInternal = result.errorField(PostgresErrorField.internalQuery) != nil
        let mayShow = PostgresFailure.mayShow(
            sqlState, .init(hasContext: context != nil || isInternal, hasPosition: position != nil))
        var message: String
        if let sqlState, !mayShow {
            message = PostgresConditions.describe(sqlState)
        } else {
            message = result.errorField(PostgresErrorField.message) ?? ""
            if message.isEmpty {
                message = PostgresConnectionString.oneLine(String(cString: PQerrorMessage(connection)))
            }
            // A pooler says why it closes the connection; libpq then adds that it was unexpected.
            if message.contains("FATAL:"), let end = message.range(of: "; server closed the connection unexpectedly") {
                message = String(message[..<end.lowerBound])
            }
            if message.isEmpty { message = "the connection was lost" }
        }
        return PostgresFailure(
            sqlState: sqlState, message: message, isWithheld: !mayShow,
            hint: mayShow ? result.errorField(PostgresErrorField.hint) : nil, position: isInternal ? nil : position,
            constraint: result.errorField(PostgresErrorField.constraint), role: role,
            isDisconnected: PQstatus(connection) != CONNECTION_OK)
    }
}

extension PostgresSession {
    /// How often a transaction is run again after a deadlock or a serialisation failure.
    private static let repetitions = 3

    /// Runs `body` between `begin` (a BEGIN and its SET LOCALs) and COMMIT. After an error nothing is left.
    ///
    /// - Parameter mayRepeat: whether `body` can be run again from its start. A COMMIT whose answer is lost has an unknown
    ///   outcome.
    func transaction<T>(
        _ begin: String, mayRepeat: () -> Bool = { true }, _ body: (PostgresSession) throws -> T
    ) throws -> T {
        var repetition = 0
        while true {
            do {
                return try once(begin, body)
            } catch let failure as PostgresFailure where failure.isWorthRepeating {
                repetition += 1
                guard mayRepeat(), repetition <= Self.repetitions, isUsable else { throw failure }
                usleep(UInt32(repetition) * 20_000)
            }
        }
    }

    private func once<T>(_ begin: String, _ body: (PostgresSession) throws -> T) throws -> T {
        do {
            try start(begin)
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

    private func start(_ begin: String) throws {
        do {
            try executeWaiting(begin)
        } catch var failure as PostgresFailure {
            // "cannot set transaction read-write mode during recovery"
            failure.isStandby = failure.sqlState == "0A000"
            // Nothing has been run: behind a pooler, this is where a connection is had or not.
            failure.isBeforeConnection = failure.kind == .connection
            throw failure
        }
    }
}

// MARK: Waiting for a pooler

extension PostgresSession {
    /// As ``execute(_:)`` for what a server does at once: a pooler may let it wait for a connection to the server, and that
    /// wait is reported, bounded, and ended by a stop.
    func executeWaiting(_ sql: String) throws {
        guard PQsendQuery(connection, sql) == 1 else { throw failure(PostgresResult(nil)) }
        var clock = WaitClock(limit: waitSeconds)
        var failed: PostgresFailure?
        while true {
            try awaitInput(to: sql, &clock)
            guard let pointer = PQgetResult(connection) else { break }
            let result = PostgresResult(pointer)
            if result.status == PGRES_FATAL_ERROR { failed = failed ?? failure(result) }
        }
        if let failed { throw failed }
        if PQstatus(connection) != CONNECTION_OK { throw failure(PostgresResult(nil)) }
    }

    private func awaitInput(to sql: String, _ clock: inout WaitClock) throws {
        while PQisBusy(connection) == 1 {
            var descriptor = pollfd(fd: PQsocket(connection), events: Int16(POLLIN), revents: 0)
            if poll(&descriptor, 1, 200) != 0 {
                guard PQconsumeInput(connection) == 1 else { return }
                continue
            }
            switch clock.check(wait, "a connection to Postgres: the server, or a pooler before it, does not answer") {
            case .goOn: break
            case .stopped:
                condemn()
                throw CancellationError()
            case .over where waitSeconds > 0:
                condemn()
                throw PostgresFailure(
                    message:
                        "there was no answer to \(sql.prefix(while: \.isLetter)) for \(waitSeconds.formatted()) s (wait_seconds)",
                    hint: "Look at the network, and whether a pooler has server connections free. "
                        + PostgresFailure.shortageHint, isDisconnected: true)
            case .over: break
            }
        }
    }
}
