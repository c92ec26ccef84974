package import RollcallCore

/// The JSON of a delivery, whatever its kind.
package enum DeliveryBody {
    /// - Parameter maximumBytes: most bytes of one request.
    package static func limits(maximumBytes: Int) -> BodyLimits {
        BodyLimits(maximumBytes: maximumBytes, envelopeBytes: envelopeBytes) {
            if $0.event != nil { return EventsBody.size(ofObject: $0.payload?.count ?? 0) }
            guard let record = $0.record else {
                return ListBody.size(of: $0.identity, operation: $0.operation, fields: $0.payload?.count)
            }
            guard let item = record.itemID else { return UsersBody.size(ofObject: $0.payload?.count ?? 0) }
            return CatalogBody.size(ofItem: item, document: $0.payload?.count ?? 0)
        }
    }

    /// That of the kind that needs most.
    private static var envelopeBytes: Int {
        max(ListBody.envelopeBytes, CatalogBody.envelopeBytes, UsersBody.envelopeBytes, EventsBody.envelopeBytes)
    }

    /// Appends the body of a request.
    package static func write(_ request: DeliveryRequest, into bytes: inout [UInt8]) {
        switch request {
        case .list(let request): ListBody.write(request, into: &bytes)
        case .users(let request): UsersBody.write(request, into: &bytes)
        case .userRename(let rename): UsersBody.write(rename, into: &bytes)
        case .userDeletion: break
        case .events(let request): EventsBody.write(request, into: &bytes)
        case .event(let event): bytes.append(contentsOf: event.object)
        case .catalog(let request): CatalogBody.write(request, into: &bytes)
        }
    }
}
