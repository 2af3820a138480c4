//! Captures, as tcpdump and Wireshark write them: pcap and pcapng.
//!
//! `pcap-parser` reads the files, `etherparse` what is around a datagram. Hostile as everything that came from a network.

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// What captures begin with: pcap in either order of octets, with micro- or nanoseconds; pcapng.
const MAGIC: [[u8; 4]; 5] = [
    [0xA1, 0xB2, 0xC3, 0xD4],
    [0xD4, 0xC3, 0xB2, 0xA1],
    [0xA1, 0xB2, 0x3C, 0x4D],
    [0x4D, 0x3C, 0xB2, 0xA1],
    [0x0A, 0x0D, 0x0D, 0x0A],
];
/// Limit: octets of one block of a capture.
const BLOCK_BYTES: usize = 1 << 20;
/// Limit: interfaces that a section of a capture describes.
const MAX_INTERFACES: usize = 1024;
/// The head of Linux's "any" device, second version (LINKTYPE_LINUX_SLL2); the EtherType comes first.
const SLL2: i32 = 276;
const SLL2_HEAD: usize = 20;
/// The address family before the packet, of the loopback device of BSDs.
const NULL_HEAD: usize = 4;

/// A datagram that somebody has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// The line of the text, or the packet of the capture, from 1.
    pub place: usize,
    /// Where it came from; a text does not say.
    pub from: Option<SocketAddr>,
    /// When it was captured, since 1970.
    pub at: Option<Duration>,
    pub octets: Vec<u8>,
}

/// Whether this is a capture.
pub fn is_one(content: &[u8]) -> bool {
    MAGIC.iter().any(|magic| content.starts_with(magic))
}

/// An interface that packets were captured at.
#[derive(Clone, Copy)]
struct Interface {
    link: Linktype,
    /// Parts of a second in which its clock counts, and what is to be added, in seconds.
    clock: Option<(u64, i64)>,
}

/// The UDP datagrams to this port. Fragments are told, not put together: a trap of one is none.
pub fn datagrams(content: &[u8], port: u16) -> Result<Vec<Datagram>, String> {
    let whole = |error: &PcapError<_>| format!("the capture cannot be read: {error:?}");
    let mut reader = create_reader(BLOCK_BYTES.min(content.len().max(64)), content).map_err(|error| whole(&error))?;
    let (mut interfaces, mut all, mut place) = (Vec::new(), Vec::new(), 0);
    loop {
        let taken = match reader.next() {
            Ok((taken, block)) => {
                if let Some((interface, ticks, packet)) = packet(&block, &mut interfaces) {
                    place += 1;
                    if let Some((from, octets)) = udp(interface.link, packet, port) {
                        let at = interface.clock.and_then(|clock| moment(ticks, clock));
                        all.push(Datagram { place, from: Some(from), at, octets: octets.to_vec() });
                    }
                }
                taken
            }
            Err(PcapError::Eof) => return Ok(all),
            Err(PcapError::Incomplete(_)) => {
                reader.refill().map_err(|error| format!("behind packet {place}: {error:?}"))?;
                if reader.reader_exhausted() && reader.data().is_empty() {
                    return Ok(all);
                }
                continue;
            }
            Err(PcapError::UnexpectedEof) => return Ok(all), // cut off in the middle, as by a kill: what is whole counts
            Err(error) => return Err(format!("behind packet {place}: {:?}", error.to_string())),
        };
        reader.consume(taken);
    }
}

/// The packet of a block, with its interface and its clock's ticks.
fn packet<'a>(block: &'a PcapBlockOwned<'_>, interfaces: &mut Vec<Interface>) -> Option<(Interface, u64, &'a [u8])> {
    match block {
        PcapBlockOwned::LegacyHeader(head) => {
            let parts = if head.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
            *interfaces = vec![Interface { link: head.network, clock: Some((parts, 0)) }];
            None
        }
        PcapBlockOwned::Legacy(packet) => {
            let interface = *interfaces.first()?;
            let (parts, _) = interface.clock?;
            let ticks = u64::from(packet.ts_sec) * parts + u64::from(packet.ts_usec);
            Some((interface, ticks, packet.data))
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => {
            interfaces.clear();
            None
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
            if interfaces.len() < MAX_INTERFACES {
                let clock = interface.ts_resolution().map(|parts| (parts, interface.if_tsoffset));
                interfaces.push(Interface { link: interface.linktype, clock });
            }
            None
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            let interface = *interfaces.get(usize::try_from(packet.if_id).ok()?)?;
            let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
            Some((interface, ticks, packet.packet_data()))
        }
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
            Some((Interface { clock: None, ..*interfaces.first()? }, 0, packet.packet_data()))
        }
        PcapBlockOwned::NG(_) => None,
    }
}

