//! What `check` must know about the host, as plain data.
//!
//! Uses `words`. `io::facts` gathers it; a fact that is not known is `None` and breaks no rule.

use crate::words::Obstacle;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

/// What is true of this host. `Facts::default()` knows nothing: only the text itself is judged then.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The host's name.
    pub host_name: Option<String>,
    /// The addresses of its interfaces.
    pub addresses: Option<Vec<IpAddr>>,
    /// Who holds the UDP ports that were asked for, this process excepted.
    pub port_holders: Vec<PortHolder>,
    /// The lowest port that this process may bind; 0 or 1: all.
    pub first_port: Option<u16>,
    /// Octets of a trap socket's queue that this process would ask for, and that the kernel would grant.
    pub queue: Option<(u64, u64)>,
    /// Whether `/dev/ipmi0` is there.
    pub ipmi_device: Option<bool>,
    /// Whether the devices that were asked for could be opened, and why not.
    pub devices: Vec<(String, Result<(), Obstacle>)>,
    /// Whether the host's own GUID can be read (SMBIOS).
    pub own_guid: Option<bool>,
    /// A running CLUSTERPRO: the name of one of its processes.
    pub clusterpro: Option<String>,
    /// The BMCNOTICE monitors that its `clp.conf` has; `None`: the file is not there or could not be understood.
    pub bmcnotice_monitors: Option<Vec<String>>,
    /// Who owns the BMC's watchdog on this host, if somebody does.
    pub watchdog_owner: Option<String>,
    /// An ESMPRO/ServerAgent: what shows it.
    pub esmpro: Option<String>,
    /// How long ago a drill proved the path, as the journal tells; `Some(None)`: never.
    pub proven: Option<Option<Duration>>,
    /// The files and folders that were asked for.
    pub files: Vec<(String, FileFacts)>,
}

/// One bound UDP port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortHolder {
    /// What it is bound to.
    pub local: SocketAddr,
    /// The process and its command name, if they could be found.
    pub process: Option<(u32, String)>,
}

/// One file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileFacts {
    /// Whether it exists.
    pub exists: bool,
    /// Whether it is a folder.
    pub folder: bool,
    /// Whether this process may read it.
    pub readable: bool,
    /// Whether this process may write it; of what does not exist, whether it may be made: the nearest folder
    /// above it that exists can be written.
    pub writable: bool,
    /// Whether this process may run it.
    pub executable: bool,
    /// Whether everyone may read it.
    pub others_read: bool,
    /// Whether everyone may write it, or replace it in its folder.
    pub others_write: bool,
    /// Whether it lies (or would lie) on tmpfs.
    pub tmpfs: bool,
}

/// What a configuration makes worth asking the host about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// UDP ports.
    pub ports: Vec<u16>,
    /// Files and folders.
    pub paths: Vec<String>,
    /// IPMI devices.
    pub devices: Vec<String>,
    /// CLUSTERPRO's configuration.
    pub clp_conf: Option<String>,
    /// The journal's folders, the better one first.
    pub journals: Vec<String>,
}

impl Facts {
    /// What is known of an IPMI device.
    pub(super) fn device(&self, path: &str) -> Option<Result<(), Obstacle>> {
        self.devices.iter().find(|(name, _)| name == path).map(|(_, found)| *found)
    }
}
