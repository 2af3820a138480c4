//! What must hold in every life of a cluster. `docs/assurance/cluster.md` shows this list; a test compares.

use std::fmt;

promises! {
    /// A service that could run on some node, in a cluster with quorum, is nowhere for 30 s at most; in the end it runs.
    Runs,
    /// No service's agent is at work on two nodes, at any instant.
    Once,
    /// Nobody empties the last node: when one is emptied, another was fit a moment ago and is not being emptied by us.
    NotAll,
    /// *Ended(done)* is heard only when each service that ran on the node since the fault, and is meant, has left it and
    /// come up elsewhere. An attempt that restarts it in place: when it runs.
    Proof,
    /// A recovery that could not begin its move leaves nothing behind: not red, not standby, no claim.
    NoTrace,
    /// No claim of an attempt that is over or dead stands for longer than 60 s while its node and our process live, but
    /// beside the trigger.
    NoWaiting,
    /// Every recovery that was begun is told as *ended*, or its entry in the journal is open.
    NoSilence,
    /// After a boot a node does nothing by itself: no tool runs before a trap has come.
    Boot,
    /// A fault that is cleared, by the BMC or the operator, when the recovery is over takes back what it had set.
    Cleared,
    /// Where nothing else is wrong: of the struck servers each is done, waits visibly for the others, was reset, or
    /// failed without having been told to wait, when no other node was fit or quorum was lost; and somebody is done.
    Moves,
    /// Nothing panics, and nothing goes on for ever.
    NoPanic,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
