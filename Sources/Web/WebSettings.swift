/// How the server listens, and how patient it is.
package struct WebSettings: Sendable {
    /// Host name or address, IPv6 without brackets.
    package var host = "127.0.0.1"
    /// 0 to 65535; 0 takes a free one.
    package var port = 8420
    package var tokens = AccessTokens()
    /// Connections at once; more wait until one is free. Bounded by the files that the process may open.
    package var connections = 16_384
    /// Seconds in which the head of a request must arrive, and that an idle connection is kept.
    package var idleSeconds = 30
    /// Seconds that a client may take nothing of an answer.
    package var stallSeconds = 30
    /// Seconds for the body of a request to arrive.
    package var bodySeconds = 30.0
    /// Bytes of the body of a request.
    package var bodyBytes = 65_536
    /// Streams of events at once.
    package var eventStreams = 256
    /// Seconds between two keep-alive comments in a stream of events.
    package var heartbeatSeconds = 15.0
    /// Seconds that answers under way get when the server stops.
    package var shutdownSeconds = 5.0

    package init() {}
}
