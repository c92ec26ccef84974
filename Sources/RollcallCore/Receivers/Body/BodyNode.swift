/// A value or the name of a member within a body. A member's name is followed by its value, a container by what it contains.
struct BodyNode {
    enum Kind: UInt8 { case object, array, name, string, number, word }

    var kind: Kind
    /// Of names and strings: whether U+0000 is in it.
    var hasNUL = false
    /// Of names and strings: whether it was written with escapes; the content then stands in ``ReceivedBody/unescaped``.
    var isUnescaped = false
    /// The text in the body, quotes and brackets included.
    var start: UInt32
    var end: UInt32 = 0
    /// Of names and strings: the content, in the body or in ``ReceivedBody/unescaped``.
    var contentStart: UInt32 = 0
    var contentEnd: UInt32 = 0
    /// The node behind this one and all it contains.
    var next: UInt32 = 0
    /// Of objects: where their names begin in ``ReceivedBody/sortedNames``, and how many there are.
    var names: UInt32 = 0
    var count: UInt32 = 0
}
