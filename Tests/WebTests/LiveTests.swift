import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing

@testable import Web

/// Over real sockets: time-outs, limits, streams, the end.
@Suite(.serialized) struct LiveTests {
    private static let ask = "GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"

    @Test func eventsAreStreamedUntilTheServerStops() async throws {
        try await WebBench.with(tokens: nil, adjust: { $0.heartbeatSeconds = 0.05 }) { bench in
            var wire: Wire?
            try await bench.listening { port in
                let stream = try Wire(port: port)
                try await stream.send("GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n")
                let head = try await stream.receive(until: ": alive")
                #expect(head.contains("200 OK") && head.lowercased().contains("content-type: text/event-stream"))
                let run = try await bench.run()
                let text = try await stream.receive(until: "event: run_ended")
                #expect(text.contains("event: run_started"))
                #expect(text.contains("\"run_id\":\"\(run.id)\""))
                wire = stream
            }
            let stream = try #require(wire)
            while try await stream.receive() != nil {}
        }
    }

    @Test func aReaderWhoTakesNothingIsLetGo() async throws {
        try await WebBench.with(tokens: nil, adjust: { $0.stallSeconds = 1 }) { bench in
            try await bench.listening { port in
                let lazy = try Wire(port: port, receiveBuffer: 4096)
                let asks = String(repeating: "GET /assets/rollcall.css HTTP/1.1\r\nhost: localhost\r\n\r\n", count: 100)
                // Asks on and takes nothing, until every buffer on the way is full and the server has had enough.
                var end: Int32 = 0
                for _ in 0..<10_000 where end == 0 {
                    do { try await lazy.send(asks) } catch let error as WireError { end = error.code }
                }
                #expect(end == ECONNRESET || end == EPIPE)
            }
        }
    }

    @Test func slowHeadsAreCutOff() async throws {
        try await WebBench.with(tokens: nil, adjust: { $0.idleSeconds = 1 }) { bench in
            try await bench.listening { port in
                let silent = try Wire(port: port)
                let slow = try Wire(port: port)
                // On a busy machine the server may have had enough before this arrives.
                try? await slow.send("GET /healthz HTTP/1.1\r\nhost: 127")
                #expect(try await isCutOff(silent))
                #expect(try await isCutOff(slow))
            }
        }
    }

    /// Waits for the end of a connection on which nothing is answered.
    private func isCutOff(_ wire: Wire) async throws -> Bool {
        do {
            return try await wire.receive() == nil
        } catch let error as WireError where error.code == ECONNRESET {
            return true
        }
    }

    @Test func slowBodiesAreCutOff() async throws {
        try await WebBench.with(tokens: nil, adjust: { $0.bodySeconds = 0.2 }) { bench in
            try await bench.listening { port in
                let slow = try Wire(port: port)
                try await slow.send(
                    "POST /api/v1/syncs/vip/runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                        + "content-length: 100\r\n\r\n{")
                let answer = try await slow.receive(until: "body_too_slow")
                #expect(answer.contains("408"))
                while try await slow.receive() != nil {}
                #expect(bench.destination.deliveries == 0)
            }
        }
    }

    @Test func bodiesWithoutEndAreCutOff() async throws {
        try await WebBench.with(tokens: nil) { bench in
            try await bench.listening { port in
                let wire = try Wire(port: port)
                try await wire.send(
                    "POST /api/v1/syncs/vip/runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                        + "transfer-encoding: chunked\r\n\r\n")
                let chunk = "4000\r\n" + String(repeating: " ", count: 0x4000) + "\r\n"
                var isCut = false
                for _ in 0..<100_000 {
                    do { try await wire.send(chunk) } catch {
                        isCut = true
                        break
                    }
                }
                #expect(isCut, "1.6 GB of blanks were taken")
            }
        }
    }

    @Test func whatIsNotHTTPIsRefused() async throws {
        try await WebBench.with(tokens: nil) { bench in
            try await bench.listening { port in
                for text in [
                    "\u{16}\u{3}\u{1}\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\nhost: a\r\nhost\r\n\r\n",
                    "GET / HTTP/1.1\r\nhost: localhost\r\nx: \(String(repeating: "y", count: 100_000))\r\n\r\n",
                ] {
                    let wire = try Wire(port: port)
                    try? await wire.send(text)
                    let answer = try? await wire.receive(until: "\r\n\r\n")
                    #expect(
                        answer == nil || answer == "" || answer?.contains("400") == true
                            || answer?.contains("431") == true)
                }
                let wire = try Wire(port: port)
                try await wire.send(Self.ask)
                let received3 = try await wire.receive(until: "}")
                #expect(received3.contains("200 OK"))
            }
        }
    }

    /// In a process of its own: Foundation's `Process.run()` of other tests would read beyond its buffer while so many files are
    /// open, and end them all.
    @Test func thousandsOfOpenConnectionsDisturbNothing() async {
        await #expect(processExitsWith: .success) {
            try await WebBench.with(tokens: nil) { bench in
                try await bench.listening { port in
                    let free = OpenFiles.limit()
                    // Both ends are in this process.
                    let crowd = try (0..<min(4000, (free - 500) / 2)).map { _ in try Wire(port: port) }
                    let run = try await bench.run()
                    #expect(run.status == .succeeded)
                    let wire = try Wire(port: port)
                    try await wire.send(LiveTests.ask)
                    let received4 = try await wire.receive(until: "}")
                    #expect(received4.contains("200 OK"))
                    #expect(crowd.count > 100)
                }
            }
        }
    }

    @Test func connectionsBeyondTheLimitWaitTheirTurn() async throws {
        try await WebBench.with(
            tokens: nil,
            adjust: {
                $0.connections = 4; $0.idleSeconds = 1
            }
        ) { bench in
            try await bench.listening { port in
                let crowd = try (0..<16).map { _ in try Wire(port: port) }
                let wire = try Wire(port: port, patience: 20)
                try await wire.send(Self.ask)
                let received5 = try await wire.receive(until: "}")
                #expect(received5.contains("200 OK"))
                withExtendedLifetime(crowd) {}
            }
        }
    }

    @Test func aPortInUseIsSaid() async throws {
        try await WebBench.with(tokens: nil) { first in
            try await first.listening { port in
                try await WebBench.with(tokens: nil, adjust: { $0.port = port }) { second in
                    let error = await #expect(throws: RunError.self) { try await second.server.run() }
                    #expect(error?.code == "port_in_use")
                    #expect(error?.message.contains("127.0.0.1:\(port)") == true)
                }
            }
        }
    }
}
