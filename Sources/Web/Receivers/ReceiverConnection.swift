import NIOCore
import NIOHTTP1
import Receivers

/// One connection of the listener of receivers, in its event loop: reads a request, has it decided, answers it, and only then
/// looks at the next one, which the pipeline's own handler keeps back.
final class ReceiverConnection: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// The head of a request is to come.
        case idle
        /// The body of an admitted request is to come.
        case reading(ReceiverTicket)
        /// The whole request is here, and the service decides.
        case taking
        /// A refusal is to be sent as soon as what has just arrived is looked through; `isWhole` once the request is.
        case refusing(isWhole: Bool)
        /// The request is answered; the rest of it is read and thrown away.
        case discarding
        /// The last answer is on its way, or the connection is over.
        case ending
    }

    private let intake: any ReceiverIntake
    private let patience: ReceiverPatience
    private var state = State.idle
    private var request = ReceiverRequest()
    private var body: [UInt8] = []
    /// Bytes of the request's body that were thrown away.
    private var unwanted = 0
    /// The client sends nothing more.
    private var hasInputEnded = false
    /// The end of an answer that is kept back, and with it the next request, until the client takes what was sent before.
    private var owesEnd = false
    /// Everything was sent, and we said so.
    private var hasOutputEnded = false
    private var context: ChannelHandlerContext?
    private var peer: String?
    private var deadline: ConnectionDeadline?

    init(intake: any ReceiverIntake, patience: ReceiverPatience) {
        self.intake = intake
        self.patience = patience
    }

    // MARK: The connection

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        deadline = ConnectionDeadline(context.eventLoop) { [weak self] in self?.timeIsOver() }
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        peer = context.remoteAddress?.ipAddress
        deadline?.set(seconds: patience.idleSeconds)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .reading(let ticket) = state { _ = intake.refuse(.cutOff, ticket) }
        end()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    private func end() {
        state = .ending
        body = []
        deadline?.end()
        deadline = nil
        context = nil
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if owesEnd && context.channel.isWritable {
            owesEnd = false
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .inputClosed? = event as? ChannelEvent else { return context.fireUserInboundEventTriggered(event) }
        hasInputEnded = true
        switch state {
        case .idle, .reading, .discarding: closeWhenSent(context)
        case .ending: if hasOutputEnded { context.close(promise: nil) }
        case .taking, .refusing: break
        }
    }

    /// Closes the connection, once the client has taken the answers to its earlier requests, for which it gets a moment.
    private func closeWhenSent(_ context: ChannelHandlerContext) {
        let rest = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)
        if rest ?? 0 > 0 { deadline?.set(seconds: patience.lingerSeconds) } else { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .ending = state { return }
        guard let error = error as? HTTPParserError else { return context.close(promise: nil) }
        request.keepsAlive = false
        switch state {
        case .idle: reply(error == .headerOverflow ? .headersTooLarge : .badRequest)
        case .reading(let ticket): reply(ReceiverReply(intake.refuse(.cutOff, ticket)))
        case .discarding: finish(context)
        case .taking, .refusing, .ending: break
        }
    }

    private func timeIsOver() {
        switch state {
        case .reading(let ticket):
            request.keepsAlive = false
            reply(ReceiverReply(intake.refuse(.tooSlow, ticket)))
        case .idle, .discarding, .ending: context?.close(promise: nil)
        case .taking, .refusing: break
        }
    }

    // MARK: The request

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): admit(head, context)
        case .body(let part): add(part, context)
        case .end: complete(context)
        }
    }

    private func admit(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard case .idle = state else { return }
        request = ReceiverRequest(head)
        unwanted = 0
        guard let read = ReceiverRequest.head(head, peer: peer) else { return refuse(.badRequest, context) }
        switch intake.admit(read) {
        case .answer(let answer): refuse(ReceiverReply(answer), context)
        case .take where request.isEncoded: refuse(.contentEncoding, context)
        case .take(let ticket):
            state = .reading(ticket)
            // No more than that for the promise of a body.
            body.reserveCapacity(min(request.length ?? 0, patience.unwantedBytes))
            deadline?.set(seconds: patience.bodySeconds)
            guard request.expectsContinue else { return }
            let goAhead = HTTPResponseHead(version: .http1_1, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(goAhead)), promise: nil)
        }
    }

    /// Answers in a moment: at once, each of many requests that came together would be answered within the answer of the one before.
    private func refuse(_ answer: ReceiverReply, _ context: ChannelHandlerContext) {
        state = .refusing(isWhole: false)
        let isLong = request.length.map { $0 > patience.unwantedBytes } ?? true
        if isLong || request.expectsContinue { request.keepsAlive = false }
        context.eventLoop.assumeIsolated().execute { self.reply(answer) }
    }

    private func add(_ part: ByteBuffer, _ context: ChannelHandlerContext) {
        switch state {
        case .reading(let ticket):
            guard part.readableBytes <= ticket.maxBody - body.count else {
                request.keepsAlive = false
                return reply(ReceiverReply(intake.refuse(.tooLarge, ticket)))
            }
            body.append(contentsOf: part.readableBytesView)
        case .discarding:
            unwanted += part.readableBytes
            if unwanted > patience.unwantedBytes { finish(context) }
        case .idle, .taking, .refusing, .ending: break
        }
    }

    private func complete(_ context: ChannelHandlerContext) {
        switch state {
        case .reading(let ticket): take(ticket, context)
        case .refusing: state = .refusing(isWhole: true)
        case .discarding:
            state = .idle
            deadline?.set(seconds: patience.idleSeconds)
        case .idle, .taking, .ending: break
        }
    }

    private func take(_ ticket: ReceiverTicket, _ context: ChannelHandlerContext) {
        state = .taking
        deadline?.clear()
        let whole = body
        body = []
        let answer = context.eventLoop.makePromise(of: ReceiverAnswer.self)
        answer.completeWithTask { [intake] in await intake.take(whole, ticket) }
        answer.futureResult.assumeIsolated().whenSuccess { self.reply(ReceiverReply($0)) }
    }

    // MARK: The answer

    private func reply(_ answer: ReceiverReply) {
        guard let context else { return }
        // Closing the connection makes the parser complain of what is half read.
        guard context.channel.isActive else { return end() }
        let isWhole: Bool
        switch state {
        case .taking: isWhole = true
        case .refusing(let whole): isWhole = whole
        // An error of the parser stands for a request.
        case .idle, .reading: isWhole = false
        case .discarding, .ending: return
        }
        let closes = answer.closes || !request.keepsAlive || hasInputEnded
        context.write(wrapOutboundOut(.head(answer.head(request, closes: closes))), promise: nil)
        if !answer.body.isEmpty && !request.isHead {
            let bytes = context.channel.allocator.buffer(string: answer.body)
            context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
        }
        body = []
        if closes { return finish(context, answered: true) }
        state = isWhole ? .idle : .discarding
        deadline?.set(seconds: isWhole ? patience.idleSeconds : patience.bodySeconds)
        // The end has no bytes, but lets the next request in, while this one's answer is still written: nothing comes after it here.
        if context.channel.isWritable {
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        } else {
            owesEnd = true
            context.flush()
        }
    }

    /// Sends what is to be sent, says that nothing more comes, and waits a moment for the client to say the same.
    private func finish(_ context: ChannelHandlerContext, answered: Bool = false) {
        state = .ending
        deadline?.set(seconds: patience.lingerSeconds)
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { _ in self.endOutput() }
        if answered {
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: sent)
        } else {
            sent.succeed()
        }
    }

    private func endOutput() {
        guard let context else { return }
        hasOutputEnded = true
        if hasInputEnded { context.close(promise: nil) } else { context.close(mode: .output, promise: nil) }
    }
}
