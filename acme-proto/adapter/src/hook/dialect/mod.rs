//! How a command is addressed: the conventions of the ACME clients that provider scripts were written for.

use core::fmt;
use core::str::FromStr;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use acme_proto::wire::ChallengeKind;

use super::record::HookRecord;
use super::turns::Facts;
use super::{HookAction, HookCommand, HookError, acme_sh};
use crate::txt;

/// The conventions by which a hook is run.
///
/// | dialect | `present` runs | `cleanup` runs |
/// | --- | --- | --- |
/// | [`Plain`](Self::Plain) | `CMD present NAME VALUE` | `CMD cleanup NAME VALUE` |
/// | [`Lego`](Self::Lego) | `CMD present NAME. VALUE` | `CMD cleanup NAME. VALUE` |
/// | [`LegoRaw`](Self::LegoRaw) | `CMD present -- DOMAIN TOKEN KEYAUTH` | `CMD cleanup -- DOMAIN TOKEN KEYAUTH` |
/// | [`Certbot`](Self::Certbot) | `CMD`, with `CERTBOT_DOMAIN` and others in the environment | the [clean-up command](HookCommand::cleanup_command) |
/// | [`Dehydrated`](Self::Dehydrated) | `CMD deploy_challenge DOMAIN TOKEN VALUE` | `CMD clean_challenge DOMAIN TOKEN VALUE` |
/// | [`AcmeSh`](Self::AcmeSh) | the function `dns_xxx_add NAME VALUE` of `dns_xxx.sh` | `dns_xxx_rm NAME VALUE` |
///
/// `NAME` is that of the TXT record, such as `_acme-challenge.example.org`, and `DOMAIN` the name to be proved, without
/// `*.`. No CNAME is followed: where one is in place of the record, the command has to follow it. Arguments are never
/// parsed by a shell. Except for `Plain`, runs of one command follow each other, because scripts of these kinds edit
/// files and zones without a lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HookDialect {
    /// That of this library. Commands for different records run at the same time.
    #[default]
    Plain,
    /// That of lego's provider `exec`. The environment has `EXEC_PATH`.
    Lego,
    /// That of lego's provider `exec` with `EXEC_MODE=RAW`. It publishes the digest of `KEYAUTH` by itself.
    LegoRaw,
    /// That of certbot's `--manual-auth-hook` and `--manual-cleanup-hook`.
    ///
    /// The environment has `CERTBOT_DOMAIN`, `CERTBOT_VALIDATION`, `CERTBOT_ALL_DOMAINS`,
    /// `CERTBOT_REMAINING_CHALLENGES`, for http-01 `CERTBOT_TOKEN`, and for the clean-up `CERTBOT_AUTH_OUTPUT`, which is
    /// what the first command wrote to standard output. As there, the command begins when every challenge of the order is
    /// known. The counts and names are those of one solver, over all of its [kinds](HookCommand::publishes). Unlike there, a command that fails fails the challenge, and the clean-up of another process has neither the
    /// output nor the other names.
    Certbot,
    /// That of dehydrated's `--hook` without `HOOK_CHAIN`. Only these two operations are run.
    ///
    /// Unlike there, the command itself writes the file of http-01, named as its third argument with the fourth one in it,
    /// and removes it; dehydrated would have written it already. No variable of dehydrated is set, such as `WELLKNOWN`.
    Dehydrated,
    /// That of acme.sh's `dnsapi` scripts, by functions of this library in the place of those of acme.sh.
    ///
    /// The command is the path of a script named `dns_xxx.sh`, which is read by `bash` if its first line says so, and else
    /// by `sh`. Its credentials are in the environment, or in the file that the variable `ACCOUNT_CONF_PATH` names, where
    /// acme.sh keeps them: each `KEY='VALUE'` there is a variable of the script unless the environment has it. The script
    /// changes that file as acme.sh would, and without it nothing is kept. What it keeps of one certificate goes into the
    /// file that `DOMAIN_CONF` names in the same way. `_get` and `_post` need `curl` or GNU Wget, `_hmac` and `_digest` need
    /// `openssl`. None of them finds a credential in its arguments, which others could read.
    ///
    /// These functions exist: `_base64`, `_clearaccountconf`, `_clearaccountconf_mutable`, `_cleardomainconf`,
    /// `_contains`, `_dbase64`, `_debug`, `_debug2`, `_debug3`, `_digest`, `_egrep_o`, `_endswith`, `_err`, `_exists`,
    /// `_get`, `_getfield`, `_h2b`, `_head_n`, `_hex_dump`, `_hmac`, `_idn`, `_info`, `_json_encode`, `_lower_case`,
    /// `_math`, `_normalizeJson`, `_post`, `_readaccountconf`, `_readaccountconf_mutable`, `_readdomainconf`,
    /// `_saveaccountconf`, `_saveaccountconf_mutable`, `_savedomainconf`, `_secure_debug`, `_secure_debug2`,
    /// `_secure_debug3`, `_sed_i`, `_sleep`, `_startswith`, `_tail_n`, `_time`, `_upper_case`, `_url_encode`,
    /// `_url_replace` and `_utc_date`. A script that calls another one fails with its name.
    AcmeSh,
}

