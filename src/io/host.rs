//! What the host says of itself: its boot id, its GUID; the small files that a configuration names; its panic.

use crate::config::model::CREDENTIALS;
use crate::crypto::Secret;
use crate::words::Guid;
use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Limit: octets of a configuration file.
const CONFIG_BYTES: u64 = 16 << 20;
/// Limit: octets of a file with a secret.
const SECRET_BYTES: u64 = 4096;

/// Makes the kernel panic: `trigger` is its file `/proc/sysrq-trigger`.
pub fn panic(trigger: &str) -> Result<()> {
    File::options().write(true).open(trigger)?.write_all(b"c")
}

/// Whether there is something of this name, whatever it is.
pub fn exists(path: &str) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

/// A text file, whole.
pub fn read_text(path: &Path) -> Result<String> {
    let mut text = String::new();
    let count = File::open(path)?.take(CONFIG_BYTES + 1).read_to_string(&mut text)?;
    if count as u64 > CONFIG_BYTES {
        return Err(Error::new(ErrorKind::FileTooLarge, "more than 16 mebibytes: no configuration"));
    }
    Ok(text)
}

/// A file of at most so many octets, whole.
pub fn read_octets(path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut octets = Vec::new();
    if File::open(path)?.take(most + 1).read_to_end(&mut octets)? as u64 > most {
        return Err(Error::new(ErrorKind::FileTooLarge, format!("more than {most} octets")));
    }
    Ok(octets)
}

/// Puts `text` in the place of a file that still says `before`: at once or not at all. Owner and mode stay;
/// what a link points at is replaced, not the link.
pub fn replace_text(path: &Path, before: &str, text: &str) -> Result<()> {
    let path = path.canonicalize()?;
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
    let meta = std::fs::metadata(&path)?;
    let mut name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let new = folder.join(name);
    let write = || {
        // Nobody else reads it before it has the mode of the old one: there may be passwords in it.
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        if (meta.uid(), meta.gid()) != (file.metadata()?.uid(), file.metadata()?.gid()) {
            std::os::unix::fs::fchown(&file, Some(meta.uid()), Some(meta.gid()))?;
        }
        file.set_permissions(meta.permissions())?;
        file.sync_all()?;
        if read_text(&path)? != before {
            return Err(Error::other("somebody has changed it meanwhile"));
        }
        std::fs::rename(&new, &path)?;
        File::open(folder)?.sync_all()
    };
    write().inspect_err(|_| drop(std::fs::remove_file(&new)))
}

/// Where a file is that a configuration names: systemd says where a service's credentials lie. Without that the
/// path stays as it is, and nothing is found there.
pub fn place(path: &Path) -> PathBuf {
    match (path.strip_prefix(CREDENTIALS), std::env::var_os("CREDENTIALS_DIRECTORY")) {
        (Ok(name), Some(folder)) => Path::new(&folder).join(name),
        (Ok(_), None) | (Err(_), _) => path.to_owned(),
    }
}

/// The first line of a file with a secret, without its newline.
pub fn read_secret(path: &Path) -> Result<Secret> {
    // Read in one piece into memory that is wiped: a growing buffer would leave copies behind.
    let mut octets = vec![0; SECRET_BYTES as usize + 1];
    let mut file = File::open(place(path))?;
    let mut length = 0;
    loop {
        match file.read(&mut octets[length..])? {
            0 => break,
            count => length += count,
        }
    }
    let whole = Secret::new(octets);
    if length as u64 > SECRET_BYTES {
        return Err(Error::new(ErrorKind::FileTooLarge, "more than 4096 octets: no password"));
    }
    let line = whole.expose()[..length].split(|&octet| octet == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return Err(Error::new(ErrorKind::InvalidData, "its first line is empty"));
    }
    Ok(Secret::new(line))
}

/// The id of this boot; another one after every boot of the host.
pub fn boot_id() -> Result<[u8; 16]> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    guid(&text).map(|guid| guid.0).ok_or_else(|| Error::new(ErrorKind::InvalidData, "not a boot id"))
}

/// What SMBIOS says this system's GUID is, as printed; empty when it cannot be read or identifies nothing.
pub fn own_guids() -> Vec<Guid> {
    let text = std::fs::read_to_string("/sys/class/dmi/id/product_uuid").unwrap_or_default();
    guid(&text).filter(|guid| !guid.is_unspecified()).into_iter().collect()
}

/// 32 hexadecimal digits, with or without dashes.
fn guid(text: &str) -> Option<Guid> {
    let digits: Vec<u8> = text.trim().bytes().filter(|&octet| octet != b'-').collect();
    if digits.len() != 32 {
        return None;
    }
    let mut octets = [0; 16];
    for (octet, pair) in octets.iter_mut().zip(digits.chunks(2)) {
        *octet = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(Guid(octets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_file_is_replaced_at_once_with_its_mode_or_not_at_all() {
        let folder = std::env::temp_dir().join(format!("bmcnotice-replace-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let (file, link) = (folder.join("file"), folder.join("link"));
        std::fs::write(&file, "old").unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
        symlink("file", &link).unwrap();
        replace_text(&link, "old", "new").unwrap();
        assert_eq!(read_text(&file).unwrap(), "new");
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o7777, 0o640);
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink(), "the link is still one");
        let refused = replace_text(&file, "old", "newer").unwrap_err();
        assert!(refused.to_string().contains("meanwhile"), "{refused}");
        assert!(replace_text(&folder.join("none"), "", "x").is_err());
        assert_eq!(read_text(&file).unwrap(), "new");
        let names = std::fs::read_dir(&folder).unwrap().count();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(names, 2, "nothing is left behind");
    }
}
