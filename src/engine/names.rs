//! What this server's BMC calls its sensors: read when nothing else is to be done, told with every notice after that.
//!
//! Part of [`Engine`], like `perform`. A recovery waits for no name.

use super::Engine;
use super::output::Line;
use super::seat::Seat;
use crate::bmc::link::{Checked, Status};
use crate::bmc::sel_reading::Unread;
use crate::bmc::sensor_names::{NameReading, SensorNames};
use crate::notice::Notice;
use crate::now::Now;
use core::time::Duration;

/// How long a session is left to more urgent things, from its opening.
const QUIET: Duration = Duration::from_secs(20);

impl Engine {
    /// The BMC's session has opened: its repository may be another one.
    pub(super) fn names_are_due(&mut self, now: Now) {
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
                let known = self.sensors.as_ref().map(|names| names.stamp);
                self.roads.read_names(now, self.cluster.this, NameReading::new(known));
                None
            }
        };
    }

    pub(super) fn handle_names(&mut self, result: Result<Option<SensorNames>, Unread>) {
        // Without names, numbers do as well.
        if let Ok(Some(names)) = result {
            let server = self.cluster.this_server().name.clone();
            self.log(Line::info(format!("BMC of server {server}: {} sensors have names", names.count())));
            self.sensors = Some(names);
        }
    }

    /// The sentence with the sensor's name, if it is known.
    pub(super) fn name_sensor(&self, notice: &mut Notice) {
        let (Some(names), Some(pet)) = (&self.sensors, &notice.pet) else { return };
        if notice.server == self.cluster.this
            && let Some(name) = names.get(pet.sensor_device, pet.sensor_number)
        {
            let number = format!("(sensor {:02X}h)", pet.sensor_number);
            let named = format!("({name}, sensor {:02X}h)", pet.sensor_number);
            notice.sentence = notice.sentence.replacen(&number, &named, 1);
        }
    }
}
