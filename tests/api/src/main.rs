//! Lists the public items of a crate, one a line, from the JSON that rustdoc wrote: `acme-api FILE`.
//!
//! Derived, blanket and auto trait impls are left out. `tests/checks/api` runs it.

use std::env;
use std::error::Error;

use public_api::Builder;

fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args_os().nth(1).ok_or("usage: acme-api FILE")?;
    let api = Builder::from_rustdoc_json(file)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()?;
    print!("{api}");
    Ok(())
}
