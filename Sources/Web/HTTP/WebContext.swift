import Hummingbird
import Logging
import NIOCore

/// What a request knows of its connection and of who asks.
struct WebContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel
    /// Who asks; nil before authentication and for routes open to all.
    var principal: Principal?
    /// The session the request came in with, where it came from a browser that logged in.
    var session: Session?

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    /// Ends the connection soon: the rest of a body that is not read is not waited for.
    func closeSoon() {
        let channel = channel
        _ = channel.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
    }
}
