//! [`Header`]: the columns of an order, as they are meant and as they are spelled.

use csv::ByteRecord;

use super::column::Column;
use super::fault::HeaderFault;

/// The most columns an order may have.
const MAX_COLUMNS: usize = 64;

/// The columns of an order.
pub(super) struct Header {
    /// What each column is.
    pub(super) meant: Vec<Column>,
    /// What each column was before names were read as they are meant, if that differs anywhere.
    pub(super) spelled: Option<Vec<Column>>,
    /// Two columns that mean the same. Finished orders may have them: they were metadata once.
    pub(super) ambiguity: Option<HeaderFault>,
}

impl Header {
    /// Reads the header. It need not name the device id: see [`Header::has_device_id`].
    pub(super) fn read(record: &ByteRecord) -> Result<Self, HeaderFault> {
        if record.len() > MAX_COLUMNS {
            return Err(HeaderFault::TooManyColumns { found: record.len(), most: MAX_COLUMNS });
        }
        let mut header = Self { meant: Vec::new(), spelled: None, ambiguity: None };
        let mut spelled = Vec::new();
        for (index, name) in record.iter().enumerate() {
            let name = std::str::from_utf8(name.trim_ascii()).map_err(|_| HeaderFault::NotUtf8)?;
            let meant = Column::meant_by(name);
            if meant.name().is_empty() {
                return Err(HeaderFault::Unnamed { column: index + 1 });
            }
            let column = Column::spelled(name);
            if spelled.contains(&column) {
                return Err(HeaderFault::Twice { name: name.to_owned() });
            }
            if let Some(earlier) = header.meant.iter().position(|earlier| meant.means_the_same_as(earlier)) {
                let first = spelled.get(earlier).map(|column: &Column| column.name().to_owned());
                header.ambiguity.get_or_insert_with(|| HeaderFault::SameMeaning {
                    first: first.unwrap_or_default(),
                    second: name.to_owned(),
                });
            }
            spelled.push(column);
            header.meant.push(meant);
        }
        header.spelled = (spelled != header.meant).then_some(spelled);
        Ok(header)
    }

    /// Whether a column is the device id.
    pub(super) fn has_device_id(&self) -> bool {
        self.meant.contains(&Column::DeviceId)
    }
}
