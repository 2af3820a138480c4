//! The catalogue: everything that an audit can find.
//!
//! Uses `finding`. Ids are stable and never reused: A00 what was not told, A01 PEF as a whole, A02 the way to
//! us, A03 and A04 filters, A05 the log, A06 who may log in, A07 identity. `docs/audit.md` explains each; a
//! test compares the two.

use super::finding::{Rule, Severity};

macro_rules! rules {
    ($($name:ident $id:literal $severity:ident $blocks:ident $says:literal)+) => {
        $(pub(super) static $name: Rule =
            Rule { id: $id, severity: Severity::$severity, blocks: blocks::$blocks, says: $says };)+
        /// Every rule, in the order of the ids.
        pub static ALL: &[&Rule] = &[$(&$name),+];
    };
}

/// Words for a column of the table.
#[allow(non_upper_case_globals, reason = "they are words of the table")]
mod blocks {
    pub(super) const blocks: bool = true;
    pub(super) const passes: bool = false;
}

rules! {
    NOT_TOLD "BMCN-A001" Warning passes "what decides whether a notice reaches us can be found out"
    SILENT_ON "BMCN-A002" Info passes "everything that an audit asks for is told"
    UPDATING "BMCN-A003" Warning passes "the BMC is at work, not updating its firmware or starting"
    OLD_IPMI "BMCN-A004" Warning passes "the BMC speaks IPMI 2.0"

    PEF_OFF "BMCN-A010" Error blocks "the BMC filters events (PEF is on)"
    ALERT_OFF "BMCN-A011" Error blocks "the alert action is enabled"
    NO_ALERTS "BMCN-A012" Error blocks "the BMC can send alerts"
    CHANNEL_MUTE "BMCN-A013" Error blocks "alerts are enabled on the channel"
    CHANNEL_FORGETS "BMCN-A014" Warning passes "alerts stay enabled on the channel when the BMC starts again"
    DELAYED "BMCN-A015" Warning passes "the BMC alerts from the server's start on"
    POSTPONED "BMCN-A016" Error blocks "nobody has postponed the filters"

    NOT_TO_US "BMCN-A020" Error blocks "an alert destination is this monitor's address"
    NOT_PET "BMCN-A021" Error blocks "our destination gets Platform Event Traps"
    UNACKNOWLEDGED "BMCN-A022" Warning passes "the BMC sends again what is not acknowledged"
    NO_RETRIES "BMCN-A023" Warning passes "the BMC sends an alert again at least three times"
    NO_POLICY "BMCN-A024" Error blocks "an enabled alert policy leads to our destination"
    POLICY_SKIPS "BMCN-A025" Warning passes "our policy entry does not depend on other destinations"
    PORT "BMCN-A026" Warning passes "we listen at port 162: an IPMI BMC can send to no other"
    COMMUNITY "BMCN-A027" Error blocks "the BMC's traps carry the community that we take"
    NO_LISTENER "BMCN-A028" Error blocks "the server has a monitor that listens for its BMC"
    SHORT_SPAN "BMCN-A029" Warning passes "a repetition is known as one for as long as the BMC repeats"

    RESETS_FIRST "BMCN-A030" Error passes "no filter of a fatal event resets the server by itself: it does so before it alerts, and nothing can wait"
    INTERRUPTS "BMCN-A031" Warning passes "no filter of a fatal event sends a diagnostic interrupt: the operating system may panic before a recovery"
    NO_FILTER "BMCN-A040" Error blocks "fatal events have enabled filters that alert us"
    SOME_UNFILTERED "BMCN-A041" Warning passes "all fatal events have enabled filters that alert us"
    LEADS_AWAY "BMCN-A042" Warning passes "filters alert by a policy that leads to us"
    IN_PART "BMCN-A043" Info passes "filters take fatal events from any sensor"

    SEL_FULL "BMCN-A050" Error passes "the event log has not overflown: what it cannot take may be neither alerted nor proven"
    SEL_FILLS "BMCN-A051" Warning passes "the event log is less than 75% full"
    NO_LOGGING "BMCN-A052" Error blocks "the BMC writes events to its log; filters work on the log"
    CLOCK "BMCN-A053" Warning passes "the BMC's clock is within a minute of the host's"

    SUITE_0 "BMCN-A060" Error passes "cipher suite 0 is off: it lets anybody in without a password"
    SUITE_0_OFFERED "BMCN-A061" Warning passes "cipher suite 0 is not even offered"
    ANONYMOUS "BMCN-A062" Error passes "nobody may log in without name and password"
    NULL_USER "BMCN-A063" Warning passes "every user has a name"
    MAKERS_USER "BMCN-A064" Info passes "no user has a name that makers ship"
    OPEN_TYPES "BMCN-A065" Warning passes "a session of IPMI 1.5 needs more than no password or one in the clear"
    UNAUTHENTICATED "BMCN-A066" Warning passes "every packet on the channel is authenticated"
    FEW_SESSIONS "BMCN-A067" Warning passes "the BMC has room for two sessions of ours and two of others"
    NOT_ALWAYS "BMCN-A068" Warning passes "the channel is open while the operating system runs"

    NOT_PINNED "BMCN-A070" Info passes "the BMC's identity is known: its GUID is pinned, or is this host's"
    NO_GUID "BMCN-A071" Warning passes "the BMC's GUID identifies it"
    OTHER_PET_GUID "BMCN-A072" Info passes "the BMC's traps carry its own GUID"
}
