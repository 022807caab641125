//! [`NamedField`]: what stands between the braces of a template.

use super::field::Field;

/// A field, and how the template calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedField {
    pub(super) field: Field,
    pub(super) name: Box<str>,
}
