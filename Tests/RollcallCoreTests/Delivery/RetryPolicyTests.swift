import Testing

@testable import RollcallCore

@Suite struct RetryPolicyTests {
    @Test func delaysDoubleUpToTheCap() {
        let policy = RetryPolicy()
        let bounds = (1...8).map { policy.delay(attempt: $0, random: 0.999_999) }
        let expected: [Double] = [0.5, 1, 2, 4, 8, 16, 20, 20]
        for (bound, seconds) in zip(bounds, expected) {
            #expect(bound <= .seconds(seconds))
            #expect(bound > .seconds(seconds * 0.99))
        }
        #expect(policy.delay(attempt: 1, random: 0) == .zero)
        #expect(policy.delay(attempt: 10_000, random: 0.5) == .seconds(10))
        #expect(policy.delay(attempt: 0, random: 0.5) == .milliseconds(250))
    }

    @Test func afterARateLimitThereIsALeastDelay() {
        #expect(RetryPolicy.deliveries.delay(attempt: 1, random: 0, rateLimited: true) == .seconds(1))
        #expect(
            RetryPolicy(leastAfterRateLimit: .seconds(12)).delay(attempt: 1, random: 0, rateLimited: true)
                == .seconds(12))
    }

    @Test func theServersWishIsNeverUndercut() {
        for attempt in 1...6 {
            for random in [0.0, 0.5, 0.99] {
                let delay = RetryPolicy().delay(
                    attempt: attempt, random: random, rateLimited: true, retryAfter: .seconds(30))
                #expect(delay >= .seconds(30))
                #expect(delay <= .seconds(31))
            }
        }
    }

    @Test func attemptsAreBoundedInNumberAndTime() {
        let policy = RetryPolicy()
        #expect(policy.allowsAnother(after: 5, elapsed: .seconds(120)))
        #expect(!policy.allowsAnother(after: 6, elapsed: .zero))
        #expect(!policy.allowsAnother(after: 1, elapsed: .seconds(121)))
    }
}
