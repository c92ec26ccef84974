public import RollcallCore

/// The JSON of a delivery, whatever its kind.
public enum DeliveryBody {
    /// - Parameter maximumBytes: most bytes of one request.
    public static func limits(maximumBytes: Int) -> BodyLimits {
        BodyLimits(maximumBytes: maximumBytes, envelopeBytes: max(ListBody.envelopeBytes, CatalogBody.envelopeBytes)) {
            guard let record = $0.record else { return ListBody.size(of: $0.identity, operation: $0.operation) }
            guard let item = record.itemID else { return UsersBody.size(ofObject: $0.payload?.count ?? 0) }
            return CatalogBody.size(ofItem: item, document: $0.payload?.count ?? 0)
        }
    }

    /// Appends the body of a request.
    public static func write(_ request: DeliveryRequest, into bytes: inout [UInt8]) {
        switch request {
        case .list(let request): ListBody.write(request, into: &bytes)
        case .users(let request): UsersBody.write(request, into: &bytes)
        case .userRename(let rename): UsersBody.write(rename, into: &bytes)
        case .userDeletion: break
        case .catalog(let request): CatalogBody.write(request, into: &bytes)
        }
    }
}
