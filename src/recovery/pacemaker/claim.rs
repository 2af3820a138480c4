//! Who may give its services away when several servers are struck at once: not all of them.
//!
//! Every server that wants to move publishes a claim, a value of its own in one attribute. Pacemaker's
//! attribute daemons apply all values in one order (corosync's), the same on every node, so of two claims
//! at least one server sees the other's. Uses nothing; values come from other nodes of the cluster.
//!
//! 1. Publish *asking* with a fresh nonce; read all claims until the own one is there. `known` is the
//!    live claims of that reading: whoever is not in it has claimed later, or will, and sees us.
//! 2. A healthy peer that is not in `known`: go. It cannot go the same way on the strength of us.
//! 3. Otherwise all healthy peers claim. Publish *waiting* with the nonces of `known`, and read until each
//!    of them has gone, stepped back, or waits too. Two that know each other have one order: by name. One
//!    that does not know us claimed first. Go if a healthy one comes after us or has stepped back;
//!    otherwise step back.
//! 4. *Gone* stays beside the trigger until both are taken away. *Stepped back* is no claim.
//!
//! A claim that vanishes (its node left the cluster, or it was taken away) or has a new nonce (its process
//! was restarted) makes us start over; so does a healthy newcomer. A node that is not online is neither
//! waited for nor counted on. Whoever waits too long for another steps back and is tried again: safe,
//! where guessing would not be. `docs/decisions/0020-claim.md` has the proof; `tests/pacemaker_claim.rs`
//! plays it through in thousands of orders.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

/// The attribute that holds the claims, one value a node.
pub const CLAIM: &str = "bmcnotice-claim";

/// Limit: claims that are read; a cluster of more nodes than corosync carries is none.
pub const MAX_CLAIMS: usize = 128;

/// One node's claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which attempt made it.
    pub nonce: u64,
    /// How far it is.
    pub state: State,
}

/// How far a claim is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Published, nothing decided.
    Asking,
    /// All healthy peers claim: the claims that it knew of.
    Waiting(BTreeSet<u64>),
    /// It moves, or has moved, its services away.
    Gone,
    /// It has stepped back: no claim any more.
    SteppedBack,
    /// In words that this release does not know: a claim that never goes on.
    Foreign,
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1:{:016x}:", self.nonce)?;
        match &self.state {
            State::Asking => f.write_str("asking"),
            State::Waiting(known) => {
                f.write_str("waiting")?;
                known.iter().try_for_each(|nonce| write!(f, ":{nonce:016x}"))
            }
            State::Gone => f.write_str("gone"),
            State::SteppedBack => f.write_str("stepped-back"),
            State::Foreign => f.write_str("foreign"),
        }
    }
}

impl Claim {
    /// Reads a value; an empty one is none.
    fn read(value: &str) -> Option<Self> {
        if value.is_empty() {
            return None;
        }
        let foreign = Self { nonce: 0, state: State::Foreign };
        Some(Self::read_known(value).unwrap_or(foreign))
    }

    fn read_known(value: &str) -> Option<Self> {
        let mut parts = value.split(':');
        let (version, nonce, word) = (parts.next()?, parts.next()?, parts.next()?);
        let nonces = parts.map(|part| u64::from_str_radix(part, 16).ok()).collect::<Option<BTreeSet<_>>>()?;
        let state = match word {
            "asking" => State::Asking,
            "waiting" => State::Waiting(nonces),
            "gone" => State::Gone,
            "stepped-back" => State::SteppedBack,
            _ => return None,
        };
        (version == "1").then_some(Self { nonce: u64::from_str_radix(nonce, 16).ok()?, state })
    }

    /// Whether it counts.
    pub fn is_live(&self) -> bool {
        match self.state {
            State::Asking | State::Waiting(_) | State::Gone | State::Foreign => true,
            State::SteppedBack => false,
        }
    }
}

/// All claims of one reading, by node.
pub type Claims = BTreeMap<String, Claim>;

/// Reads what `attrd_updater -Q -A` prints: `name="bmcnotice-claim" host="node1" value="..."`, one node a
/// line. Nothing if a line is of another form, or there are too many: a claim overlooked could cost all services.
pub fn read_claims(output: &[u8]) -> Option<Claims> {
    let text = core::str::from_utf8(output).ok()?;
    let mut claims = Claims::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let rest = line.strip_prefix("name=\"")?.strip_prefix(CLAIM)?.strip_prefix("\" host=\"")?;
        let (node, rest) = rest.split_once("\" value=\"")?;
        let value = rest.strip_suffix('"')?;
        if claims.len() == MAX_CLAIMS {
            return None;
        }
        claims.extend(Claim::read(value).map(|claim| (node.to_owned(), claim)));
    }
    Some(claims)
}

