import Hummingbird
import Logging
import NIOCore

/// What a request knows about its connection.
struct SandboxContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    /// Address of the client.
    var clientAddress: String { channel.remoteAddress?.ipAddress ?? "127.0.0.1" }

    /// Closes the connection without an answer.
    func dropConnection() async {
        try? await channel.close().get()
    }
}
