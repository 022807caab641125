//! The fields that are handed on, between a client and an origin.

use std::net::IpAddr;

use http::header::{AUTHORIZATION, CONNECTION, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::client_fields::ClientFields;
use super::field_name::{Folded, is_framing};
use super::head::RequestHead;
use super::variable::Facts;

const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The fields of the request that an origin gets: what the client sent without what it must not say, and then ours, once.
pub(super) fn to_origin(
    head: &RequestHead,
    ours: &ClientFields,
    facts: Facts<'_>,
    origin: HeaderValue,
    client: Option<IpAddr>,
) -> HeaderMap {
    let named = named_by_connection(
        head.fields.iter().filter(|(name, _)| *name == CONNECTION).map(|(_, value)| value),
    );
    // A second factor was for the broker. An origin has no use for a password, and could show a token to others.
    let is_factor = facts.permit.factor().is_some();
    let mut fields = HeaderMap::new();
    fields.insert(HOST, origin);
    for (name, value) in &head.fields {
        let folded = Folded::of(name.as_str());
        let is_ours =
            folded.is_forwarded() || ours.are_called(&folded) || (is_factor && *name == AUTHORIZATION);
        if !is_ours && !is_framing(&folded) && !named.contains(&folded) {
            fields.append(name.clone(), value.clone());
        }
    }
    fields.insert(FORWARDED_HOST, head.host.clone());
    fields.insert(FORWARDED_PROTO, HeaderValue::from_static("https"));
    // A balancer that does not say where its client is leaves it unsaid here, too.
    let client = client.and_then(|client| HeaderValue::try_from(client.to_canonical().to_string()).ok());
    fields.extend(client.map(|client| (FORWARDED_FOR, client)));
    for (name, value) in ours.about(facts) {
        fields.insert(name, value);
    }
    fields
}

/// Leaves of an origin's fields what is for the client. Content-Length stays: an answer to HEAD has no body to show it.
pub(super) fn to_client(fields: &mut HeaderMap) {
    let named = named_by_connection(fields.get_all(CONNECTION));
    let names: Vec<_> = fields.keys().cloned().collect();
    for name in names {
        let folded = Folded::of(name.as_str());
        let is_length = name == http::header::CONTENT_LENGTH;
        if (is_framing(&folded) && !is_length) || named.contains(&folded) {
            fields.remove(name);
        }
    }
}

/// The fields that belong to the connection because Connection says so.
fn named_by_connection<'a>(values: impl IntoIterator<Item = &'a HeaderValue>) -> Vec<Folded> {
    let options = values.into_iter().flat_map(|value| value.as_bytes().split(|octet| *octet == b','));
    options.map(|option| Folded::of(&String::from_utf8_lossy(option.trim_ascii()))).collect()
}
