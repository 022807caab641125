//! A fleet, an origin, and a broker in front of it.

use std::process::Command;

use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::http_caller::Caller;
use integration_tests::http_origin::HttpOrigin;
use integration_tests::peer::Peer;
use integration_tests::site::Site;

use crate::PROGRAMS;

/// What is said of the listener beside its transport and upstream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listener<'a> {
    pub(crate) mode: &'a str,
    /// Further keys, a line each.
    pub(crate) keys: &'a str,
    /// Further tables of the listener.
    pub(crate) tables: &'a str,
    /// Policies before those of the fleet.
    pub(crate) policies: &'a str,
}

/// Both may get files, and services change them.
pub(crate) const FILES: &str = "[[listener.path]]\nprefix = \"/files\"\npolicies = [\"devices\", \"services\"]\n\n\
                                [[listener.path]]\nprefix = \"/files\"\nmethods = [\"POST\", \"PUT\", \"DELETE\", \"OPTIONS\"]\n\
                                policies = \"services\"\n\n";

impl Default for Listener<'_> {
    fn default() -> Self {
        Self { mode: "enforce", keys: "", tables: FILES, policies: "" }
    }
}

/// A fleet, an origin, and a broker in front of it.
pub(crate) struct Place {
    pub(crate) site: Site,
    pub(crate) origin: HttpOrigin,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::with(Listener::default())
    }

    pub(crate) fn with(listener: Listener<'_>) -> Self {
        let origin = HttpOrigin::start();
        let url = origin.url();
        Self { site: site(listener, Some(&url), |_| {}), origin }
    }

    /// A connection of `dev-1`.
    pub(crate) fn device(&self) -> Caller {
        self.caller(Some(&self.site.device))
    }

    /// A connection of `backend`.
    pub(crate) fn service(&self) -> Caller {
        self.caller(Some(&self.site.service))
    }

    pub(crate) fn caller(&self, credential: Option<&Credential>) -> Caller {
        Caller::dial(self.site.address(), &self.site.fleet, credential)
    }
}

/// A site whose listener is in front of `upstream`.
pub(crate) fn site(listener: Listener<'_>, upstream: Option<&str>, alter: impl FnOnce(&Fleet)) -> Site {
    Site::configured(PROGRAMS, |fleet| {
        configure(fleet, listener, upstream);
        alter(fleet);
    })
}

pub(crate) fn configure(fleet: &Fleet, listener: Listener<'_>, upstream: Option<&str>) {
    let Listener { mode, keys, tables, policies } = listener;
    let upstream = upstream.map(|url| format!("upstream = \"{url}\"\n")).unwrap_or_default();
    fleet.configure(
        "transport = \"tls\"\nmode = \"enforce\"",
        &format!("transport = \"https\"\nmode = \"{mode}\"\n{upstream}{keys}"),
    );
    fleet.configure("[identity]", &format!("{tables}[identity]"));
    let first = "[[policy]]\nname = \"devices\"";
    fleet.configure(first, &format!("{policies}{first}"));
}

/// curl, as the holder of `credential`.
pub(crate) fn curl(peer: &Peer, site: &Site, credential: Option<&Credential>) -> Command {
    let mut command = peer.command();
    // No configuration of whoever runs the tests, and no proxy.
    command.args(["-q", "--silent", "--show-error", "--noproxy", "*", "--max-time", "20", "--path-as-is"]);
    command.arg("--cacert").arg(site.fleet.file("broker-ca/root.pem"));
    if let Some(credential) = credential {
        command.arg("--cert").arg(&credential.certificate).arg("--key").arg(&credential.key);
    }
    command
}
