//! The renewal information object (RFC 9773 Section 4.2).

use alloc::string::String;

use serde_json::{Map, Value};

use super::json;
use super::object::{self, Object, Reader};
use super::{Context, InvalidObject, Parsed};
use crate::time::Timestamp;
use crate::url::Url;

/// Renewal information: when the CA recommends renewing a certificate (RFC 9773 Section 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalInfo {
    start: Timestamp,
    end: Timestamp,
    explanation_url: Option<Url>,
    extra: Map<String, Value>,
}

impl RenewalInfo {
    /// Parses renewal information.
    ///
    /// # Errors
    ///
    /// [`InvalidObject`] if the body is not a JSON object, or has no `suggestedWindow` with two
    /// valid times, the start before the end. The server is at fault, and the response counts as none
    /// (Section 4.2).
    pub fn parse(body: &[u8], context: Context<'_>) -> Result<Parsed<Self>, InvalidObject> {
        object::parse(body, context, Self::read)
    }

    /// Returns the start of the suggested window, which may be in the past.
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// Returns the end of the suggested window, which is after its start.
    pub const fn end(&self) -> Timestamp {
        self.end
    }

    /// Returns the URL of a page that explains the window to humans.
    pub const fn explanation_url(&self) -> Option<&Url> {
        self.explanation_url.as_ref()
    }

    /// Returns all other members, including those of the window, under `suggestedWindow`.
    pub const fn extra(&self) -> &Map<String, Value> {
        &self.extra
    }

    fn read(mut object: Object<'_>, reader: &mut Reader<'_>) -> Result<Self, InvalidObject> {
        let mut window = object.required_object("suggestedWindow", reader)?;
        let start =
            window.required("start", reader, |value, _| object::timestamp(value.as_str()))?;
        let end = window.required("end", reader, |value, _| object::timestamp(value.as_str()))?;
        // RFC 9773 Section 4.2: treat such a window like a missing response.
        if end <= start {
            return Err(InvalidObject::Malformed { field: object.path("suggestedWindow") });
        }
        object.put_back("suggestedWindow", json::members(window.into_extra(reader)));
        let explanation_url = object.page("explanationURL", reader);
        Ok(Self { start, end, explanation_url, extra: object.into_extra(reader) })
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;
    use crate::wire::DeviationKind;
    use crate::wire::testing::{fault, malformed, missing, odd, read, read_odd, url};

    // RFC 9773 Section 4.2
    #[test]
    fn the_example_of_the_rfc_is_read() {
        let info = read(
            RenewalInfo::parse,
            r#"{
                "suggestedWindow": { "start": "2025-01-02T04:00:00Z", "end": "2025-01-03T04:00:00Z" },
                "explanationURL": "https://acme.example.com/docs/ari"
            }"#,
        );
        assert_eq!(info.start().to_string(), "2025-01-02T04:00:00Z");
        assert_eq!(info.end().to_string(), "2025-01-03T04:00:00Z");
        assert_eq!(info.explanation_url(), Some(&url("https://acme.example.com/docs/ari")));
    }

    // Boulder sends nanoseconds: https://github.com/letsencrypt/boulder/issues/6631.
    #[test]
    fn fractions_of_any_length_are_read() {
        let info = read(
            RenewalInfo::parse,
            r#"{"suggestedWindow":{"start":"2026-01-02T04:00:18.333333334Z","end":"2026-01-02T04:00:18.9Z"}}"#,
        );
        assert_eq!(info.start().subsec_nanos(), 333_333_334);
        assert_eq!(info.end().subsec_nanos(), 900_000_000);
    }

    #[test]
    fn a_window_that_does_not_open_is_refused() {
        for end in ["2025-01-02T04:00:00Z", "2025-01-01T04:00:00Z", "2025-01-02T05:00:00+01:00"] {
            let body = format!(
                r#"{{"suggestedWindow":{{"start":"2025-01-02T04:00:00Z","end":"{end}"}}}}"#
            );
            // covers 9773-4.2-6, fld-ari-2
            assert_eq!(fault(RenewalInfo::parse, body), malformed("suggestedWindow"), "{end}");
        }
    }

    #[test]
    fn an_unreadable_window_is_refused() {
        for (body, expected) in [
            ("{}", missing("suggestedWindow")),
            (r#"{"suggestedWindow":null}"#, malformed("suggestedWindow")),
            (r#"{"suggestedWindow":[]}"#, malformed("suggestedWindow")),
            (r#"{"suggestedWindow":{}}"#, missing("suggestedWindow.start")),
            (
                r#"{"suggestedWindow":{"start":"2025-01-02T04:00:00Z","end":"soon"}}"#,
                malformed("suggestedWindow.end"),
            ),
        ] {
            // covers fld-ari-1, fld-ari-2, fld-gen-9
            assert_eq!(fault(RenewalInfo::parse, body), expected, "{body}");
        }
    }

    #[test]
    fn an_unreadable_explanation_is_ignored() {
        let (info, odds) = read_odd(
            RenewalInfo::parse,
            r#"{"suggestedWindow":{"start":"2025-01-02T04:00:00Z","end":"2025-01-03T04:00:00Z"},
                "explanationURL":"see our site","more":[]}"#,
        );
        // covers fld-ari-3
        assert_eq!(info.explanation_url(), None);
        // covers fld-gen-1
        assert!(info.extra().contains_key("more"));
        assert_eq!(odds, [odd("explanationURL", DeviationKind::NotAbsoluteUrl)]);
    }
}
