import Foundation
import TestSupport
import Testing

@testable import Warehouse

@Suite("Postgres: the watchdog of a call") struct PostgresWatchdogTests {
    /// libpq closes its socket when a connection breaks, and another part of the program may open a file under that number
    /// before the call's time is over.
    @Test func itEndsItsOwnConnectionAndNotOneThatTookTheNumber() async throws {
        let (mine, server) = try pair()
        let (other, peer) = try pair()
        defer { for socket in [mine, server, other, peer] { close(socket) } }
        let watchdog = PostgresWatchdog(try SharedSocket(mine), seconds: 0.01)
        defer { watchdog.end() }
        #expect(dup2(other, mine) == mine)
        #expect(await fires(watchdog))
        var byte: UInt8 = 7
        #expect(recv(server, &byte, 1, Int32(MSG_DONTWAIT)) == 0)
        #expect(send(mine, &byte, 1, Int32(MSG_NOSIGNAL)) == 1)
        #expect(recv(peer, &byte, 1, Int32(MSG_DONTWAIT)) == 1)
    }

    @Test func aCallThatEndedInTimeLeavesItsConnection() async throws {
        let (mine, server) = try pair()
        defer { for socket in [mine, server] { close(socket) } }
        let watchdog = PostgresWatchdog(try SharedSocket(mine), seconds: 2)
        watchdog.end()
        try await Task.sleep(for: .seconds(3))
        #expect(!watchdog.hasFired)
        var byte: UInt8 = 7
        #expect(send(mine, &byte, 1, Int32(MSG_NOSIGNAL)) == 1)
    }

    @Test func aConnectionWithoutASocketIsLeftAlone() async throws {
        let watchdog = PostgresWatchdog(try SharedSocket(-1), seconds: 0.001)
        #expect(await fires(watchdog))
    }

    private func fires(_ watchdog: PostgresWatchdog) async -> Bool {
        for _ in 0..<3_000 where !watchdog.hasFired { try? await Task.sleep(for: .milliseconds(10)) }
        return watchdog.hasFired
    }

    private func pair() throws -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        return (ends[0], ends[1])
    }
}
