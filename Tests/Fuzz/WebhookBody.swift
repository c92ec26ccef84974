import Foundation

@testable import RollcallCore

/// Bodies that anyone may post: filters see what the row will have, and refuse what would not become one; with its identifiers
/// hidden, a body still is one.
func fuzz(_ bytes: [UInt8]) {
    let early = Result { () throws(BodyProblem) in try FilterMembers(bytes) }
    let late = Result { () throws(BodyProblem) in try ReceivedBody(bytes) }
    switch (early, late) {
    case (.failure(let early), .failure(let late)): require(early == late, "refused as \(early) and \(late)")
    case (.success(let members), .success(let body)):
        let event = body.event(
            eventID: "id", receiver: "r", destination: nil, receivedAt: Date(timeIntervalSince1970: 0), hiding: nil)
        require(members.eventName == event.eventName, "another name")
        require(members.hasUserID == (event.userID != nil), "another userId")
        // White space around it says nothing.
        let padded = Array(" \n".utf8) + bytes + Array("\t\r".utf8)
        require((try? ReceivedBody(padded).canonical()) == body.canonical(), "another canonical form")
        let hiding = IdentifierHiding(.masked, key: [UInt8](repeating: 0, count: 16))
        let hidden = body.event(
            eventID: "id", receiver: "r", destination: nil, receivedAt: Date(timeIntervalSince1970: 0), hiding: hiding)
        require((try? ReceivedBody(hidden.payload)) != nil, "hidden, it is no body")
    default: require(false, "refused by one of both")
    }
}
