//! Challenges (RFC 8555 Sections 7.1.5, 7.5.1, 8) and the results of validations.

use serde_json::{Map, Value, json};

use super::authorization::AuthorizationStatus;
use super::ca::Ca;
use super::config::ChallengeKind;
use super::jws::Jws;
use super::problem::Problem;
use super::respond::Reply;
use super::validation::{Validation, ValidationId};

/// A challenge.
#[derive(Debug)]
pub(crate) struct Challenge {
    pub(crate) authorization: u64,
    pub(crate) status: ChallengeStatus,
    pub(crate) error: Option<Problem>,
    kind: ChallengeKind,
    token: String,
    validated: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChallengeStatus {
    Pending,
    Processing,
    Valid,
    Invalid,
}

impl ChallengeStatus {
    fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
        }
    }
}

impl Challenge {
    pub(crate) fn new(authorization: u64, kind: ChallengeKind, token: String) -> Self {
        Self {
            authorization,
            status: ChallengeStatus::Pending,
            error: None,
            kind,
            token,
            validated: None,
        }
    }
}

impl Ca {
    /// Returns the validations that clients requested since the last call.
    pub fn take_validations(&mut self) -> Vec<Validation> {
        let waiting = core::mem::take(&mut self.waiting_validations);
        waiting.into_iter().filter_map(|id| self.validation(id)).collect()
    }

    /// Applies the result of a validation.
    ///
    /// A result is ignored if the validation is unknown or already has one.
    pub fn validated(&mut self, id: ValidationId, outcome: Result<(), Problem>, now: u64) {
        let Some(challenge) = self.challenges.get_mut(&id.0) else {
            return;
        };
        if challenge.status != ChallengeStatus::Processing {
            return;
        }
        let away = self.config.validations_away;
        self.config.validations_away = away.saturating_sub(1);
        let outcome = match away {
            0 => outcome,
            _ => Err(Problem::new(500, "serverInternal", "validation is away")),
        };
        if outcome.is_err() && self.config.quirks.failed_challenge_stays_processing {
            return;
        }
        let stays_pending = self.config.quirks.challenge_error_leaves_pending;
        let authorization = challenge.authorization;
        let authorization_status = match outcome {
            Ok(()) => {
                challenge.status = ChallengeStatus::Valid;
                challenge.validated = Some(now);
                challenge.error = None;
                AuthorizationStatus::Valid
            }
            Err(problem) => {
                challenge.error = Some(problem);
                challenge.status =
                    if stays_pending { ChallengeStatus::Pending } else { ChallengeStatus::Invalid };
                if stays_pending {
                    return;
                }
                AuthorizationStatus::Invalid
            }
        };
        self.decide(authorization, authorization_status, now);
    }

    fn decide(&mut self, id: u64, status: AuthorizationStatus, now: u64) {
        let Some(authorization) = self.authorizations.get_mut(&id) else {
            return;
        };
        // The first challenge decides. A later result may not revive what failed or was
        // deactivated meanwhile.
        if authorization.status != AuthorizationStatus::Pending {
            return;
        }
        authorization.status = status;
        if status == AuthorizationStatus::Valid {
            authorization.expires = now + self.config.authorization_lifetime;
            if self.config.reuse_authorizations {
                let key = (
                    authorization.account,
                    authorization.identifier.clone(),
                    authorization.wildcard,
                );
                self.reusable.insert(key, id);
            }
        }
    }

    fn validation(&self, id: u64) -> Option<Validation> {
        let challenge = self.challenges.get(&id)?;
        let authorization = self.authorizations.get(&challenge.authorization)?;
        let account = self.accounts.get(&authorization.account)?;
        Some(Validation {
            id: ValidationId(id),
            identifier: authorization.identifier.clone(),
            wildcard: authorization.wildcard,
            kind: challenge.kind,
            token: challenge.token.clone(),
            // Of the account's current key: a key change makes published responses stale.
            key_authorization: format!("{}.{}", challenge.token, account.key.thumbprint()),
            account_url: self.account_url(authorization.account),
            issuer_domain_names: self.config.issuer_domain_names.clone(),
        })
    }

