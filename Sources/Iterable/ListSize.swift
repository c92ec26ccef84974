public import RollcallCore

extension IterableClient {
    /// `GET /api/lists/{id}/size`: a bare number. Five calls a minute for the whole project; lags by up to a minute.
    public func size(ofList id: Int64) async throws(DestinationError) -> Int {
        let answer = try await answer(to: APICall(path: "/api/lists/\(id)/size", maximumAnswerBytes: 4096))
        let text = String(decoding: answer.body, as: UTF8.self).filter { !$0.isWhitespace }
        guard let size = Int(text), size >= 0 else {
            throw AnswerClassifier.unreadable(status: answer.status, changesSomething: false)
        }
        return size
    }
}
