extension ReceivedBody {
    /// The same bytes for bodies that say the same: members sorted by code points, no white space, numbers as exact decimals, no
    /// normalisation of Unicode, escapes only where JSON needs them. Of what was received, so before anything is hidden.
    package func canonical() -> [UInt8] {
        var canonical: [UInt8] = []
        canonical.reserveCapacity(bytes.count + 16)
        append(0, to: &canonical)
        return canonical
    }

    /// As deep as ``deepest``, so that it may call itself.
    private func append(_ index: Int, to canonical: inout [UInt8]) {
        let node = nodes[index]
        switch node.kind {
        case .object:
            canonical.append(UInt8(ascii: "{"))
            for place in Int(node.names)..<Int(node.names + node.count) {
                if place > Int(node.names) { canonical.append(UInt8(ascii: ",")) }
                let name = Int(sortedNames[place])
                append(name, to: &canonical)
                canonical.append(UInt8(ascii: ":"))
                append(name + 1, to: &canonical)
            }
            canonical.append(UInt8(ascii: "}"))
        case .array:
            canonical.append(UInt8(ascii: "["))
            var item = index + 1
            while item < Int(node.next) {
                if item > index + 1 { canonical.append(UInt8(ascii: ",")) }
                append(item, to: &canonical)
                item = Int(nodes[item].next)
            }
            canonical.append(UInt8(ascii: "]"))
        case .name, .string: appendText(node, to: &canonical)
        case .number: appendNumber(bytes[Int(node.start)..<Int(node.end)], to: &canonical)
        case .word: canonical.append(contentsOf: bytes[Int(node.start)..<Int(node.end)])
        }
    }

    private func appendText(_ node: BodyNode, to canonical: inout [UInt8]) {
        // What was written without escapes needs none.
        guard node.isUnescaped else { return canonical.append(contentsOf: bytes[Int(node.start)..<Int(node.end)]) }
        unescaped.withUnsafeBytes { unescaped in
            let content = UnsafeRawBufferPointer(rebasing: unescaped[Int(node.contentStart)..<Int(node.contentEnd)])
            JSONBytes.append(quoted: content, to: &canonical)
        }
    }

    private func appendNumber(_ text: ArraySlice<UInt8>, to canonical: inout [UInt8]) {
        // Nearly all numbers are whole and do not end in a zero.
        if let last = text.last, last != 48, text.allSatisfy({ (48...57).contains($0) }) {
            canonical.append(contentsOf: text)
        } else {
            ExactDecimal(text).append(to: &canonical)
        }
    }
}
