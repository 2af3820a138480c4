//! Why datagrams are dropped: one counted reason for each cause, never an error and never a log line.
//!
//! The names are a promise: they appear in the statistics of the C API, of Python and of the command line.

use crate::wire;

/// Why a datagram became no notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DropReason {
    /// An address that nobody configured.
    ForeignSource,
    /// Another configured server's BMC, or a relay's word for it.
    OtherServersBmc,
    /// A relay that does not say for whom it speaks, or speaks for a stranger.
    RelayNamesNobody,
    /// The community is not the BMC's.
    WrongCommunity,
    /// A PET with a GUID other than the pinned one, in every byte order.
    WrongGuid,
    /// SNMPv3, for which no user is configured.
    Version3NotConfigured,
    /// An SNMP version that does not exist here.
    UnknownVersion,
    /// SNMP, but Get, Set, Response or Report.
    NotANotification,
    /// A v1 Trap-PDU in a v2c message.
    V1TrapInV2c,
    /// A v2 PDU in a v1 message.
    V2PduInV1,
    /// No SNMP message at all.
    NotSnmp,
    /// The datagram is cut off.
    Truncated,
    /// Octets are left over behind an element.
    TrailingBytes,
    /// A length that is indefinite, too wide, or reaches past what holds the element.
    BadLength,
    /// An element of a type that does not belong there.
    BadTag,
    /// An integer that is empty or out of range.
    BadInteger,
    /// An object identifier that is empty, unfinished or too wide.
    BadOid,
    /// An object identifier of too many arcs.
    TooManyArcs,
    /// A varbind's value that its type does not have.
    BadValue,
    /// More varbinds than are read.
    TooManyVarbinds,
    /// A PET that is too short, or whose specific-trap number no PET has.
    PetMalformed,
    /// SNMPv3 with a security model other than USM.
    UnknownSecurityModel,
    /// SNMPv3 from a user who is not configured, or not for this server.
    UnknownUser,
    /// SNMPv3 from an engine that this server's BMC does not have, or with an engine id that is none; a discovery is one.
    UnknownEngine,
    /// SNMPv3, rightly authenticated, from an engine that the operator has not approved yet.
    EngineAwaitsApproval,
    /// SNMPv3 whose code is wrong: another passphrase or algorithm, or tampered with.
    WrongDigest,
    /// SNMPv3, rightly authenticated, that is too old, or from before its engine's last start: a replay, or a BMC that was reset.
    NotInTimeWindow,
    /// SNMPv3 whose content cannot be opened: another passphrase, algorithm or key extension.
    DecryptionError,
    /// SNMPv3 with a protection that its user does not have.
    UnsupportedLevel,
    /// Less protected than the BMC's traps must be.
    TooWeak,
}

impl DropReason {
    /// All of them, in the order of their declaration: `ALL[reason as usize] == reason`.
    pub const ALL: [Self; 30] = [
        Self::ForeignSource,
        Self::OtherServersBmc,
        Self::RelayNamesNobody,
        Self::WrongCommunity,
        Self::WrongGuid,
        Self::Version3NotConfigured,
        Self::UnknownVersion,
        Self::NotANotification,
        Self::V1TrapInV2c,
        Self::V2PduInV1,
        Self::NotSnmp,
        Self::Truncated,
        Self::TrailingBytes,
        Self::BadLength,
        Self::BadTag,
        Self::BadInteger,
        Self::BadOid,
        Self::TooManyArcs,
        Self::BadValue,
        Self::TooManyVarbinds,
        Self::PetMalformed,
        Self::UnknownSecurityModel,
        Self::UnknownUser,
        Self::UnknownEngine,
        Self::EngineAwaitsApproval,
        Self::WrongDigest,
        Self::NotInTimeWindow,
        Self::DecryptionError,
        Self::UnsupportedLevel,
        Self::TooWeak,
    ];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ForeignSource => "foreign_source",
            Self::OtherServersBmc => "other_servers_bmc",
            Self::RelayNamesNobody => "relay_names_nobody",
            Self::WrongCommunity => "wrong_community",
            Self::WrongGuid => "wrong_guid",
            Self::Version3NotConfigured => "version3_not_configured",
            Self::UnknownVersion => "unknown_version",
            Self::NotANotification => "not_a_notification",
            Self::V1TrapInV2c => "v1_trap_in_v2c",
            Self::V2PduInV1 => "v2_pdu_in_v1",
            Self::NotSnmp => "not_snmp",
            Self::Truncated => "truncated",
            Self::TrailingBytes => "trailing_bytes",
            Self::BadLength => "bad_length",
            Self::BadTag => "bad_tag",
            Self::BadInteger => "bad_integer",
            Self::BadOid => "bad_oid",
            Self::TooManyArcs => "too_many_arcs",
            Self::BadValue => "bad_value",
            Self::TooManyVarbinds => "too_many_varbinds",
            Self::PetMalformed => "pet_malformed",
            Self::UnknownSecurityModel => "unknown_security_model",
            Self::UnknownUser => "unknown_user",
            Self::UnknownEngine => "unknown_engine",
            Self::EngineAwaitsApproval => "engine_awaits_approval",
            Self::WrongDigest => "wrong_digest",
            Self::NotInTimeWindow => "not_in_time_window",
            Self::DecryptionError => "decryption_error",
            Self::UnsupportedLevel => "unsupported_level",
            Self::TooWeak => "too_weak",
        }
    }
}

impl core::fmt::Display for DropReason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

impl From<wire::Error> for DropReason {
    fn from(error: wire::Error) -> Self {
        use wire::Error;
        match error {
            Error::Truncated => Self::Truncated,
            Error::TrailingBytes => Self::TrailingBytes,
            Error::NotSnmp => Self::NotSnmp,
            Error::Overrun | Error::IndefiniteLength | Error::LengthTooWide => Self::BadLength,
            Error::HighTag | Error::UnexpectedTag | Error::UnknownPdu | Error::Malformed => Self::BadTag,
            Error::EmptyInteger | Error::IntegerRange | Error::GenericTrap => Self::BadInteger,
            Error::EmptyOid | Error::UnfinishedArc | Error::ArcTooWide => Self::BadOid,
            Error::TooManyArcs => Self::TooManyArcs,
            Error::IpAddressLength | Error::NullLength | Error::UnknownType => Self::BadValue,
            Error::TooManyVarbinds => Self::TooManyVarbinds,
            Error::UnknownVersion => Self::UnknownVersion,
            Error::Version3 => Self::Version3NotConfigured,
            Error::SecurityFlags | Error::UserNameLength => Self::BadValue,
            Error::EngineIdLength => Self::UnknownEngine,
            Error::SecurityModel => Self::UnknownSecurityModel,
            Error::NotANotification => Self::NotANotification,
            Error::V1TrapInV2c => Self::V1TrapInV2c,
            Error::V2PduInV1 => Self::V2PduInV1,
            Error::PetTooShort | Error::PetSpecificTrap => Self::PetMalformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DropReason;

    #[test]
    fn every_reason_is_listed_once_under_one_name() {
        let mut names: Vec<_> = DropReason::ALL.iter().map(|reason| reason.name()).collect();
        assert!(DropReason::ALL.iter().enumerate().all(|(place, reason)| *reason as usize == place));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), DropReason::ALL.len());
    }
}
