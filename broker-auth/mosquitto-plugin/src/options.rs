//! [`Options`]: what mosquitto.conf says to the plugin.

/// The lines `plugin_opt_KEY VALUE` of mosquitto.conf, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options(Vec<(String, String)>);

/// Why the options are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// A key or value is missing, or no UTF-8.
    #[error("an option of the plugin in mosquitto.conf is no UTF-8")]
    NotText,
    /// There are more than is looked at.
    #[error("mosquitto.conf has {0} options for the plugin, and {MAX_OPTIONS} are looked at")]
    TooMany(usize),
    /// An option is missing.
    #[error("mosquitto.conf has no `plugin_opt_{0}` after `plugin`")]
    Missing(&'static str),
    /// An option is there twice.
    #[error("mosquitto.conf has `plugin_opt_{0}` twice: leave one")]
    Twice(&'static str),
}

/// How many options are looked at.
pub const MAX_OPTIONS: usize = 64;

impl Options {
    /// These keys, each with its value.
    pub fn new(options: Vec<(String, String)>) -> Self {
        Self(options)
    }

    /// The value of the option `key`, which is there once.
    ///
    /// # Errors
    /// It is missing, or there twice.
    pub fn one(&self, key: &'static str) -> Result<&str, OptionsError> {
        let mut values = self.0.iter().filter(|(found, _)| found == key).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value),
            (Some(_), Some(_)) => Err(OptionsError::Twice(key)),
            (None, _) => Err(OptionsError::Missing(key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_there_once() {
        let options = |texts: &[(&str, &str)]| {
            Options::new(texts.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
        };
        assert_eq!(options(&[("other", "a"), ("config", "b")]).one("config"), Ok("b"));
        assert_eq!(options(&[("other", "a")]).one("config"), Err(OptionsError::Missing("config")));
        assert_eq!(
            options(&[("config", "a"), ("config", "a")]).one("config"),
            Err(OptionsError::Twice("config"))
        );
    }
}
