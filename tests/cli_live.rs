//! `bmcnotice check --live` against simulated BMCs: what works, what does not, and in how many words.
#![cfg(all(feature = "cli", feature = "sim"))]

#[path = "cli/support.rs"]
mod support;

use bmcnotice::io::simulate::SimulatedBmc;
use bmcnotice::sim::Options;
use bmcnotice::words::Guid;
use support::{Folder, code, json, run, stderr, stdout};

/// A BMC each for two servers; their GUIDs end in 1 and 2.
fn bmcs() -> [SimulatedBmc; 2] {
    [1, 2].map(|n| {
        let options = Options { guid: Guid([n; 16]), ..Options::default() };
        SimulatedBmc::start("127.0.0.1:0".parse().unwrap(), options, None).unwrap()
    })
}

struct Server<'a> {
    address: String,
    password: &'a str,
    guid: Guid,
}

fn servers(bmcs: &[SimulatedBmc; 2]) -> [Server<'static>; 2] {
    [0, 1].map(|n| Server {
        address: bmcs[n].address().to_string(),
        password: "password",
        guid: Guid([n as u8 + 1; 16]),
    })
}

fn check(folder: &Folder, [own, peer]: &[Server<'_>; 2], json: bool) -> std::process::Output {
    let table = |n: u8, server: &Server<'_>| {
        format!(
            "[[server]]\nname = \"server{n}\"\naddresses = [\"127.0.0.{n}1\"]\n[server.bmc]\naddress = \"{}\"\n\
             trap_sources = [\"127.0.0.{n}2\"]\nuser = \"admin\"\npassword = \"{}\"\nguid = \"{}\"\n",
            server.address, server.password, server.guid
        )
    };
    let text = format!(
        "[cluster]\nname = \"live\"\nthis_server = \"server1\"\n{}{}\n[journal]\nhot = false\ndisk = false\n\
         [heartbeat]\nlan = true\n[[monitor]]\nname = \"mrw1\"\ntrust = \"address\"\nrecovery = \"callback\"\n\
         target = \"failover1\"\n[monitor.keywords]\nserver1 = \"127.0.0.11:11162\"\nserver2 = \"127.0.0.21:11162\"\n",
        table(1, own),
        table(2, peer)
    );
    let file = folder.file("live.toml", &text);
    let mut arguments = vec!["check", &file, "--live"];
    arguments.extend(json.then_some("--json"));
    run(&arguments, "")
}

#[test]
fn what_works_is_said_with_its_time() {
    let (folder, bmcs) = (Folder::new(), bmcs());
    let output = check(&folder, &servers(&bmcs), false);
    let text = stdout(&output);
    assert_eq!((code(&output), stderr(&output)), (0, String::new()), "{text}");
    assert!(text.contains("BMC of server1 (this server)") && text.contains("BMC of server2\n"), "{text}");
    assert_eq!(text.matches("is the right one").count(), 2, "{text}");
    assert!(!text.contains("in-band:"), "a BMC at a loopback address is simulated: {text}");

    let output = check(&folder, &servers(&bmcs), true);
    let [value] = &json(&stdout(&output))[..] else { panic!("one object") };
    let live = value["live"].as_array().unwrap();
    assert_eq!(live.len(), 2);
    for bmc in live {
        assert!(bmc["ok"] == true && bmc["session"]["works"] == true && bmc["session"]["cipher_suite"] == 17, "{bmc}");
        assert!(bmc["ping_ms"].as_f64().unwrap() > 0.0 && bmc["session"]["ms"].as_f64().unwrap() > 0.0, "{bmc}");
    }
    for bmc in &bmcs {
        assert_eq!(bmc.with(|bmc, _| bmc.sessions()), (0, 0), "every session was closed");
    }
}

#[test]
fn what_does_not_work_is_said_and_ends_with_3() {
    let (folder, bmcs) = (Folder::new(), bmcs());
    let mut wrong = servers(&bmcs);
    wrong[0].guid = Guid([9; 16]);
    wrong[1].password = "no idea";
    let output = check(&folder, &wrong, false);
    let text = stdout(&output);
    assert_eq!(code(&output), 3, "{text}");
    assert!(text.contains("another system's BMC answers at"), "{text}");
    assert!(text.contains("no session opens: wrong password"), "{text}");
}

#[test]
fn a_bmc_that_is_not_there_is_silent_and_the_others_are_still_asked() {
    let (folder, bmcs) = (Folder::new(), bmcs());
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap(); // takes everything and says nothing
    let mut wrong = servers(&bmcs);
    wrong[1].address = socket.local_addr().unwrap().to_string();
    let output = check(&folder, &wrong, true);
    assert_eq!(code(&output), 3);
    let [value] = &json(&stdout(&output))[..] else { panic!("one object") };
    let (own, peer) = (&value["live"][0], &value["live"][1]);
    assert!(own["ok"] == true && peer["ok"] == false && peer["ping_ms"].is_null(), "{value}");
    assert!(peer["says"][0]["text"].as_str().unwrap().contains("does not answer; address, cable"), "{peer}");
}

#[test]
fn with_an_error_in_the_configuration_nobody_is_asked() {
    let (folder, bmcs) = (Folder::new(), bmcs());
    let mut wrong = servers(&bmcs);
    let address = wrong[0].address.clone();
    wrong[1].address = address;
    let output = check(&folder, &wrong, false);
    assert_eq!(code(&output), 2);
    assert!(stdout(&output).contains("no BMC was asked"), "{}", stdout(&output));
    assert_eq!(bmcs[0].with(|bmc, _| bmc.log().count()), 0);
}
