//! The `no_std` canary: a library with a panic handler and an allocator of its own.
//!
//! If acme-proto, or anything that it depends on, links std, the compiler finds two panic handlers and stops with
//! E0152. `signers` turns on every local signer as well. Built by `tests/run`, in both profiles.
#![no_std]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

use acme_proto::flow::{Flow, Output};
use acme_proto::header;
use acme_proto::http::Headers;
use acme_proto::identifier::Identifier;
use acme_proto::issuance::Issuance;
use acme_proto::jose::{Jwk, KeyAuthorization};
use acme_proto::pem;
use acme_proto::register::Register;
use acme_proto::session::Session;
use acme_proto::time::Timestamp;
use acme_proto::token::Token;
use acme_proto::url::Url;
use acme_proto::x509::{Certificate, CsrBuilder};

/// Calls something of every layer, so that it has to link; returns how much came out.
#[unsafe(no_mangle)]
pub extern "C" fn acme_no_std(x: u8, seconds: i64) -> usize {
    let key = Jwk::ed25519(&[x; 32]);
    headers(seconds) + flows(seconds) + challenge(&key) + certificates(&key) + signers(x)
}

fn headers(seconds: i64) -> usize {
    let Ok(base) = Url::parse("https://ca.example/dir") else {
        return 0;
    };
    let mut headers = Headers::new();
    headers.append("Link", "</dir>; rel=index");
    headers.append("Retry-After", "120");
    let now = Timestamp::from_unix_seconds(seconds);
    header::links(&headers, &base).len()
        + header::retry_after(&headers, now).map_or(0, |at| at.to_rfc3339_seconds().len())
}

fn flows(seconds: i64) -> usize {
    let (Ok(directory), Ok(name)) =
        (Url::parse("https://ca.example/dir"), Identifier::dns("example.org"))
    else {
        return 0;
    };
    let mut session = Session::new(directory, 7);
    let now = Timestamp::from_unix_seconds(seconds);
    let register = Register::new().poll_output(&mut session, now);
    let issuance = Issuance::new([name]).map(|mut flow| flow.poll_output(&mut session, now));
    usize::from(matches!(register, Output::Transmit(_)))
        + usize::from(matches!(issuance, Ok(Output::Transmit(_))))
}

fn challenge(key: &Jwk) -> usize {
    Token::parse("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA")
        .map_or(0, |token| KeyAuthorization::new(&token, &key.thumbprint()).txt_value().len())
}

fn certificates(key: &Jwk) -> usize {
    let names: Vec<Identifier> = Identifier::dns("example.org").into_iter().collect();
    let request = CsrBuilder::new(key, &names).to_be_signed();
    let text: String = pem::encode("CERTIFICATE", &request);
    text.len() + Certificate::parse(request).map_or(0, |c| c.serial().len())
}

#[cfg(feature = "signers")]
fn signers(x: u8) -> usize {
    acme_proto::signer::LocalKey::from_pkcs8_der(&[x; 64])
        .map_or(0, |key| key.sign(b"message").as_bytes().len())
}

#[cfg(not(feature = "signers"))]
const fn signers(_: u8) -> usize {
    0
}

/// Gives out a fixed piece of memory once and takes nothing back: this code is linked, never run.
struct Bump {
    used: AtomicUsize,
}

const HEAP: usize = 1 << 20;

static mut MEMORY: [u8; HEAP] = [0; HEAP];

#[global_allocator]
static ALLOCATOR: Bump = Bump { used: AtomicUsize::new(0) };

// SAFETY: each block lies between two values of a counter that only grows, hence inside MEMORY and in no other block.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = (&raw mut MEMORY).cast::<u8>();
        let bytes = layout.size() + layout.align();
        let end = self.used.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if end > HEAP {
            return ptr::null_mut();
        }
        let block = start.wrapping_add(end - bytes);
        block.wrapping_add(block.align_offset(layout.align()))
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
