//! A kernel socket filter from the configuration: who may speak passes, of all others one datagram in so many.
//!
//! Uses `config`; its input is what the operator wrote. The program is classic BPF (`socket(7)`, SO_ATTACH_FILTER) and
//! looks at nothing but the source address in the IP header: on a socket for both families an IPv4 sender still comes
//! with an IPv4 header. `guard` says when it is wanted; `io` attaches it, and proves it first. What the filter lets through
//! is no more trusted for that: `source` asks again.

use crate::config::model::Cluster;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Limit: of so many datagrams that are refused, one is let through as a sample; a power of two.
pub const SAMPLE_ONE_IN: u32 = 64;

/// Limit: addresses of a filter. Whoever configures more has none: all traffic comes to us, as without a flood.
pub const MAX_FILTER_ADDRESSES: usize = 256;

/// Limit: the kernel's own, of instructions (BPF_MAXINSNS).
pub const MAX_INSTRUCTIONS: usize = 4096;

/// Octets that the program lets a datagram keep: all.
const WHOLE: u32 = u32::MAX;
/// Where the IP header begins, whatever the socket's protocol (SKF_NET_OFF).
const NETWORK: u32 = (-0x10_0000_i32) as u32;
/// A random number (SKF_AD_OFF + SKF_AD_RANDOM).
const RANDOM: u32 = (-0x1000_i32 + 56) as u32;

const LOAD_WORD: u16 = 0x20;
const LOAD_OCTET: u16 = 0x30;
const AND: u16 = 0x54;
const JUMP: u16 = 0x05;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;

/// Addresses that are compared one after the other; more are halved first.
const LEAF: usize = 4;

/// One instruction, as the kernel's `struct sock_filter` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// What is done.
    pub code: u16,
    /// Instructions to be left out if so.
    pub if_true: u8,
    /// If not.
    pub if_false: u8,
    /// With what.
    pub k: u32,
}

/// A program that the kernel takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program(Vec<Instruction>);

impl Program {
    /// The instructions, in their order.
    pub fn instructions(&self) -> &[Instruction] {
        &self.0
    }
}

/// Who may speak for this server: the filter's set. IPv4 as IPv4.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed(Vec<IpAddr>);

impl Allowed {
    /// The sources and the relays of this server's BMC, as configured.
    pub fn of(cluster: &Cluster) -> Self {
        let bmc = cluster.this_server().bmc.as_ref();
        Self::new(bmc.into_iter().flat_map(|bmc| bmc.trap_sources.iter().chain(&bmc.relays)).copied())
    }

    /// These.
    pub fn new(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let mut all: Vec<IpAddr> = addresses.into_iter().map(|address| address.to_canonical()).collect();
        all.sort_unstable();
        all.dedup();
        Self(all)
    }

    /// These, and one more.
    pub fn and(&self, one: IpAddr) -> Self {
        Self::new(self.0.iter().copied().chain([one]))
    }

    /// Whether the address is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.binary_search(&address.to_canonical()).is_ok()
    }

    /// The filter for them; none if they are too many.
    pub fn program(&self) -> Option<Program> {
        if self.0.len() > MAX_FILTER_ADDRESSES {
            return None;
        }
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for address in &self.0 {
            match address {
                IpAddr::V4(address) => v4.push(*address),
                IpAddr::V6(address) => v6.push(*address),
            }
        }
        // Looked for by their last word, which tells those of one network apart.
        v6.sort_unstable_by_key(|address| (words(address)[3], *address));
        let (v4, v6, sample) = (tree_v4(&v4), tree_v6(&v6), sample());
        let to_v6 = 1 + v4.len() as u32 + sample.len() as u32;
        let mut all = vec![
            load(LOAD_OCTET, 0), // version and length of the header
            Instruction { code: AND, if_true: 0, if_false: 0, k: 0xF0 },
            Instruction { code: JUMP_IF_EQUAL, if_true: 1, if_false: 0, k: 0x40 },
            jump(to_v6),
            load(LOAD_WORD, 12),
        ];
        all.extend(v4);
        all.extend(&sample);
        all.extend(v6);
        all.extend(&sample);
        (all.len() <= MAX_INSTRUCTIONS).then_some(Program(all))
    }
}

fn load(code: u16, at: u32) -> Instruction {
    Instruction { code, if_true: 0, if_false: 0, k: NETWORK.wrapping_add(at) }
}

