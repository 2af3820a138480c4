//! The traps: each is sent until it is acknowledged, or until the retries are used up (ASF 2.0
//! section 3.1.5: three times within a minute; IPMI 2.0 LAN parameter 18).
//!
//! Uses `wire` for the layouts. Time is boottime; the PET's own time is the BMC's clock.

use super::fault::Fault;
use super::options::Alert;
use super::sdr;
use super::sel::BMC_ADDRESS;
use crate::now::Now;
use crate::wire::command::PetAcknowledge;
use crate::wire::pef::alert::AlertEvent;
use crate::wire::pef::filter::Policy;
use crate::wire::pet::{ENTERPRISE, FIXED_OCTETS, Pet, VARIABLE};
use crate::wire::snmp::{ENTERPRISE_SPECIFIC, TrapV1, Value, Varbind, emit_trap_v1};
use crate::words::Guid;
use core::net::SocketAddr;
use core::time::Duration;

/// So many traps wait for their acknowledge at most; the oldest is given up for a new one.
const PENDING_MAX: usize = 16;
/// So many acknowledged traps are remembered, so that a second acknowledge is no surprise.
const ACKNOWLEDGED_MAX: usize = 16;
/// 1998-01-01 in Unix seconds: where the time of a PET begins.
const PET_EPOCH: u32 = 883_612_800;

/// What a trap tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    sensor_type: u8,
    event_type: u8,
    offset: u8,
    deasserted: bool,
    severity: u8,
    device: u8,
    sensor: u8,
    entity: u8,
    entity_instance: u8,
    data: [u8; 3],
}

impl Told {
    /// A sensor's event. The filters may give it another severity; zero: they do not.
    pub fn fault(fault: &Fault, deasserted: bool, severity: u8) -> Self {
        Self {
            sensor_type: fault.sensor_type,
            event_type: fault.event_type,
            offset: fault.offset,
            deasserted,
            severity: if severity == 0 { fault.severity } else { severity },
            device: BMC_ADDRESS,
            sensor: fault.sensor,
            entity: fault.entity,
            entity_instance: fault.entity_instance,
            data: fault.event_data(),
        }
    }

    /// What Alert Immediate gives; without anything a test as some firmware sends it: all unspecified.
    pub fn by_hand(event: Option<AlertEvent>) -> Self {
        let Some(event) = event else {
            return Self {
                sensor_type: 0,
                event_type: 0,
                offset: 0,
                deasserted: false,
                severity: 0,
                device: 0xFF,
                sensor: 0xFF,
                entity: 0,
                entity_instance: 0,
                data: [0xFF; 3],
            };
        };
        let sensor = sdr::find(event.sensor).filter(|sensor| sensor.sensor_type == event.sensor_type);
        let (entity, entity_instance) = sensor.map_or((0, 0), |sensor| (sensor.entity, sensor.instance));
        Self {
            sensor_type: event.sensor_type,
            event_type: event.event_type & 0x7F,
            offset: event.data[0] & 0x0F,
            deasserted: event.event_type & 0x80 != 0,
            severity: 0,
            device: event.generator,
            sensor: event.sensor,
            entity,
            entity_instance,
            data: event.data,
        }
    }
}

/// What is to be done once it is known whether an alert arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Afterwards {
    pub told: Told,
    /// The entries of its policy that wait for its end.
    pub entries: Vec<Policy>,
}

/// One datagram to send.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sending {
    pub sequence: u16,
    pub nth: u8,
    pub of: u8,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

/// What the acknowledge of this trap looks like.
fn expected(pet: &Pet) -> PetAcknowledge {
    let [one, two, three, ..] = pet.event_data;
    PetAcknowledge {
        sequence: pet.sequence,
        timestamp: pet.timestamp,
        event_source: pet.event_source,
        sensor_device: pet.sensor_device,
        sensor_number: pet.sensor_number,
        event_data: [one, two, three],
    }
}

/// What an acknowledge fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    /// A trap that waits for it.
    Waiting,
    /// A trap that was acknowledged already.
    Again,
    /// Nothing.
    None,
}

#[derive(Debug)]
struct Pending {
    expects: PetAcknowledge,
    to: SocketAddr,
    bytes: Vec<u8>,
    sent: u8,
    of: u8,
    interval: Duration,
    next: Duration,
    afterwards: Option<Afterwards>,
}

/// An alert whose end is known.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub sequence: u16,
    pub afterwards: Option<Afterwards>,
}

