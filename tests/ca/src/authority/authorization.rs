//! Authorizations (RFC 8555 Sections 7.1.4, 7.4.1, 7.5).

use serde_json::{Map, Value, json};

use super::ca::Ca;
use super::challenge::{Challenge, ChallengeStatus};
use super::config::ChallengeKind;
use super::identifier::Identifier;
use super::jws::Jws;
use super::problem::Problem;
use super::respond::Reply;

/// An authorization.
#[derive(Debug)]
pub(crate) struct Authorization {
    pub(crate) account: u64,
    /// Without `*.`.
    pub(crate) identifier: Identifier,
    pub(crate) wildcard: bool,
    pub(crate) status: AuthorizationStatus,
    pub(crate) expires: u64,
    pub(crate) challenges: Vec<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthorizationStatus {
    Pending,
    Valid,
    Invalid,
    Deactivated,
    Expired,
}

impl AuthorizationStatus {
    fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Deactivated => "deactivated",
            Self::Expired => "expired",
        }
    }
}

impl Ca {
    pub(super) fn authorization_url(&self, id: u64) -> String {
        self.url(&format!("/authz/{id}"))
    }

    /// Creates an authorization before an order (Section 7.4.1).
    pub(super) fn new_authz(
        &mut self,
        account: u64,
        jws: &Jws,
        now: u64,
    ) -> Result<Reply, Problem> {
        self.require_agreement(account)?;
        let wish = jws.object()?;
        let text = |name: &str| {
            let value = wish.get("identifier").and_then(|i| i.get(name)).and_then(Value::as_str);
            value.ok_or_else(|| {
                Problem::malformed("identifier must be an object with type and value")
            })
        };
        let identifier = Identifier::parse(text("type")?, text("value")?)?;
        if identifier.base().1 {
            return Err(Problem::malformed(
                "a wildcard cannot be authorized before an order (RFC 8555 section 7.4.1)",
            ));
        }
        self.check_blocked(core::slice::from_ref(&identifier))?;
        let id = self.authorization_for(account, &identifier, now)?;
        // Later orders use it while it is still pending, or pre-authorization would have no use.
        self.reusable.insert((account, identifier, false), id);
        Ok(Reply::json(self.created(), self.authorization_object(id))
            .with_header("Location", self.authorization_url(id)))
    }

    /// Returns an authorization for a new order: an existing one that the order may use, or a new
    /// one.
    pub(super) fn authorization_for(
        &mut self,
        account: u64,
        identifier: &Identifier,
        now: u64,
    ) -> Result<u64, Problem> {
        let (identifier, wildcard) = identifier.base();
        if let Some(&id) = self.reusable.get(&(account, identifier.clone(), wildcard)) {
            self.refresh_authorization(id, now);
            if self.authorization_is(id, AuthorizationStatus::Valid)
                || self.authorization_is(id, AuthorizationStatus::Pending)
            {
                return Ok(id);
            }
        }
        self.require_room(self.authorizations.len())?;
        let id = self.authorizations.len() as u64 + 1;
        let kinds: Vec<ChallengeKind> = self
            .config
            .challenges
            .iter()
            .copied()
            .filter(|&k| offered(k, &identifier, wildcard))
            .collect();
        let challenges = kinds
            .into_iter()
            .map(|kind| {
                let number = self.challenges.len() as u64 + 1;
                let mut token = self.rng.token();
                if self.config.quirks.bad_token {
                    token.insert_str(0, "../../");
                }
                self.challenges.insert(number, Challenge::new(id, kind, token));
                number
            })
            .collect();
        let authorization = Authorization {
            account,
            identifier,
            wildcard,
            status: AuthorizationStatus::Pending,
            expires: now + self.config.order_lifetime,
            challenges,
        };
        self.authorizations.insert(id, authorization);
        Ok(id)
    }

    /// Reads or deactivates an authorization.
    pub(super) fn authorization(
        &mut self,
        account: u64,
        id: u64,
        jws: &Jws,
        now: u64,
    ) -> Result<Reply, Problem> {
        match self.authorizations.get(&id) {
            None => {
                return Err(Problem::new(
                    404,
                    "malformed",
                    format!("there is no authorization {id}"),
                ));
            }
            Some(a) if a.account != account => {
                return Err(Problem::unauthorized("the authorization belongs to another account"));
            }
            Some(_) => {}
        }
        self.refresh_authorization(id, now);
        // An empty payload is a POST-as-GET. `{}` is not, and is refused as an invalid update.
        if !jws.payload.is_empty() {
            self.deactivate(id, jws)?;
        }
        let reply = Reply::json(200, self.authorization_object(id));
        let waiting = self.authorization_is(id, AuthorizationStatus::Pending);
        let configured = self.config.retry_after_authorization.as_ref();
        Ok(self.with_retry_after(reply, self.retry_after(configured, waiting).as_ref(), now))
    }

    fn deactivate(&mut self, id: u64, jws: &Jws) -> Result<(), Problem> {
        if self.config.quirks.refuse_deactivation {
            return Err(Problem::malformed("expected POST-as-GET"));
        }
        if jws.object()?.get("status").and_then(Value::as_str) != Some("deactivated") {
            return Err(Problem::malformed(
                "an authorization can only be read, or given the status deactivated",
            ));
        }
        let Some(authorization) = self.authorizations.get_mut(&id) else {
            return Ok(());
        };
        match authorization.status {
            _ if self.config.quirks.ignore_deactivation => Ok(()),
            AuthorizationStatus::Pending | AuthorizationStatus::Valid => {
                authorization.status = AuthorizationStatus::Deactivated;
                Ok(())
            }
            // A client repeats the request if the first response was lost.
            AuthorizationStatus::Deactivated => Ok(()),
            status => Err(Problem::malformed(format!(
                "an authorization that is {} cannot be deactivated",
                status.as_str()
            ))),
        }
    }

