//! What this server's BMC calls its sensors: read when nothing else is to be done, told with every notice after that, and
//! after a restart at once, from the cache on disk.
//!
//! Part of [`Engine`], like `perform`. A recovery waits for no name.

use super::Engine;
use super::output::{Line, Output};
use super::seat::Seat;
use super::watch::Names;
use crate::bmc::link::{Checked, Status};
use crate::bmc::sel_reading::Unread;
use crate::bmc::sensor_names::{NameReading, SensorNames};
use crate::notice::Notice;
use crate::now::Now;
use crate::words::Guid;
use core::time::Duration;

/// How long a session is left to more urgent things, from its opening.
const QUIET: Duration = Duration::from_secs(20);

impl Engine {
    /// What the disk keeps of an earlier process, or why that is of no use: then it is made anew.
    pub fn handle_cached_names(&mut self, found: Result<Vec<u8>, String>) {
        // Without a witness nobody looks at the log, nor wants a name.
        if self.witness.is_none() || self.sensors.ours.is_some() {
            return;
        }
        let read = found.and_then(|octets| SensorNames::recall(&octets).map_err(|why| why.to_string()));
        match read {
            Ok(cached) => {
                self.sensors.cached = Some(cached);
                self.take_cached_names();
            }
            Err(why) => self.log(Line::info(format!("the cache of sensors' names is made anew: {why}"))),
        }
    }

    /// The cached names count as soon as their BMC is known to be ours: at once where its GUID is expected.
    fn take_cached_names(&mut self) {
        let Some((guid, names)) = self.sensors.cached.take() else { return };
        let this = self.cluster.this;
        let name = &self.cluster.this_server().name;
        let expected = self.roads.expects(this).is_some_and(|who| who.check(guid) == Some(Checked::Matched));
        let ours = match self.roads.status(this) {
            Some(Status::Up { guid: found, identity: Checked::Matched, .. }) if !found.is_unspecified() => {
                guid.is_same_as(found)
            }
            Some(_) | None if expected => true,
            Some(_) | None => {
                self.sensors.cached = Some((guid, names)); // until it has told its GUID
                return;
            }
        };
        let line = match ours {
            true => format!("BMC of server {name}: {} sensors have names, as cached", names.count()),
            false => format!("the cache of sensors' names is made anew: it is of another BMC (GUID {guid})"),
        };
        self.sensors.ours = ours.then_some((guid, names));
        self.log(Line::info(line));
    }

    /// The BMC's session has opened: its repository may be another one, and it another BMC.
    pub(super) fn names_are_due(&mut self, now: Now, guid: Guid, identity: Checked) {
        if identity == Checked::Matched {
            // A road that tells no GUID leads to the same BMC.
            let told = |guid: &Guid| !guid.is_unspecified();
            self.sensors.ours.take_if(|(of, _)| told(of) && told(&guid) && !of.is_same_as(&guid));
            self.take_cached_names();
        }
        let wanted = self.witness.is_some(); // where the log is looked at, people want to read what it says
        self.names_at = wanted.then(|| now.boottime + QUIET);
    }

    pub(super) fn names_timeout(&mut self, now: Now) {
        if self.names_at.is_none_or(|at| at > now.boottime) || self.leaving {
            return;
        }
        let up = matches!(self.roads.status(self.cluster.this), Some(Status::Up { identity: Checked::Matched, .. }));
        self.names_at = match up {
            false => None, // with the next session
            true if self.seats.iter().any(Seat::is_busy) => Some(now.boottime + QUIET),
            true => {
                let known = self.sensors.ours.as_ref().and_then(|(_, names)| names.known());
                self.roads.read_names(now, self.cluster.this, NameReading::new(known));
                None
            }
        };
    }

    pub(super) fn handle_names(&mut self, result: Result<Option<SensorNames>, Unread>) {
        // Without names, numbers do as well.
        let Ok(Some(names)) = result else { return };
        let Some(Status::Up { guid, identity: Checked::Matched, .. }) = self.roads.status(self.cluster.this) else {
            return; // whose they are is not known any more; the next session reads them again
        };
        let guid = *guid;
        let server = self.cluster.this_server().name.clone();
        self.log(Line::info(format!("BMC of server {server}: {} sensors have names", names.count())));
        // One that tells no GUID could not be told from another one at the next start.
        if !guid.is_unspecified() {
            self.outputs.push_back(Output::KeepNames(names.cache(guid)));
        }
        self.sensors = Names { ours: Some((guid, names)), cached: None };
    }

    /// The sentence with the sensor's name, if it is known.
    pub(super) fn name_sensor(&self, notice: &mut Notice) {
        let (Some((_, names)), Some(pet)) = (&self.sensors.ours, &notice.pet) else { return };
        if notice.server == self.cluster.this
            && let Some(name) = names.get(pet.sensor_device, pet.sensor_number)
        {
            let number = format!("(sensor {:02X}h)", pet.sensor_number);
            let named = format!("({name}, sensor {:02X}h)", pet.sensor_number);
            notice.sentence = notice.sentence.replacen(&number, &named, 1).into();
        }
    }
}
