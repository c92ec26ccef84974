/// What is made of a body while ``BodyParser`` reads it.
protocol BodyKeeper {
    /// A container begins.
    mutating func open(_ kind: BodyNode.Kind, at start: Int)
    /// The innermost container ends.
    /// - Parameters:
    ///   - names: those from `first` on are the names of an object, sorted by code points, none twice.
    ///   - first: of an array, behind them all.
    mutating func close(at end: Int, _ names: BodyNames, from first: Int)
    /// The name of a member, whose value follows.
    /// - Parameter content: without escapes.
    /// - Returns: a number of the keeper's choice, which ``close(at:_:from:)`` gets back as ``BodyName/number``.
    mutating func name(_ node: BodyNode, _ content: UnsafeRawBufferPointer) -> UInt32
    /// - Parameter content: without escapes.
    mutating func string(_ node: BodyNode, _ content: UnsafeRawBufferPointer)
    /// A number, or one of the words `true`, `false` and `null`.
    mutating func other(_ node: BodyNode)
}
