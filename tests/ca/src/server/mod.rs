//! The CA on a socket: listener, validations, management, records.

mod answer;
mod builder;
mod dns;
mod http01;
mod listener;
mod management;
mod record;
mod resolver;
mod service;
mod shared;
mod test_ca;
mod tls_alpn01;
mod txt;
mod validate;
mod watched;

pub use builder::TestCaBuilder;
pub use record::{ExchangePhase, ExchangeRecord, ValidationRecord};
pub use test_ca::TestCa;
