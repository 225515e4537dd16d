//! The types of problems (RFC 8555 Section 6.7, and the registry of its Section 9.7.4).

use super::open_enum::open_enum;

open_enum! {
    /// The type of a problem: a registered ACME error, or any other URI.
    ///
    /// `as_str` returns the whole URI.
    pub enum ProblemType {
        /// No type beyond the HTTP status (RFC 9457 Section 4.2.1). Also used if there is no type.
        AboutBlank = "about:blank",
        /// The account does not exist (RFC 8555).
        AccountDoesNotExist = "urn:ietf:params:acme:error:accountDoesNotExist",
        /// The certificate is already revoked (RFC 8555).
        AlreadyRevoked = "urn:ietf:params:acme:error:alreadyRevoked",
        /// The certificate is already replaced (RFC 9773).
        AlreadyReplaced = "urn:ietf:params:acme:error:alreadyReplaced",
        /// The CSR is unacceptable (RFC 8555).
        BadCsr = "urn:ietf:params:acme:error:badCSR",
        /// The nonce is unacceptable (RFC 8555).
        BadNonce = "urn:ietf:params:acme:error:badNonce",
        /// The kind of public key is not supported (RFC 8555).
        BadPublicKey = "urn:ietf:params:acme:error:badPublicKey",
        /// The reason for revocation is not allowed (RFC 8555).
        BadRevocationReason = "urn:ietf:params:acme:error:badRevocationReason",
        /// The signature algorithm is not supported (RFC 8555).
        BadSignatureAlgorithm = "urn:ietf:params:acme:error:badSignatureAlgorithm",
        /// CAA records forbid issuance (RFC 8555).
        Caa = "urn:ietf:params:acme:error:caa",
        /// The subproblems contain the specific errors (RFC 8555).
        Compound = "urn:ietf:params:acme:error:compound",
        /// The server could not connect to the validation target (RFC 8555).
        Connection = "urn:ietf:params:acme:error:connection",
        /// A DNS query failed during validation (RFC 8555).
        Dns = "urn:ietf:params:acme:error:dns",
        /// An external account binding is required (RFC 8555).
        ExternalAccountRequired = "urn:ietf:params:acme:error:externalAccountRequired",
        /// The response did not match the challenge (RFC 8555).
        IncorrectResponse = "urn:ietf:params:acme:error:incorrectResponse",
        /// A contact URL is invalid (RFC 8555).
        InvalidContact = "urn:ietf:params:acme:error:invalidContact",
        /// The profile is not offered (draft-ietf-acme-profiles).
        InvalidProfile = "urn:ietf:params:acme:error:invalidProfile",
        /// The request is malformed (RFC 8555).
        Malformed = "urn:ietf:params:acme:error:malformed",
        /// The order cannot be finalized yet (RFC 8555).
        OrderNotReady = "urn:ietf:params:acme:error:orderNotReady",
        /// Too many requests (RFC 8555).
        RateLimited = "urn:ietf:params:acme:error:rateLimited",
        /// The server will not issue for the identifier (RFC 8555).
        RejectedIdentifier = "urn:ietf:params:acme:error:rejectedIdentifier",
        /// The server had an internal error (RFC 8555).
        ServerInternal = "urn:ietf:params:acme:error:serverInternal",
        /// A TLS error occurred during validation (RFC 8555).
        Tls = "urn:ietf:params:acme:error:tls",
        /// The client lacks the authorization (RFC 8555).
        Unauthorized = "urn:ietf:params:acme:error:unauthorized",
        /// A contact URL has a scheme that is not supported (RFC 8555).
        UnsupportedContact = "urn:ietf:params:acme:error:unsupportedContact",
        /// An identifier's type is not supported (RFC 8555).
        UnsupportedIdentifier = "urn:ietf:params:acme:error:unsupportedIdentifier",
        /// A human must visit the `instance` URL of the problem (RFC 8555).
        UserActionRequired = "urn:ietf:params:acme:error:userActionRequired",
        /// The automatic renewal was canceled (RFC 8739).
        AutoRenewalCanceled = "urn:ietf:params:acme:error:autoRenewalCanceled",
        /// The automatic renewal expired (RFC 8739).
        AutoRenewalExpired = "urn:ietf:params:acme:error:autoRenewalExpired",
        /// The automatic renewal cannot be canceled in the current state of the order (RFC 8739).
        AutoRenewalCancellationInvalid = "urn:ietf:params:acme:error:autoRenewalCancellationInvalid",
        /// A certificate with automatic renewal cannot be revoked (RFC 8739).
        AutoRenewalRevocationNotSupported =
            "urn:ietf:params:acme:error:autoRenewalRevocationNotSupported",
        /// The delegation is unknown (RFC 9115).
        UnknownDelegation = "urn:ietf:params:acme:error:unknownDelegation",
        /// The CA requires the CAA records of the onion service (RFC 9799).
        OnionCaaRequired = "urn:ietf:params:acme:error:onionCAARequired",
        /// The attestation is unacceptable (draft-acme-device-attest).
        BadAttestationStatement = "urn:ietf:params:acme:error:badAttestationStatement",
    }
}

impl ProblemType {
    /// Returns the name within the ACME namespace, such as `badNonce`, or `None` for any other URI.
    pub fn acme_name(&self) -> Option<&str> {
        self.as_str().strip_prefix(ACME)
    }
}

const ACME: &str = "urn:ietf:params:acme:error:";

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    // From RFC 8555 Section 6.7, RFC 8739, RFC 9115, RFC 9773, RFC 9799, and two drafts.
    const NAMES: [&str; 33] = [
        "accountDoesNotExist",
        "alreadyRevoked",
        "badCSR",
        "badNonce",
        "badPublicKey",
        "badRevocationReason",
        "badSignatureAlgorithm",
        "caa",
        "compound",
        "connection",
        "dns",
        "externalAccountRequired",
        "incorrectResponse",
        "invalidContact",
        "malformed",
        "orderNotReady",
        "rateLimited",
        "rejectedIdentifier",
        "serverInternal",
        "tls",
        "unauthorized",
        "unsupportedContact",
        "unsupportedIdentifier",
        "userActionRequired",
        "alreadyReplaced",
        "invalidProfile",
        "autoRenewalCanceled",
        "autoRenewalExpired",
        "autoRenewalCancellationInvalid",
        "autoRenewalRevocationNotSupported",
        "unknownDelegation",
        "onionCAARequired",
        "badAttestationStatement",
    ];

    #[test]
    fn every_registered_type_is_known_and_round_trips() {
        for name in NAMES {
            let uri = format!("urn:ietf:params:acme:error:{name}");
            let kind = ProblemType::from(uri.as_str());
            // covers 8555-6.7-3
            assert!(!matches!(kind, ProblemType::Other(_)), "{name}");
            assert_eq!((kind.as_str(), kind.acme_name()), (uri.as_str(), Some(name)));
        }
    }

    #[test]
    fn an_unknown_type_keeps_its_uri() {
        for (uri, name) in [
            ("urn:ietf:params:acme:error:brandNew", Some("brandNew")),
            ("urn:ietf:params:acme:error:BadNonce", Some("BadNonce")),
            ("urn:acme:error:malformed", None),
            ("https://a.example/errors#1", None),
        ] {
            let kind = ProblemType::from(uri);
            // covers 8555-6.7-3
            assert_eq!(kind, ProblemType::Other(uri.to_string()));
            // covers 8555-6.7-4
            assert_eq!((kind.as_str(), kind.acme_name()), (uri, name));
        }
    }
}
