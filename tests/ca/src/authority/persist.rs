//! Records of dns-persist-01 (draft-ietf-acme-dns-persist-00 Section 4), read strictly.

use super::problem::Problem;
use super::validation::Validation;

/// Looks for a record that proves the identifier. Records for other CAs are ignored.
pub(super) fn judge(
    validation: &Validation,
    values: &[String],
    now_seconds: u64,
) -> Result<(), Problem> {
    // One valid record is enough, since several accounts may have one. If none is valid, the client
    // sees what is wrong with the last.
    let mut complaint = Problem::unauthorized("no record names this CA");
    for value in values {
        let (issuer, parameters) = value.split_once(';').unwrap_or((value, ""));
        let issuer = issuer.trim_matches(WSP).to_ascii_lowercase();
        if !validation.issuer_domain_names.contains(&issuer) {
            continue;
        }
        match judge_one(validation, parameters, now_seconds) {
            Ok(()) => return Ok(()),
            Err(problem) => complaint = problem,
        }
    }
    Err(complaint)
}

fn judge_one(validation: &Validation, text: &str, now_seconds: u64) -> Result<(), Problem> {
    let parameters = parameters(text)?;
    let find = |tag: &str| parameters.iter().find(|(t, _)| t == tag).map(|(_, value)| *value);
    let account =
        find("accounturi").ok_or_else(|| Problem::malformed("the record has no accounturi"))?;
    let until = find("persistuntil").map(|text| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u64>()
            .ok()
            .filter(|_| digits)
            .ok_or_else(|| Problem::malformed(format!("persistUntil={text} is no time")))
    });
    if account != validation.account_url {
        return Err(Problem::unauthorized("the record is for another account"));
    }
    if until.transpose()?.is_some_and(|until| now_seconds > until) {
        return Err(Problem::unauthorized("the record has ended"));
    }
    let wide = find("policy").is_some_and(|policy| policy.eq_ignore_ascii_case("wildcard"));
    if validation.wildcard && !wide {
        return Err(Problem::unauthorized("the record is not for wildcards"));
    }
    Ok(())
}

/// Parses the parameters after the issuer. Tags are returned in lower case.
fn parameters(text: &str) -> Result<Vec<(String, &str)>, Problem> {
    let malformed = |what: &str| Problem::malformed(format!("the record has {what}"));
    let mut found: Vec<(String, &str)> = Vec::new();
    if text.trim_matches(WSP).is_empty() {
        return Ok(found);
    }
    for parameter in text.split(';') {
        let (tag, value) =
            parameter.split_once('=').ok_or_else(|| malformed("a parameter without ="))?;
        let (tag, value) = (tag.trim_matches(WSP).to_ascii_lowercase(), value.trim_matches(WSP));
        let hyphen_at_end = tag.starts_with('-') || tag.ends_with('-');
        if tag.is_empty()
            || hyphen_at_end
            || !tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        {
            return Err(malformed("a tag with other characters than letters, digits and hyphens"));
        }
        if !value.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
            return Err(malformed("a value with a space or control character"));
        }
        if found.iter().any(|(other, _)| *other == tag) {
            return Err(malformed("a parameter twice"));
        }
        found.push((tag, value));
    }
    Ok(found)
}

const WSP: [char; 2] = [' ', '\t'];
