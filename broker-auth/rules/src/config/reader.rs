//! A TOML table being read: every value keeps its place in the file, and a key that was not read is refused.
//!
//! The derived `deny_unknown_fields` of serde knows neither the nearest key nor, for what is wrong between two values,
//! a line; here both come with every error.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::duration::parse_duration;
use super::error::{ConfigError, ConfigFault};

/// The file that is being read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) file: &'a Path,
    pub(crate) text: &'a str,
}

impl Source<'_> {
    /// The error for what starts `offset` bytes into the file.
    pub(crate) fn refuse(&self, offset: usize, fault: ConfigFault) -> ConfigError {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        let line = 1 + before.iter().filter(|octet| **octet == b'\n').count();
        ConfigError { file: self.file.to_owned(), line: Some(line), fault }
    }
}

/// A table, and which keys were asked for.
pub struct Table<'a> {
    source: Source<'a>,
    /// How errors call it, such as `[[listener]]`.
    name: &'static str,
    offset: usize,
    values: &'a DeTable<'a>,
    known: RefCell<Vec<&'static str>>,
}

/// A value, and the key it stands under.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    source: Source<'a>,
    key: &'static str,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Table<'a> {
    /// The whole document.
    pub(crate) fn root(source: Source<'a>, values: &'a DeTable<'a>) -> Self {
        Self { source, name: "the configuration", offset: 0, values, known: RefCell::default() }
    }

    /// The value under `key`, if there is one.
    pub fn get(&self, key: &'static str) -> Option<Value<'a>> {
        self.known.borrow_mut().push(key);
        self.values.get(key).map(|value| Value { source: self.source, key, value })
    }

    /// The value under `key`.
    pub fn require(&self, key: &'static str) -> Result<Value<'a>, ConfigError> {
        self.get(key).ok_or_else(|| self.missing(key))
    }

    /// A key that must be there and is not: most likely it is there, but misspelt.
    fn missing(&self, key: &'static str) -> ConfigError {
        let asked_for = self.known.borrow();
        let misspelt = self.values.keys().find(|found| {
            let is_known = asked_for.iter().any(|known| known == found.get_ref());
            !is_known && strsim::jaro_winkler(key, found.get_ref()) > 0.9
        });
        match misspelt {
            Some(found) => self.unknown(found, Some(key)),
            None => self.refuse(ConfigFault::Missing { key, table: self.name }),
        }
    }

    fn unknown(&self, key: &Spanned<DeString<'_>>, nearest: Option<&'static str>) -> ConfigError {
        let fault = ConfigFault::UnknownKey { key: key.get_ref().to_string(), table: self.name, nearest };
        self.source.refuse(key.span().start, fault)
    }

    /// The tables under `key`: none, one `[key]`, or any number of `[[key]]`.
    pub fn tables(&self, key: &'static str, name: &'static str) -> Result<Vec<Self>, ConfigError> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        value.elements()?.into_iter().map(|element| element.table(name)).collect()
    }

    /// Refuses the first key that was not read.
    pub fn finish(self) -> Result<(), ConfigError> {
        let known = self.known.borrow();
        let mut unknown: Vec<_> =
            self.values.keys().filter(|key| !known.iter().any(|known| known == key.get_ref())).collect();
        unknown.sort_by_key(|key| key.span().start);
        let Some(key) = unknown.first() else { return Ok(()) };
        let nearest = known
            .iter()
            .map(|known| (strsim::jaro_winkler(known, key.get_ref()), *known))
            // Below this, the two share little more than a letter or two.
            .filter(|(similarity, _)| *similarity > 0.7)
            .max_by(|(one, _), (other, _)| one.total_cmp(other))
            .map(|(_, known)| known);
        Err(self.unknown(key, nearest))
    }

    /// An error about the table itself.
    pub fn refuse(&self, fault: ConfigFault) -> ConfigError {
        self.source.refuse(self.offset, fault)
    }
}

impl<'a> Value<'a> {
    /// An error about this value.
    pub fn refuse(&self, detail: impl Into<String>) -> ConfigError {
        self.fault(ConfigFault::Value { key: self.key, detail: detail.into() })
    }

    /// An error about this value that is not about its key alone.
    pub fn fault(&self, fault: ConfigFault) -> ConfigError {
        self.source.refuse(self.value.span().start, fault)
    }

    /// The error for a value that the format knows and this version does not have.
    pub fn unsupported(&self) -> ConfigError {
        let span = self.value.span();
        let value = self.source.text.get(span.clone()).unwrap_or_default().to_owned();
        self.source.refuse(span.start, ConfigFault::Unsupported { key: self.key, value })
    }

    fn wrong_type(&self, wanted: &str) -> ConfigError {
        self.refuse(format!("it is a {}, {wanted} is wanted", self.value.get_ref().type_str()))
    }

    /// A string.
    pub fn text(&self) -> Result<&'a str, ConfigError> {
        self.value.get_ref().as_str().ok_or_else(|| self.wrong_type("a string"))
    }

    /// A string that is parsed.
    pub fn parse<T: FromStr<Err: fmt::Display>>(&self) -> Result<T, ConfigError> {
        let text = self.text()?;
        text.parse().map_err(|error| self.refuse(format!("{text:?}: {error}")))
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, ConfigError> {
        let text = self.text()?;
        choices.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice).ok_or_else(|| {
            let words: Vec<_> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
            self.refuse(format!("{text:?} is none of {}", words.join(", ")))
        })
    }

    /// A boolean.
    pub fn boolean(&self) -> Result<bool, ConfigError> {
        self.value.get_ref().as_bool().ok_or_else(|| self.wrong_type("true or false"))
    }

    /// A duration, such as `"10s"`.
    pub fn duration(&self) -> Result<Duration, ConfigError> {
        let text = self.text()?;
        parse_duration(text).ok_or_else(|| {
            self.refuse(format!("{text:?} is no duration, which is a whole number and ms, s, m, h or d"))
        })
    }

    /// A whole number above zero.
    pub fn positive<T: TryFrom<u64>>(&self) -> Result<T, ConfigError> {
        self.at_least(1, "is zero, negative, or too large")
    }

    /// A whole number, zero too.
    pub fn count<T: TryFrom<u64>>(&self) -> Result<T, ConfigError> {
        self.at_least(0, "is negative, or too large")
    }

    fn at_least<T: TryFrom<u64>>(&self, least: u64, complaint: &str) -> Result<T, ConfigError> {
        let integer = self.value.get_ref().as_integer().ok_or_else(|| self.wrong_type("a whole number"))?;
        u64::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .filter(|number| *number >= least)
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| self.refuse(format!("{} {complaint}", integer.as_str())))
    }

    /// A path, relative to the directory of the configuration.
    pub fn path(&self) -> Result<PathBuf, ConfigError> {
        let text = self.text()?;
        if text.is_empty() {
            return Err(self.refuse("it is empty"));
        }
        Ok(self.source.file.parent().unwrap_or_else(|| Path::new("")).join(text))
    }

    /// The elements of an array, or the value itself as the only one.
    pub fn elements(&self) -> Result<Vec<Self>, ConfigError> {
        match self.value.get_ref().as_array() {
            Some(array) => Ok(array.iter().map(|value| Self { value, ..*self }).collect()),
            None => Ok(vec![*self]),
        }
    }

    /// The entries of a table whose keys are values themselves, in the order of their names.
    pub fn entries(&self, name: &'static str) -> Result<Vec<(&'a str, Self)>, ConfigError> {
        let values = self.value.get_ref().as_table().ok_or_else(|| self.wrong_type(name))?;
        Ok(values.iter().map(|(key, value)| (key.get_ref().as_ref(), Self { value, ..*self })).collect())
    }

    /// Whether it is a text.
    pub fn is_text(&self) -> bool {
        self.value.get_ref().as_str().is_some()
    }

    /// A table.
    pub fn table(&self, name: &'static str) -> Result<Table<'a>, ConfigError> {
        let values = self.value.get_ref().as_table().ok_or_else(|| self.wrong_type("a table"))?;
        let offset = self.value.span().start;
        Ok(Table { source: self.source, name, offset, values, known: RefCell::default() })
    }
}
