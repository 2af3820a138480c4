//! What is not the way of an alert, and matters all the same: the log, the clock, who may log in, identity.

use super::found::{Found, Us, numbers};
use crate::audit::rules;
use crate::audit::told::{Told, User};
use crate::bmc::identity::Checked;
use crate::wire::account::global;
use core::time::Duration;

/// A log this full is worth a word, in percent.
pub const SEL_WARN_PERCENT: u32 = 75;
/// The most that two clocks may differ.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);
/// Sessions that a BMC should have: two of ours, two for fencing and people.
pub const SESSIONS_WANTED: u8 = 4;
/// Of which so many should be free.
pub const SESSIONS_FREE: u8 = 2;

/// Seconds below this count from the BMC's start, not from 1970 (IPMI 2.0, section 37.1).
const SINCE_START: u32 = 0x2000_0000;
/// Octets of a record.
const RECORD: u32 = 16;
/// Get SEL Info: this many octets are free, or more.
const FREE_OR_MORE: u16 = 0xFFFF;
/// User names that boards are shipped with.
const SHIPPED: [&[u8]; 8] =
    [b"admin", b"root", b"userid", b"administrator", b"sysadmin", b"ipmiadmin", b"operator", b"guest"];

pub(super) fn judge(told: &Told, us: &Us<'_>, found: &mut Found) {
    device(told, found);
    log(told, found);
    suites(told, found);
    logins(told, found);
    identity(told, us, found);
}

fn device(told: &Told, found: &mut Found) {
    let Ok(device) = told.device else { return };
    if device.updating {
        found.add(&rules::UPDATING, "the BMC starts or updates its firmware", "ask again when it has finished");
    }
    const IPMI_2: u8 = 0x02;
    if device.ipmi_version != IPMI_2 {
        let version = device.ipmi_version;
        let subject = format!("the BMC says that it speaks IPMI {}.{}", version & 0x0F, version >> 4);
        found.add(&rules::OLD_IPMI, subject, "update its firmware; IPMI 1.5 has no cipher suites worth the name");
    }
}

fn log(told: &Told, found: &mut Found) {
    if told.enables.is_ok_and(|enables| enables & global::SEL_LOGGING == 0) {
        let subject = "event logging is switched off (BMC global enables)";
        found.add(&rules::NO_LOGGING, subject, "ipmitool bmc setenables system_event_log=on");
    }
    if let Ok(sel) = told.sel {
        let used = u32::from(sel.entries) * RECORD;
        let all = used + u32::from(sel.free);
        let percent = (used * 100).checked_div(all).unwrap_or(100);
        if sel.overflow || sel.free < RECORD as u16 {
            let subject = format!("the event log is full, {} records", sel.entries);
            found.add(&rules::SEL_FULL, subject, "save it and clear it (ipmitool sel save FILE; ipmitool sel clear)");
        } else if sel.free != FREE_OR_MORE && percent >= SEL_WARN_PERCENT {
            let subject = format!("the event log is {percent}% full, {} records", sel.entries);
            found.add(&rules::SEL_FILLS, subject, "save it and clear it (ipmitool sel save FILE; ipmitool sel clear)");
        }
    }
    let Ok((bmc, host)) = told.clock else { return };
    let apart = u64::from(bmc).abs_diff(host.as_secs());
    if bmc < SINCE_START {
        let subject = format!("the BMC's clock was never set: {bmc} s since its start");
        found.add(&rules::CLOCK, subject, "ipmitool sel time set now; better, let the BMC use NTP");
    } else if apart > CLOCK_TOLERANCE.as_secs() {
        let subject = format!("the BMC's clock is {apart} s away from the host's");
        found.add(&rules::CLOCK, subject, "ipmitool sel time set now; better, let the BMC use NTP");
    }
}

fn suites(told: &Told, found: &mut Found) {
    let offered = told.suites.as_ref().is_ok_and(|suites| suites.contains(&0));
    let place = told.suite_table.as_ref().ok().and_then(|table| table.iter().position(|suite| *suite == 0));
    let privilege = place.and_then(|place| told.suite_privileges.ok()?.0.get(place).copied());
    let remedy = "switch it off in the BMC (ipmitool lan set 1 cipher_privs X...: the first place is suite 0's)";
    match privilege {
        Some(1..) => found.add(&rules::SUITE_0, "cipher suite 0 may be used: a login without any password", remedy),
        Some(0) => {}
        None if offered || place.is_some() => {
            let subject = "cipher suite 0 is offered; whether it may be used was not told";
            found.add(&rules::SUITE_0_OFFERED, subject, remedy);
        }
        None => {}
    }
}

