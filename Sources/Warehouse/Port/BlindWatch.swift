/// The watch of a warehouse that cannot tell, and needs no connection for that.
package final class BlindWatch: SourceWatch {
    package init() {}
    package func mayHaveChanged() async -> Bool { true }
    package var wakes: WakeState { .none }
    package func end() async {}
}
