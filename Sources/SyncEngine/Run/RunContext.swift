import Foundation
import RollcallCore
import Warehouse

/// What all parts of a run share: what it is to do, with what, and by which right.
struct RunContext: Sendable {
    let sync: SyncSettings
    let settings: DestinationSettings
    let warehouse: any Warehouse
    let destination: any Destination
    let limiters: RateLimiterPool
    let clock: any EngineClock
    let stop: StopSignal
    let progress: ProgressHandler
    let keeper: LeaseKeeper
    /// The warehouse's time, counted on from its beginning.
    let runClock: RunClock
    /// Whether a stream sends, and not a run that comes to an end by itself.
    var isStream = false
    /// Empty until the run has one.
    var runID = ""

    var lease: Lease { keeper.lease }
    var limits: DestinationLimits { settings.limits }
    var now: Date { runClock.now }
}
