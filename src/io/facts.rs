//! Asks the host what `config::check` must know.
//!
//! Uses `config::facts` for the answers. Reads `/proc`, `/sys` and file attributes; opens no secret, binds no socket,
//! changes nothing. What cannot be found out stays unknown.

use super::host::place;
use super::ipmidev;
use super::sys::may;
use super::udp;
use crate::config::facts::{Facts, FileFacts, PortHolder, Wanted};
use crate::config::mrw;
use crate::io::store::peek;
use crate::io::sys::now;
use crate::recovery::journal::replay;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ffi::CString;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// Limit: the most that is read of a file below `/proc`, in bytes.
const MAX_PROC: u64 = 8 << 20;
/// Limit: the most that is read of a `clp.conf`, in bytes.
const MAX_CLP_CONF: u64 = 16 << 20;
/// Limit: the most processes looked at.
const MAX_PROCESSES: usize = 65_536;
/// Limit: the most descriptors of a process looked at.
const MAX_DESCRIPTORS: usize = 4096;
/// Limit: the most addresses of the host.
const MAX_ADDRESSES: usize = 1024;
/// CAP_NET_BIND_SERVICE, as a bit of CapEff.
const CAP_NET_BIND_SERVICE: u64 = 1 << 10;
/// Where CLUSTERPRO receives its configuration.
const CLUSTERPRO_PORT: u16 = 29_002;
/// Where ESMPRO/ServerAgent is usually installed; a sign, not a proof.
const ESMPRO_FOLDER: &str = "/opt/nec/esmpro_sa";
/// There while the kernel's IPMI watchdog driver is loaded.
const IPMI_WATCHDOG: &str = "/sys/module/ipmi_watchdog";
/// Which mode bits let everyone write and read, and protect the files of a shared folder.
const OTHERS_WRITE: u32 = 0o002;
const OTHERS_READ: u32 = 0o004;
const STICKY: u32 = 0o1000;

/// Gathers what is wanted. Takes some milliseconds: it looks through all processes when a port is held.
pub fn gather(wanted: &Wanted) -> Facts {
    let seen = processes(&sockets(&wanted.ports));
    Facts {
        host_name: proc_text("/proc/sys/kernel/hostname").map(|name| name.trim_end().to_owned()),
        addresses: addresses(),
        port_holders: seen.holders,
        first_port: first_port(),
        queue: udp::would_be_granted(),
        ipmi_device: Some(["/dev/ipmi0", "/dev/ipmi/0", "/dev/ipmidev/0"].iter().any(|path| Path::new(path).exists())),
        devices: wanted.devices.iter().map(|path| (path.clone(), ipmidev::look(Path::new(path)))).collect(),
        own_guid: Some(File::open("/sys/class/dmi/id/product_uuid").is_ok()),
        clusterpro: seen.clusterpro.or_else(|| {
            // Where processes of others are hidden, its data transfer port is a sign as well.
            listens(CLUSTERPRO_PORT).then(|| format!("something listens at TCP {CLUSTERPRO_PORT}"))
        }),
        bmcnotice_monitors: wanted.clp_conf.as_deref().and_then(clp_conf),
        watchdog_owner: kernels_watchdog().or(seen.watchdog_owner),
        esmpro: seen.esmpro.or_else(|| Path::new(ESMPRO_FOLDER).is_dir().then(|| ESMPRO_FOLDER.to_owned())),
        proven: proven(&wanted.journals),
        files: wanted.paths.iter().map(|path| (path.clone(), file(&place(Path::new(path))))).collect(),
    }
}

/// The BMCNOTICE monitors of a `clp.conf`; `None` when it cannot be read, or not whole.
fn clp_conf(path: &str) -> Option<Vec<String>> {
    let mut octets = Vec::new();
    File::open(path).ok()?.take(MAX_CLP_CONF + 1).read_to_end(&mut octets).ok()?;
    if octets.len() as u64 > MAX_CLP_CONF {
        return None;
    }
    mrw::bmcnotice_monitors(&octets)
}

