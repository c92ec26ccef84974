import Receivers

/// What decides about the requests of the listener, which only translates: ``ReceiverService``, and scripts in tests.
protocol ReceiverIntake: Sendable {
    /// Before any byte of the body is read.
    func admit(_ head: ReceiverHead) -> Admission
    /// Returns when what it says of the body is durable.
    func take(_ body: [UInt8], _ ticket: ReceiverTicket) async -> ReceiverAnswer
    /// An admitted request whose body did not come as it should.
    func refuse(_ fault: ReceiverService.BodyFault, _ ticket: ReceiverTicket) -> ReceiverAnswer
}

extension ReceiverService: ReceiverIntake {}
