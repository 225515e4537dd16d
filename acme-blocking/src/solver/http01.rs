//! http-01 (RFC 8555 section 8.3): the HTTP side of a validation.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use acme_adapter::error::Error;
use acme_adapter::http01::{Http01Handler, HttpsRedirect};

use super::listener::{Listener, MAX_CONNECTIONS, ToSocketAddrs};
use crate::calls::Calls;
use crate::timed::Timed;

/// What is called before a validation is answered that the table does not have.
pub(crate) type Find = Arc<dyn Fn() + Send + Sync>;

pub(super) fn listen(
    address: impl ToSocketAddrs,
    table: Http01Handler,
    redirect: Option<HttpsRedirect>,
    find: Option<Find>,
) -> Result<Listener, Error> {
    let finds = Arc::new(Calls::new(MAX_CONNECTIONS));
    Listener::bind(address, move |stream| {
        let find = || finds.run(|| find.iter().for_each(|find| find()));
        serve(&table, redirect, find, stream);
    })
}

fn serve(
    table: &Http01Handler,
    redirect: Option<HttpsRedirect>,
    find: impl FnOnce(),
    mut stream: Timed,
) {
    // A longer head is cut off: the request line, which names the challenge, comes first.
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") && head.len() < MAX_HEAD {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(n) => head.extend_from_slice(&chunk[..n]),
        }
    }
    if table.is_missing_for(&head) {
        find();
    }
    let answer = match redirect {
        Some(redirect) => table.answer_or_redirect(&head, &redirect),
        None => table.answer_request(&head),
    };
    let _ = stream.write_all(&answer);
    stream.shut_down();
}

const MAX_HEAD: usize = 16 * 1024;
