//! dehydrated from Debian's package, unpacked and not installed.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::alpn;
use super::case::{Case, EAB_KEY, EAB_KID};
use super::matrix::Client;
use super::row::Row;
use crate::install::DebianPackage;

/// dehydrated, a client in bash.
#[derive(Clone, Copy, Debug)]
pub struct Dehydrated;

impl Dehydrated {
    fn program(self) -> PathBuf {
        let place = "clients/dehydrated";
        DebianPackage { name: "dehydrated", version: self.version(), place }.install()
    }

    fn command(self, case: &Case) -> Command {
        let mut command = case.command("bash");
        command.arg(self.program()).arg("--config").arg(case.file("config"));
        command.env("CURL_CA_BUNDLE", case.root_file());
        command
    }

    fn register(self, case: &Case) -> Result<(), String> {
        case.run(self.command(case).args(["--register", "--accept-terms"])).map(drop)
    }
}

/// Writes dehydrated's configuration for a row, with a contact.
fn configure(row: Row, case: &Case, contact: &str) {
    let challenge = match row {
        Row::Dns01 => "dns-01",
        Row::TlsAlpn01 => "tls-alpn-01",
        _ => "http-01",
    };
    let base = case.file("base").display().to_string();
    let mut lines = vec![
        ("CA", case.ca().directory_url().to_owned()),
        ("BASEDIR", base.clone()),
        ("DOMAINS_TXT", case.file("domains.txt").display().to_string()),
        ("WELLKNOWN", case.webroot().display().to_string()),
        ("ALPNCERTDIR", format!("{base}/alpn")),
        ("CHALLENGETYPE", challenge.to_owned()),
        ("CONTACT_EMAIL", contact.to_owned()),
        // It signs with RSA only: a revocation by the certificate's key wants such a key.
        ("KEY_ALGO", if row == Row::RevokeKey { "rsa" } else { "prime256v1" }.to_owned()),
        ("KEYSIZE", "2048".to_owned()),
    ];
    match row {
        Row::Eab => {
            lines.push(("EAB_KID", EAB_KID.to_owned()));
            lines.push(("EAB_HMAC_KEY", EAB_KEY.to_owned()));
        }
        Row::Dns01 => lines.push(("HOOK", case.script("hook.sh", &hook(case)))),
        Row::Chain => {
            lines.extend(case.alternate_root_name().map(|name| ("PREFERRED_CHAIN", name)));
        }
        _ => {}
    }
    let text: String = lines.iter().map(|(name, value)| format!("{name}=\"{value}\"\n")).collect();
    case.write("config", &text);
    case.write("domains.txt", &format!("{} > it\n", case.names().join(" ")));
    fs::create_dir_all(case.file("base").join("alpn")).expect("the target directory is writable");
}

fn hook(case: &Case) -> String {
    let line = |event: &str, action: &str| {
        format!("{event}) {} {action} \"_acme-challenge.$2\" \"$4\";;\n", case.hook())
    };
    let (present, cleanup) =
        (line("deploy_challenge", "present"), line("clean_challenge", "cleanup"));
    format!("#!/bin/sh\ncase $1 in\n{present}{cleanup}esac\n")
}

impl Client for Dehydrated {
    fn name(&self) -> &'static str {
        "dehydrated"
    }

    fn version(&self) -> &'static str {
        "0.7.0"
    }

    fn install(&self) {
        self.program();
    }

    fn lacks(&self, row: Row) -> Option<&'static str> {
        match row {
            Row::Ip => Some("orders dns identifiers only"),
            Row::Profile => Some("no profiles"),
            Row::NotAfter => Some("no option for the order's dates"),
            Row::PreAuthorization => Some("no newAuthz with RFC 8555"),
            Row::Authorization => Some("deactivates no authorization"),
            Row::Orders => Some("no list of orders"),
            Row::Rollover => Some("no key rollover"),
            Row::Renewal | Row::Replaces => Some("no renewal information"),
            Row::Serves => Some("no server"),
            _ => None,
        }
    }

    fn ends(&self, row: Row) -> Option<&'static str> {
        match row {
            Row::Nonces => Some("badNonce"),
            // It looks for an account of the certificate's key first.
            Row::RevokeKey => Some("accountDoesNotExist"),
            _ => None,
        }
    }

    fn run(&self, row: Row, case: &Case) -> Result<(), String> {
        configure(row, case, "first@example.test");
        self.register(case)?;
        match row {
            Row::Update => {
                configure(row, case, "second@example.test");
                return case.run(self.command(case).arg("--account")).map(drop);
            }
            Row::Deactivate => return case.run(self.command(case).arg("--deactivate")).map(drop),
            Row::TlsAlpn01 => alpn::serve(case.ca().tls_port(), case.file("base").join("alpn"))
                .map_err(|error| error.to_string())?,
            _ => case.serve_webroot()?,
        }
        case.run(self.command(case).arg("--cron"))?;
        let certificates = case.file("base/certs/it");
        fs::copy(certificates.join("fullchain.pem"), case.chain())
            .map_err(|error| format!("there is no fullchain.pem: {error}"))?;
        let mut revoke = self.command(case);
        revoke.arg("--revoke").arg(certificates.join("cert.pem"));
        match row {
            Row::Revoke => case.run(&mut revoke).map(drop),
            Row::RevokeKey => {
                case.run(revoke.arg("--privkey").arg(certificates.join("privkey.pem"))).map(drop)
            }
            _ => Ok(()),
        }
    }
}
