/// How much the listener of receivers bears with a client. How large a body may be is the service's.
struct ReceiverPatience: Sendable {
    /// Connections at once; more wait until one is free. Bounded by the files that the process may open.
    var connections = 16_384
    /// Seconds in which the head of a request must arrive, and that an idle connection is kept.
    var idleSeconds = 30.0
    /// Seconds for the body of a request to arrive, counted from its head.
    var bodySeconds = 30.0
    /// Seconds that a client may take nothing of its answers.
    var stallSeconds = 30.0
    /// Seconds that a connection whose last answer was sent waits for the client to end it: closed at once, what the client still
    /// sends would make its system throw the answer away.
    var lingerSeconds = 2.0
    /// Seconds that answers under way get when the listener stops.
    var shutdownSeconds = 10.0
    /// Bytes of an unwanted body that are read, so that the connection can be used again; beyond them it is closed.
    var unwantedBytes = 65_536
}
