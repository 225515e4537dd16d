//! The command line of programs that take no arguments.

use std::process::exit;

/// Ends the program if it has an argument: with what it does for `--help`, and with a complaint for any other.
pub fn none(about: &str) {
    let Some(argument) = std::env::args().nth(1) else { return };
    if matches!(argument.as_str(), "--help" | "-h") {
        println!("{about}");
        exit(0);
    }
    eprintln!("unknown argument {argument:?}: there are none");
    exit(2);
}
