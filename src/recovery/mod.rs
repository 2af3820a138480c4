//! From a notice to actions: which monitor it concerns, what is written down, what happens next.
//!
//! `monitor` chooses, `journal` writes down and mints record ids, `gate` lets through or holds, `machine` decides
//! step by step under a `policy` and its `plan`; `picture` draws the machine. Uses `config`, `notice` and `words`; its input comes from
//! `engine`, its output is bytes to append and actions to perform, which the shell does in their order.

pub mod action;
pub mod clusterpro;
pub mod gate;
pub mod journal;
pub mod machine;
pub mod monitor;
pub mod pacemaker;
pub mod picture;
pub mod plan;
pub mod policy;
pub mod timer;