/// All traps on their way.
#[derive(Debug, Default)]
pub(super) struct Alerter {
    pending: Vec<Pending>,
    acknowledged: Vec<PetAcknowledge>,
    sequence: u16,
}

impl Alerter {
    /// Makes the trap and sends it for the first time. `afterwards` is handed back at its end, if it has one: an
    /// alert that wants no acknowledge is over at once.
    pub fn alert(
        &mut self,
        now: Now,
        clock: u32,
        alert: &Alert,
        guid: Guid,
        told: &Told,
        afterwards: Option<Afterwards>,
    ) -> Sending {
        self.sequence = self.sequence.checked_add(1).unwrap_or(1); // zero is "not numbered"
        let pet = pet(self.sequence, clock.saturating_sub(PET_EPOCH), guid, told);
        let bytes = trap(&pet, alert, now.boottime);
        let of = if alert.acknowledged { alert.retries.saturating_add(1) } else { 1 };
        if alert.acknowledged {
            if self.pending.len() >= PENDING_MAX {
                self.pending.remove(0);
            }
            self.pending.push(Pending {
                expects: expected(&pet),
                to: alert.destination,
                bytes: bytes.clone(),
                sent: 1,
                of,
                interval: alert.interval,
                next: now.boottime.saturating_add(alert.interval),
                afterwards,
            });
        }
        Sending { sequence: pet.sequence, nth: 1, of, to: alert.destination, bytes }
    }

    /// Takes an acknowledge: all its fields must fit.
    pub fn acknowledge(&mut self, acknowledge: &PetAcknowledge) -> (Match, Option<Ended>) {
        if let Some(at) = self.pending.iter().position(|pending| pending.expects == *acknowledge) {
            let Pending { afterwards, .. } = self.pending.remove(at);
            if self.acknowledged.len() >= ACKNOWLEDGED_MAX {
                self.acknowledged.remove(0);
            }
            self.acknowledged.push(*acknowledge);
            (Match::Waiting, Some(Ended { sequence: acknowledge.sequence, afterwards }))
        } else if self.acknowledged.contains(acknowledge) {
            (Match::Again, None)
        } else {
            (Match::None, None)
        }
    }

    /// When something is to be sent again or given up.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.pending.iter().map(|pending| pending.next).min()
    }

    /// What is to be sent again now, and what is given up.
    pub fn handle_timeout(&mut self, now: Duration) -> Vec<Result<Sending, Ended>> {
        let mut sendings = Vec::new();
        self.pending.retain_mut(|pending| {
            if pending.next > now {
                return true;
            }
            let sequence = pending.expects.sequence;
            if pending.sent >= pending.of {
                sendings.push(Err(Ended { sequence, afterwards: pending.afterwards.take() }));
                return false;
            }
            pending.sent += 1;
            pending.next = now.saturating_add(pending.interval);
            let (nth, of, to, bytes) = (pending.sent, pending.of, pending.to, pending.bytes.clone());
            sendings.push(Ok(Sending { sequence, nth, of, to, bytes }));
            true
        });
        sendings
    }
}

fn pet(sequence: u16, timestamp: u32, guid: Guid, told: &Told) -> Pet {
    let mut event_data = [0; 8];
    event_data[..3].copy_from_slice(&told.data);
    Pet {
        sensor_type: told.sensor_type,
        event_type: told.event_type,
        offset: told.offset,
        deasserted: told.deasserted,
        guid,
        sequence,
        timestamp,
        utc_offset: Some(0),
        trap_source: 0x20, // IPMI
        event_source: 0x20,
        severity: told.severity,
        sensor_device: told.device,
        sensor_number: told.sensor,
        entity: told.entity,
        entity_instance: told.entity_instance,
        event_data,
        language: 0x19, // English
        manufacturer: 0,
        system_id: 0,
    }
}

fn trap(pet: &Pet, alert: &Alert, uptime: Duration) -> Vec<u8> {
    let head = TrapV1 {
        enterprise: ENTERPRISE,
        agent: alert.agent,
        generic: ENTERPRISE_SPECIFIC,
        specific: pet.specific_trap(),
        uptime: (uptime.as_millis() / 10) as u32, // TimeTicks wrap after 497 days
    };
    let mut octets = Vec::with_capacity(FIXED_OCTETS + 1);
    pet.emit(&mut octets);
    let mut bytes = Vec::new();
    let varbind = Varbind { name: VARIABLE, value: Value::OctetString(&octets) };
    emit_trap_v1(alert.community.expose(), &head, &[varbind], &mut bytes);
    bytes
}
