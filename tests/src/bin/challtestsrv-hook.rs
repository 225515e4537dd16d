//! A dns hook for `pebble-challtestsrv`: `challtestsrv-hook ADDR:PORT STATE present|cleanup NAME VALUE`.
//!
//! `ADDR:PORT` is the server's management endpoint, `STATE` the directory in which all hooks of that server remember
//! their values; `Pebble::dns_hook_command` fills in both.

use std::env;
use std::process::ExitCode;

use acme_tests::servers::Challtestsrv;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("challtestsrv-hook: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), String> {
    let &[management, state, action, name, value] = arguments else {
        return Err(
            "usage: challtestsrv-hook ADDR:PORT STATE present|cleanup NAME VALUE".to_owned()
        );
    };
    let management = management.parse().map_err(|error| format!("{management}: {error}"))?;
    let server = Challtestsrv::new(management, state);
    let result = match action {
        "present" => server.present(name, value),
        "cleanup" => server.cleanup(name, value),
        _ => return Err(format!("{action}: neither present nor cleanup")),
    };
    result.map_err(|error| format!("{action} {name}: {error}"))
}
