import Foundation
import RollcallCore
import Testing

@testable import IterableProtocol

/// What a look at a profile says.
@Suite struct ProfileAnswerTests {
    private static let noSuchID =
        #"{"msg":"No user with that id exists!","code":"error.users.noUserWithIdExists","params":null}"#

    private func finding(_ status: Int, _ body: String) -> Result<ProfileFinding, DestinationError> {
        Result { () throws(DestinationError) in try ProfileAnswer.finding(Samples.answer(status, body)) }
    }

    @Test(arguments: [
        (#"{"user":{"email":"ann@example.com","userId":"u-1","dataFields":{}}}"#, ProfileFinding.found(userID: "u-1")),
        (#"{"user":{"email":"ann@example.com","dataFields":{"userId":"u-2"}}}"#, .found(userID: "u-2")),
        (#"{"user":{"email":"ann@example.com","dataFields":{"plan":"free"}}}"#, .found(userID: nil)),
        (#"{"user":{"email":"ann@example.com","userId":null}}"#, .found(userID: nil)),
        (#"{"user":{"email":"ann@example.com","userId":""}}"#, .found(userID: nil)),
        (#"{"user":{"email":"ann@example.com","userId":4711}}"#, .found(userID: "4711")),
        (#"{"user":{"email":"ann@example.com","dataFields":{"userId":4711}}}"#, .found(userID: "4711")),
        (#"{"user":null}"#, .unknown),
        ("{}", .unknown), (#"{"user":null}"#, .unknown),
    ])
    func anAnswerOfSuccess(_ body: String, _ expected: ProfileFinding) {
        #expect(finding(200, body) == .success(expected))
    }

    @Test(arguments: [
        (400, noSuchID), (404, noSuchID), (500, noSuchID),
        (400, #"{"msg":"No user with that id exists!","code":"BadParams"}"#),
        (400, #"{"msg":"Unknown email","code":"UnknownEmailError"}"#),
        (400, #"{"msg":"Unknown userId","code":"UnknownUserIdError"}"#),
        (400, #"{"msg":"User does not exist. Email: a@b.c UserId: ","code":"BadParams"}"#),
    ])
    func somebodyWhoIsNotThere(_ status: Int, _ body: String) {
        #expect(finding(status, body) == .success(.unknown), "\(status) \(body)")
    }

    @Test(arguments: [
        (400, "InvalidEmailAddressError", "invalid_email"), (400, "InvalidUserIdError", "invalid_user_id"),
        (400, "ForgottenUserError", "forgotten"), (409, "ForgottenUserError", "forgotten"),
    ])
    func aRefusalOfThePerson(_ status: Int, _ code: String, _ expected: String) throws {
        let found = try finding(status, #"{"msg":"","code":"\#(code)"}"#).get()
        guard case .refused(.rejected(let reason)) = found else {
            Issue.record("\(found)")
            return
        }
        #expect(reason.code == expected && reason.httpStatus == status)
    }

    @Test(arguments: [
        (400, #"{"msg":"Something","code":"BadParams"}"#, false), (404, "<html>Not Found</html>", false),
        (404, #"{"msg":"Not found","code":"NotFound"}"#, false), (401, #"{"code":"BadApiKey"}"#, false),
        (429, "Too many requests", true), (500, "oops", true), (502, "<html></html>", true), (200, "[]", true),
        (200, "<html></html>", true), (200, #"{"msg":"x","code":"GenericError"}"#, true),
        (200, #"{"status":"maintenance"}"#, true), (200, #"{"user":"x"}"#, true),
        (200, #"{"user":{"userId":{}}}"#, true),
        (200, #"{"user":{"dataFields":{"userId":[1]}}}"#, true),
    ])
    func whatSaysNothingOfThePerson(_ status: Int, _ body: String, _ isTransient: Bool) {
        guard case .failure(let error) = finding(status, body) else {
            Issue.record("\(status) \(body)")
            return
        }
        #expect(error.isTransient == isTransient, "\(status) \(body): \(error)")
    }
}
