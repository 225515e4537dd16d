//! Tests that both adapters pass, written once.
//!
//! The files here are those of acme-tokio, with `.run().await` where a builder is awaited. For acme-blocking
//! `tests/build.rs` drops what makes them asynchronous: `async`, `.await`, and `tokio` in `#[tokio::test]`. What only one of
//! the adapters has is tested in `only_tokio` and `only_blocking`.

pub(crate) mod on_tokio {
    pub(crate) mod adapter;
    #[path = "../ca.rs"]
    pub(crate) mod ca;
    #[path = "../client.rs"]
    pub(crate) mod client;
    #[path = "../hints.rs"]
    pub(crate) mod hints;
    #[path = "../issue.rs"]
    pub(crate) mod issue;
    #[path = "../key_change.rs"]
    pub(crate) mod key_change;
    #[path = "../longest.rs"]
    pub(crate) mod longest;
    #[path = "../operations.rs"]
    pub(crate) mod operations;
    #[path = "../person.rs"]
    pub(crate) mod person;
    #[path = "../pool.rs"]
    pub(crate) mod pool;
    #[path = "../public_ca.rs"]
    pub(crate) mod public_ca;
    #[path = "../trust.rs"]
    pub(crate) mod trust;
    #[path = "../user_code.rs"]
    pub(crate) mod user_code;
}

pub(crate) mod on_blocking {
    pub(crate) mod adapter;
    pub(crate) mod ca {
        include!(concat!(env!("OUT_DIR"), "/ca.rs"));
    }
    pub(crate) mod client {
        include!(concat!(env!("OUT_DIR"), "/client.rs"));
    }
    pub(crate) mod hints {
        include!(concat!(env!("OUT_DIR"), "/hints.rs"));
    }
    pub(crate) mod issue {
        include!(concat!(env!("OUT_DIR"), "/issue.rs"));
    }
    pub(crate) mod key_change {
        include!(concat!(env!("OUT_DIR"), "/key_change.rs"));
    }
    pub(crate) mod longest {
        include!(concat!(env!("OUT_DIR"), "/longest.rs"));
    }
    pub(crate) mod operations {
        include!(concat!(env!("OUT_DIR"), "/operations.rs"));
    }
    pub(crate) mod person {
        include!(concat!(env!("OUT_DIR"), "/person.rs"));
    }
    pub(crate) mod pool {
        include!(concat!(env!("OUT_DIR"), "/pool.rs"));
    }
    pub(crate) mod public_ca {
        include!(concat!(env!("OUT_DIR"), "/public_ca.rs"));
    }
    pub(crate) mod trust {
        include!(concat!(env!("OUT_DIR"), "/trust.rs"));
    }
    pub(crate) mod user_code {
        include!(concat!(env!("OUT_DIR"), "/user_code.rs"));
    }
}
