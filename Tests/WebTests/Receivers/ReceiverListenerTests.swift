import Foundation
import Receivers
import RollcallCore
import Testing

@testable import Web

/// The listener of receivers over real sockets: what comes as it should.
@Suite(.serialized) struct ReceiverListenerTests {
    private static let event = #"{"eventName":"emailOpen","email":"a@example.com"}"#

    @Test func aBodyIsKeptBeforeItsAnswer() async throws {
        try await ReceiverBench.with { bench, port in
            let wire = try Wire(port: port)
            try await wire.send(ReceiverBench.post(Self.event, "connection: close"))
            let answer = await wire.receiveAll()
            #expect(answer.hasPrefix("HTTP/1.1 204 No Content\r\n"), "\(answer)")
            #expect(answer.contains("date: ") && answer.contains("connection: close"))
            #expect(!answer.lowercased().contains("content-length"), "a 204 has no length (RFC 9110, section 8.6)")
            #expect(bench.store.events.map(\.eventName) == ["emailOpen"])
            let head = try #require(bench.intake.heads.first)
            #expect(head.method == "POST" && head.path == ReceiverBench.path && head.peer == "127.0.0.1")
            #expect(head.headers.contains { $0.name == "host" && $0.value == "localhost" })
        }
    }

    @Test func bodiesComeInChunks() async throws {
        try await ReceiverBench.with { bench, port in
            let wire = try Wire(port: port)
            try await wire.send(
                ReceiverBench.head(
                    "POST \(ReceiverBench.path)?from=iterable HTTP/1.1", "transfer-encoding: chunked",
                    "connection: close"))
            for part in [Self.event.prefix(10), Self.event.dropFirst(10)] {
                try await wire.send(String(part.utf8.count, radix: 16) + "\r\n\(part)\r\n")
            }
            try await wire.send("0\r\n\r\n")
            let answer = await wire.receiveAll()
            #expect(answer.hasPrefix("HTTP/1.1 204"), "\(answer)")
            #expect(bench.intake.taken == [Self.event])
        }
    }

    @Test func pipelinedRequestsAreAnsweredInTheirOrder() async throws {
        try await ReceiverBench.with { bench, port in
            bench.intake.hold()
            let wire = try Wire(port: port)
            try await wire.send(
                ReceiverBench.post(#"{"n":1}"#) + ReceiverBench.post("[]") + ReceiverBench.post(#"{"n":3}"#)
                    + "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            try await eventually { bench.intake.taken.count == 1 }
            // The next one is not even looked at.
            #expect(bench.intake.heads.count == 1)
            bench.intake.letGo()
            let answer = await wire.receiveAll()
            let statuses = answer.matches(of: /HTTP\/1\.1 ([0-9]{3})/).map { String($0.output.1) }
            #expect(statuses == ["204", "400", "204", "200"], "\(answer)")
            #expect(bench.intake.taken == [#"{"n":1}"#, "[]", #"{"n":3}"#])
        }
    }

    /// Answers that are there at once do not pile up on the stack.
    @Test func thousandsOfPipelinedRequestsAreAnswered() async throws {
        try await ReceiverBench.with { bench, port in
            let count = 3000
            let ask = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"
            let wire = try Wire(port: port)
            async let sent: Void = wire.send(
                String(repeating: ask, count: count) + ask.replacing("\r\n\r\n", with: "\r\nconnection: close\r\n\r\n"))
            let answer = await wire.receiveAll()
            try await sent
            #expect(answer.matches(of: /HTTP\/1\.1 200/).count == count + 1)
        }
    }

    @Test func aClientMayAskBeforeItSends() async throws {
        try await ReceiverBench.with { bench, port in
            let wire = try Wire(port: port)
            try await wire.send(
                ReceiverBench.head("POST \(ReceiverBench.path) HTTP/1.1", "expect: 100-continue", "content-length: 2"))
            let goAhead = try await wire.receive(until: "\r\n\r\n")
            #expect(goAhead == "HTTP/1.1 100 Continue\r\n\r\n")
            try await wire.send("{}")
            let answer = try await wire.receive(until: "\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 204"))
            let stranger = try Wire(port: port)
            try await stranger.send(
                ReceiverBench.head(
                    "POST \(ReceiverBench.path) HTTP/1.1", "expect: 100-continue", "content-length: 2", token: "wrong"))
            let refusal = await stranger.receiveAll()
            #expect(refusal.hasPrefix("HTTP/1.1 401") && !refusal.contains("100 Continue"), "\(refusal)")
            #expect(bench.intake.taken == ["{}"])
        }
    }

    @Test func whoSendsNothingMoreGetsItsAnswer() async throws {
        try await ReceiverBench.with { bench, port in
            bench.intake.hold()
            let wire = try Wire(port: port)
            try await wire.send(ReceiverBench.post(Self.event))
            wire.endOutput()
            try await eventually { bench.intake.taken.count == 1 }
            bench.intake.letGo()
            let answer = await wire.receiveAll()
            #expect(answer.hasPrefix("HTTP/1.1 204"), "\(answer)")
        }
    }

    @Test func answersUnderWayComeToTheirEnd() async throws {
        try await ReceiverBench.with { bench, port in
            bench.intake.hold()
            let (wire, idle, slow) = (try Wire(port: port), try Wire(port: port), try Wire(port: port))
            try await slow.send("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\nPOST \(ReceiverBench.path) HT")
            _ = try await slow.receive(until: "}")
            try await wire.send(ReceiverBench.post(Self.event))
            try await eventually { bench.intake.taken.count == 1 }
            let stop = Task { await bench.server.stop() }
            // Idle connections end at once: the listener stops.
            let farewells = await [idle.receiveAll(), slow.receiveAll()]
            #expect(farewells == ["", ""])
            bench.intake.letGo()
            let answer = await wire.receiveAll()
            #expect(answer.hasPrefix("HTTP/1.1 204") && answer.contains("connection: close"), "\(answer)")
            await stop.value
            #expect(throws: WireError.self) { try Wire(port: port) }
            #expect(bench.store.events.count == 1)
        }
    }

    @Test func aPortInUseIsSaid() async throws {
        try await ReceiverBench.with { _, port in
            let error = await #expect(throws: RunError.self) {
                try await ReceiverBench.with(port: port) { _, _ in }
            }
            #expect(error?.code == "port_in_use" && error?.message.contains("127.0.0.1:\(port)") == true)
            #expect(error?.hint?.contains("server.receiver_listen") == true)
        }
    }
}