    /// Expires an authorization whose time is over. Nothing runs in the background, so that every
    /// reader calls this first.
    pub(super) fn refresh_authorization(&mut self, id: u64, now: u64) {
        if let Some(authorization) = self.authorizations.get_mut(&id)
            && matches!(
                authorization.status,
                AuthorizationStatus::Pending | AuthorizationStatus::Valid
            )
            && now > authorization.expires
        {
            authorization.status = AuthorizationStatus::Expired;
        }
    }

    pub(super) fn authorization_is(&self, id: u64, status: AuthorizationStatus) -> bool {
        self.authorizations.get(&id).is_some_and(|a| a.status == status)
    }

    /// Returns whether an authorization can never become valid, or valid again.
    pub(super) fn is_broken(&self, id: u64) -> bool {
        !self.authorization_is(id, AuthorizationStatus::Pending)
            && !self.authorization_is(id, AuthorizationStatus::Valid)
    }

    /// Returns the `error` of an invalid order, with a subproblem for each authorization that
    /// failed (Section 6.7.1).
    pub(super) fn order_error(&self, broken: &[u64]) -> Problem {
        let subproblems: Vec<Problem> =
            broken.iter().filter_map(|id| self.authorization_error(*id)).collect();
        let first = subproblems.first().map_or("unauthorized", Problem::kind).to_owned();
        let problem = Problem::new(
            403,
            first,
            format!("{} of the order's authorizations failed", broken.len()),
        );
        subproblems.into_iter().fold(problem, Problem::with_subproblem)
    }

    fn authorization_error(&self, id: u64) -> Option<Problem> {
        let authorization = self.authorizations.get(&id)?;
        let failed =
            authorization.challenges.iter().find_map(|c| self.challenges.get(c)?.error.clone());
        let problem = failed.unwrap_or_else(|| {
            Problem::unauthorized(format!("the authorization is {}", authorization.status.as_str()))
        });
        Some(problem.with_identifier(authorization.identifier.clone()))
    }

    pub(super) fn authorization_object(&mut self, id: u64) -> Value {
        let Some(authorization) = self.authorizations.get(&id) else {
            return json!({});
        };
        let quirks = &self.config.quirks;
        let valid = authorization.status == AuthorizationStatus::Valid;
        let passed_only =
            valid && (quirks.only_passed_challenge || quirks.passed_by_other_challenge);
        let mut challenges: Vec<Value> = authorization
            .challenges
            .iter()
            .filter(|c| {
                !passed_only
                    || self.challenges.get(c).is_some_and(|c| c.status == ChallengeStatus::Valid)
            })
            .map(|&c| self.challenge_object(c))
            .collect();
        if valid && quirks.passed_by_other_challenge {
            for challenge in &mut challenges {
                let by_dns = challenge["type"] == "dns-01";
                challenge["type"] = json!(if by_dns { "http-01" } else { "dns-01" });
            }
        }
        if !passed_only {
            challenges.extend(self.odd_challenges(id));
        }
        let mut object = Map::new();
        let mut identifier = self.shown_identifier(&authorization.identifier);
        if quirks.keep_wildcard_prefix && authorization.wildcard {
            identifier["value"] = json!(format!("*.{}", authorization.identifier));
        }
        if quirks.foreign_identifier {
            identifier = json!({ "type": "dns", "value": "somebody-else.test" });
        }
        object.insert("identifier".to_owned(), identifier);
        let expired = quirks.expired_authorizations && !valid;
        let status = if expired { "expired" } else { authorization.status.as_str() };
        object.insert("status".to_owned(), json!(status));
        self.set(
            &mut object,
            "expires",
            (!quirks.no_expires).then(|| self.date(authorization.expires)),
        );
        if authorization.wildcard {
            object.insert("wildcard".to_owned(), json!(true));
        }
        if quirks.shuffle_challenges {
            for last in (1..challenges.len()).rev() {
                let other = self.rng.below(last as u64 + 1);
                challenges.swap(last, usize::try_from(other).unwrap_or(0));
            }
        }
        object.insert("challenges".to_owned(), Value::Array(challenges));
        Value::Object(object)
    }

    /// Returns challenges that no client can complete, and that clients have to ignore.
    fn odd_challenges(&self, id: u64) -> Vec<Value> {
        let mut odd = Vec::new();
        if self.config.quirks.offer_dns_persist {
            odd.push(json!({
                "type": "dns-persist-01",
                "status": "pending",
                "url": self.url(&format!("/challenge/{}", u64::MAX - 2 * id)),
                "issuer-domain-names": ["acme-testca.test"],
            }));
        }
        if self.config.quirks.unknown_challenge {
            odd.push(json!({
                "type": "carrier-pigeon-07",
                "status": "resting",
                "url": self.url(&format!("/challenge/{}", u64::MAX - 2 * id - 1)),
                "token": { "feathers": 2 },
            }));
        }
        odd
    }
}

/// Returns whether a type of challenge suits an identifier (RFC 8555 Section 8, RFC 8737, RFC 8738
/// Section 7).
fn offered(kind: ChallengeKind, identifier: &Identifier, wildcard: bool) -> bool {
    let by_dns = !matches!(kind, ChallengeKind::Http01 | ChallengeKind::TlsAlpn01);
    match (identifier, wildcard) {
        // A response on one host proves nothing about all names below the base.
        (_, true) => by_dns,
        (Identifier::Dns(_), false) => true,
        // RFC 8738 Section 7: dns-01 must not be used for addresses.
        (Identifier::Ip(_), false) => !by_dns,
    }
}
