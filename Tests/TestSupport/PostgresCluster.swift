import CLibPQ
package import Foundation
import Synchronization
import TemporaryFolders
import Warehouse

/// A private PostgreSQL server for one test process, in a temporary folder, on a Unix socket and a free loopback port.
/// Started when first asked for; gone, with its folder, when the process has ended (see `TemporaryFolders`).
package final class PostgresCluster: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    /// Name of the superuser; local connections need no password.
    package static let superuser = "postgres"
    /// Members of this group need their password over TCP.
    package static let passwordGroup = "password_required"

    package let folder: URL
    package let port: Int
    private let binaries: String
    /// Settings beside those that every cluster has: `name=value`.
    private let settings: [String]
    private let processID = Mutex<pid_t>(0)
    private static let started = Result { try PostgresCluster() }

    /// The one cluster of this process.
    package static func shared() async throws -> PostgresCluster {
        try await onThread { try started.get() }
    }

    private init() throws {
        binaries = try PostgresPrograms.folder()
        settings = []
        folder = try Self.makeFolder()
        port = try LoopbackListener.freePort()
        try initialise()
        try launch()
        try awaitReadiness()
        _ = try PostgresClient(socketURL(database: "postgres")).run("CREATE ROLE \(Self.passwordGroup)")
    }

    /// A standby that receives what a cluster changes, from its copy on.
    private init(following primary: PostgresCluster, settings: [String]) throws {
        binaries = primary.binaries
        self.settings = settings
        folder = try Self.makeFolder()
        port = try LoopbackListener.freePort()
        let log = folder.appendingPathComponent("basebackup.log")
        let copy = try PostgresPrograms.start(
            binaries + "/pg_basebackup",
            [
                "-D", folder.appendingPathComponent("data").path, "-R", "-X", "stream", "-c", "fast", "--no-sync",
                "-h", primary.folder.path, "-p", "\(primary.port)", "-U", Self.superuser,
            ], log: log)
        copy.waitUntilExit()
        guard copy.terminationStatus == 0 else {
            throw Failure(description: "pg_basebackup failed: \((try? String(contentsOf: log, encoding: .utf8)) ?? "")")
        }
        try launch()
        try awaitReadiness()
    }

    // MARK: Addresses

    /// Over the Unix socket.
    package func socketURL(database: String, user: String = superuser) -> String {
        "host=\(folder.path) port=\(port) dbname=\(database) user=\(user)"
    }

    /// Over TCP.
    package func tcpURL(database: String, user: String = superuser, password: String? = nil) -> String {
        "postgresql://\(user)\(password.map { ":" + $0 } ?? "")@127.0.0.1:\(port)/\(database)"
    }

    // MARK: Doing things to it

    /// Runs SQL as the superuser; rows as text.
    @discardableResult
    package func run(_ sql: String, database: String = "postgres") async throws -> [[String?]] {
        let url = socketURL(database: database)
        return try await Self.onThread { try PostgresClient(url).run(sql) }
    }

    /// Makes a login role without rights; with a password it needs that over TCP.
    package func createRole(_ name: String, password: String? = nil) async throws {
        try await run("CREATE ROLE \"\(name)\" LOGIN" + (password.map { " PASSWORD '\($0)'" } ?? ""))
        if password != nil { try await run("GRANT \(Self.passwordGroup) TO \"\(name)\"") }
    }

    /// Ends every other connection to the database.
    package func terminateBackends(database: String) async throws {
        try await run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(database)' AND pid <> pg_backend_pid()"
        )
    }

    /// Stops a server of its own at once, as in a crash, and starts it again. Not on the shared one: it ends every test's
    /// connections.
    /// - Parameter isFast: in good order instead, though without waiting for sessions.
    package func restart(isFast: Bool = false) async throws {
        try await Self.onThread {
            self.kill(isFast ? SIGINT : SIGQUIT)
            try self.awaitStop()
            try self.launch()
            try self.awaitReadiness()
        }
    }

    /// Makes a server of its own a hot standby, on which nothing can be written.
    package func becomeStandby() async throws {
        try await Self.onThread {
            self.kill(SIGINT)
            try self.awaitStop()
            let signal = self.folder.appendingPathComponent("data/standby.signal").path
            guard FileManager.default.createFile(atPath: signal, contents: nil) else {
                throw Failure(description: "\(signal) cannot be written")
            }
            // The server runs as another user than the tests.
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: signal)
            try self.launch()
            try self.awaitReadiness()
        }
    }

    /// A standby of this cluster, which must be a test's own.
    /// - Parameter settings: of the standby: `name=value`.
    package func makeStandby(_ settings: [String] = []) async throws -> PostgresCluster {
        try await Self.onThread { try PostgresCluster(following: self, settings: settings) }
    }

    /// Waits until this standby has replayed all that its primary has changed until now.
    package func awaitReplay(of primary: PostgresCluster) async throws {
        let position = try await primary.run("SELECT pg_current_wal_lsn()")[0][0] ?? ""
        try await awaitTrue("SELECT pg_last_wal_replay_lsn() >= '\(position)'::pg_lsn")
    }

    /// Waits until a query of one truth value gives true.
    package func awaitTrue(_ query: String) async throws {
        let deadline = ContinuousClock.now + patience
        while try await run(query)[0][0] != "t" {
            guard ContinuousClock.now < deadline else { throw Failure(description: "this did not come true: \(query)") }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Makes this standby a server that takes changes; returns when it does.
    package func promote() async throws {
        try await run("SELECT pg_promote()")
        try await awaitTrue("SELECT NOT pg_is_in_recovery()")
    }

    /// A second server for a test that restarts it.
    package static func separate() async throws -> PostgresCluster {
        try await onThread { try PostgresCluster() }
    }

    /// Stops a server of its own and removes its folder; returns before that is done.
    package func stop() {
        kill(SIGQUIT)
        SeparateThread.begin("rollcall.tests") {
            if (try? self.awaitStop()) != nil { try? FileManager.default.removeItem(at: self.folder) }
        }
    }

    private func kill(_ signal: Int32) {
        let id = processID.withLock { $0 }
        if id > 0 { _ = Foundation.kill(id, signal) }
    }

    static func onThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            SeparateThread.begin("rollcall.tests") { continuation.resume(with: Result { try body() }) }
        }
    }
}

