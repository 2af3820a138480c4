//! `--emit-config`: a configuration that watches a simulated fleet, to try the heartbeat with as many peers.

use crate::exit::{Exit, complain};
use crate::out::Out;
use bmcnotice::config::fleet::Fleet;
use bmcnotice::config::model::SecretSource;
use std::fmt::Write as _;
use std::fs::{File, Permissions};
use std::io::{Result, Write as _};
use std::net::Ipv4Addr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Where the servers' own addresses begin, which nobody sends anything to: the block for benchmarks (RFC 2544).
const SERVERS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);

/// Writes it; `-`: prints it.
pub fn emit(fleet: &Fleet, user: &str, password: &str, to: &Path, out: &Out) -> std::result::Result<(), Exit> {
    let text = configuration(fleet, user, password);
    if to == Path::new("-") {
        out.line(text.trim_end());
        return Ok(());
    }
    write(to, &text).map_err(|error| {
        complain(format_args!("cannot write {}: {error}", to.display()), "name another file, or - to print it");
        Exit::Failed
    })
}

/// There may be passwords in it: nobody else reads it.
fn write(to: &Path, text: &str) -> Result<()> {
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(to)?;
    if file.metadata()?.is_file() {
        file.set_permissions(Permissions::from_mode(0o600))?; // it may have been there before
    }
    file.write_all(text.as_bytes())
}

/// The first BMC stands for the watching host's own; `user` and `password` are those of BMCs that have no other.
fn configuration(fleet: &Fleet, user: &str, password: &str) -> String {
    let mut text = String::from("# Watches a simulated fleet. The first server stands for this host.\n");
    let this = fleet.ranges.first().map(|range| name(range.first)).unwrap_or_default();
    // It watches alone: the others would hold their share of the sessions.
    let _ = writeln!(
        text,
        "[cluster]\nname = \"fleet\"\nthis_server = \"{this}\"\n[heartbeat]\nlan = true\nbmc = true\nwatchers = [\"{this}\"]"
    );
    let mut place = 0;
    for range in &fleet.ranges {
        let user = quoted(range.user.as_deref().unwrap_or(user));
        let password = match &range.password {
            Some(SecretSource::File(path)) => format!("password_file = {}", quoted(path)),
            Some(SecretSource::Inline(secret)) => {
                format!("password = {}", quoted(&String::from_utf8_lossy(secret.expose())))
            }
            None => format!("password = {}", quoted(password)),
        };
        let handshake = if range.handshake.is_none_or(|(_, sel)| sel) { "" } else { "handshake = \"none\"\n" };
        for nth in 0..range.count {
            let (address, guid) = (range.address(nth), range.guid(nth));
            let server = Ipv4Addr::from(u32::from(SERVERS) + place);
            let _ = write!(
                text,
                "[[server]]\nname = \"{}\"\naddresses = [\"{server}\"]\n[server.bmc]\naddress = \"{address}:{}\"\n\
                 user = {user}\n{password}\nguid = \"{guid}\"\n{handshake}",
                name(address),
                fleet.port,
            );
            place += 1;
        }
    }
    text
}

/// Without dots, which would divide it in the path of a key.
fn name(address: Ipv4Addr) -> String {
    format!("sim-{}", address.to_string().replace('.', "-"))
}

/// As TOML wants it; JSON's escapes are among its own.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7F}', "\\u007F")
}
