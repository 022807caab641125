//! [`Country`]: the C attribute of the names of CAs.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A country code of two letters, in capitals (ISO 3166-1 alpha-2, which is what X.520 wants of C).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Country([u8; 2]);

/// Why a text is no country code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a country is written as its two letters of ISO 3166, for instance DE or US")]
pub(crate) struct CountryError;

impl FromStr for Country {
    type Err = CountryError;

    fn from_str(text: &str) -> Result<Self, CountryError> {
        match *text.as_bytes() {
            [first, second] if first.is_ascii_alphabetic() && second.is_ascii_alphabetic() => {
                Ok(Self([first.to_ascii_uppercase(), second.to_ascii_uppercase()]))
            }
            _ => Err(CountryError),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([first, second]) = self;
        write!(f, "{}{}", char::from(*first), char::from(*second))
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_two_letters_and_is_written_in_capitals() {
        for (text, country) in [("DE", "DE"), ("us", "US"), ("Gb", "GB")] {
            assert_eq!(text.parse::<Country>().map(|country| country.to_string()), Ok(country.to_owned()));
        }
        for text in ["", "D", "DEU", "D1", "É", "D ", " DE"] {
            assert_eq!(text.parse::<Country>(), Err(CountryError), "{text:?}");
        }
    }
}
