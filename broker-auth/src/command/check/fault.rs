//! [`Fault`]: what is wrong with a configuration.

use std::borrow::Cow;

/// What is wrong, and what to do about it.
pub(super) type Fault = (String, Cow<'static, str>);
