import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1

/// Sets the connections of the listener of receivers up. They are served in their event loops, so that ten thousand cost little and
/// a request costs one task.
struct ReceiverChannel: ServerChildChannel {
    struct Connection: ServerChildChannelValue { let channel: any Channel }

    let intake: any ReceiverIntake
    let patience: ReceiverPatience

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Connection> {
        channel.eventLoop.makeCompletedFuture {
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderFieldSize = 16_384
            limits.maxHeaderListSize = 32_768
            limits.maxHeaderFieldCount = 100
            // Answers are small: the system need not keep megabytes of them for a client that takes none.
            try channel.syncOptions?.setOption(.socketOption(.so_sndbuf), value: 65_536)
            let pipeline = channel.pipeline.syncOperations
            // Errors are answered by the connection; the headers of answers are all ours.
            try pipeline.configureHTTPServerPipeline(
                withErrorHandling: false, withOutboundHeaderValidation: false, withEncoderConfiguration: .init(),
                withDecoderLimitConfiguration: limits)
            try pipeline.addHandler(StalledWrites(patience: .nanoseconds(Int64(patience.stallSeconds * 1e9))))
            try pipeline.addHandler(ReceiverConnection(intake: intake, patience: patience))
            return Connection(channel: channel)
        }
    }

    func handle(value: Connection, logger: Logger) async {
        await withTaskCancellationHandler {
            try? await value.channel.closeFuture.get()
        } onCancel: {
            value.channel.close(promise: nil)
        }
    }
}
