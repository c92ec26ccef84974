import Foundation
import Logging
import Receivers
import RollcallCore
import Synchronization
import Testing

@testable import Web

/// The listener over the real service, whose warehouse is in memory. Answers wait when the test wants them to.
final class ReceiverBench: Sendable {
    static let token = "project:key"
    static let path = "/hooks/engagement"

    let store = MemoryReceiverStore()
    let intake: HeldIntake
    let server: ReceiverServer
    private let service: ReceiverService

    private init(_ settings: ReceiverListenSettings, _ patience: ReceiverPatience) {
        let receiver = ReceiverSettings(
            name: "engagement", path: Self.path, warehouse: "shop", credentials: [.token(Secret(Self.token))])
        service = ReceiverService(
            ReceiverSetup(receivers: [receiver], listen: settings, stores: ["shop": store]), note: { _ in })
        intake = HeldIntake(service)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        server = ReceiverServer(intake: intake, settings: settings, patience: patience, logger: logger)
    }

    /// Listens on a free port while `body` runs.
    static func with(
        maxBody: Int = 100_000, port: Int = 0, adjust: (inout ReceiverPatience) -> Void = { _ in },
        _ body: (ReceiverBench, _ port: Int) async throws -> Void
    ) async throws {
        var settings = ReceiverListenSettings()
        settings.port = port
        settings.maxBody = maxBody
        var patience = ReceiverPatience()
        adjust(&patience)
        let bench = ReceiverBench(settings, patience)
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let service = Task { await bench.service.run() }
        let server = Task {
            defer { continuation.finish() }
            try await bench.server.run { continuation.yield($0) }
        }
        let result: Result<Void, any Error>
        do {
            var iterator = ports.makeAsyncIterator()
            guard let port = await iterator.next() else {
                // It says why.
                try await server.value
                throw NeverHappened()
            }
            try await body(bench, port)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        bench.intake.letGo()
        await bench.server.stop()
        await bench.service.stop()
        await service.value
        _ = await server.result
        try result.get()
    }

    /// The head of a request with the token.
    static func head(
        _ target: String = "POST \(path) HTTP/1.1", _ headers: String..., token: String? = token
    ) -> String {
        let all = ["host: localhost"] + (token.map { ["authorization: \($0)"] } ?? []) + headers
        return target + "\r\n" + all.joined(separator: "\r\n") + "\r\n\r\n"
    }

    /// A request with the token and a body.
    static func post(_ body: String, _ headers: String...) -> String {
        let all = ["host: localhost", "authorization: \(token)", "content-length: \(body.utf8.count)"] + headers
        return "POST \(path) HTTP/1.1\r\n" + all.joined(separator: "\r\n") + "\r\n\r\n" + body
    }
}

/// The service, with what was asked of it, and with answers that wait.
final class HeldIntake: ReceiverIntake {
    private struct State {
        var isHolding = false
        var waiters: [CheckedContinuation<Void, Never>] = []
        var heads: [ReceiverHead] = []
        var taken: [String] = []
        var faults: [ReceiverService.BodyFault] = []
    }

    private let service: ReceiverService
    private let state = Mutex(State())

    init(_ service: ReceiverService) { self.service = service }

    var heads: [ReceiverHead] { state.withLock { $0.heads } }
    var taken: [String] { state.withLock { $0.taken } }
    var faults: [ReceiverService.BodyFault] { state.withLock { $0.faults } }

    /// From now on bodies wait.
    func hold() { state.withLock { $0.isHolding = true } }

    /// Lets them go on.
    func letGo() {
        let waiters = state.withLock { state in
            state.isHolding = false
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func admit(_ head: ReceiverHead) -> Admission {
        state.withLock { $0.heads.append(head) }
        return service.admit(head)
    }

    func take(_ body: [UInt8], _ ticket: ReceiverTicket) async -> ReceiverAnswer {
        await withCheckedContinuation { continuation in
            let goesOn = state.withLock { state in
                state.taken.append(String(decoding: body, as: UTF8.self))
                if state.isHolding { state.waiters.append(continuation) }
                return !state.isHolding
            }
            if goesOn { continuation.resume() }
        }
        return await service.take(body, ticket)
    }

    func refuse(_ fault: ReceiverService.BodyFault, _ ticket: ReceiverTicket) -> ReceiverAnswer {
        state.withLock { $0.faults.append(fault) }
        return service.refuse(fault, ticket)
    }
}

extension Wire {
    /// Everything until the end of the connection; what came before it was reset counts.
    func receiveAll() async -> String {
        var all = ""
        while let part = try? await receive() { all += part }
        return all
    }

    /// Sends nothing more.
    func endOutput() { _ = shutdown(socket, Int32(SHUT_WR)) }

    /// The end of this object is that of the connection, without a farewell.
    func resetAtEnd() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }
}