fn logins(told: &Told, found: &mut Found) {
    let usable = |user: &&User| user.access.this_enabled != Some(false) && (1..=5).contains(&user.access.limit);
    let nameless: Vec<u8> = told
        .users
        .iter()
        .filter(usable)
        .filter(|user| user.name.as_ref().is_ok_and(Vec::is_empty) && user.access.this_enabled == Some(true))
        .map(|user| user.number)
        .collect();
    let remedy = "disable it (ipmitool user disable N), or give it a name and a password";
    if told.logins.is_ok_and(|logins| logins.anonymous) {
        found.add(&rules::ANONYMOUS, "anybody may log in without name and password", remedy);
    }
    if !nameless.is_empty() {
        let subject = format!("user {} is enabled and has no name", numbers(nameless.into_iter()));
        found.add(&rules::NULL_USER, subject, remedy);
    } else if told.logins.is_ok_and(|logins| logins.null_names) {
        found.add(&rules::NULL_USER, "there are enabled users without a name", remedy);
    }
    let shipped: Vec<String> = told
        .users
        .iter()
        .filter(usable)
        .filter_map(|user| user.name.as_ref().ok())
        .filter(|name| SHIPPED.iter().any(|known| name.eq_ignore_ascii_case(known)))
        .map(|name| name.escape_ascii().to_string())
        .collect();
    if !shipped.is_empty() {
        let subject = format!("user {} has a name that makers ship", shipped.join(", "));
        found.add(&rules::MAKERS_USER, subject, "make sure that its password is not its maker's, too");
    }
    const NONE_OR_CLEAR: u8 = 0x11;
    if told.logins.is_ok_and(|logins| logins.types & NONE_OR_CLEAR != 0) {
        let subject = "IPMI 1.5 sessions are allowed with no password, or with one in the clear";
        found.add(
            &rules::OPEN_TYPES,
            subject,
            "switch IPMI 1.5 off, or these types (ipmitool lan set 1 auth ADMIN MD5)",
        );
    }
    if let Ok(channel) = told.channel {
        if !channel.per_message || !channel.user_level {
            let subject = "packets of a session need not be authenticated";
            let remedy = "enable per-message and user-level authentication of the channel";
            found.add(&rules::UNAUTHENTICATED, subject, remedy);
        }
        const ALWAYS: u8 = 2;
        const SHARED: u8 = 3;
        if ![ALWAYS, SHARED].contains(&channel.mode) {
            let mode = if channel.mode == 0 { "disabled" } else { "open only before the boot" };
            let subject = format!("the channel is {mode}");
            found.add(&rules::NOT_ALWAYS, subject, "set its access mode to always (ipmi-config, Volatile_Access_Mode)");
        }
    }
    if let Ok(sessions) = told.sessions
        && (sessions.slots < SESSIONS_WANTED || sessions.free() < SESSIONS_FREE)
    {
        let ours = if sessions.handle == 0 { "" } else { ", this one among them" };
        let subject = format!("{} of {} sessions are open{ours}", sessions.active, sessions.slots);
        let remedy = "end sessions that nobody needs; fencing must find one free";
        found.add(&rules::FEW_SESSIONS, subject, remedy);
    }
}

fn identity(told: &Told, us: &Us<'_>, found: &mut Found) {
    if us.guid.is_unspecified() {
        let remedy = "have the maker's tool set the board's UUID";
        found.add(&rules::NO_GUID, format!("its system GUID is {}", us.guid), remedy);
    } else if us.identity == Checked::NotChecked {
        let subject = format!("nobody says whose BMC this is; its GUID is {}", us.guid);
        found.add(&rules::NOT_PINNED, subject, "bmcnotice bmc pin shows what to write");
    }
    if let Ok(pet) = told.pet_guid
        && pet.used
        && pet.guid != us.guid
    {
        let subject = format!("its traps carry the GUID {}, it says that it is {}", pet.guid, us.guid);
        found.add(&rules::OTHER_PET_GUID, subject, "nothing, if that is meant; notices show the GUID of the trap");
    }
}
