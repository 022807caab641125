//! [`Area`]: topics and paths that one kind of policy gives its clients.

/// An area. Each has topics to publish to, topics to receive from, and paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Area {
    /// A device's own.
    Devices,
    /// A device's own, while it is in quarantine.
    Quarantine,
    /// Of all whose certificate is not proven.
    Lobby,
    /// Of the same, in quarantine.
    Ward,
}

impl Area {
    pub(crate) const ALL: [Self; 4] = [Self::Devices, Self::Quarantine, Self::Lobby, Self::Ward];

    /// Its name in the matrix; also that of its path and of its first topic level.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Devices => "devices",
            Self::Quarantine => "quarantine",
            Self::Lobby => "lobby",
            Self::Ward => "ward",
        }
    }

    pub(crate) fn called(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|area| area.name() == name)
    }

    /// Whether it is of devices that have proven who they are.
    pub(crate) fn is_of_devices(self) -> bool {
        matches!(self, Self::Devices | Self::Quarantine)
    }

    /// What policies call the part of it that is for `device`.
    pub(crate) fn prefix(self, device: &str) -> String {
        if self.is_of_devices() { format!("{}/{device}", self.name()) } else { self.name().to_owned() }
    }

    /// Where `device` publishes.
    pub(crate) fn telemetry(self, device: &str) -> String {
        format!("{}/telemetry/a", self.prefix(device))
    }

    /// Where `device` receives.
    pub(crate) fn commands(self, device: &str) -> String {
        format!("{}/commands/a", self.prefix(device))
    }

    /// What `device` asks the origin for.
    pub(crate) fn path(self, device: &str) -> String {
        format!("/{}", self.telemetry(device))
    }
}
