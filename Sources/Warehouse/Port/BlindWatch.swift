/// The watch of a warehouse that cannot tell, and needs no connection for that.
public final class BlindWatch: SourceWatch {
    public init() {}
    public func mayHaveChanged() async -> Bool { true }
    public var wakes: WakeState { .none }
    public func end() async {}
}
