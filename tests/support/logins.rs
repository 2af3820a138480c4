//! A login as tests need one: on our own BMC, without a BMC key.

use bmcnotice::bmc::link::{Login, Manners};
use bmcnotice::config::model::Privilege;
use bmcnotice::crypto::Secret;
use bmcnotice::suite::Suite;

pub fn login(user: &str, password: &str, suites: &[Suite], privilege: Privilege) -> Login {
    Login {
        user: user.into(),
        password: Secret::new(password),
        kg: None,
        suites: suites.to_vec(),
        privilege,
        manners: Manners::Own,
    }
}
