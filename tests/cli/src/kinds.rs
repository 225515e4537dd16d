//! The kinds of challenges that prove the names of a command line.

use acme_proto::wire::ChallengeKind;

use crate::args::{Args, suits};
use crate::failure::Failure;

impl Args {
    /// Returns the kinds of challenges that the names need, the preferred ones first.
    pub(crate) fn kinds(&self) -> Vec<ChallengeKind> {
        let mut kinds = Vec::new();
        for kind in &self.challenges {
            if !kinds.contains(kind) && self.names.iter().any(|name| suits(kind, name)) {
                kinds.push(kind.clone());
            }
        }
        if !self.challenges.is_empty() {
            return kinds;
        }
        let by_dns = self.by_hand || self.dns_update_server.is_some() || self.has_txt_hook();
        for name in &self.names {
            let by_dns = name.is_wildcard() || by_dns && suits(&ChallengeKind::Dns01, name);
            let kind = if by_dns { ChallengeKind::Dns01 } else { ChallengeKind::Http01 };
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        // dns-01 comes last unless it was asked for: it can prove every name, and would be used for
        // those that http-01 proves without a hook.
        kinds.sort_by_key(|kind| (*kind == ChallengeKind::Dns01) != by_dns);
        kinds
    }

    /// Returns whether there is a hook, which publishes TXT records only.
    const fn has_txt_hook(&self) -> bool {
        self.hook.is_some() && !self.http_hook
    }

    /// Checks that what publishes challenges has a kind to publish.
    pub(crate) fn check_use(&self) -> Result<(), Failure> {
        let (dns, http) = (ChallengeKind::Dns01, ChallengeKind::Http01);
        let kinds = self.kinds();
        for (option, is_given, kind) in [
            ("--by-hand", self.by_hand, dns.clone()),
            ("--dns-update-server", self.dns_update_server.is_some(), dns.clone()),
            ("--hook", self.has_txt_hook(), dns),
            ("--http-hook", self.http_hook, http),
        ] {
            if is_given && !kinds.contains(&kind) {
                return Err(Failure::usage(format!(
                    "{option} is for {kind}, which proves none of these names here: leave {option} out, or choose names \
                     and --challenge so that {kind} does"
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn refusal(line: &str) -> String {
        let args = Args::try_parse_from(line.split_whitespace());
        args.unwrap().check().expect_err(line).to_string()
    }

    #[test]
    fn what_publishes_a_kind_of_challenge_chooses_it_or_is_refused() {
        let [dns, http] = [ChallengeKind::Dns01, ChallengeKind::Http01];
        let update =
            "--directory https://ca.test/d --dns-update-key-file k --dns-update-server ::1";
        let hook = "--directory https://ca.test/d --hook h";
        for option in ["--by-hand", update, hook] {
            let kinds = |names: &str| {
                let line = format!("issue {option} {names}");
                Args::try_parse_from(line.split_whitespace()).unwrap().kinds()
            };
            assert_eq!(kinds("a.test *.a.test"), core::slice::from_ref(&dns));
            assert_eq!(kinds("127.0.0.1 a.test"), [dns.clone(), http.clone()]);
            for unused in ["127.0.0.1", "--challenge http-01 a.test"] {
                let text = refusal(&format!("issue {option} {unused}"));
                assert!(text.contains(" is for dns-01") && text.contains("leave --"), "{text}");
            }
        }
        let hook =
            "issue --directory https://ca.test/d --hook h --hook-dialect certbot --http-hook";
        assert!(refusal(&format!("{hook} *.a.test")).contains("--http-hook is for http-01"));
    }
}
