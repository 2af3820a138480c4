//! What this server's BMC logged while nobody looked: told, written down, and never acted upon.
//!
//! Part of [`Engine`], like `perform`. Its input is records of the BMC's log; hostile.

use super::output::Line;
use super::{Awaited, Engine};
use crate::bmc::evidence::{Missed, shown};
use crate::config::model::Meanings;
use crate::crypto::Digest;
use crate::notice::{Notice, NoticeId, meaning, sensors};
use crate::now::Now;
use crate::wire::pet::Pet;
use crate::wire::sel::{self, Record};
use crate::words::{Class, Guid, Trust};
use core::net::SocketAddr;

/// Limit: what was missed and would have been fatal is written down so often in the life of a process, for the
/// journal's closed records have few places.
pub const MAX_NOTED: u8 = 8;

impl Engine {
    /// What came while we were away is told, and starts nothing.
    pub(super) fn tell_missed(&mut self, now: Now, missed: &Missed) {
        let name = self.cluster.this_server().name.clone();
        let told = |what: &str| format!("BMC of server {name}: while we were away it logged {what}");
        let line = match missed {
            Missed::Event(record) if record.record_type() == sel::SYSTEM_EVENT => {
                let (class, text) = words(record, &self.cluster.meanings);
                if class == Class::Fatal {
                    self.note_missed(now, record, &text);
                }
                let text = told(&format!("record {:04x}h: {text}", record.id()));
                match class {
                    Class::Fatal => Line::error(text),
                    Class::Recoverable { .. } => Line::warning(text),
                    Class::Cleared | Class::Info => Line::info(text),
                }
            }
            Missed::Event(record) => Line::info(told(&shown(record))),
            Missed::Unknown => Line::warning(format!(
                "BMC of server {name}: its log was cleared, or has lost what we knew of it; something may have been missed"
            )),
            Missed::TooMany => Line::warning(told("more than is looked at")),
        };
        self.log(line);
    }

    /// For those who ask the journal afterwards. No monitor wants it, so nothing follows.
    fn note_missed(&mut self, now: Now, record: &Record, text: &str) {
        let Some(address) = self.cluster.this_server().bmc.as_ref().map(|bmc| bmc.address) else { return };
        if self.noted >= MAX_NOTED {
            return;
        }
        self.noted += 1;
        let mut digest = Digest::new("missed");
        digest.part(&record.0);
        let server = self.names[usize::from(self.cluster.this.0)].clone();
        let notice = Notice {
            id: NoticeId((digest.finish() >> 64) as u64),
            server: self.cluster.this,
            class: Class::Fatal,
            trust: Trust::Corroborated, // the BMC itself has shown it
            source: SocketAddr::new(address.ip(), address.port()),
            received: now,
            trap_oid: "".into(),
            pet: None,
            fault: None,
            region: "".into(),
            sentence: format!("missed while we were away, nothing was done: {text}; logged by BMC of {server}").into(),
        };
        let (pending, octets) = self.journal.open_record(now, &notice, None, server);
        let awaited = Awaited::Notice {
            pending,
            notice: alloc::sync::Arc::new(notice),
            wanted: None,
            acknowledge: Vec::new(),
            heard: None,
        };
        self.append(octets, awaited);
    }
}

/// The event of a record, as a trap's would be told.
fn words(record: &Record, meanings: &Meanings) -> (Class, String) {
    let [one, two, three] = record.event_data();
    let pet = Pet {
        sensor_type: record.sensor_type(),
        event_type: record.event_type(),
        offset: one & 0x0F,
        deasserted: record.is_deassertion(),
        guid: Guid([0; 16]),
        sequence: 0,
        timestamp: 0,
        utc_offset: None,
        trap_source: 0xFF,
        event_source: 0xFF,
        severity: 0, // a log has none
        sensor_device: record.generator(),
        sensor_number: record.sensor_number(),
        entity: 0,
        entity_instance: 0,
        event_data: [one, two, three, 0, 0, 0, 0, 0],
        language: 0xFF,
        manufacturer: 0,
        system_id: 0,
    };
    let how = if pet.deasserted { "deasserted" } else { "asserted" };
    let (kind, sensor) = (sensors::type_name(pet.sensor_type), pet.sensor_number);
    (meaning::class(&pet, meanings), format!("{kind} (sensor {sensor:02X}h): {} {how}", meaning::event_text(&pet)))
}
