import IterableProtocol
package import RollcallCore

extension IterableClient {
    /// `GET /api/catalogs/{name}/items/{itemId}`: an item, compared with its document as it was put. A hundred calls a second.
    package func look(
        at item: CatalogRequest.Item, ofCatalog name: String, keepsOtherFields: Bool
    ) async throws(DestinationError) -> ItemFinding {
        if let problem { throw DestinationError(error: problem, isTransient: false) }
        let call = APICall(
            path: Self.catalogPath(name, "/items/\(Self.pathSegment(item.id))"), maximumAnswerBytes: 1 << 20)
        switch await transport.exchange(call) {
        case .failure(let failure): throw error(for: failure, changesSomething: false)
        case .success(let answer):
            if answer.status != 404, let error = AnswerClassifier.error(for: answer, changesSomething: false) {
                throw error
            }
            let finding = ItemAnswer.finding(answer, document: item.document, keepsOtherFields: keepsOtherFields)
            if let finding { return finding }
            throw AnswerClassifier.error(for: answer, changesSomething: false)
                ?? AnswerClassifier.unreadable(status: answer.status, changesSomething: false)
        }
    }
}
