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
    let lifetime = lifetime(until.saturating_duration_since(leaf.not_before()));
    row("valid", format!("{:.0} to {until:.0} ({lifetime})", leaf.not_before()));
    if let Some(profile) = issued.profile() {
        row("profile", crate::progress::plain(profile));
    }
    row("requests", format!("{} in {:.1} s", facts.requests, facts.elapsed.as_secs_f64()));
    text
}

/// Writes a lifetime in days, or in hours where days would hide much of it: the last second counts as a part of it.
fn lifetime(lifetime: Duration) -> String {
    let hours = lifetime.as_secs().div_ceil(3600);
    match hours {
        0..=239 => format!("{hours} hours"),
        _ => format!("{} days", hours.div_ceil(24)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_of_days_is_told_in_hours() {
        let told = |seconds| lifetime(Duration::from_secs(seconds));
        assert_eq!(told(160 * 3600 - 1), "160 hours");
        assert_eq!(told(45 * 86_400 - 1), "45 days");
        assert_eq!(told(90 * 86_400 - 1), "90 days");
    }
}
