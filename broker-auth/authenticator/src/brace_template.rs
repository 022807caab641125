//! Text with fields in braces, as identity templates (`pump-{CN}`) and topic templates (`devices/{device-id}/#`) have it.

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part<F> {
    /// Text that stands for itself.
    Literal(Box<str>),
    /// What stood between braces.
    Field(F),
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BraceError<E> {
    /// A `{` that is never closed.
    Unclosed,
    /// A `}` that closes nothing.
    Unopened,
    /// The text between braces is no field.
    Field(E),
}

/// Splits `source` into literal text and fields; `field` parses what stands between braces.
pub fn parse<F, E>(
    source: &str,
    field: impl Fn(&str) -> Result<F, E>,
) -> Result<Vec<Part<F>>, BraceError<E>> {
    let mut parts = Vec::new();
    let mut rest = source;
    while !rest.is_empty() {
        let (literal, after) =
            rest.split_once('{').map_or((rest, None), |(literal, after)| (literal, Some(after)));
        if literal.contains('}') {
            return Err(BraceError::Unopened);
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.into()));
        }
        let Some(after) = after else { break };
        let (name, after) = after.split_once('}').ok_or(BraceError::Unclosed)?;
        parts.push(Part::Field(field(name).map_err(BraceError::Field)?));
        rest = after;
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(source: &str) -> Result<Vec<Part<String>>, BraceError<()>> {
        parse(source, |name| if name.is_empty() { Err(()) } else { Ok(name.to_owned()) })
    }

    #[test]
    fn text_and_fields_alternate() {
        let (text, field) =
            (|text: &str| Part::Literal(text.into()), |name: &str| Part::Field(name.to_owned()));
        assert_eq!(parsed(""), Ok(vec![]));
        assert_eq!(parsed("a"), Ok(vec![text("a")]));
        assert_eq!(parsed("{a}{b}"), Ok(vec![field("a"), field("b")]));
        assert_eq!(parsed("x{a}y"), Ok(vec![text("x"), field("a"), text("y")]));
    }

    #[test]
    fn braces_without_a_partner_and_unknown_fields_are_refused() {
        assert_eq!(parsed("{a"), Err(BraceError::Unclosed));
        assert_eq!(parsed("a}"), Err(BraceError::Unopened));
        assert_eq!(parsed("{a}}"), Err(BraceError::Unopened));
        assert_eq!(parsed("{}"), Err(BraceError::Field(())));
    }
}