// MARK: Start and end

extension PostgresCluster {
    private static func makeFolder() throws -> URL {
        let base = try TemporaryFolders.make("postgres")
        if getuid() == 0, let user = getpwnam(superuser) {
            guard chown(base.path, user.pointee.pw_uid, user.pointee.pw_gid) == 0 else {
                throw Failure(description: "\(base.path) cannot be given to the user \(superuser)")
            }
        }
        return base
    }

    private func initialise() throws {
        let data = folder.appendingPathComponent("data").path
        let process = try PostgresPrograms.start(
            binaries + "/initdb",
            ["-D", data, "-U", Self.superuser, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
            log: folder.appendingPathComponent("initdb.log"))
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let log = try? String(contentsOf: folder.appendingPathComponent("initdb.log"), encoding: .utf8)
            throw Failure(description: "initdb failed: \(log ?? "")")
        }
        let rules = """
            local all all trust
            local replication all trust
            host all +\(Self.passwordGroup) 127.0.0.1/32 scram-sha-256
            host all all 127.0.0.1/32 trust
            """
        let handle = try FileHandle(forWritingTo: folder.appendingPathComponent("data/pg_hba.conf"))
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: Data((rules + "\n").utf8))
        try handle.close()
    }

    private func launch() throws {
        let common = [
            "listen_addresses=127.0.0.1", "port=\(port)", "unix_socket_directories=\(folder.path)", "fsync=off",
            "full_page_writes=off", "max_connections=800", "shared_buffers=64MB",
        ]
        let process = try PostgresPrograms.start(
            binaries + "/postgres",
            ["-D", folder.appendingPathComponent("data").path] + (common + settings).flatMap { ["-c", $0] },
            log: folder.appendingPathComponent("server.log"))
        processID.withLock { $0 = process.processIdentifier }
    }

    private func awaitReadiness() throws {
        let address = "host=\(folder.path) port=\(port)"
        let deadline = ContinuousClock.now + patience
        while PQping(address) != PQPING_OK {
            guard ContinuousClock.now < deadline else {
                let log = try? String(contentsOf: folder.appendingPathComponent("server.log"), encoding: .utf8)
                throw Failure(description: "the server did not start: \(log ?? "")")
            }
            usleep(20_000)
        }
    }

    private func awaitStop() throws {
        let file = folder.appendingPathComponent("data/postmaster.pid").path
        let deadline = ContinuousClock.now + patience
        while FileManager.default.fileExists(atPath: file) {
            guard ContinuousClock.now < deadline else { throw Failure(description: "the server did not stop") }
            usleep(20_000)
        }
    }
}