    /// Reads a challenge, or starts its validation (Section 7.5.1).
    pub(super) fn challenge(
        &mut self,
        account: u64,
        id: u64,
        jws: &Jws,
        now: u64,
    ) -> Result<Reply, Problem> {
        let found = self.challenges.get(&id).map(|c| c.authorization);
        let authorization = found
            .ok_or_else(|| Problem::new(404, "malformed", format!("there is no challenge {id}")))?;
        if self.authorizations.get(&authorization).is_none_or(|a| a.account != account) {
            return Err(Problem::unauthorized("the challenge belongs to another account"));
        }
        self.refresh_authorization(authorization, now);
        if !jws.payload.is_empty() {
            // The response of every type here is `{}`. Members that the type does not define are
            // ignored.
            jws.object()?;
            self.start_validation(id, authorization)?;
        }
        let quirks = &self.config.quirks;
        let status = if quirks.challenge_accepted && !jws.payload.is_empty() { 202 } else { 200 };
        let reply = Reply::json(status, self.challenge_object(id));
        let reply = if quirks.no_link_up {
            reply
        } else {
            reply.with_link(&self.authorization_url(authorization), "up")
        };
        let waiting = self.authorization_is(authorization, AuthorizationStatus::Pending);
        let configured = self.config.retry_after_authorization.as_ref();
        Ok(self.with_retry_after(reply, self.retry_after(configured, waiting).as_ref(), now))
    }

    fn start_validation(&mut self, id: u64, authorization: u64) -> Result<(), Problem> {
        let open = self.authorization_is(authorization, AuthorizationStatus::Pending);
        let strict = self.config.quirks.refuse_settled_challenge;
        let Some(challenge) = self.challenges.get_mut(&id) else {
            return Ok(());
        };
        // A repeated request changes nothing: a client sends it again if the response was lost.
        if open && challenge.status == ChallengeStatus::Pending {
            challenge.status = ChallengeStatus::Processing;
            self.waiting_validations.push(id);
            return Ok(());
        }
        if strict {
            return Err(Problem::malformed("the challenge is not pending"));
        }
        Ok(())
    }

    /// Adds the members that dns-persist-01 has in place of a token.
    fn add_persist(&self, object: &mut Map<String, Value>, authorization: u64) {
        let names = json!(self.config.issuer_domain_names);
        object.insert("issuer-domain-names".to_owned(), names);
        let owner = self.authorizations.get(&authorization).map_or(0, |a| a.account);
        let named = if self.config.quirks.foreign_account_uri { owner + 1 } else { owner };
        if self.config.persist_account_uri {
            object.insert("accounturi".to_owned(), json!(self.account_url(named)));
        }
    }

    pub(super) fn challenge_object(&self, id: u64) -> Value {
        let Some(challenge) = self.challenges.get(&id) else {
            return json!({});
        };
        let mut object = Map::new();
        object.insert("type".to_owned(), json!(challenge.kind.as_str()));
        object.insert("url".to_owned(), json!(self.url(&format!("/challenge/{id}"))));
        object.insert("status".to_owned(), json!(challenge.status.as_str()));
        if challenge.kind == ChallengeKind::DnsPersist01 {
            self.add_persist(&mut object, challenge.authorization);
        } else {
            object.insert("token".to_owned(), json!(challenge.token));
        }
        self.set(&mut object, "validated", challenge.validated.map(|at| self.date(at)));
        let error = challenge.error.as_ref().map(|e| self.problem_json(e));
        let empty = self.config.quirks.empty_error_object.then(|| json!({}));
        self.set(&mut object, "error", error.or(empty));
        Value::Object(object)
    }
}
