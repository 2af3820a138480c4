//! What must hold in every life. `docs/assurance/heartbeat.md` shows this list; a test compares.

use std::fmt;

promises! {
    /// `off` only if the server was off within the time that its evidence may be old, and never for longer than a few
    /// rounds in vain.
    Off,
    /// `silent` only if the server had power and was not fed for the time-out when its BMC said so.
    Silent,
    /// `alive` only if it was fed within the time-out, and `delayed` only if it was not fed, or its BMC not heard, or its
    /// countdown not clear, for the warning's share of it.
    Alive,
    /// `left` only after a clean stop, `booting` only while firmware ran the timer, `powered` only with power.
    Row,
    /// "May I take over?" is answered with *yes* only if the server had no power within the time that the answer allows:
    /// two intervals, at least 5 s. Judged at every moment, whatever we, it, or the network went through.
    TakeOver,
    /// Nothing stands for longer than the time-out (but for the rounds that find out) without its BMC being heard.
    Evidence,
    /// At one loss in ten, with nothing else wrong on the way: off is `off` within the time-out and one interval.
    DetectsOff,
    /// And a server whose software has stopped feeding is `silent` within the time-out and one interval, of at least 3 s,
    /// of the last feeding.
    DetectsSilent,
    /// With nothing else wrong than one loss in ten, a verdict is the table's, 20 s after what it is about: never unknown,
    /// never another row.
    Table,
    /// No restart is counted that did not happen, and none twice.
    Restarts,
    /// Every change of a verdict is told, and what is told last is what is known.
    Told,
    /// Nothing panics, and nothing goes on for ever.
    NoPanic,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
