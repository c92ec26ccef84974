/// Version of the program; the changelog says what each brought.
public let rollcallVersion = "0.1.0"
