//! The catalogue: every rule that a configuration can break.
//!
//! Uses `finding`. Ids are stable and never reused: C0 the text, C1 cluster and servers, C2 BMCs, C3 monitors,
//! C4 heartbeat and journal, C5 the host. `docs/findings.md` explains each; a test compares the two.

use super::finding::{Rule, Severity};

macro_rules! rules {
    ($($name:ident $id:literal $severity:ident $absence:literal $says:literal)+) => {
        $(pub(super) const $name: Rule =
            Rule { id: $id, severity: Severity::$severity, says: $says, absence: $absence };)+
        /// Every rule, in the order of the ids.
        pub const ALL: &[Rule] = &[$($name),+];
    };
}

rules! {
    SYNTAX "BMCN-C001" Error false "the text is TOML 1.1 in UTF-8"
    BOUNDS "BMCN-C002" Error false "the configuration stays within the sizes that docs/configuration.md gives"
    UNKNOWN_KEY "BMCN-C003" Error false "every key is known; a misspelt one would silently do nothing"
    TYPE "BMCN-C004" Error false "a value has the type of its key"
    MISSING "BMCN-C005" Error true "a key without a default is written out"
    WORD "BMCN-C006" Error false "the value is one of the key's words"
    RANGE "BMCN-C007" Error false "a number lies in the range of its key"
    DURATION "BMCN-C008" Error false "a duration is a whole number and a unit (ms, s, min, h), in the range of its key"
    ADDRESS "BMCN-C009" Error false "an address is an IPv4 or IPv6 address in figures, a port from 1 to 65535"
    OVERRIDE "BMCN-C010" Error false "a value set by a call has the path of a key"
    NAME "BMCN-C011" Error false "a name has 1 to 255 bytes and no control characters, and is not a reserved word"
    TEXT "BMCN-C012" Error false "a text is not empty, has no NUL octet and is not longer than its key allows"
    EXCLUSIVE "BMCN-C013" Error false "one thing is said once: two of these keys exclude each other"
    GUID "BMCN-C014" Error false "a GUID is 32 hexadecimal digits, with dashes after 8, 12, 16 and 20 or without, in wire order"
    TRUNCATED "BMCN-C015" Error false "at most 500 findings are listed"

    THIS_SERVER "BMCN-C101" Error true "the server that this process runs on is one of the servers"
    NO_SERVER "BMCN-C102" Error true "a cluster has at least one server"
    TOO_MANY "BMCN-C103" Error false "a cluster has at most 64 servers and 64 monitors"
    DUPLICATE_NAME "BMCN-C104" Error false "a name is used once among servers and once among monitors"
    SHARED_ADDRESS "BMCN-C105" Error false "an address belongs to one server"
    UNUSABLE_ADDRESS "BMCN-C106" Error false "an address is one host's own: not 0.0.0.0 or ::, not multicast, not broadcast"

    NO_BMC "BMCN-C201" Error true "every server has a BMC address: its traps are taken from that BMC alone"
    SHARED_BMC "BMCN-C202" Error false "every server has its own BMC"
    BMC_IS_SERVER "BMCN-C203" Error false "a BMC's address is not an operating system's address"
    SHARED_SOURCE "BMCN-C204" Error false "a trap's source speaks for one server; another server's BMC must never fail this one over"
    NO_LOGIN "BMCN-C205" Error true "a handshake and a chassis command need a login at the BMC"
    LOGIN_LENGTH "BMCN-C206" Error false "IPMI 2.0 takes a user name of at most 16 octets and a password of at most 20"
    SUITE "BMCN-C207" Error false "a login uses cipher suite 17 or 3; suites without authentication, integrity or encryption are refused"
    SUITE_ORDER "BMCN-C208" Warning false "cipher suite 17 (SHA-256) comes before suite 3 (SHA-1)"
    DEFAULT_LOGIN "BMCN-C209" Warning false "a BMC does not keep its maker's login"
    DEFAULT_COMMUNITY "BMCN-C210" Info false "a community is a password in clear, and everyone knows this one"
    IDENTITY "BMCN-C211" Error false "a chassis command goes only to a BMC whose identity is known: a mistyped address must not power-cycle a peer"
    ZERO_GUID "BMCN-C212" Error false "a pinned GUID identifies something: not all zero, not all one"
    SHARED_GUID "BMCN-C213" Error false "every server has its own GUID"
    NO_PATIENCE "BMCN-C214" Warning true "a BMC that resets by itself is told of with how long it waits"
    NO_HANDSHAKE "BMCN-C215" Error true "a handshake is sel, none, or the name of a [handshake.NAME] table"
    UNUSED_HANDSHAKE "BMCN-C216" Warning true "a [handshake.NAME] table is used by a BMC"
    ODD_NETFN "BMCN-C217" Error false "a request's network function is even; the odd one above it is its answer's"
    HALF_HANDSHAKE "BMCN-C218" Warning true "a BMC that is told of recoveries hears both started and ended"
    PRIVILEGE "BMCN-C219" Error false "SEL entries and chassis commands need privilege operator or administrator"
    LISTEN_FAMILY "BMCN-C220" Error false "a handshake that carries the listen address needs an IPv4 one"
    LINK_OTHER "BMCN-C221" Info false "a server talks in-band to its own BMC alone; another server's is asked over LAN"

    BY_ADDRESS "BMCN-C241" Warning false "a BMC is known by its GUID; one that is known by its address alone may be anybody's"
    DUMP_UNHELD "BMCN-C242" Warning true "a marker of a crash dump is looked for only where ended waits for one"

    CATEGORY "BMCN-C301" Error false "the category is exactly BMCNOTICE, at most 32 bytes"
    KEYWORD "BMCN-C302" Error false "a keyword is <IP>[:<port>], IPv6 in brackets, at most 1023 bytes, port 162 unless given"
    KEYWORD_MISSING "BMCN-C303" Error true "every monitor has a keyword of its own for every server"
    KEYWORD_SERVER "BMCN-C304" Error true "a per-server keyword belongs to a server of the cluster"
    PORTS "BMCN-C305" Error false "a server listens at one address and one port, the same in all its monitors"
    KEYWORD_IS_BMC "BMCN-C306" Error false "a keyword is where the server listens, not where its BMC is"
    KEYWORD_NOT_OWN "BMCN-C307" Error false "a keyword's address is one of that server's own addresses"
    TRUST_LATER "BMCN-C309" Error false "this version reads no authenticated traps (SNMPv3)"
    NOT_FAILOVER "BMCN-C310" Warning false "the recovery of a dying server is a failover: nothing else brings its services back"
    NO_TARGET "BMCN-C311" Warning true "a monitor says what it recovers"
    COMMAND_PATH "BMCN-C312" Error false "a command starts with an absolute path; there is no shell and no PATH"
    TOO_SLOW "BMCN-C313" Error false "wait_for_started, deadline and tell_deadline together fit into the BMC's patience"
    CHASSIS_ON_ADDRESS "BMCN-C314" Error false "a chassis command after a trap that anyone could have forged is written out"
    NO_MONITOR "BMCN-C315" Warning true "a cluster has at least one monitor"
    WAIT_OVER_TELL "BMCN-C316" Warning false "wait_for_started is not longer than tell_deadline, after which nobody asks any more"
    UNASKABLE "BMCN-C317" Error true "a monitor whose notices are corroborated has a link to every BMC that it guards"
    UNIDENTIFIED "BMCN-C318" Error true "a BMC that is asked whether it meant a trap has proven whose it is"
    UNVERIFIED_RECOVERS "BMCN-C319" Warning false "a trap that the BMC could not be asked about starts no recovery"
    NOT_IN_SEL "BMCN-C320" Error false "a BMC that is asked for a record writes one for every trap"
    PLACEHOLDER "BMCN-C331" Error false "what stands in braces in a command's template is one of its placeholders"
    PLACEHOLDER_EMPTY "BMCN-C332" Error true "what a placeholder stands for is given, and would not be taken for an option"
    NO_PROOF "BMCN-C333" Warning true "a failover through CLUSTERPRO is proven: verify asks whether the target runs on another server"
    NO_RESTART "BMCN-C334" Error true "a plan that restarts through CLUSTERPRO has a command that does"
    OBSERVING "BMCN-C335" Warning false "a server that is watched over recovers; one that is only observed does not"

    NO_ATTEMPT "BMCN-C321" Error false "a recovery does something: it restarts, moves, or has a final action"
    FINAL_AFTER_FAILURE "BMCN-C322" Error false "a recovery that failed never leads to a chassis command: as the final action it stands alone"
    FINAL_ON_ADDRESS "BMCN-C323" Error false "a final action after a trap that anyone could have forged is written out"
    FINAL_UNPROVEN "BMCN-C324" Error false "a chassis command as the final action needs a login, a pinned GUID, and no second one after ended"
    HEALTH_ATTRIBUTE "BMCN-C325" Error false "Pacemaker looks at attributes whose names begin with #health, and at no others"
    PACEMAKER_RESTART "BMCN-C326" Warning false "Pacemaker restarts by stopping for the time being: a reset in the middle leaves the target stopped for good"

    NO_LAN_HEARTBEAT "BMCN-C401" Error true "a LAN heartbeat exists beside the BMC one, which is never a cluster's only heartbeat"
    TIMEOUT "BMCN-C402" Error false "the heartbeat's timeout is longer than its interval"
    SHORT_TIMEOUT "BMCN-C403" Warning false "the heartbeat's timeout is at least three intervals: networks lose datagrams"
    UNPINNED_PEER "BMCN-C404" Info true "only a BMC whose GUID is pinned can prove that its server is off"
    VOLATILE_JOURNAL "BMCN-C405" Warning false "records survive the death of our process"
    NO_DISK_JOURNAL "BMCN-C406" Info false "records survive the reset of the server"
    ONE_FOLDER "BMCN-C407" Error false "the hot journal and its copy on disk lie in different folders"
    FOLDER_PATH "BMCN-C408" Error false "a file or folder is named by its absolute path"

    NOT_HERE "BMCN-C501" Error false "the listen address is one of this host's"
    PORT_HELD "BMCN-C502" Error false "the listen port is free"
    PORT_DENIED "BMCN-C503" Error false "the process may bind its port"
    CLUSTERPRO_RUNS "BMCN-C504" Warning false "one program recovers a server, not two"
    ESMPRO "BMCN-C505" Warning false "ESMPRO/ServerAgent does not shut the server down while a recovery runs"
    NO_IPMI "BMCN-C506" Warning false "the ipmi service runs before the cluster starts"
    HOT_WRITABLE "BMCN-C507" Warning false "the hot journal's folder can be written"
    HOT_TMPFS "BMCN-C508" Warning false "the hot journal lies on tmpfs: a frozen disk must delay nothing"
    DISK_WRITABLE "BMCN-C509" Warning false "the folder of the journal's copy can be written"
    SECRET_UNREADABLE "BMCN-C510" Error false "a password or key file can be read"
    SECRET_PUBLIC "BMCN-C511" Warning false "a password or key file is not for everyone to read"
    TEXT_PUBLIC "BMCN-C512" Warning false "a configuration with a password in it is not for everyone to read"
    COMMAND_MISSING "BMCN-C513" Error false "a recovery's command exists and can be run"
    COMMAND_WRITABLE "BMCN-C514" Error false "only its owner can change what a recovery runs"
    NO_DEVICE "BMCN-C515" Error false "a BMC that is talked to in-band alone has a device that this process may open"
    DEVICE_UNUSABLE "BMCN-C516" Warning false "this process may open the device of its own BMC"
    MRW_ACTIVE "BMCN-C531" Error false "CLUSTERPRO's own BMCNOTICE monitor does not recover beside us"
    ALERT_MISSING "BMCN-C532" Warning false "the command that writes CLUSTERPRO's alert log exists and can be run"
    DRILL_OLD "BMCN-C541" Warning false "a drill has proven the path from the BMC to the application within drill_max_age"
    DRILL_NEVER "BMCN-C542" Info true "a drill has proven the path from the BMC to the application"
}