fn jump(over: u32) -> Instruction {
    Instruction { code: JUMP, if_true: 0, if_false: 0, k: over }
}

/// Leaves out so many instructions unless the comparison holds.
fn unless(code: u16, k: u32, over: u8) -> Instruction {
    Instruction { code, if_true: 0, if_false: over, k }
}

fn answer(octets: u32) -> Instruction {
    Instruction { code: RETURN, if_true: 0, if_false: 0, k: octets }
}

/// One in [`SAMPLE_ONE_IN`] passes.
fn sample() -> [Instruction; 5] {
    [
        Instruction { code: LOAD_WORD, if_true: 0, if_false: 0, k: RANDOM },
        Instruction { code: AND, if_true: 0, if_false: 0, k: SAMPLE_ONE_IN - 1 },
        unless(JUMP_IF_EQUAL, 0, 1),
        answer(WHOLE),
        answer(0),
    ]
}

/// Answers if the word that was loaded is one of these, which are sorted; else goes on behind itself.
fn tree_v4(addresses: &[Ipv4Addr]) -> Vec<Instruction> {
    if addresses.len() <= LEAF {
        let compare = |address: &Ipv4Addr| [unless(JUMP_IF_EQUAL, u32::from(*address), 1), answer(WHOLE)];
        return addresses.iter().flat_map(compare).collect();
    }
    let (low, high) = addresses.split_at(addresses.len() / 2);
    halves(high.first().copied().map_or(0, u32::from), tree_v4(low), tree_v4(high))
}

/// The same over the four words of IPv6, sorted by the last.
fn tree_v6(addresses: &[Ipv6Addr]) -> Vec<Instruction> {
    let middle = addresses.len() / 2;
    // Those of one last word stay together.
    let last = |address: &Ipv6Addr| words(address)[3];
    let pivot = addresses.get(middle).map(last);
    let cut = addresses.partition_point(|address| Some(last(address)) < pivot);
    if addresses.len() <= LEAF || cut == 0 {
        return addresses.iter().flat_map(compare_v6).collect();
    }
    let (low, high) = addresses.split_at(cut);
    let mut all = vec![load(LOAD_WORD, 8 + 12)];
    all.extend(halves(pivot.unwrap_or_default(), tree_v6(low), tree_v6(high)));
    all
}

fn halves(pivot: u32, low: Vec<Instruction>, high: Vec<Instruction>) -> Vec<Instruction> {
    // Behind the upper half the program goes on; behind the lower it must leave the upper out.
    let (to_low, over_low) = (unless(JUMP_IF_AT_LEAST, pivot, 1), jump(low.len() as u32 + 1));
    let over_high = jump(high.len() as u32);
    [vec![to_low, over_low], low, vec![over_high], high].concat()
}

fn compare_v6(address: &Ipv6Addr) -> Vec<Instruction> {
    let mut all = Vec::with_capacity(9);
    for (done, place) in [3_usize, 2, 1, 0].into_iter().enumerate() {
        let rest = 2 * (3 - done) as u8 + 1;
        all.push(load(LOAD_WORD, 8 + 4 * place as u32));
        all.push(unless(JUMP_IF_EQUAL, words(address)[place], rest));
    }
    all.push(answer(WHOLE));
    all
}

