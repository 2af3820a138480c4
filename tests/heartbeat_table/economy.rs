//! Who holds a session on whose BMC.

use bmcnotice::config::facts::Facts;
use bmcnotice::config::model::Cluster;
use bmcnotice::config::native;
use bmcnotice::heartbeat::economy::{MAX_HOLDERS, held};
use bmcnotice::words::ServerId;
use std::fmt::Write;

/// A cluster of these servers, as `this` sees it. Every BMC's link; how many watch.
fn cluster(names: &[String], link: &str, watchers: &[&str]) -> Cluster {
    let mut text = format!("[cluster]\nname = \"many\"\nthis_server = \"{}\"\n", names[0]);
    for (place, name) in names.iter().enumerate() {
        let (high, low) = (place / 200, place % 200 + 1);
        writeln!(
            text,
            "[[server]]\nname = \"{name}\"\naddresses = [\"10.0.{high}.{low}\"]\n[server.bmc]\naddress = \"10.1.{high}.{low}\"\nuser = \"admin\"\npassword = \"password\"\nlink = \"{link}\""
        )
        .unwrap();
    }
    write!(text, "[heartbeat]\nlan = true\n").unwrap();
    if !watchers.is_empty() {
        writeln!(text, "watchers = {watchers:?}").unwrap();
    }
    writeln!(text, "[[monitor]]\nname = \"mrw1\"\nrecovery = \"callback\"\ntrust = \"address\"\n[monitor.keywords]")
        .unwrap();
    for (place, name) in names.iter().enumerate() {
        writeln!(text, "{name} = \"10.0.{}.{}:162\"", place / 200, place % 200 + 1).unwrap();
    }
    let outcome = native::parse(&text, "many.toml", &[], &Facts::default());
    outcome.cluster.unwrap_or_else(|| panic!("{:#?}", outcome.findings))
}

fn names(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("server{number}")).collect()
}

/// For each BMC the servers that hold a session on it; the first index is the BMC's.
fn holders(cluster: &Cluster) -> Vec<Vec<usize>> {
    let count = cluster.servers.len();
    let mut holders = vec![Vec::new(); count];
    for this in 0..count {
        let view = Cluster { this: ServerId(this as u16), ..cluster.clone() };
        for (bmc, held) in held(&view).into_iter().enumerate() {
            if held {
                holders[bmc].push(this);
            }
        }
    }
    holders
}

/// Those that are sessions: a server's own BMC is reached in-band where that is the only road.
fn sessions(holders: &[usize], bmc: usize, link: &str) -> usize {
    holders.iter().filter(|holder| **holder != bmc || link != "in_band").count()
}

#[test]
fn two_on_every_bmc_and_never_more() {
    assert_eq!(MAX_HOLDERS, 2);
    for count in 2..=64 {
        for link in ["lan", "auto", "in_band"] {
            if count > 12 && count % 13 != 0 && count != 64 {
                continue; // the rest is the same, and takes long
            }
            let cluster = cluster(&names(count), link, &[]);
            let all = holders(&cluster);
            assert_eq!(all, holders(&cluster), "every server comes to the same answer");
            for (bmc, holders) in all.iter().enumerate() {
                let sessions = sessions(holders, bmc, link);
                assert!(holders.contains(&bmc), "a server watches its own");
                assert!(holders.len() >= 2, "{count}, {link}: somebody else watches {bmc}: {holders:?}");
                assert!((1..=MAX_HOLDERS).contains(&sessions), "{count}, {link}: BMC {bmc}: {holders:?}");
                if count > 2 || link != "in_band" {
                    assert_eq!(sessions, MAX_HOLDERS, "{count}, {link}: BMC {bmc}: {holders:?}");
                }
            }
        }
    }
}

#[test]
fn nobody_watches_much_more_than_the_others() {
    let all = holders(&cluster(&names(64), "lan", &[]));
    let mut load = vec![0; 64];
    all.iter().flatten().for_each(|holder| load[*holder] += 1);
    // 64 BMCs, each held by its own server and one more.
    assert_eq!(load.iter().sum::<usize>(), 128);
    let most = load.iter().max().unwrap();
    assert!(*most <= 8, "{load:?}");
}

#[test]
fn one_server_more_moves_few() {
    for count in [3, 8, 20, 63] {
        let before = holders(&cluster(&names(count), "lan", &[]));
        let after = holders(&cluster(&names(count + 1), "lan", &[]));
        let mut moved = 0;
        for bmc in 0..count {
            let lost: Vec<&usize> = before[bmc].iter().filter(|holder| !after[bmc].contains(holder)).collect();
            let new: Vec<&usize> = after[bmc].iter().filter(|holder| !before[bmc].contains(holder)).collect();
            assert!(new.iter().all(|holder| **holder == count), "only the new one takes over: {new:?}");
            assert_eq!(lost.len(), new.len());
            moved += lost.len();
        }
        assert!(moved <= 1 + count * 3 / (count + 1), "{count}: {moved} moved");
    }
}

/// The order of the servers in the file is nobody's business.
#[test]
fn a_name_decides_and_not_its_place() {
    let names = names(9);
    let mut turned = names.clone();
    turned.rotate_left(4);
    let (straight, other) = (holders(&cluster(&names, "lan", &[])), holders(&cluster(&turned, "lan", &[])));
    for (bmc, holders) in straight.iter().enumerate() {
        let there = turned.iter().position(|name| *name == names[bmc]).unwrap();
        let mut by_name: Vec<&String> = holders.iter().map(|holder| &names[*holder]).collect();
        let mut also: Vec<&String> = other[there].iter().map(|holder| &turned[*holder]).collect();
        by_name.sort();
        also.sort();
        assert_eq!(by_name, also);
    }
}

#[test]
fn watchers_alone_watch() {
    let cluster = cluster(&names(10), "lan", &["server2", "server5", "server7"]);
    for (bmc, holders) in holders(&cluster).into_iter().enumerate() {
        let others: Vec<usize> = holders.into_iter().filter(|holder| *holder != bmc).collect();
        assert_eq!(others.len(), 1, "{bmc}");
        assert!([1, 4, 6].contains(&others[0]), "{bmc}: {others:?}");
    }
}
