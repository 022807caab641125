//! [`beginning`]: text that a client may have made long.

/// The first `characters` of `text`.
pub fn beginning(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}