fn words(address: &Ipv6Addr) -> [u32; 4] {
    let octets = address.octets();
    core::array::from_fn(|word| octets.iter().skip(4 * word).take(4).fold(0, |all, one| all << 8 | u32::from(*one)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel's interpreter does, of the instructions that are used here; `None` where it would refuse the program.
    fn run(program: &Program, packet: &[u8], random: u32) -> Option<u32> {
        let (mut at, mut a) = (0_usize, 0_u32);
        loop {
            let Instruction { code, if_true, if_false, k } = *program.0.get(at)?;
            at += 1;
            let branch = |holds| usize::from(if holds { if_true } else { if_false });
            match code {
                LOAD_WORD if k == RANDOM => a = random,
                LOAD_WORD | LOAD_OCTET => {
                    let place = k.wrapping_sub(NETWORK) as usize;
                    let width = if code == LOAD_WORD { 4 } else { 1 };
                    // A load beyond the packet ends the program: refused.
                    let Some(octets) = packet.get(place..place + width) else { return Some(0) };
                    a = octets.iter().fold(0, |all, one| all << 8 | u32::from(*one));
                }
                AND => a &= k,
                JUMP => at += k as usize,
                JUMP_IF_EQUAL => at += branch(a == k),
                JUMP_IF_AT_LEAST => at += branch(a >= k),
                RETURN => return Some(k),
                _ => return None,
            }
        }
    }

    fn from(address: IpAddr) -> Vec<u8> {
        match address {
            IpAddr::V4(address) => {
                let mut packet = vec![0; 28];
                packet[0] = 0x45;
                packet[12..16].copy_from_slice(&address.octets());
                packet
            }
            IpAddr::V6(address) => {
                let mut packet = vec![0; 48];
                packet[0] = 0x60;
                packet[8..24].copy_from_slice(&address.octets());
                packet
            }
        }
    }

    fn passes(program: &Program, address: IpAddr, random: u32) -> bool {
        run(program, &from(address), random).expect("a program of the kernel's") == WHOLE
    }

    /// Some addresses of both families, close together and far apart, and many of one last word.
    fn addresses(count: u32) -> Vec<IpAddr> {
        let scattered = |n: u32| n.wrapping_mul(0x9E37_79B9);
        (0..count)
            .map(|n| match n % 5 {
                0 => Ipv4Addr::from(0x0A00_0000 + n).into(),
                1 => Ipv4Addr::from(scattered(n)).into(),
                2 => Ipv6Addr::from(0xFE80 << 112 | u128::from(n)).into(),
                3 => Ipv6Addr::from(u128::from(scattered(n)) << 64 | 1).into(),
                _ => Ipv6Addr::from(u128::from(scattered(n)) << 96 | u128::from(scattered(n + 1))).into(),
            })
            .collect()
    }

    #[test]
    fn who_is_configured_passes_and_of_the_others_a_sample() {
        for count in [0, 1, 2, 3, 5, 8, 20, 21, 100, 255, 256] {
            let all = addresses(512);
            let (in_it, outside) = all.split_at(count);
            let allowed = Allowed::new(in_it.iter().copied());
            let program = allowed.program().expect("few enough");
            for address in in_it {
                assert!(passes(&program, *address, 63) && allowed.contains(*address), "{count}: {address}");
            }
            for address in outside.iter().filter(|address| !in_it.contains(address)) {
                let sampled = (0..2 * SAMPLE_ONE_IN).filter(|random| passes(&program, *address, *random)).count();
                assert_eq!((sampled, allowed.contains(*address)), (2, false), "{count}: {address}");
            }
        }
    }

    #[test]
    fn one_bit_makes_a_stranger() {
        for address in addresses(50) {
            let program = Allowed::new([address]).program().expect("one");
            let octets = if address.is_ipv4() { 12..16 } else { 8..24 };
            for bit in octets.start * 8..octets.end * 8 {
                let mut packet = from(address);
                packet[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(run(&program, &packet, 1), Some(0), "{address}, bit {bit}");
            }
        }
    }

    #[test]
    fn an_address_that_is_written_as_ipv6_is_ipv4() {
        let allowed = Allowed::new(["::ffff:10.0.0.1".parse().expect("an address")]);
        let program = allowed.program().expect("one");
        assert!(passes(&program, Ipv4Addr::new(10, 0, 0, 1).into(), 1));
        assert!(!passes(&program, Ipv4Addr::new(10, 0, 0, 2).into(), 1));
        assert!(allowed.contains(Ipv4Addr::new(10, 0, 0, 1).into()));
    }

    #[test]
    fn the_kernels_limit_holds_for_the_most_addresses_and_more_have_no_filter() {
        let worst = |count: u32| Allowed::new((0..count).map(|n| Ipv6Addr::from(u128::from(n) << 64 | 7).into()));
        let program = worst(MAX_FILTER_ADDRESSES as u32).program().expect("as many as may be");
        assert!(program.instructions().len() <= MAX_INSTRUCTIONS);
        assert_eq!(worst(MAX_FILTER_ADDRESSES as u32 + 1).program(), None);
    }

    #[test]
    fn a_packet_that_is_cut_off_is_refused() {
        let program = Allowed::new(addresses(20)).program().expect("few enough");
        for length in 0..12 {
            assert_eq!(run(&program, &from(Ipv4Addr::LOCALHOST.into())[..length], 63), Some(0));
        }
    }
}
