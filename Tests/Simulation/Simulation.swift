/// The simulation's front door.
public enum Simulation {
    /// Plays the history of a seed.
    public static func play(seed: UInt64) -> Report { History.play(Scenario(seed: seed)) }

    /// Plays it and tells the story.
    public static func tell(seed: UInt64) -> Report { History.play(Scenario(seed: seed), tellsStory: true) }
}
