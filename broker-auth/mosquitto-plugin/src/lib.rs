//! mosquitto's plugin interface as safe Rust, and the decision behind it.
//!
//! ```text
//! api ─▶ boundary ─▶ plugin ─▶ callbacks ◀─ gate ─▶ sessions ─▶ authenticator (the package)
//! ```
//!
//! | module | what it knows |
//! |---|---|
//! | [`api`] | what mosquitto and libcrypto declare |
//! | [`boundary`] | pointers in, values out: where `unsafe` ends |
//! | [`plugin`] | that a panic denies |
//! | [`callbacks`] | what mosquitto asks, and what may be answered: the trait behind all of it |
//! | [`deny_all`] | nobody gets in |
//! | [`gate`] | who gets in and what they may, by the rules in force |
//! | [`sessions`] | who was admitted, by which permit |
//!
//! [`export_plugin!`] makes the functions that mosquitto looks for in a library.
#![cfg_attr(
    not(test),
    warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)
)]
#![warn(missing_docs)]

pub mod api;
pub mod boundary;
pub mod callbacks;
pub mod client;
pub mod deny_all;
#[cfg(test)]
mod fake_client;
pub mod gate;
pub mod log;
pub mod options;
mod panic_place;
pub mod plugin;
pub mod sessions;

/// Makes the three functions that mosquitto looks for in a library; `$start` is a [`plugin::Start`].
///
/// A library has them once, so they are in none of the packages that libraries are made of.
#[macro_export]
macro_rules! export_plugin {
    ($start:path) => {
        /// The version of the plugin interface to speak.
        ///
        /// # Safety
        /// mosquitto calls it as `mosquitto_plugin.h` says.
        #[expect(unsafe_code, reason = "mosquitto calls it")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn mosquitto_plugin_version(
            count: ::std::ffi::c_int,
            versions: *const ::std::ffi::c_int,
        ) -> ::std::ffi::c_int {
            unsafe { $crate::boundary::version(count, versions) }
        }

        /// Starts the plugin.
        ///
        /// # Safety
        /// mosquitto calls it as `mosquitto_plugin.h` says.
        #[expect(unsafe_code, reason = "mosquitto calls it")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn mosquitto_plugin_init(
            identifier: *mut $crate::api::mosquitto_plugin_id_t,
            userdata: *mut *mut ::std::ffi::c_void,
            options: *mut $crate::api::mosquitto_opt,
            count: ::std::ffi::c_int,
        ) -> ::std::ffi::c_int {
            unsafe { $crate::boundary::init($start, identifier, userdata, options, count) }
        }

        /// Ends the plugin.
        ///
        /// # Safety
        /// mosquitto calls it as `mosquitto_plugin.h` says.
        #[expect(unsafe_code, reason = "mosquitto calls it")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn mosquitto_plugin_cleanup(
            userdata: *mut ::std::ffi::c_void,
            _options: *mut $crate::api::mosquitto_opt,
            _count: ::std::ffi::c_int,
        ) -> ::std::ffi::c_int {
            unsafe { $crate::boundary::cleanup(userdata) }
        }
    };
}