/// How long ago a drill proved the path. What cannot be read says nothing; where no journal is, there was no drill.
fn proven(folders: &[String]) -> Option<Option<Duration>> {
    let now = now().wall;
    for folder in folders {
        match peek(Path::new(folder)) {
            Ok((_, octets, _)) => {
                let replay = replay(&octets);
                let proof = replay.proven().and_then(|record| record.proof());
                if let Some((at, _)) = proof {
                    return Some(Some(now.saturating_sub(at)));
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(_) => return None,
        }
    }
    (!folders.is_empty()).then_some(None)
}

fn proc_text(path: &str) -> Option<String> {
    let mut octets = Vec::new();
    File::open(path).ok()?.take(MAX_PROC).read_to_end(&mut octets).ok()?;
    Some(String::from_utf8_lossy(&octets).into_owned())
}

/// The UDP sockets at these ports.
fn sockets(ports: &[u16]) -> Vec<(SocketAddr, u64)> {
    let tables = [("/proc/net/udp", false), ("/proc/net/udp6", true)];
    listed(&tables.map(|(path, v6)| (proc_text(path).unwrap_or_default(), v6)), ports)
}

/// What stands in the tables of sockets, each once: a table that is longer than a page is read in pieces, and where a
/// socket comes or goes meanwhile, the kernel shows another one again in the next piece.
fn listed(tables: &[(String, bool)], ports: &[u16]) -> Vec<(SocketAddr, u64)> {
    let mut found: Vec<(SocketAddr, u64)> = Vec::new();
    for (table, v6) in tables {
        for (local, inode) in table.lines().skip(1).filter_map(|line| socket(line, *v6)) {
            if ports.contains(&local.port()) && !found.contains(&(local, inode)) {
                found.push((local, inode));
            }
        }
    }
    found
}

/// A line of `/proc/net/udp` or `udp6`: local address and inode. Addresses stand there as native 32-bit words.
fn socket(line: &str, v6: bool) -> Option<(SocketAddr, u64)> {
    let mut fields = line.split_ascii_whitespace();
    let (ip, port) = fields.nth(1)?.split_once(':')?;
    let inode = fields.nth(7)?.parse().ok()?;
    let mut octets = [0; 16];
    for (octets, digits) in octets.chunks_exact_mut(4).zip(ip.as_bytes().chunks_exact(8)) {
        let word = u32::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()?;
        octets.copy_from_slice(&word.to_ne_bytes());
    }
    let ip = match (v6, octets) {
        (true, octets) => IpAddr::V6(Ipv6Addr::from(octets)),
        (false, [a, b, c, d, ..]) => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
    };
    Some((SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?), inode))
}

/// Whether a TCP socket listens at this port.
fn listens(port: u16) -> bool {
    let at = |line: &str, v6| {
        let listening = line.split_ascii_whitespace().nth(3) == Some("0A");
        listening && socket(line, v6).is_some_and(|(local, _)| local.port() == port)
    };
    [("/proc/net/tcp", false), ("/proc/net/tcp6", true)]
        .into_iter()
        .any(|(path, v6)| proc_text(path).is_some_and(|table| table.lines().skip(1).any(|line| at(line, v6))))
}

/// The kernel's own driver, which stops and sets the BMC's watchdog as it likes.
fn kernels_watchdog() -> Option<String> {
    Path::new(IPMI_WATCHDOG).is_dir().then(|| "the kernel's ipmi_watchdog".to_owned())
}

/// Who owns the BMC's watchdog on this host, if somebody does.
pub fn watchdog_owner() -> Option<String> {
    kernels_watchdog().or_else(|| processes(&[]).watchdog_owner)
}

#[derive(Default)]
struct Seen {
    watchdog_owner: Option<String>,
    holders: Vec<PortHolder>,
    clusterpro: Option<String>,
    esmpro: Option<String>,
}

/// Looks through the processes for the holders of sockets and for programs that matter to us.
fn processes(sockets: &[(SocketAddr, u64)]) -> Seen {
    let mut seen = Seen::default();
    let mut open: Vec<(SocketAddr, String)> =
        sockets.iter().map(|(local, inode)| (*local, format!("socket:[{inode}]"))).collect();
    // Our own socket is no obstacle: a reload keeps it. A child of ours may hold a copy until it is another program.
    take_held(Path::new("/proc/self"), &mut open);
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten().take(MAX_PROCESSES) {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Some(name) = proc_text(&format!("/proc/{pid}/comm")).map(|name| name.trim_end().to_owned()) else {
            continue;
        };
        if name.starts_with("clppm") || name.starts_with("clpmonp") {
            seen.clusterpro.get_or_insert_with(|| name.clone());
        }
        if name == "bmc-watchdog" {
            seen.watchdog_owner.get_or_insert_with(|| format!("bmc-watchdog (process {pid})"));
        }
        if name.starts_with("ESM") {
            seen.esmpro.get_or_insert_with(|| name.clone());
        }
        let held = take_held(&entry.path(), &mut open);
        seen.holders.extend(held.into_iter().map(|local| PortHolder { local, process: Some((pid, name.clone())) }));
    }
    seen.holders.extend(open.into_iter().map(|(local, _)| PortHolder { local, process: None }));
    seen
}

/// Takes out of `open` what this process holds.
fn take_held(process: &Path, open: &mut Vec<(SocketAddr, String)>) -> Vec<SocketAddr> {
    let mut held = Vec::new();
    if open.is_empty() {
        return held;
    }
    for descriptor in fs::read_dir(process.join("fd")).into_iter().flatten().flatten().take(MAX_DESCRIPTORS) {
        let Ok(link) = fs::read_link(descriptor.path()) else { continue };
        let Some(at) = open.iter().position(|(_, socket)| link.as_os_str() == socket.as_str()) else { continue };
        held.push(open.swap_remove(at).0);
    }
    held
}

/// The lowest port that this process may bind.
fn first_port() -> Option<u16> {
    let status = proc_text("/proc/self/status")?;
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    if u64::from_str_radix(effective.trim(), 16).ok()? & CAP_NET_BIND_SERVICE != 0 {
        return Some(0);
    }
    match proc_text("/proc/sys/net/ipv4/ip_unprivileged_port_start") {
        Some(text) => text.trim().parse().ok(),
        None => Some(1024),
    }
}

/// The addresses of all interfaces; `None` if the kernel does not say.
fn addresses() -> Option<Vec<IpAddr>> {
    let mut list: *mut libc::ifaddrs = core::ptr::null_mut();
    // SAFETY: the pointer is valid to write; the list is freed below, once.
    if unsafe { libc::getifaddrs(&mut list) } != 0 {
        return None;
    }
    let mut found = Vec::new();
    let mut next = list;
    while !next.is_null() && found.len() < MAX_ADDRESSES {
        // SAFETY: `next` is a node of the list, which lives until it is freed.
        let node = unsafe { &*next };
        next = node.ifa_next;
        if node.ifa_addr.is_null() {
            continue;
        }
        // SAFETY: an address is at least a sockaddr; its family says what it is.
        let family = i32::from(unsafe { (*node.ifa_addr).sa_family });
        if family == libc::AF_INET {
            // SAFETY: of this family it is a sockaddr_in; read unaligned, since the C type promises no alignment.
            let address = unsafe { node.ifa_addr.cast::<libc::sockaddr_in>().read_unaligned() };
            found.push(IpAddr::V4(Ipv4Addr::from(address.sin_addr.s_addr.to_ne_bytes())));
        } else if family == libc::AF_INET6 {
            // SAFETY: likewise a sockaddr_in6.
            let address = unsafe { node.ifa_addr.cast::<libc::sockaddr_in6>().read_unaligned() };
            found.push(IpAddr::V6(Ipv6Addr::from(address.sin6_addr.s6_addr)));
        }
    }
    // SAFETY: the list came from getifaddrs and no node is used any more.
    unsafe { libc::freeifaddrs(list) };
    Some(found)
}

fn file(path: &Path) -> FileFacts {
    let Ok(meta) = fs::metadata(path) else {
        let above = path.ancestors().skip(1).find(|above| above.is_dir());
        return FileFacts {
            writable: above.is_some_and(|above| may(above, libc::W_OK)),
            tmpfs: above.is_some_and(on_tmpfs),
            ..FileFacts::default()
        };
    };
    let replaceable = path
        .parent()
        .and_then(|folder| fs::metadata(folder).ok())
        .is_some_and(|folder| folder.mode() & OTHERS_WRITE != 0 && folder.mode() & STICKY == 0);
    FileFacts {
        exists: true,
        folder: meta.is_dir(),
        readable: may(path, libc::R_OK),
        writable: may(path, libc::W_OK),
        executable: may(path, libc::X_OK),
        others_read: meta.mode() & OTHERS_READ != 0,
        others_write: meta.mode() & OTHERS_WRITE != 0 || replaceable,
        tmpfs: on_tmpfs(path),
    }
}

fn on_tmpfs(path: &Path) -> bool {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return false };
    let mut about = core::mem::MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the path ends in NUL; the structure is valid to write and read only if the call filled it.
    unsafe { libc::statfs(path.as_ptr(), about.as_mut_ptr()) == 0 && about.assume_init().f_type == libc::TMPFS_MAGIC }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn a_line_of_proc_is_an_address() {
        let line =
            " 1234: 0100007F:00A2 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0 0";
        if cfg!(target_endian = "little") {
            assert_eq!(socket(line, false), Some(("127.0.0.1:162".parse().unwrap(), 4711)));
        }
        for broken in ["", "1:", "1: zz:zz x x x x x x 1", "1: 0100007F:00A2 00000000:0000 07"] {
            assert_eq!(socket(broken, false), None, "{broken}");
        }
    }

    #[test]
    fn a_socket_that_the_table_shows_twice_is_one() {
        let line = |port, inode| format!(" 1: 0100007F:{port:04X} 00000000:0000 07 0:0 00:0 0 0 0 {inode} 2 0 0\n");
        let table = format!("heading\n{}{}{}{}", line(162, 4711), line(163, 4712), line(162, 4711), line(162, 4713));
        let found = listed(&[(table, false)], &[162]);
        assert_eq!(found.iter().map(|(_, inode)| *inode).collect::<Vec<_>>(), [4711, 4713]);
    }

    #[test]
    fn a_held_port_is_seen_and_our_own_forgiven() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let table = proc_text("/proc/net/udp").unwrap();
        let found = table.lines().skip(1).filter_map(|line| super::socket(line, false));
        assert!(found.into_iter().any(|(local, _)| local.port() == port), "{port} is not in\n{table}");
        let facts = gather(&Wanted { ports: vec![port], ..Wanted::default() });
        assert!(facts.port_holders.is_empty(), "{:?}", facts.port_holders);
    }

    #[test]
    fn the_process_that_holds_a_port_is_named() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let local = socket.local_addr().unwrap();
        let held = std::process::Stdio::from(std::os::fd::OwnedFd::from(socket));
        let mut child = std::process::Command::new("sleep").arg("60").stdin(held).spawn().unwrap();
        let wanted = [PortHolder { local, process: Some((child.id(), "sleep".to_owned())) }];
        let look = || gather(&Wanted { ports: vec![local.port()], ..Wanted::default() }).port_holders;
        // Another test's child may hold a copy between its fork and its exec.
        let seen = (0..50).find(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            look() == wanted
        });
        let last = look();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(seen.is_some(), "{last:?}");
    }

    #[test]
    fn the_host_answers() {
        let here = env!("CARGO_MANIFEST_DIR").to_owned();
        let paths = vec![here.clone(), "/nowhere/at/all".to_owned(), "/proc/self/exe".to_owned()];
        let facts = gather(&Wanted { paths, ..Wanted::default() });
        assert!(facts.host_name.is_some_and(|name| !name.is_empty() && !name.contains('\n')));
        assert!(facts.addresses.is_some_and(|all| all.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST))));
        assert!(facts.first_port.is_some());
        let of = |path: &str| facts.files.iter().find(|(name, _)| name == path).unwrap().1;
        assert!(of(&here).exists && of(&here).folder && of(&here).readable);
        assert!(!of("/nowhere/at/all").exists);
        assert!(of("/proc/self/exe").executable && !of("/proc/self/exe").folder);
    }
}
