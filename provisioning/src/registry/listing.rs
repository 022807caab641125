//! [`Listed`]: an identity with a certificate, for lists.

use super::certificates::{COLUMNS, CertificateRecord};
use super::devices::{self, DeviceRecord};
use super::{Registry, RegistryError};
use crate::authority::Authority;
use crate::timestamp::Timestamp;

/// Which certificates of an identity are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// The newest.
    Newest,
    /// Those that were replaced.
    Superseded,
}

/// An identity with one of its certificates.
pub(crate) struct Listed {
    /// The certificate.
    pub(crate) certificate: CertificateRecord,
    /// The device, if it is one.
    pub(crate) device: Option<DeviceRecord>,
}

impl Registry {
    /// Calls `each` with every identity under an authority that has such a certificate, in the order of their names.
    pub(crate) fn for_each_listed<E: From<RegistryError>>(
        &self,
        authority: Authority,
        selection: Selection,
        now: Timestamp,
        mut each: impl FnMut(Listed) -> Result<(), E>,
    ) -> Result<(), E> {
        let selected = match selection {
            Selection::Newest => {
                "(identity IS NULL OR id = (SELECT max(id) FROM certificate AS other \
                  WHERE other.identity = this.identity))"
            }
            Selection::Superseded => "status = 'superseded'",
        };
        let query = format!(
            "SELECT {COLUMNS}, {device} FROM certificate AS this LEFT JOIN device ON device_id = identity \
             WHERE authority = ?1 AND {selected} ORDER BY identity, id",
            device = devices::COLUMNS
        );
        let mut statement = self.connection.prepare_cached(&query).map_err(RegistryError::from)?;
        let mut rows = statement.query([authority.name()]).map_err(RegistryError::from)?;
        while let Some(row) = rows.next().map_err(RegistryError::from)? {
            let device: Option<String> = row.get("device_id").map_err(RegistryError::from)?;
            each(Listed {
                certificate: CertificateRecord::read(row, now)?,
                device: device.map(|_| devices::read(row)).transpose()?,
            })?;
        }
        Ok(())
    }
}
