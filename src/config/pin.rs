//! Puts a GUID into the text of a configuration, and touches nothing else of it.
//!
//! Uses the `toml` crate for places in the text. Its input is the operator's own file; whoever writes the result
//! back should read it again first.

use crate::words::Guid;
use core::ops::Range;
use toml::de::{DeTable, DeValue};

/// The text with `guid = "..."` in the `[server.bmc]` of this server: in place of the one that is there, or
/// after the address. `None`: there is no such place.
pub fn pin(text: &str, server: &str, guid: Guid) -> Option<String> {
    let table = DeTable::parse(text).ok()?;
    let DeValue::Array(servers) = table.get_ref().get("server")?.get_ref() else { return None };
    let name = |table: &DeTable<'_>| Some(table.get("name")?.get_ref().as_str()? == server);
    let server = servers.iter().find_map(|item| match item.get_ref() {
        DeValue::Table(table) if name(table) == Some(true) => Some(table),
        _ => None,
    })?;
    let DeValue::Table(bmc) = server.get("bmc")?.get_ref() else { return None };
    if let Some(present) = bmc.get("guid") {
        return put(text, present.span(), &format!("\"{guid}\""));
    }
    let address = bmc.get("address")?.span();
    let after = text.get(address.end..)?;
    let line = after.split_inclusive('\n').next().unwrap_or_default();
    // On a line of its own a value is followed by nothing but a comment; in an inline table by more of it.
    let own_line = line.trim_start().is_empty() || line.trim_start().starts_with('#');
    if !own_line {
        return put(text, address.end..address.end, &format!(", guid = \"{guid}\""));
    }
    let start = text.get(..address.start)?.rfind('\n').map_or(0, |newline| newline + 1);
    let indent: String = text.get(start..)?.chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
    // What stands before the address may be a dotted key: `bmc.address = ...` wants `bmc.guid`.
    let (key, _) = text.get(start..address.start)?.rsplit_once('=')?;
    let prefix = key.trim().strip_suffix("address").or_else(|| key.trim().strip_suffix("\"address\""))?;
    let end = address.end + line.len();
    let newline = match (line.ends_with("\r\n"), line.ends_with('\n')) {
        (true, _) => ("", "\r\n"),
        (false, true) => ("", "\n"),
        (false, false) => ("\n", ""),
    };
    put(text, end..end, &format!("{}{indent}{prefix}guid = \"{guid}\"{}", newline.0, newline.1))
}

fn put(text: &str, place: Range<usize>, with: &str) -> Option<String> {
    Some([text.get(..place.start)?, with, text.get(place.end..)?].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID: Guid = Guid([0x11; 16]);
    const SHOWN: &str = "guid = \"11111111-1111-1111-1111-111111111111\"";

    fn pinned(text: &str) -> Option<String> {
        pin(text, "b", GUID)
    }

    #[test]
    fn a_line_is_added_and_nothing_else_changes() {
        let text = "# mine\n[[server]]\nname = \"a\"\n[server.bmc]\naddress = \"1\" # a's\n\n[[server]]\nname = 'b' # b\n  \
                    [server.bmc] # here\n  user = \"x\"\n  address = \"2\"   # b's\n  # end\n";
        let after = pinned(text).unwrap();
        assert_eq!(after, text.replace("# b's\n", &format!("# b's\n  {SHOWN}\n")));
        assert_eq!(
            pin(&after, "b", Guid([0x22; 16])).unwrap(),
            after.replace("11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222")
        );
    }

    #[test]
    fn other_ways_to_write_it() {
        let line = format!("{SHOWN}\r\n");
        for (before, after) in [
            (
                "[[server]]\r\nname = \"b\"\r\nbmc.address = \"2\"\r\n",
                format!("[[server]]\r\nname = \"b\"\r\nbmc.address = \"2\"\r\nbmc.{line}"),
            ),
            (
                "[[server]]\nname = \"b\"\nbmc = { address = \"2\", user = \"x\" }",
                format!("[[server]]\nname = \"b\"\nbmc = {{ address = \"2\", {SHOWN}, user = \"x\" }}"),
            ),
            (
                "server = [{ name = \"b\", bmc = { address = \"2\" } }]",
                format!("server = [{{ name = \"b\", bmc = {{ address = \"2\", {SHOWN} }} }}]"),
            ),
            (
                "[[server]]\nname = \"b\"\n[server.bmc]\naddress = \"2\"",
                format!("[[server]]\nname = \"b\"\n[server.bmc]\naddress = \"2\"\n{SHOWN}"),
            ),
        ] {
            assert_eq!(pinned(before).as_deref(), Some(after.as_str()));
            assert!(DeTable::parse(&after).is_ok(), "{after}");
        }
    }

    #[test]
    fn where_there_is_no_place_there_is_no_text() {
        for text in [
            "",
            "x",
            "[[server]]\nname = \"a\"\n[server.bmc]\naddress = \"1\"\n",
            "[[server]]\nname = \"b\"\n",
            "server = 1",
            "[[server]]\nname = \"b\"\nbmc = 1",
            "[[server]]\nname = \"b\"\n[server.bmc]\n",
        ] {
            assert_eq!(pinned(text), None, "{text}");
        }
    }
}
