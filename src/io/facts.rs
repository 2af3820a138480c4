//! placeholder
use crate::config::facts::{Facts, Wanted};
pub fn gather(_wanted: &Wanted) -> Facts {
    Facts::default()
}
pub fn explain_bind(address: std::net::SocketAddr, error: &std::io::Error) -> String {
    format!("cannot listen on {address}: {error}")
}
