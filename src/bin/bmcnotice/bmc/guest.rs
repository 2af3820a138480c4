//! What the commands of `bmcnotice bmc` share: whose BMC, how to get to it, and what to say when nobody opens.

use crate::arrive::{NotMet, Whom, arrive};
use crate::check::DEFAULT_FILE;
use crate::exit::{Exit, complain, report};
use bmcnotice::audit::ask::Asking;
use bmcnotice::audit::judge::Us;
use bmcnotice::audit::told::Told;
use bmcnotice::bmc::failure::Failure;
use bmcnotice::bmc::link::{Checked, Identity};
use bmcnotice::config::model::Privilege;
use bmcnotice::io::signals::{Signal, Signals};
use bmcnotice::io::sys::now;
use bmcnotice::io::visit::{Cut, Met, Shut, Visit};
use bmcnotice::setup::Way;
use bmcnotice::{Config, Error};
use std::path::PathBuf;
use std::time::Duration;

/// Limit: how long a BMC may take to open a session.
const PATIENCE: Duration = Duration::from_secs(15);
/// Limit: how long all questions of an audit may take.
const ASKING: Duration = Duration::from_secs(120);

/// Whose BMC.
#[derive(clap::Args)]
pub struct Whose {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_FILE)]
    config: PathBuf,
    /// The BMC of this server, instead of this host's own
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
}

/// The configuration; says what is wrong with its file.
pub fn load(file: &std::path::Path) -> Result<Config, Exit> {
    Config::from_file(file).map_err(|error| {
        complain(error, "name the configuration with -c FILE");
        Exit::Wrong
    })
}

impl Whose {
    /// The way to it; says what is wrong if there is none.
    pub fn way(&self) -> Result<Way, Exit> {
        load(&self.config)?.way(self.server.as_deref()).map_err(|error| match error {
            Error::Invalid(what) => {
                complain(what, "look at the [[server]] tables of the configuration");
                Exit::Wrong
            }
            error => report(&error),
        })
    }
}

/// What ends a visit.
pub fn signals() -> Result<Signals, Exit> {
    Signals::take(&Signal::ENDS).map_err(|error| report(&error.into()))
}

/// A visit that has met its BMC.
pub struct Guest<'a> {
    /// The visit.
    pub visit: Visit<'a>,
    /// Who was met.
    pub met: Met,
}

impl<'a> Guest<'a> {
    /// Goes there; says what went wrong if nobody opens.
    pub fn meet(way: &Way, privilege: Option<Privilege>, signals: &'a Signals) -> Result<Self, Exit> {
        Self::try_meet(way, &way.identity, privilege, signals).map_err(|not_met| {
            let name = &way.server().name;
            let who = if not_met.in_band {
                format!("the BMC of {name}")
            } else {
                format!("the BMC of {name} at {}", way.address)
            };
            complain(format_args!("{who}: {not_met}"), &hint(&not_met, way, privilege));
            Exit::Failed
        })
    }

    /// Goes there.
    pub fn try_meet(
        way: &Way,
        identity: &Identity,
        privilege: Option<Privilege>,
        signals: &'a Signals,
    ) -> Result<Self, NotMet> {
        let (visit, met) = arrive(way, Whom { identity, privilege, patience: PATIENCE }, Some(signals))?;
        Ok(Self { visit, met })
    }

    /// Asks everything. What is not answered in time is "not asked".
    pub fn ask(&mut self) -> Result<Told, Exit> {
        let mut asking = Asking::new();
        match self.visit.converse(&mut asking, now().boottime + ASKING) {
            Ok(told) => Ok(*told),
            Err(Cut::Late) => Ok(asking.so_far().clone()),
            Err(cut @ Cut::Interrupted(_)) => {
                complain(cut, "");
                Err(Exit::Failed)
            }
        }
    }

    /// Who we are to this BMC.
    pub fn us<'w>(&self, way: &'w Way) -> Option<Us<'w>> {
        let bmc = way.bmc()?;
        let keyword = |monitor: &bmcnotice::config::model::Monitor| monitor.keyword(way.server);
        Some(Us {
            listen: way.cluster.monitors.iter().find_map(keyword),
            addresses: &way.server().addresses,
            relays: &bmc.relays,
            community: &bmc.community,
            retry_span: bmc.retry_span,
            guid: self.met.guid,
            identity: self.met.identity,
        })
    }
}

/// What to do when nobody opens.
fn hint(not_met: &NotMet, way: &Way, privilege: Option<Privilege>) -> String {
    match &not_met.why {
        Shut::Another { .. } if not_met.in_band => {
            "the board is another one than the pinned: bmcnotice bmc pin compares; nothing was asked of it and nothing set"
                .to_owned()
        }
        Shut::Failed(Failure::InBand(obstacle)) => obstacle.remedy().to_owned(),
        Shut::Failed(_) if not_met.in_band => "bmcnotice check --live tries every road; see docs/in-band.md".to_owned(),
        shut => over_lan(shut, way, privilege),
    }
}

fn over_lan(shut: &Shut, way: &Way, privilege: Option<Privilege>) -> String {
    let user = way.login.as_ref().map(|login| String::from_utf8_lossy(&login.user).into_owned()).unwrap_or_default();
    match shut {
        Shut::Failed(Failure::NoLogin) => "write user and password_file in its [server.bmc]".to_owned(),
        Shut::Failed(Failure::PrivilegeTooHigh) if privilege.is_some() => {
            format!("user {user} must be an administrator of the BMC for this; afterwards operator is enough again")
        }
        Shut::Failed(Failure::Silent) if way.is_own() => {
            "is the address the BMC's? A host cannot reach its own BMC over a network port that they share; and a BMC \
             of IPMI 1.5 alone does not answer either"
                .to_owned()
        }
        Shut::Failed(Failure::Silent) => {
            "is the address the BMC's, and is IPMI over LAN enabled? A BMC of IPMI 1.5 alone does not answer either"
                .to_owned()
        }
        Shut::Failed(Failure::WrongUser | Failure::WrongPassword) => {
            format!("look at user {user} and its password, in the configuration and in the BMC")
        }
        Shut::Failed(Failure::NoFreeSlot) => "end sessions that nobody needs, or wait until they time out".to_owned(),
        Shut::Failed(Failure::SuiteNotOffered) => "enable cipher suite 17 or 3 in the BMC".to_owned(),
        Shut::Another { .. } => {
            "correct the address, or have bmcnotice bmc pin compare: nothing was asked of it and nothing set".to_owned()
        }
        Shut::Failed(_) | Shut::Unsent(_) | Shut::Interrupted(_) => String::new(),
    }
}

/// Whose BMC was met, in a line.
pub fn introduction(way: &Way, met: &Met) -> String {
    let identity = match met.identity {
        Checked::Matched => "the right one",
        Checked::NotChecked => "not known to be the right one",
    };
    let (name, guid) = (&way.server().name, met.guid);
    match met.suite {
        Some(suite) => format!("the BMC of {name} at {}, GUID {guid} ({identity}), {suite}", way.address),
        None => format!("the BMC of {name}, in-band, GUID {guid} ({identity})"),
    }
}