impl HookDialect {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Plain, Self::Lego, Self::LegoRaw, Self::Certbot, Self::Dehydrated, Self::AcmeSh];

    /// Returns its name: `plain`, `lego`, `lego-raw`, `certbot`, `dehydrated` or `acme.sh`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Lego => "lego",
            Self::LegoRaw => "lego-raw",
            Self::Certbot => "certbot",
            Self::Dehydrated => "dehydrated",
            Self::AcmeSh => "acme.sh",
        }
    }

    /// Returns whether its commands can publish http-01 too.
    pub const fn has_http01(self) -> bool {
        matches!(self, Self::Certbot | Self::Dehydrated)
    }

    /// Returns whether commands run at the same time.
    pub(super) const fn runs_side_by_side(self) -> bool {
        matches!(self, Self::Plain)
    }

    /// Returns whether its commands publish challenges of a kind.
    pub(super) fn publishes(self, kind: &ChallengeKind) -> bool {
        *kind == ChallengeKind::Http01 && self.has_http01() || self.txt_kinds().contains(kind)
    }

    /// Returns the kinds of challenges for which its commands publish TXT records.
    ///
    /// Commands that are given only the domain cannot solve dns-account-01, because the name of its record also depends on
    /// the account.
    pub(super) const fn txt_kinds(self) -> &'static [ChallengeKind] {
        match self {
            Self::Plain | Self::Lego | Self::AcmeSh => &txt::KINDS,
            Self::LegoRaw | Self::Certbot | Self::Dehydrated => &[ChallengeKind::Dns01],
        }
    }
}

impl fmt::Display for HookDialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for HookDialect {
    type Err = UnknownDialect;

    fn from_str(text: &str) -> Result<Self, UnknownDialect> {
        Self::ALL.into_iter().find(|dialect| dialect.as_str() == text).ok_or(UnknownDialect)
    }
}

/// The name of a dialect that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("choose plain, lego, lego-raw, certbot, dehydrated or acme.sh")]
#[non_exhaustive]
pub struct UnknownDialect;

/// Returns the command that does something about a record; `None` if there is nothing to run.
pub(super) fn command(
    hook: &HookCommand,
    action: HookAction,
    record: &HookRecord,
    facts: &Facts,
) -> Result<Option<Command>, HookError> {
    let present = matches!(action, HookAction::Present);
    let arguments: Vec<&str> = match hook.dialect {
        HookDialect::Plain => vec![action.as_str(), record.name()],
        HookDialect::Lego => return Ok(Some(lego(hook, action, record))),
        HookDialect::LegoRaw => return lego_raw(hook, action, record).map(Some),
        HookDialect::Certbot => return certbot(hook, present, record, facts),
        HookDialect::Dehydrated => {
            let operation = if present { "deploy_challenge" } else { "clean_challenge" };
            vec![operation, record.domain(hook)?, record.token()]
        }
        HookDialect::AcmeSh => return acme_sh::command(hook, present, record).map(Some),
    };
    let mut command = program(&hook.words);
    command.args(arguments).arg(record.value());
    Ok(Some(command))
}

fn lego(hook: &HookCommand, action: HookAction, record: &HookRecord) -> Command {
    let mut command = program(&hook.words);
    let name = format!("{}.", record.name());
    command.args([action.as_str(), &name, record.value()]);
    command.env("EXEC_PATH", path(hook)).env_remove("EXEC_MODE");
    command
}

fn lego_raw(
    hook: &HookCommand,
    action: HookAction,
    record: &HookRecord,
) -> Result<Command, HookError> {
    let mut command = program(&hook.words);
    let (domain, authorization) = (record.domain(hook)?, record.key_authorization(hook)?);
    // A token may begin with a hyphen.
    command.args([action.as_str(), "--", domain, record.token(), authorization]);
    command.env("EXEC_PATH", path(hook)).env("EXEC_MODE", "RAW");
    Ok(command)
}

fn certbot(
    hook: &HookCommand,
    present: bool,
    record: &HookRecord,
    facts: &Facts,
) -> Result<Option<Command>, HookError> {
    let words = match (present, &hook.cleanup) {
        (true, _) => &hook.words,
        (false, Some(words)) => words,
        (false, None) => return Ok(None),
    };
    let domain = record.domain(hook)?;
    let mut command = program(words);
    command
        .env("CERTBOT_DOMAIN", domain)
        .env("CERTBOT_VALIDATION", record.value())
        .env("CERTBOT_ALL_DOMAINS", facts.all.as_deref().unwrap_or(domain))
        .env("CERTBOT_REMAINING_CHALLENGES", facts.remaining.to_string());
    match record.is_http01() {
        true => command.env("CERTBOT_TOKEN", record.token()),
        false => command.env_remove("CERTBOT_TOKEN"),
    };
    match present {
        true => command.env_remove("CERTBOT_AUTH_OUTPUT"),
        false => command.env("CERTBOT_AUTH_OUTPUT", &facts.output),
    };
    Ok(Some(command))
}

fn program(words: &[String]) -> Command {
    let mut words = words.iter();
    let mut command = Command::new(words.next().map_or("", String::as_str));
    command.args(words);
    command
}

fn path(hook: &HookCommand) -> OsString {
    hook.words.first().map_or_else(OsString::new, |word| Path::new(word).as_os_str().to_owned())
}

#[cfg(all(test, unix))]
mod tests;
