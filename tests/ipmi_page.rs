//! `docs/ipmi.md` tells every command and every quirk of the simulated BMC, and none that it has not.
#![cfg(feature = "sim")]

use bmcnotice::sim::{QUIRKS, commands};
use std::collections::BTreeSet;

/// The rows of the table below this heading: the cells of each.
fn table(heading: &str) -> Vec<Vec<String>> {
    let page = include_str!("../docs/ipmi.md");
    let (_, below) = page.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let rows = below.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect();
    rows.skip(2).map(cells).collect()
}

#[test]
fn every_command_is_told_with_its_level() {
    let known: BTreeSet<String> = commands()
        .iter()
        .map(|(command, needs)| format!("{:02X}h/{:02X}h {needs}", command.netfn, command.number))
        .collect();
    assert_eq!(known.len(), commands().len(), "none twice");
    let told: Vec<String> = table("### Commands").iter().map(|cells| format!("{} {}", cells[0], cells[2])).collect();
    assert_eq!(told, known.into_iter().collect::<Vec<_>>());
}

#[test]
fn every_quirk_is_told_as_the_help_tells_it() {
    let told: Vec<(String, String)> =
        table("### Quirks").iter().map(|cells| (cells[0].clone(), cells[1].clone())).collect();
    let known = QUIRKS.map(|quirk| (quirk.sign(), quirk.what.to_owned()));
    assert_eq!(told, known);
}
