import Foundation
import Hummingbird
import NIOCore

/// What every call of the API passes through: key, form and size of the body, rate limit, faults, and the log.
struct Pipeline: Sendable {
    /// How a request ended.
    private struct Outcome {
        /// nil closes the connection without an answer.
        var reply: Reply?
        var rowCount: Int?
        var fault: Fault?
    }

    let core: SandboxCore

    /// Answers one request to an endpoint, or closes its connection.
    func respond(to request: Request, context: SandboxContext, endpoint: Endpoint) async -> Response {
        let path = request.uri.path
        var outcome = Outcome()
        do {
            let call = try await accept(request, context)
            outcome = try await answer(call, endpoint)
        } catch let refusal as Refusal {
            outcome.reply = refusal.reply
        } catch {
            // The client went away, or the sandbox is shutting down.
            outcome.reply = nil
        }
        let record = SandboxRequestRecord(
            time: Date(), method: request.method.rawValue, path: path, status: outcome.reply?.status,
            rowCount: outcome.rowCount, fault: outcome.fault?.description, reason: outcome.reply?.reason)
        core.with { $0.traffic.record(record, endpoint: endpoint.name) }
        guard let reply = outcome.reply else {
            await context.dropConnection()
            return Response(status: .internalServerError)
        }
        return reply.response()
    }

    /// Checks the head, then reads the body, never more of it than is allowed.
    private func accept(_ request: Request, _ context: SandboxContext) async throws -> APICall {
        let path = request.uri.path
        try checkKey(request, context, path)
        let limit = core.options.maxBodyBytes
        let tooLarge = Refusal(.gatewayPage(413, "Request Entity Too Large"))
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw tooLarge }
        var body = Data()
        for try await chunk in request.body {
            guard body.count + chunk.readableBytes <= limit else { throw tooLarge }
            body.append(contentsOf: chunk.readableBytesView)
        }
        if !body.isEmpty { try checkForm(request) }
        let parameters = context.parameters.map { (String($0.key), String($0.value).removingPercentEncoding ?? "") }
        return APICall(
            method: request.method.rawValue, path: path,
            parameters: Dictionary(parameters, uniquingKeysWith: { first, _ in first }),
            query: Self.query(request.uri.query ?? ""), body: body)
    }

    /// Only the header counts: a key in the query string or the body is not looked at.
    private func checkKey(_ request: Request, _ context: SandboxContext, _ path: String) throws {
        let key = request.headers.first { ["api-key", "api_key"].contains($0.name.canonicalName) }?.value
        if let key, key == core.options.apiKey, !core.options.otherDataCenterKeys.contains(key) { return }
        let isClientSide = key.map(core.options.clientSideKeys.contains) ?? false
        throw Refusal(
            .badKey(
                isClientSide ? "Disabled API key or insufficient privileges" : "Invalid API key",
                ip: context.clientAddress, path: path))
    }

    /// Bodies are plain JSON.
    private func checkForm(_ request: Request) throws {
        let encoding = request.headers[.contentEncoding]?.lowercased() ?? "identity"
        let type = request.headers[.contentType]?.lowercased() ?? "application/json"
        guard encoding == "identity" else {
            throw Refusal(.text("Content-Encoding \(encoding) is not supported", status: 415))
        }
        guard type.hasPrefix("application/json") || type.hasPrefix("text/json") else {
            throw Refusal(.text("Expecting text/json or application/json body", status: 415))
        }
    }

    /// Items of a query string without their escapes; of repeated ones the first.
    private static func query(_ text: String) -> [String: String] {
        func plain(_ text: Substring) -> String {
            text.replacingOccurrences(of: "+", with: " ").removingPercentEncoding ?? String(text)
        }
        let pairs = text.split(separator: "&").map { item in
            let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (plain(pair[0]), pair.count == 2 ? plain(pair[1]) : "")
        }
        return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
    }

    private func answer(_ call: APICall, _ endpoint: Endpoint) async throws -> Outcome {
        if let limit = endpoint.limit.rate(core.options) {
            let now = core.moment.now
            guard core.with({ $0.admits(endpoint.name, limit: limit, at: now) }) else {
                throw Refusal(.rateLimited(core.options.rateLimitStyle, limit: limit.words, path: call.path))
            }
        }
        let prepared: PreparedCall
        do {
            prepared = try endpoint.prepare(call)
        } catch let refusal as Refusal {
            prepared = PreparedCall { _, _ in throw refusal }
        }
        let fault = core.with { state in state.faults.next(path: call.path, using: &state.generator) }
        var outcome = Outcome(rowCount: prepared.rowCount, fault: fault)
        core.with { $0.traffic.begin(prepared.keys) }
        if let fault, fault.kind == .lateApply {
            core.executeLate(prepared, after: fault.seconds)
            return outcome
        }
        defer { core.with { $0.traffic.end(prepared.keys) } }
        if case .listWrites = endpoint.limit, core.options.latencySeconds > 0 {
            try await Task.sleep(for: .seconds(core.options.latencySeconds))
        }
        guard let fault else {
            outcome.reply = core.execute(prepared)
            return outcome
        }
        if fault.kind == .stall {
            // A stall that is interrupted by the end of the sandbox takes no effect.
            guard (try? await Task.sleep(for: .seconds(fault.seconds))) != nil else { return outcome }
        }
        let answer = fault.applies ? core.execute(prepared) : fault.kind == .acceptOnly ? core.rehearse(prepared) : nil
        outcome.reply = spoiled(fault, answer, call)
        return outcome
    }

    /// The answer with a fault; nil closes the connection.
    private func spoiled(_ fault: Fault, _ answer: Reply?, _ call: APICall) -> Reply? {
        switch fault.kind {
        case .status(let status): .status(status, fault: fault, options: core.options, call: call)
        case .dropBefore, .dropAfter, .lateApply: nil
        case .stall, .acceptOnly, .duplicate, .reorder, .drop, .retryOn5xx: answer
        case .truncated: (answer ?? .wrongTypes).truncated()
        case .html: .html("<!DOCTYPE html><html><body><h1>Welcome</h1></body></html>")
        case .empty: Reply(contentType: "application/json", body: .data(Data()))
        case .wrongTypes: .wrongTypes
        }
    }
}
