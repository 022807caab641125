//! The words for what is supposed of a client: `explain --ocsp`, `--factor`.

use broker_rules::explanation::{SupposedFactor, SupposedOcsp};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// What its OCSP responder would say.
pub(super) fn ocsp() -> impl TypedValueParser<Value = SupposedOcsp> {
    one_of(&[
        ("good", "It is good", SupposedOcsp::Good),
        ("revoked", "It is revoked", SupposedOcsp::Revoked),
        ("suspended", "It is on hold", SupposedOcsp::Suspended),
        ("unknown", "The responder does not know it", SupposedOcsp::Unknown),
        ("unavailable", "Nothing", SupposedOcsp::Unavailable),
    ])
}

/// What it would show beside its certificate.
pub(super) fn factor() -> impl TypedValueParser<Value = SupposedFactor> {
    one_of(&[
        ("right", "What the policy asks for", SupposedFactor::Right),
        ("wrong", "Something else", SupposedFactor::Wrong),
        ("none", "Nothing", SupposedFactor::None),
    ])
}

/// One of these words, each with its help.
fn one_of<T: Copy + Send + Sync + 'static>(
    words: &'static [(&'static str, &'static str, T)],
) -> impl TypedValueParser<Value = T> {
    let values = words.iter().map(|(word, help, _)| PossibleValue::new(*word).help(*help));
    PossibleValuesParser::new(values).try_map(|text| {
        let found = words.iter().find(|(word, ..)| *word == text).map(|(.., value)| *value);
        found.ok_or("it is none of these words")
    })
}
