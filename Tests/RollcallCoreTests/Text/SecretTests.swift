import RollcallCore
import Testing

@Suite struct SecretTests {
    private struct Holder {
        var key: Secret
    }

    @Test func noWayOfPrintingShowsTheValue() {
        let secret = Secret("sesame-42")
        var dumped = ""
        dump(Holder(key: secret), to: &dumped)
        let shown = [
            "\(secret)", secret.debugDescription, String(describing: Holder(key: secret)),
            String(reflecting: Holder(key: secret)), "\(Optional(secret) as Any)", "\([secret])", dumped,
        ]
        for text in shown { #expect(!text.contains("sesame"), "\(text)") }
        #expect("\(secret)" == "***")
        #expect(secret.reveal() == "sesame-42")
    }
}
