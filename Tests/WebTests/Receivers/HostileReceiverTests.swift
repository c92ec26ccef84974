import Foundation
import Receivers
import RollcallCore
import Testing

@testable import Web

/// The listener of receivers over real sockets: what comes as it should not.
@Suite(.serialized) struct HostileReceiverTests {
    private static let path = ReceiverBench.path
    private static let good = ["host: localhost", "authorization: \(ReceiverBench.token)", "connection: close"]

    private static func ask(_ line: String, _ headers: [String], _ body: String = "") -> String {
        ([line] + headers).joined(separator: "\r\n") + "\r\n\r\n" + body
    }

    /// Requests with the status of their answer, and a text that is in it.
    private static let requests: [(ask: String, status: Int, text: String)] = [
        (ask("GET \(path) HTTP/1.1", good), 405, "Allow: POST"), (ask("HEAD \(path) HTTP/1.1", good), 405, ""),
        (ask("PUT \(path) HTTP/1.1", good + ["content-length: 2"], "{}"), 405, "method_not_allowed"),
        (ask("GET /healthz HTTP/1.1", ["host: a", "connection: close"]), 200, #"{"status":"ok"}"#),
        (ask("HEAD /healthz HTTP/1.1", ["host: a", "connection: close"]), 200, ""),
        (ask("GET /healthz HTTP/1.0", []), 200, "ok"), (ask("POST / HTTP/1.1", good), 404, "not_found"),
        (ask("POST \(path)/ HTTP/1.1", good), 404, "not_found"), (ask("OPTIONS * HTTP/1.1", good), 404, ""),
        (ask("CONNECT a:443 HTTP/1.1", ["host: a:443"]), 404, ""),
        (ask("POST \(path) HTTP/1.1", ["host: a", "content-length: 2"], "{}"), 401, "WWW-Authenticate"),
        (ask("POST \(path) HTTP/1.1", good + ["content-length: 2"], "[]"), 400, "error"),
        (ask("POST \(path) HTTP/1.1", good + ["content-length: 2", "content-encoding: gzip"], "{}"), 415, "identity"),
        (ask("POST \(path) HTTP/1.1", good + ["content-length: 2", "content-encoding: identity"], "{}"), 204, ""),
        (ask("POST http://localhost\(path)?a=b HTTP/1.1", good + ["content-length: 2"], "{}"), 204, ""),
        (ask("POST \(path) HTTP/1.1", good.filter { !$0.hasPrefix("host") }), 400, "bad_request"),
        (ask("POST \(path) HTTP/1.1", good + ["host: b", "content-length: 2"], "{}"), 400, "bad_request"),
        (ask("POST \(path) HTTP/1.1", good + ["content-length: 2", "content-length: 3"], "{}"), 400, "bad_request"),
        (
            ask("POST \(path) HTTP/1.1", good + ["content-length: 2", "transfer-encoding: chunked"], "0\r\n\r\n"), 400,
            "bad_request"
        ),
        (ask("POST \(path) HTTP/1.1", good + ["transfer-encoding: chunked"], "zz\r\n{}\r\n"), 400, "cut_off"),
        (ask("POST \(path) HTTP/1.1", good + ["content-length: -1"]), 400, "bad_request"),
        ("\u{16}\u{3}\u{1}\r\n\r\n", 400, "bad_request"), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad_request"),
        (ask("GET / HTTP/3.7", ["host: a"]), 400, "bad_request"),
        (ask("GET / HTTP/1.1", ["host: a", "x: " + String(repeating: "y", count: 20_000)]), 431, "headers_too_large"),
        (ask("GET /" + String(repeating: "y", count: 20_000) + " HTTP/1.1", ["host: a"]), 431, "headers_too_large"),
        (ask("GET / HTTP/1.1", ["host: a"] + (0..<200).map { "x\($0): y" }), 431, "headers_too_large"),
    ]

    @Test func everyRequestGetsItsAnswer() async throws {
        try await ReceiverBench.with { bench, port in
            for request in Self.requests {
                let name = request.ask.prefix(120)
                let wire = try Wire(port: port)
                try await wire.send(request.ask)
                let answer = await wire.receiveAll()
                #expect(answer.hasPrefix("HTTP/1.1 \(request.status) "), "\(name): \(answer)")
                #expect(request.text.isEmpty || answer.contains(request.text), "\(name): \(answer)")
                if request.ask.hasPrefix("HEAD") { #expect(answer.hasSuffix("\r\n\r\n"), "\(name): \(answer)") }
            }
            #expect(bench.intake.taken == ["[]", "{}", "{}"])
        }
    }

    /// Whoever has no token is answered before a byte of the body is read, and sees the answer although it still sends.
    @Test func aLargeBodyOfAStrangerIsNotTaken() async throws {
        try await ReceiverBench.with { bench, port in
            let wire = try Wire(port: port)
            try await wire.send(
                ReceiverBench.head(
                    "POST \(Self.path) HTTP/1.1", "content-length: 90000", token: "wrong")
                    + String(repeating: " ", count: 90_000))
            let answer = await wire.receiveAll()
            #expect(answer.hasPrefix("HTTP/1.1 401") && answer.contains("connection: close"), "\(answer)")
            #expect(answer.contains("unauthorized"))
            #expect(bench.intake.taken.isEmpty)
        }
    }

    @Test func tooLargeABodyIsRefusedByItsLength() async throws {
        try await ReceiverBench.with(maxBody: 1000) { bench, port in
            let wire = try Wire(port: port)
            try await wire.send(ReceiverBench.post(String(repeating: " ", count: 1001)))
            let answer = await wire.receiveAll()
            #expect(answer.hasPrefix("HTTP/1.1 413") && answer.contains("too_large"), "\(answer)")
            let fits = try Wire(port: port)
            try await fits.send(ReceiverBench.post("{" + String(repeating: " ", count: 998) + "}", "connection: close"))
            let taken = await fits.receiveAll()
            #expect(taken.hasPrefix("HTTP/1.1 204"), "\(taken)")
        }
    }

    @Test func bodiesWithoutEndAreCutOff() async throws {
        try await ReceiverBench.with(maxBody: 100_000, adjust: { $0.lingerSeconds = 0.5 }) { bench, port in
            let wire = try Wire(port: port)
            try await wire.send(ReceiverBench.head("POST \(Self.path) HTTP/1.1", "transfer-encoding: chunked"))
            let chunk = "4000\r\n" + String(repeating: " ", count: 0x4000) + "\r\n"
            for _ in 0..<7 { try await wire.send(chunk) }
            let answer = await wire.receiveAll()
            #expect(answer.hasPrefix("HTTP/1.1 413") && answer.contains("connection: close"), "\(answer)")
            #expect(bench.intake.faults == [.tooLarge])
            var isCut = false
            for _ in 0..<1_000_000 {
                do { try await wire.send(chunk) } catch {
                    isCut = true
                    break
                }
            }
            #expect(isCut, "16 GB of blanks were taken")
            #expect(bench.intake.taken.isEmpty)
        }
    }

    @Test func slowBodiesAreCutOff() async throws {
        try await ReceiverBench.with(adjust: { $0.bodySeconds = 0.2 }) { bench, port in
            let wire = try Wire(port: port)
            try await wire.send(ReceiverBench.head("POST \(Self.path) HTTP/1.1", "content-length: 100") + "{")
            let answer = await wire.receiveAll()
            #expect(answer.hasPrefix("HTTP/1.1 408") && answer.contains("too_slow"), "\(answer)")
            #expect(bench.intake.faults == [.tooSlow] && bench.intake.taken.isEmpty)
        }
    }

    @Test func slowHeadsAndIdleConnectionsAreCutOff() async throws {
        try await ReceiverBench.with(adjust: { $0.idleSeconds = 4 }) { bench, port in
            let idle = try Wire(port: port)
            try await idle.send(ReceiverBench.post("{}"))
            let slow = try Wire(port: port)
            try await slow.send("POST \(Self.path) HT")
            let silent = try Wire(port: port)
            let answer = await idle.receiveAll()
            #expect(answer.hasPrefix("HTTP/1.1 204"), "\(answer)")
            let nothing = await [silent.receiveAll(), slow.receiveAll()]
            #expect(nothing == ["", ""])
        }
    }

    /// Its answer may take as long as it takes: neither the idle time nor that of a body counts for it.
    @Test func noTimeRunsWhileABodyIsKept() async throws {
        try await ReceiverBench.with(adjust: {
            $0.idleSeconds = 4
            $0.bodySeconds = 2
        }) { bench, port in
            bench.intake.hold()
            let wire = try Wire(port: port)
            try await wire.send(ReceiverBench.post("{}"))
            try await eventually { bench.intake.taken.count == 1 }
            // Another connection outlives both times.
            let other = try Wire(port: port)
            let nothing = await other.receiveAll()
            #expect(nothing == "")
            bench.intake.letGo()
            let answer = await wire.receiveAll()
            #expect(answer.hasPrefix("HTTP/1.1 204"), "\(answer)")
        }
    }

    @Test func bodiesThatEndEarlyAreNoEvents() async throws {
        try await ReceiverBench.with { bench, port in
            let half = try Wire(port: port)
            try await half.send(ReceiverBench.head("POST \(Self.path) HTTP/1.1", "content-length: 100") + "{}")
            half.endOutput()
            let answer = await half.receiveAll()
            #expect(answer.hasPrefix("HTTP/1.1 400") && answer.contains("cut_off"), "\(answer)")
            var gone: Wire? = try Wire(port: port)
            try await gone?.send(ReceiverBench.head("POST \(Self.path) HTTP/1.1", "content-length: 100") + "{}")
            try await eventually { bench.intake.heads.count == 2 }
            gone?.resetAtEnd()
            gone = nil
            try await eventually { bench.intake.faults.count == 2 }
            #expect(bench.intake.faults == [.cutOff, .cutOff] && bench.intake.taken.isEmpty)
        }
    }

    @Test func aReaderWhoTakesNothingIsLetGo() async throws {
        try await ReceiverBench.with(adjust: { $0.stallSeconds = 1 }) { _, port in
            let lazy = try Wire(port: port, receiveBuffer: 4096)
            let asks = String(repeating: "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n", count: 100)
            // Asks on and takes nothing, until every buffer on the way is full and the listener has had enough.
            var end: Int32 = 0
            for _ in 0..<10_000 where end == 0 {
                do { try await lazy.send(asks) } catch let error as WireError { end = error.code }
            }
            #expect(end == ECONNRESET || end == EPIPE)
        }
    }

    @Test func connectionsBeyondTheLimitWaitTheirTurn() async throws {
        try await ReceiverBench.with(adjust: {
            $0.connections = 4
            $0.idleSeconds = 1
        }) { _, port in
            let crowd = try (0..<16).map { _ in try Wire(port: port) }
            let wire = try Wire(port: port)
            try await wire.send(ReceiverBench.post("{}", "connection: close"))
            let answer = await wire.receiveAll()
            #expect(answer.hasPrefix("HTTP/1.1 204"), "\(answer)")
            withExtendedLifetime(crowd) {}
        }
    }

    /// In a separate process: Foundation's `Process.run()` of other tests would read beyond its buffer while so many files are
    /// open, and end them all.
    @Test func tenThousandConnectionsDisturbNothing() async {
        await #expect(processExitsWith: .success) {
            try await ReceiverBench.with(adjust: { $0.idleSeconds = 600 }) { bench, port in
                let free = OpenFiles.limit()
                // Both ends are in this process.
                let crowd = try (0..<min(10_000, (free - 500) / 2)).map { _ in try Wire(port: port) }
                // Half of them are slow.
                for (number, wire) in crowd.enumerated() where number.isMultiple(of: 2) {
                    try await wire.send("POST \(ReceiverBench.path) HTTP/1.1\r\nhost: ")
                }
                let wire = try Wire(port: port)
                try await wire.send(ReceiverBench.post("{}", "connection: close"))
                let answer = await wire.receiveAll()
                #expect(answer.hasPrefix("HTTP/1.1 204"), "\(answer)")
                #expect(bench.store.events.count == 1 && crowd.count > 100)
            }
        }
    }
}
