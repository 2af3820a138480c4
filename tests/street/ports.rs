//! What stands in the way of a start is named: the process that holds the port, the capability that is missing,
//! and all errors of a configuration at once.

use crate::bmcs::{Bmc, Simulated};
use crate::host::Host;
use crate::peers;
use crate::site::Site;
use bmcnotice::config::finding::Severity;
use bmcnotice::{Answer, Config, Context, Error, Mode};
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::{env, fs};

fn refusal(config: &Config) -> String {
    match Host::of(config, Mode::Loop, |_| Answer::Done) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("nothing is in the way"),
    }
}

#[test]
fn the_process_that_holds_the_port_is_named() {
    let bmc = Simulated::new();
    let site = Site::of(&bmc);
    let socket = UdpSocket::bind(site.listen).unwrap();
    let held = Stdio::from(OwnedFd::from(socket));
    let mut holder = Command::new("sleep").arg("60").stdin(held).spawn().unwrap();
    let id = holder.id().to_string();
    let mut said = String::new();
    // Between its fork and its exec another test's child holds a copy, and is named in its place.
    let named = (0..20).any(|_| {
        said = refusal(&site.config());
        said.contains("sleep") && said.contains(&id)
    });
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(named, "{said}");
    drop(Host::start(&site, Mode::Loop)); // and now it is free
}

#[test]
fn a_port_that_this_process_holds_is_said_to_be_so() {
    let bmc = Simulated::new();
    let site = Site::of(&bmc);
    let _first = Host::start(&site, Mode::Thread);
    let said = refusal(&site.config());
    assert!(said.contains(&site.listen.to_string()) && said.contains("this very process"), "{said}");
}

const LOW: &str = "BMCNOTICE_LOW_PORT_CONFIG";

/// Without the capability; without the order, nothing.
#[test]
fn without_the_capability() {
    let Some(config) = env::var_os(LOW) else { return };
    let said = refusal(&Config::from_file(config).unwrap());
    assert!(said.contains("CAP_NET_BIND_SERVICE"), "{said}");
}

#[test]
fn the_capability_for_a_low_port_is_named() {
    let first = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap_or_default();
    if first.trim() == "0" || !peers::have("the capability for a low port", &["setpriv"]) {
        return; // no port is low here
    }
    let bmc = Simulated::new();
    let mut site = Site::of(&bmc);
    site.listen.set_port(162);
    let output = Command::new("setpriv")
        .args(["--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "ports::without_the_capability"])
        .env(LOW, site.file())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn all_errors_of_a_configuration_at_once() {
    let bmc = Simulated::new();
    let site = Site::of(&bmc);
    let text = site
        .text()
        .replace("category = \"BMCNOTICE\"", "category = \"BMC\"")
        .replace("trust = \"address\"\n", "")
        .replace("after_ended = \"bmc\"", "after_ended = \"explode\"")
        .replace("addresses = [\"127.0.0.2\"]", "addresses = [\"no address\"]")
        .replace("disk = false", "disk = false\nunknown = 1");
    let config = Config::from_text(text, "bad.toml");
    let Err(Error::Config(findings)) = Context::new(&config, Mode::Loop) else { panic!("no error of configuration") };
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    assert!(errors >= 5, "{errors} errors\n{}", Error::Config(findings));
    let printed = |findings: &[_]| findings.iter().map(ToString::to_string).collect::<Vec<String>>();
    assert_eq!(printed(&config.check()), printed(&findings), "the check says the same");
    for line in printed(&findings) {
        assert!(line.starts_with("bad.toml:") && line.contains("Rule: ") && line.contains("Remedy: "), "{line}");
    }
    assert!(bmc.words().is_empty());
}
