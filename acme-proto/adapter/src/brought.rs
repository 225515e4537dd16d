//! Which responses a connection brought.

use std::collections::VecDeque;

use acme_proto::flow::RequestId;

/// How many are remembered.
const MOST: usize = 32;

/// The requests whose responses a connection brought, the last ones.
///
/// Behind some balancers a nonce holds only at the machine that gave it, and a connection leads to one machine.
#[derive(Clone, Debug, Default)]
pub struct Brought(VecDeque<RequestId>);

impl Brought {
    /// Remembers one more.
    pub fn add(&mut self, request: RequestId) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(request);
    }

    /// Returns whether the response to this request is among them.
    pub fn has(&self, request: RequestId) -> bool {
        self.0.contains(&request)
    }
}