/// The cluster as a reading of the claims is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Peers<'a> {
    /// Other nodes that could take services, claims aside.
    pub healthy: &'a BTreeSet<String>,
    /// Nodes that are part of the cluster.
    pub online: &'a BTreeSet<String>,
}

/// What follows from a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The own claim is not to be seen yet: read again.
    Invisible,
    /// Trigger the move, then say *gone*.
    Go,
    /// Publish this, and read again.
    Say(Claim),
    /// Another one has not decided yet: read again.
    WaitFor(String),
    /// Start over with a new nonce.
    Again,
    /// Say *stepped back*; this node goes first.
    StepBack(String),
    /// The own claim was replaced by another process.
    Replaced,
}

/// One server's part in it, from one nonce.
#[derive(Debug, Clone)]
pub struct Contest {
    nonce: u64,
    me: Option<String>,
    /// Once the own claim was seen: the others' live claims of that reading.
    known: Option<BTreeMap<String, u64>>,
}

impl Contest {
    /// With a fresh nonce, whose *asking* is being published.
    pub fn new(nonce: u64) -> Self {
        Self { nonce, me: None, known: None }
    }

    /// The own claim in this state.
    pub fn claim(&self, state: State) -> Claim {
        Claim { nonce: self.nonce, state }
    }

    /// This server's name in the cluster, known from its own claim.
    pub fn me(&self) -> Option<&str> {
        self.me.as_deref()
    }

    /// Looks for the own claim alone; learns this server's name.
    pub fn find_me(&mut self, claims: &Claims) -> bool {
        let mine = claims.iter().find(|(_, claim)| claim.nonce == self.nonce && claim.state != State::Foreign);
        if let (None, Some((node, _))) = (&self.me, mine) {
            self.me = Some(node.clone());
        }
        mine.is_some()
    }

    /// What follows from this reading.
    pub fn judge(&mut self, claims: &Claims, peers: Peers<'_>) -> Verdict {
        if !self.find_me(claims) {
            let other = self.me.as_ref().and_then(|me| claims.get(me));
            return match (&self.known, other) {
                (None, None) => Verdict::Invisible,
                (Some(_), None) => Verdict::Again,
                (_, Some(_)) => Verdict::Replaced,
            };
        }
        let me = self.me.clone().unwrap_or_default();
        let live =
            claims.iter().filter(|(node, claim)| **node != me && claim.is_live() && peers.online.contains(*node));
        let live: BTreeMap<String, u64> = live.map(|(node, claim)| (node.clone(), claim.nonce)).collect();
        let Some(known) = &self.known else {
            let free = peers.healthy.iter().any(|node| *node != me && !live.contains_key(node));
            let waiting = self.claim(State::Waiting(live.values().copied().collect()));
            self.known = Some(live);
            return if free { Verdict::Go } else { Verdict::Say(waiting) };
        };
        if !matches!(claims.get(&me), Some(Claim { state: State::Waiting(_), .. })) {
            return Verdict::Invisible; // the own *waiting* is on its way
        }
        self.wait(&me, known, claims, peers)
    }

    /// The own *waiting* is visible: has everyone known decided, and what follows?
    fn wait(&self, me: &str, known: &BTreeMap<String, u64>, claims: &Claims, peers: Peers<'_>) -> Verdict {
        let newcomer = |node: &&String| node.as_str() != me && !known.contains_key(*node);
        let free = |node: &String| claims.get(node).is_none_or(|claim| !claim.is_live());
        if peers.healthy.iter().filter(newcomer).any(free) {
            return Verdict::Again;
        }
        let (mut after, mut before) = (false, None);
        for (node, nonce) in known.iter().filter(|(node, _)| peers.online.contains(*node)) {
            let claim = match claims.get(node) {
                Some(claim) if claim.nonce == *nonce => claim,
                Some(_) | None => return Verdict::Again,
            };
            let takes = match &claim.state {
                State::Asking | State::Foreign => return Verdict::WaitFor(node.clone()),
                State::Waiting(theirs) => theirs.contains(&self.nonce) && node.as_str() > me,
                State::SteppedBack => true,
                State::Gone => false,
            };
            if takes && peers.healthy.contains(node) {
                after = true;
            } else if !takes {
                before = Some(node.clone());
            }
        }
        match before {
            _ if after => Verdict::Go,
            Some(node) => Verdict::StepBack(node),
            None => Verdict::Again, // nobody known is online any more
        }
    }
}
