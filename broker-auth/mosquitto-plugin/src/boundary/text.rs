//! Texts of C, bounded.

use std::ffi::{CStr, c_char, c_int};
use std::ptr::NonNull;
use std::slice;

use crate::api::mosquitto_opt;
use crate::options::{MAX_OPTIONS, Options, OptionsError};

/// The octets of a text that are looked at: no text of MQTT has more (MQTT 5 §1.5.4).
const MAX_TEXT_LEN: usize = 65_535;

/// The octets up to the NUL, if there are any, and not more than MQTT has.
pub(super) unsafe fn octets_at<'a>(text: *const c_char) -> Option<&'a [u8]> {
    let octets =
        NonNull::new(text.cast_mut()).map(|text| unsafe { CStr::from_ptr(text.as_ptr()) }.to_bytes());
    octets.filter(|octets| octets.len() <= MAX_TEXT_LEN)
}

pub(super) unsafe fn text_at<'a>(text: *const c_char) -> Option<&'a str> {
    unsafe { octets_at(text) }.and_then(|octets| str::from_utf8(octets).ok())
}

pub(super) unsafe fn options_at(
    options: *const mosquitto_opt,
    count: c_int,
) -> Result<Options, OptionsError> {
    let count = usize::try_from(count).unwrap_or(0);
    if count > MAX_OPTIONS {
        return Err(OptionsError::TooMany(count));
    }
    let options = if options.is_null() { &[] } else { unsafe { slice::from_raw_parts(options, count) } };
    let text = |text| unsafe { text_at(text) }.map(str::to_owned).ok_or(OptionsError::NotText);
    let options = options.iter().map(|option| Ok((text(option.key)?, text(option.value)?)));
    options.collect::<Result<_, _>>().map(Options::new)
}
