//! The report of a successful run.

use core::fmt::Write as _;
use core::time::Duration;

use acme_proto::identifier::Identifier;
use acme_proto::issuance::Issued;

use crate::output::{CERTIFICATE, KEY, Output, ROOT};

/// What the report shows beside the certificate.
pub(crate) struct Facts<'a> {
    pub(crate) output: &'a Output,
    pub(crate) has_key: bool,
    pub(crate) embedded: bool,
    pub(crate) requests: u64,
    pub(crate) elapsed: Duration,
}

/// Lists names, files, validity, profile, number of requests and time.
pub(crate) fn success(issued: &Issued, facts: &Facts<'_>) -> String {
    let chain = issued.chain();
    let leaf = chain.leaf();
    let names: Vec<_> = leaf.identifiers().iter().map(Identifier::value).collect();
    let file = |name| facts.output.file(name).display().to_string();
    let mut text = format!("issued for {}\n", names.join(" "));
    let mut row = |title: &str, value: String| {
        let _ = writeln!(text, "  {title:<12} {value}");
    };
    let above = chain.certificates().len().saturating_sub(1);
    row("certificate", format!("{} (the leaf, then {above} above it)", file(CERTIFICATE)));
    if facts.has_key {
        row("key", file(KEY));
    }
    if facts.embedded {
        row("root", format!("{} (of the embedded test CA: nobody else trusts it)", file(ROOT)));
    }
    let until = leaf.not_after();
    let days = until.saturating_duration_since(leaf.not_before()).as_secs().div_ceil(86_400);
    let from = leaf.not_before().to_rfc3339_seconds();
    row("valid", format!("{from} to {} ({days} days)", until.to_rfc3339_seconds()));
    if let Some(profile) = issued.profile() {
        row("profile", crate::progress::plain(profile));
    }
    row("requests", format!("{} in {:.1} s", facts.requests, facts.elapsed.as_secs_f64()));
    text
}
