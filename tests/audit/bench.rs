//! A simulated BMC that is asked without a network, and is set up as it should be.

use bmcnotice::audit::ask::Asking;
use bmcnotice::audit::judge::Us;
use bmcnotice::audit::told::Told;
use bmcnotice::audit::wanted::{Options, plan};
use bmcnotice::audit::write::Writing;
use bmcnotice::bmc::dialogue::{Dialogue, Step};
use bmcnotice::bmc::link::Checked;
use bmcnotice::config::model::Privilege;
use bmcnotice::crypto::Secret;
use bmcnotice::now::Now;
use bmcnotice::sim::{self, Bmc, Fault, Output, User};
use bmcnotice::wire::command::{AUTH_CAPABILITIES, CIPHER_SUITES};
use bmcnotice::wire::ipmi::{Request, Response};
use bmcnotice::wire::pef::{self, parameter};
use bmcnotice::wire::session_info::SessionInfo;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::time::Duration;

pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 162);
const ADDRESSES: [IpAddr; 1] = [IpAddr::V4(Ipv4Addr::LOCALHOST)];
static COMMUNITY: LazyLock<Secret> = LazyLock::new(|| Secret::new(*b"hush"));

pub struct Bench {
    pub bmc: Bmc,
    seconds: u64,
}

/// Who we are to the BMC of the bench.
pub fn us(_: &Told) -> Us<'static> {
    Us {
        listen: Some(LISTEN),
        addresses: &ADDRESSES,
        relays: &[],
        community: &COMMUNITY,
        retry_span: None,
        guid: sim::Options::default().guid,
        identity: Checked::Matched,
    }
}

/// What is answered to the network alone, where a session is begun.
fn session_less(request: &Request) -> Option<Response> {
    if request.is(AUTH_CAPABILITIES) {
        return Some(Response::ok([1, 0x80, 0x04, 2, 0, 0, 0, 0]));
    }
    let suites = [1, 0xC0, 17, 0x03, 0x44, 0x81, 0xC0, 3, 0x01, 0x41, 0x81];
    request.is(CIPHER_SUITES).then(|| Response::ok(suites))
}

impl Bench {
    pub fn at(seconds: u64) -> Now {
        let wall = Duration::from_secs(1_795_000_000 + seconds);
        Now { boottime: Duration::from_secs(1000 + seconds), wall }
    }

    pub fn now(&self) -> Now {
        Self::at(self.seconds)
    }

    /// A BMC that our own setup has set up.
    pub fn sound() -> Self {
        let users = vec![User::new("watchman", "password", Privilege::Administrator)];
        let bmc = Bmc::new(sim::Options { users, ..sim::Options::default() }, [3; 32]);
        let mut bench = Self { bmc, seconds: 0 };
        let told = bench.ask();
        let wanted = plan(&told, &us(&told), Options::default());
        assert_eq!(wanted.cannot, Vec::<String>::new());
        let written = bench.hold(&mut Writing::new(wanted, false));
        assert_eq!(written.stopped, None);
        bench
    }

    /// What the BMC tells; that nobody has a session is the bench's, and is made up for.
    pub fn ask(&mut self) -> Told {
        let mut told = *self.hold(&mut Asking::new());
        told.sessions = Ok(SessionInfo { handle: 1, slots: 4, active: 1, of: None });
        told
    }

    /// A command of a vendor's tool, which the BMC takes.
    pub fn command(&mut self, request: &Request) {
        let response = self.bmc.command(self.now(), request);
        assert_eq!(response.completion, 0, "{request:?}");
    }

    /// What the BMC answers.
    pub fn answer(&mut self, request: &Request) -> Response {
        session_less(request).unwrap_or_else(|| self.bmc.command(self.now(), request))
    }

    pub fn hold<D: Dialogue>(&mut self, dialogue: &mut D) -> D::End {
        self.hold_with(dialogue, |_| None)
    }

    /// The same with a BMC that answers some things otherwise.
    pub fn hold_with<D: Dialogue>(
        &mut self,
        dialogue: &mut D,
        mut otherwise: impl FnMut(&Request) -> Option<Response>,
    ) -> D::End {
        for _ in 0..1000 {
            match dialogue.poll(self.now()) {
                Step::Submit(request) => {
                    let answer = otherwise(&request);
                    let answer = answer.unwrap_or_else(|| self.answer(&request));
                    dialogue.handle_answer(self.now(), Ok(answer));
                }
                Step::Wait(_) => self.seconds += 1,
                Step::Over(end) => return end,
            }
        }
        panic!("it does not end");
    }

    pub fn disable_filters(&mut self) {
        let filters: Vec<_> = self.ask().filters().map(|(number, filter)| (number, *filter)).collect();
        for (number, filter) in filters {
            let off = pef::filter::Filter { enabled: false, kind: 0, ..filter };
            self.command(&pef::set(parameter::FILTER, &pef::numbered(number, &off.emit())));
        }
    }

    /// How many traps a fault makes at once.
    pub fn traps_of(&mut self, fault: &Fault) -> usize {
        while self.bmc.poll_output().is_some() {}
        self.bmc.raise(self.now(), fault);
        let mut traps = 0;
        while let Some(output) = self.bmc.poll_output() {
            traps += usize::from(matches!(output, Output::Send { .. }));
        }
        self.seconds += 600;
        self.bmc.handle_timeout(self.now());
        traps
    }
}
