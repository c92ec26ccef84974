import IterableProtocol
package import RollcallCore

extension IterableClient {
    /// `GET /api/users/{email}` and `GET /api/users/byUserId/{userId}`. A hundred calls a second for the whole project.
    package func profile(_ name: ProfileName) async throws(DestinationError) -> ProfileFinding {
        if let problem { throw DestinationError(error: problem, isTransient: false) }
        let path =
            switch name {
            case .email(let email): Self.pathSegment(email)
            case .userID(let id): "byUserId/\(Self.pathSegment(id))"
            }
        switch await transport.exchange(APICall(path: "/api/users/\(path)", maximumAnswerBytes: 16 << 20)) {
        case .failure(let failure): throw error(for: failure, changesSomething: false)
        case .success(let answer): return try ProfileAnswer.finding(answer)
        }
    }
}
