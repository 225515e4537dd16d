//! certbot from PyPI, in a virtual environment of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use acme_adapter::storage::import;

use super::case::{Case, EAB_KEY, EAB_KID, PROFILE};
use super::imported;
use super::matrix::Client;
use super::row::Row;
use crate::install::virtual_environment;

/// certbot, the client of the EFF.
#[derive(Clone, Copy, Debug)]
pub struct Certbot;

impl Certbot {
    fn program(self) -> PathBuf {
        let dir = virtual_environment("clients/certbot", "certbot", self.version());
        dir.join("bin").join("certbot")
    }

    /// Returns a command with what all of certbot's subcommands want.
    fn command(self, subcommand: &str, case: &Case) -> Command {
        let mut command = case.command(self.program());
        command.arg(subcommand).args(["--non-interactive", "--server", case.ca().directory_url()]);
        command.arg("--config-dir").arg(case.file("config"));
        command.arg("--work-dir").arg(case.file("run")).arg("--logs-dir").arg(case.file("logs"));
        command.env("REQUESTS_CA_BUNDLE", case.root_file());
        command
    }

    fn register(self, case: &Case) -> Result<(), String> {
        let mut register = self.command("register", case);
        register.args(["--agree-tos", "--no-eff-email", "--email", "first@example.test"]);
        case.run(&mut register).map(drop)
    }

    fn issue(self, row: Row, case: &Case) -> Result<(), String> {
        let mut issue = self.command("certonly", case);
        issue.args(["--agree-tos", "--no-eff-email", "--email", "first@example.test"]);
        issue.args(["--cert-name", "it", "--key-type", "ecdsa"]);
        for name in case.names() {
            issue.args([if row == Row::Ip { "--ip-address" } else { "-d" }, name]);
        }
        if row == Row::Dns01 {
            let hook = |action: &str| {
                let name = "_acme-challenge.$CERTBOT_DOMAIN";
                format!("{} {action} \"{name}\" \"$CERTBOT_VALIDATION\"", case.hook())
            };
            issue.args(["--manual", "--preferred-challenges", "dns", "--manual-auth-hook"]);
            issue.arg(hook("present")).arg("--manual-cleanup-hook").arg(hook("cleanup"));
        } else {
            issue.args(["--standalone", "--http-01-address", "127.0.0.1", "--http-01-port"]);
            issue.arg(case.http_port().to_string());
        }
        match row {
            Row::Eab => {
                issue.args(["--eab-kid", EAB_KID, "--eab-hmac-key", EAB_KEY]);
            }
            Row::Profile => {
                issue.args(["--required-profile", PROFILE]);
            }
            Row::Chain => {
                issue.arg("--preferred-chain").args(case.alternate_root_name());
            }
            _ => {}
        }
        case.run(&mut issue)?;
        keep(case)
    }
}

/// Imports what is in certbot's directory, and copies the chain out of it.
fn keep(case: &Case) -> Result<(), String> {
    imported::check(&import::certbot(case.file("config")), case)?;
    fs::copy(case.file("config/live/it/fullchain.pem"), case.chain())
        .map(drop)
        .map_err(|error| format!("there is no fullchain.pem: {error}"))
}

impl Client for Certbot {
    fn name(&self) -> &'static str {
        "certbot"
    }

    fn version(&self) -> &'static str {
        "5.8.0"
    }

    fn install(&self) {
        self.program();
    }

    fn lacks(&self, row: Row) -> Option<&'static str> {
        match row {
            Row::TlsAlpn01 => Some("no tls-alpn-01"),
            Row::NotAfter => Some("no option for the order's dates"),
            Row::PreAuthorization => Some("no newAuthz"),
            Row::Authorization => Some("deactivates authorizations only after a failure"),
            Row::Orders => Some("no list of orders"),
            Row::Rollover => Some("no key rollover"),
            Row::Replaces => Some("sends no `replaces`"),
            Row::Serves => Some("installs into other servers only"),
            _ => None,
        }
    }

    fn run(&self, row: Row, case: &Case) -> Result<(), String> {
        let certificate = case.file("config/live/it/cert.pem");
        match row {
            Row::Update => {
                self.register(case)?;
                let mut update = self.command("update_account", case);
                update.args(["--no-eff-email", "--email", "second@example.test"]);
                return case.run(&mut update).map(drop);
            }
            Row::Deactivate => {
                self.register(case)?;
                return case.run(&mut self.command("unregister", case)).map(drop);
            }
            _ => self.issue(row, case)?,
        }
        let mut revoke = self.command("revoke", case);
        revoke.arg("--no-delete-after-revoke").arg("--cert-path").arg(certificate);
        match row {
            Row::Revoke => case.run(revoke.args(["--reason", "superseded"])).map(drop),
            Row::RevokeKey => {
                revoke.args(["--reason", "keycompromise"]);
                case.run(revoke.arg("--key-path").arg(case.file("config/live/it/privkey.pem")))
                    .map(drop)
            }
            Row::Renewal => {
                case.end_renewal_windows();
                let mut renew = self.command("renew", case);
                case.run(renew.arg("--no-random-sleep-on-renew"))?;
                keep(case)
            }
            _ => Ok(()),
        }
    }
}
