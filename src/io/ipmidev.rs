//! The kernel's IPMI device (`/dev/ipmi0`, driver `ipmi_devintf`): commands to this server's own BMC.
//!
//! Uses `bmc::inband` for what it does and says; its input is the kernel, and what the BMC put into an answer. Nothing
//! here waits: the device is opened non-blocking, and how long an answer may take is not the driver's business but
//! `bmc::inband`'s. The structures are those of `linux/ipmi.h`.

use super::sys::{Epoll, check, may};
use crate::bmc::inband::{Event, Order};
use crate::wire::ipmi::{MAX_MESSAGE, Request};
use crate::words::Obstacle;
use std::fs::{self, File};
use std::io::{Error, Read, Result};
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Limit: the most that is read of `/proc/devices`, in bytes.
const DEVICES_BYTES: u64 = 65_536;
/// What the driver is called in `/proc/devices`.
const DRIVER: &str = "ipmidev";
/// Where the kernel lists the BMCs that its drivers have found.
const INTERFACES: &str = "/sys/class/ipmi";

/// `struct ipmi_system_interface_addr`: the BMC itself, of this board.
#[repr(C)]
struct Address {
    kind: libc::c_int,
    channel: libc::c_short,
    lun: u8,
}

const SYSTEM_INTERFACE: libc::c_int = 0x0C;
const BMC_CHANNEL: libc::c_short = 0x0F;

/// `struct ipmi_msg`.
#[repr(C)]
struct Message {
    netfn: u8,
    command: u8,
    length: u16,
    data: *mut u8,
}

/// `struct ipmi_req`.
#[repr(C)]
struct Outgoing {
    address: *mut u8,
    address_length: libc::c_uint,
    id: libc::c_long,
    message: Message,
}

/// `struct ipmi_recv`.
#[repr(C)]
struct Incoming {
    kind: libc::c_int,
    address: *mut u8,
    address_length: libc::c_uint,
    id: libc::c_long,
    message: Message,
}

/// An answer to a command of ours.
const RESPONSE: libc::c_int = 1;
/// The size of `struct ipmi_addr`, which holds any kind of address.
const ANY_ADDRESS: usize = 40;

const MAGIC: u32 = b'i' as u32;
/// `IPMICTL_SEND_COMMAND`. The variant that sets retries and time-outs knows them for other addresses alone.
const SEND_COMMAND: libc::Ioctl = libc::_IOR::<Outgoing>(MAGIC, 13);
/// `IPMICTL_RECEIVE_MSG_TRUNC`: a message that does not fit is cut and taken out of the queue, and not kept in front
/// of all others.
const RECEIVE_TRUNCATED: libc::Ioctl = libc::_IOWR::<Incoming>(MAGIC, 11);

#[cfg(all(target_pointer_width = "64", any(target_arch = "x86_64", target_arch = "aarch64")))]
const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<Address>() == 8 && offset_of!(Address, channel) == 4 && offset_of!(Address, lun) == 6);
    assert!(size_of::<Message>() == 16 && offset_of!(Message, length) == 2 && offset_of!(Message, data) == 8);
    assert!(size_of::<Outgoing>() == 40 && offset_of!(Outgoing, id) == 16 && offset_of!(Outgoing, message) == 24);
    assert!(size_of::<Incoming>() == 48 && offset_of!(Incoming, id) == 24 && offset_of!(Incoming, message) == 32);
    assert!(SEND_COMMAND == 0x8028_690D as libc::Ioctl && RECEIVE_TRUNCATED == 0xC030_690B as libc::Ioctl);
};

/// The place of the device in a reactor: open or not, its set is watched all the time.
#[derive(Debug)]
pub struct Slot {
    set: Epoll,
    open: Option<OwnedFd>,
}

impl Slot {
    /// Nothing is open.
    pub fn new() -> Result<Self> {
        Ok(Self { set: Epoll::new()?, open: None })
    }

    /// Readable while the driver has something to say.
    pub fn set(&self) -> &Epoll {
        &self.set
    }

    /// The device's descriptor as it is now, for a forked child to close.
    pub fn raw(&self) -> Option<RawFd> {
        self.open.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// Does what is ordered; what there is to be heard of it at once.
    pub fn perform(&mut self, order: Order) -> Option<Event> {
        match order {
            Order::Open(path) => {
                self.open = None;
                Some(match open(Path::new(&path)).and_then(|device| self.keep(device)) {
                    Ok(()) => Event::Opened,
                    Err(obstacle) => Event::NotOpened(obstacle),
                })
            }
            Order::Close => {
                self.open = None;
                None
            }
            Order::Send { id, request } => {
                let device = self.open.as_ref()?.as_fd();
                send(device, id, request).err().map(|why| Event::NotTaken(id, why))
            }
        }
    }

    fn keep(&mut self, device: OwnedFd) -> std::result::Result<(), Obstacle> {
        self.set.add(&device).map_err(|error| obstacle(&error))?;
        self.open = Some(device);
        Ok(())
    }

    /// The next thing that the driver has to say; `None`: nothing now.
    pub fn hear(&mut self) -> Option<Event> {
        receive(self.open.as_ref()?.as_fd())
    }
}

/// Whether the device could be opened, as far as that can be said without doing so.
pub fn look(path: &Path) -> std::result::Result<(), Obstacle> {
    let driver = major();
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.raw_os_error() == Some(libc::EACCES) => return Err(Obstacle::Denied),
        Err(_) => return Err(if driver.is_none() { Obstacle::NoDriver } else { absent() }),
    };
    if !meta.file_type().is_char_device() {
        return Err(Obstacle::NotADevice);
    }
    match driver {
        None => Err(Obstacle::NoDriver),
        // Something else may act on being opened: a watchdog would begin to count.
        Some(driver) if libc::major(meta.rdev()) != driver => Err(Obstacle::NotADevice),
        Some(_) if may(path, libc::R_OK | libc::W_OK) => Ok(()),
        Some(_) => Err(Obstacle::Denied),
    }
}

