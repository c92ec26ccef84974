/// How long a test waits for what must happen, before it says that it did not. Only a failing test waits that long: a
/// machine with other work may take a minute for what takes it a second alone.
package let patience: Duration = .seconds(180)
