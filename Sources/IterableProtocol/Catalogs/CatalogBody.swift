package import RollcallCore

/// Writes the JSON of a request that puts items of a catalog or deletes them, straight into bytes.
package enum CatalogBody {
    /// Upper bound, in bytes, of everything in a body but its items.
    package static let envelopeBytes = 128

    /// Upper bound, in bytes, of what one item adds to a body, its comma included.
    package static func size(ofItem id: String, document bytes: Int) -> Int { JSONBytes.quotedSize(id) + bytes + 2 }

    /// Appends the body of a request.
    package static func write(_ request: CatalogRequest, into bytes: inout [UInt8]) {
        switch request.operation.direction {
        case .put:
            append("{\"documents\":{", to: &bytes)
            writeItems(request, into: &bytes) { item, bytes in
                bytes.append(UInt8(ascii: ":"))
                bytes.append(contentsOf: item.document)
            }
            // Always written out: sources disagree on the default.
            append("},\"replaceUploadedFieldsOnly\":\(request.keepsOtherFields)}", to: &bytes)
        case .remove:
            append("{\"itemIds\":[", to: &bytes)
            writeItems(request, into: &bytes) { _, _ in }
            append("]}", to: &bytes)
        }
    }

    private static func writeItems(
        _ request: CatalogRequest, into bytes: inout [UInt8], _ rest: (CatalogRequest.Item, inout [UInt8]) -> Void
    ) {
        for (position, item) in request.items.enumerated() {
            if position > 0 { bytes.append(UInt8(ascii: ",")) }
            JSONBytes.append(quoted: item.id, to: &bytes)
            rest(item, &bytes)
        }
    }

    private static func append(_ text: String, to bytes: inout [UInt8]) { bytes.append(contentsOf: text.utf8) }
}
