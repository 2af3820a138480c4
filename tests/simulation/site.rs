//! The cluster of a life, and the addresses in it.

use crate::fate::{Fate, Script};
#[path = "../support/logins.rs"]
mod logins;

use bmcnotice::bmc::link::Login;
use bmcnotice::config::facts::Facts;
use bmcnotice::config::model::{Cluster, Privilege};
use bmcnotice::config::native;
use bmcnotice::suite::Suite;
use bmcnotice::words::Guid;
use std::fmt::Write;

pub const GUID: Guid = Guid([0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE, 1, 2, 3, 4, 5, 6, 7, 8]);
pub const OTHER_GUID: Guid = Guid([0x77; 16]);
pub const TRAPS: &str = "10.0.0.1:162";
pub const CLIENT: &str = "10.0.0.1:40000";
pub const BMC: &str = "10.0.1.1:623";
pub const OTHER_BMC: &str = "10.0.1.2:623";
pub const STRANGER: &str = "10.9.9.9:999";

pub fn cluster(fate: &Fate) -> Cluster {
    let after = fate.after_ended;
    let catch_up = if fate.proven { "report" } else { "off" };
    let trust = if fate.proven { "corroborated" } else { "address" };
    let mut text = format!(
        r#"
        [cluster]
        name = "simulation"
        this_server = "server1"
        [[server]]
        name = "server1"
        addresses = ["10.0.0.1"]
        [server.bmc]
        address = "{BMC}"
        user = "admin"
        password = "password"
        guid = "{GUID}"
        handshake = "sim"
        after_ended = "{after}"
        link = "lan"
        patience = "1000s"
        sel_catch_up = "{catch_up}"
        [[server]]
        name = "server2"
        addresses = ["10.0.0.2"]
        [server.bmc]
        address = "{OTHER_BMC}"
        user = "admin"
        password = "password"
        handshake = "none"
        [handshake.sim]
        armed = {{ netfn = 0x30, command = 0x70, data = [0] }}
        started = {{ netfn = 0x30, command = 0x70, data = [1] }}
        ended = {{ netfn = 0x30, command = 0x70, data = [2, "outcome"] }}
        disarmed = {{ netfn = 0x30, command = 0x70, data = [3] }}
        [commands]
        stop_service = ["/bin/stop", "all"]
        shutdown = ["/bin/end", "now"]
        reboot = ["/bin/end", "again"]
        sysrq_trigger = "/proc/sysrq-trigger"
        [heartbeat]
        bmc = true
        lan = true
        interval = "10s"
        timeout = "90s"
        "#
    );
    for (place, plan) in fate.plans.iter().enumerate() {
        let recovery = if plan.command { r#"{ command = ["/bin/move", "away"] }"# } else { r#""callback""# };
        let script = match plan.script {
            Script::None => "",
            Script::Exits(..) | Script::Hangs => {
                r#"script = { command = ["/bin/prepare"], timeout = "3s", before = ["restart", "failover", "final"] }"#
            }
        };
        let after_failure = if plan.holds_after_failure { "hold" } else { "ended" };
        let starts_on = if plan.on_recoverable { "recoverable" } else { "fatal" };
        write!(
            text,
            r#"
        [[monitor]]
        name = "mrw{}"
        trust = "{trust}"
        chassis_on_address = true
        recovery = {recovery}
        target = "failover1"
        restart = {}
        failover = {}
        final_action = "{}"
        final_action_on_address = true
        after_failure = "{after_failure}"
        cool_down = "{}s"
        budget = {}
        {script}
        starts_on = "{starts_on}"
        wait_for_started = "{}ms"
        deadline = "{}s"
        tell_deadline = "60s"
        reset_deadline = "{}ms"
        rerun = {}
        [monitor.keywords]
        server1 = "{TRAPS}"
        server2 = "10.0.0.2:162"
            "#,
            place + 1,
            plan.restart,
            plan.failover,
            plan.final_action,
            plan.cool_down.as_secs(),
            plan.budget,
            plan.wait.as_millis(),
            plan.deadline.as_secs(),
            fate.reset_deadline.as_millis(),
            plan.rerun,
        )
        .unwrap();
    }
    let outcome = native::parse(&text, "simulation.toml", &[], &Facts::default());
    outcome.cluster.unwrap_or_else(|| panic!("{:#?}", outcome.findings))
}

pub fn logins() -> Vec<Option<Login>> {
    let login = logins::login("admin", "password", &[Suite::Seventeen, Suite::Three], Privilege::Administrator);
    vec![Some(login), None]
}

/// Chassis Control's number for what is declared.
pub fn control(after_ended: &str) -> Option<u8> {
    match after_ended {
        "power-off" => Some(0),
        "power-cycle" => Some(2),
        "hard-reset" => Some(3),
        "nmi" => Some(4),
        "soft-off" => Some(5),
        _ => None,
    }
}