/// Why there is no device although the driver is there.
fn absent() -> Obstacle {
    let any = fs::read_dir(INTERFACES).is_ok_and(|mut found| found.next().is_some());
    if any { Obstacle::NoDevice } else { Obstacle::NoInterface }
}

/// The driver's number among the character devices, if it is loaded.
fn major() -> Option<libc::c_uint> {
    let mut text = String::new();
    File::open("/proc/devices").ok()?.take(DEVICES_BYTES).read_to_string(&mut text).ok()?;
    text.lines().find_map(|line| {
        let (number, name) = line.trim().split_once(' ')?;
        if name == DRIVER { number.parse().ok() } else { None }
    })
}

fn open(path: &Path) -> std::result::Result<OwnedFd, Obstacle> {
    look(path)?;
    let flags = libc::O_NONBLOCK | libc::O_CLOEXEC | libc::O_NOCTTY;
    let device = File::options().read(true).write(true).custom_flags(flags).open(path);
    device.map(OwnedFd::from).map_err(|error| obstacle(&error))
}

/// An error of the system as an obstacle.
fn obstacle(error: &Error) -> Obstacle {
    match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) => Obstacle::Denied,
        Some(libc::ENOENT | libc::ENODEV | libc::ENXIO) => absent(),
        Some(libc::EBUSY | libc::EAGAIN | libc::EINTR | libc::ENOMEM) => Obstacle::Busy,
        // The driver takes no odd network function, nothing longer than a message, and lets nobody bridge by hand.
        Some(libc::EINVAL | libc::EMSGSIZE) => Obstacle::Forbidden,
        Some(number) => Obstacle::Other(number),
        None => Obstacle::Other(0),
    }
}

fn send(device: BorrowedFd<'_>, id: u32, mut request: Request) -> std::result::Result<(), Obstacle> {
    let length = u16::try_from(request.data.len()).map_err(|_| Obstacle::Forbidden)?;
    let mut address = Address { kind: SYSTEM_INTERFACE, channel: BMC_CHANNEL, lun: request.lun };
    let mut outgoing = Outgoing {
        address: (&raw mut address).cast(),
        address_length: size_of::<Address>() as libc::c_uint,
        id: libc::c_long::from(id as i32),
        message: Message { netfn: request.netfn, command: request.command, length, data: request.data.as_mut_ptr() },
    };
    // SAFETY: the kernel reads the structure, the address of the length given and the data of the length given, all of
    // which are ours and live until it returns; it keeps copies.
    check(unsafe { libc::ioctl(device.as_raw_fd(), SEND_COMMAND, &raw mut outgoing) })
        .map(drop)
        .map_err(|error| obstacle(&error))
}

fn receive(device: BorrowedFd<'_>) -> Option<Event> {
    let mut address = [0_u64; ANY_ADDRESS / 8]; // as strictly aligned as any kind of address
    let mut data = [0_u8; MAX_MESSAGE];
    let mut incoming = Incoming {
        kind: 0,
        address: address.as_mut_ptr().cast(),
        address_length: ANY_ADDRESS as libc::c_uint,
        id: 0,
        message: Message { netfn: 0, command: 0, length: MAX_MESSAGE as u16, data: data.as_mut_ptr() },
    };
    // SAFETY: the kernel writes the structure, at most `address_length` octets of the address and at most `length`
    // octets of data; all of it is ours and lives until it returns.
    let received = check(unsafe { libc::ioctl(device.as_raw_fd(), RECEIVE_TRUNCATED, &raw mut incoming) });
    match received {
        Ok(_) if incoming.kind == RESPONSE => Some(Event::Answer {
            id: incoming.id as u32,
            netfn: incoming.message.netfn,
            command: incoming.message.command,
            data: data.get(..usize::from(incoming.message.length)).unwrap_or_default().to_vec(),
        }),
        Ok(_) => Some(Event::Unasked),
        Err(error) => match error.raw_os_error() {
            Some(libc::EAGAIN | libc::EINTR) => None,
            // Longer than a message can be: it was cut, and is gone.
            Some(libc::EMSGSIZE) => Some(Event::Unasked),
            Some(_) | None => Some(Event::Lost),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_ipmi_device_is_not_opened() {
        let opened = |path: &str| Slot::new().unwrap().perform(Order::Open(path.into()));
        for path in ["/dev/null", "/proc/self/status", "/dev", "/nowhere/at/all"] {
            assert!(matches!(opened(path), Some(Event::NotOpened(_))), "{path}");
        }
        assert_eq!(opened("/dev"), Some(Event::NotOpened(Obstacle::NotADevice)));
        assert_eq!(opened("/proc/self/status"), Some(Event::NotOpened(Obstacle::NotADevice)));
    }

    #[test]
    fn a_descriptor_that_is_no_device_is_an_error_and_no_answer() {
        let file = OwnedFd::from(File::open("/dev/null").unwrap());
        assert_eq!(receive(file.as_fd()), Some(Event::Lost));
        let refused = send(file.as_fd(), 1, Request { netfn: 6, lun: 0, command: 1, data: Vec::new() });
        assert_eq!(refused, Err(Obstacle::Other(libc::ENOTTY)));
        let long = Request { netfn: 6, lun: 0, command: 1, data: vec![0; 1 << 17] };
        assert_eq!(send(file.as_fd(), 1, long), Err(Obstacle::Forbidden));
    }
}
