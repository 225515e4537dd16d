//! tls-alpn-01 (RFC 8737): a listener, and a resolver for the user's own rustls server.

use core::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use acme_host::tls_alpn01::TlsAlpnResolver;
use acme_proto::challenge::Challenge;
use acme_proto::wire::ChallengeKind;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::AsyncWriteExt;
use tokio::net::ToSocketAddrs;
use tokio_rustls::TlsAcceptor;

use super::Solver;
use super::listener::Listener;
use crate::error::Error;
use crate::{BoxError, wall_clock};
