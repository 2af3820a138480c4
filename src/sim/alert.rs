//! The traps: each is sent until it is acknowledged, or until the retries are used up (ASF 2.0
//! section 3.1.5: three times within a minute; IPMI 2.0 LAN parameter 18).
//!
//! Uses `wire` for the layouts. Time is boottime; the PET's own time is the BMC's clock.

use super::fault::Fault;
use super::options::Alert;
use super::sel::BMC_ADDRESS;
use crate::now::Now;
use crate::wire::command::PetAcknowledge;
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
}

/// All traps on their way.
#[derive(Debug, Default)]
pub(super) struct Alerter {
    pending: Vec<Pending>,
    acknowledged: Vec<PetAcknowledge>,
    sequence: u16,
}

impl Alerter {
    /// Makes the trap and sends it for the first time.
    pub fn alert(
        &mut self,
        now: Now,
        clock: u32,
        alert: &Alert,
        guid: Guid,
        fault: &Fault,
        deasserted: bool,
    ) -> Sending {
        self.sequence = self.sequence.checked_add(1).unwrap_or(1); // zero is "not numbered"
        let pet = pet(self.sequence, clock.saturating_sub(PET_EPOCH), guid, fault, deasserted);
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
            });
        }
        Sending { sequence: pet.sequence, nth: 1, of, to: alert.destination, bytes }
    }

    /// Takes an acknowledge: all its fields must fit.
    pub fn acknowledge(&mut self, acknowledge: &PetAcknowledge) -> Match {
        let waiting = self.pending.len();
        self.pending.retain(|pending| pending.expects != *acknowledge);
        if self.pending.len() < waiting {
            if self.acknowledged.len() >= ACKNOWLEDGED_MAX {
                self.acknowledged.remove(0);
            }
            self.acknowledged.push(*acknowledge);
            Match::Waiting
        } else if self.acknowledged.contains(acknowledge) {
            Match::Again
        } else {
            Match::None
        }
    }

    /// When something is to be sent again or given up.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.pending.iter().map(|pending| pending.next).min()
    }

    /// What is to be sent again now, and the sequence numbers of those that are given up.
    pub fn handle_timeout(&mut self, now: Duration) -> Vec<Result<Sending, u16>> {
        let mut sendings = Vec::new();
        self.pending.retain_mut(|pending| {
            if pending.next > now {
                return true;
            }
            let sequence = pending.expects.sequence;
            if pending.sent >= pending.of {
                sendings.push(Err(sequence));
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

fn pet(sequence: u16, timestamp: u32, guid: Guid, fault: &Fault, deasserted: bool) -> Pet {
    let mut event_data = [0; 8];
    event_data[..3].copy_from_slice(&fault.event_data());
    Pet {
        sensor_type: fault.sensor_type,
        event_type: fault.event_type,
        offset: fault.offset,
        deasserted,
        guid,
        sequence,
        timestamp,
        utc_offset: Some(0),
        trap_source: 0x20, // IPMI
        event_source: 0x20,
        severity: fault.severity,
        sensor_device: BMC_ADDRESS,
        sensor_number: fault.sensor,
        entity: fault.entity,
        entity_instance: fault.entity_instance,
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