fn moment(ticks: u64, (parts, offset): (u64, i64)) -> Option<Duration> {
    let seconds = ticks.checked_div(parts)?.checked_add_signed(offset)?;
    let rest = u128::from(ticks % parts) * 1_000_000_000 / u128::from(parts);
    Some(Duration::new(seconds, u32::try_from(rest).ok()?))
}

/// Where a datagram to `port` came from, and what is in it.
fn udp(link: Linktype, packet: &[u8], port: u16) -> Option<(SocketAddr, &[u8])> {
    let sliced = match link {
        Linktype::ETHERNET => SlicedPacket::from_ethernet(packet).ok()?,
        Linktype::LINUX_SLL => SlicedPacket::from_linux_sll(packet).ok()?,
        Linktype(SLL2) => SlicedPacket::from_ip(packet.get(SLL2_HEAD..)?).ok()?,
        Linktype::NULL | Linktype::LOOP => SlicedPacket::from_ip(packet.get(NULL_HEAD..)?).ok()?,
        Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 | Linktype(12) => SlicedPacket::from_ip(packet).ok()?,
        _ => return None,
    };
    let from: IpAddr = match sliced.net? {
        NetSlice::Ipv4(ip) => ip.header().source_addr().into(),
        NetSlice::Ipv6(ip) => ip.header().source_addr().into(),
        NetSlice::Arp(_) => return None,
    };
    match sliced.transport? {
        TransportSlice::Udp(udp) if udp.destination_port() == port => {
            Some((SocketAddr::new(from, udp.source_port()), udp.payload()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::PacketBuilder;

    fn ip(to: u16, payload: &[u8]) -> Vec<u8> {
        let mut octets = Vec::new();
        PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 9], 9).udp(50_000, to).write(&mut octets, payload).unwrap();
        octets
    }

    /// A pcap in big-endian order.
    fn pcap(link: u32, packets: &[Vec<u8>]) -> Vec<u8> {
        let mut octets = MAGIC[0].to_vec();
        octets.extend([0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
        octets.extend(link.to_be_bytes());
        for packet in packets {
            let length = (packet.len() as u32).to_be_bytes();
            octets.extend([0, 0, 0, 5, 0, 0, 0, 7].into_iter().chain(length).chain(length));
            octets.extend(packet);
        }
        octets
    }

    #[test]
    fn what_went_to_the_port_is_found_around_whatever_link() {
        let heads: [(u32, Vec<u8>); 5] = [
            (101, Vec::new()),
            (1, [&[0; 12][..], &[0x08, 0x00]].concat()),
            (0, vec![2, 0, 0, 0]),
            (113, [&[0; 2][..], &[0, 1, 0, 6], &[0; 8], &[0x08, 0x00]].concat()),
            (276, [&[0x08, 0x00][..], &[0; 18]].concat()),
        ];
        for (link, head) in heads {
            let packets = [ip(161, b"get"), ip(162, b"trap")].map(|packet| [head.clone(), packet].concat());
            let content = pcap(link, &packets);
            assert!(is_one(&content));
            let from = Some("192.0.2.1:50000".parse().unwrap());
            let at = Some(Duration::new(5, 7000));
            let wanted = Datagram { place: 2, from, at, octets: b"trap".to_vec() };
            assert_eq!(datagrams(&content, 162), Ok(vec![wanted]), "link {link}");
        }
    }

    #[test]
    fn whatever_is_broken_ends() {
        let content = pcap(101, &[ip(162, b"one"), ip(162, b"two")]);
        for cut in 0..content.len() {
            let _ = datagrams(&content[..cut], 162);
            let mut broken = content.clone();
            broken[cut] ^= 0xFF;
            let _ = datagrams(&broken, 162);
        }
        // Cut off in the middle of the second one: the first one counts.
        assert_eq!(datagrams(&content[..content.len() - 3], 162).map(|all| all.len()), Ok(1));
    }
}
