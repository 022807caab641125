//! Where the last panic was: said in mosquitto's log with what has become of it, and nowhere else.

use std::cell::Cell;
use std::panic;

thread_local! {
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
}

/// Has panics say where they are to [`take`], and nothing to the standard error: a tick that panics does so thousands of
/// times a second. The standard library of a `cdylib` is its own, so that this is about the plugin alone.
pub(crate) fn watch() {
    // A test that fails says so itself.
    if cfg!(test) {
        return;
    }
    panic::set_hook(Box::new(|panic| PLACE.set(panic.location().map(ToString::to_string))));
}

/// Where the last panic of this thread was, once.
pub(crate) fn take() -> Option<String> {
    PLACE.take()
}
