//! Both adapters and the example programs, against other people's software: servers, clients, OpenSSL.
#![cfg(unix)]

mod bad_input;
mod boulder;
mod boulder_limits;
mod csr;
mod dialects;
mod dns_update;
mod hints;
mod imports;
mod interop_acmev2;
mod interop_boulder;
mod interop_caddy;
mod interop_pebble;
mod interop_pebble_debian;
mod interop_serles;
mod interop_step_ca;
mod killed;
mod main_job;
mod other_clients;
mod p521;
mod pebble;
mod pebble_main_job;
mod pebble_starts;
mod running_it;
mod smol;
mod switches;
