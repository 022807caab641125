//! Why a text is no identity template.

use device_identity::DeviceId;

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A `{` that is never closed.
    #[error("a {{ is never closed")]
    Unclosed,
    /// A `}` that closes nothing.
    #[error("a }} closes nothing")]
    Unopened,
    /// No field: every certificate would be the same device.
    #[error("it names no field, so every certificate would have the same identity")]
    NoField,
    /// A field that is not known.
    #[error(
        "{{{name}}} is no field; there are {{CN}}, {{O}}, {{OU}}, {{C}}, {{ST}}, {{L}}, {{serialNumber}}, {{UID}}, {{DC}}, \
         {{emailAddress}}, a dotted type such as {{2.5.4.46}}, the same after issuer: as in {{issuer:CN}}, and {{SAN:DNS}}, \
         {{SAN:URI}}, {{SAN:email}}, {{SAN:IP}}, {{SAN:HardwareModuleName}}, {{SAN:hwSerialNum}}; a part of a value is taken as in {{SAN:email|local-part}}"
    )]
    UnknownField {
        /// What stood between the braces.
        name: String,
    },
    /// A dotted text that is no object identifier, so no attribute can have it as its type.
    #[error(
        "{{{name}}} is no type that an attribute can have: its numbers have no leading zeros and 128 bits at most, the \
         first is 0, 1 or 2, and after 0 or 1 the second is at most 39"
    )]
    NoObjectIdentifier {
        /// What stood between the braces.
        name: String,
    },
    /// A part that is not known.
    #[error(
        "{part:?} is no part of a value; there are local-part, as in {{SAN:email|local-part}}, last-segment, as in \
         {{SAN:URI|last-segment}}, and text, as in {{SAN:hwSerialNum|text}}"
    )]
    UnknownPart {
        /// What stood after the bar.
        part: String,
    },
    /// A part that no value of the field has.
    #[error("no value of {{{field}}} has a {part}; there is one in {found_in}")]
    NoSuchPart {
        /// The field.
        field: String,
        /// The part.
        part: &'static str,
        /// What has such a part.
        found_in: &'static str,
    },
    /// A template that yields an identity for no certificate, or the same one for all.
    #[error("{useless}{}", instead.as_ref().map(|instead| format!("; write {instead:?} instead")).unwrap_or_default())]
    Useless {
        /// What keeps it from telling devices apart.
        useless: Useless,
        /// The nearest template that could.
        instead: Option<String>,
    },
}

/// What keeps a template from yielding an identity, or one for each device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Useless {
    /// Its own text starts it, with a character that starts no id.
    #[error("no id starts with {found:?}: the first character is a letter or a digit")]
    Start {
        /// That character.
        found: char,
    },
    /// Its own text has a character that no id has.
    #[error("no id has {found:?} in it: there are letters, digits and . _ : -")]
    Character {
        /// That character.
        found: char,
    },
    /// Its own text leaves too little for its fields.
    #[error(
        "whatever the certificate says, it makes {length} characters or more, and an id has at most {}: shorten the text \
         beside the fields",
        DeviceId::MAX_LEN
    )]
    TooLong {
        /// The characters of its text, and of the shortest values of its fields.
        length: usize,
    },
    /// A field whose values are addresses.
    #[error("every value of {{{name}}} is an address with an @ in it, which no id has")]
    Address {
        /// The field.
        name: String,
    },
    /// All fields are the issuer's.
    #[error("all its fields are of the issuer, so every certificate of one CA would have the same identity")]
    IssuerAlone,
}
