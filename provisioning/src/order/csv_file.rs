//! Reading an order: CSV with a header, checked as a whole before anything is made.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ReaderBuilder, Trim};
use device_identity::DeviceId;

use super::{Duplicate, LineFault, Order, OrderDetails, OrderError};
use crate::csr::{CsrFileError, SigningRequest};

/// The longest order file that is read, in bytes: a million lines of 256.
const MAX_ORDER_LEN: u64 = 256 * 1024 * 1024;

/// The longest field, in characters. Fields end up in the registry, labels and reports, not in certificates.
const MAX_FIELD_CHARACTERS: usize = 256;

/// The most columns an order may have.
const MAX_COLUMNS: usize = 64;

/// A column of an order, by its name in the header.
enum Column {
    DeviceId,
    Product,
    SerialNumber,
    WorkOrder,
    Csr,
    Metadata(String),
}

impl Column {
    fn named(name: &str) -> Self {
        match name {
            "device_id" => Self::DeviceId,
            "product" => Self::Product,
            "serial_number" => Self::SerialNumber,
            "work_order" => Self::WorkOrder,
            "csr" => Self::Csr,
            other => Self::Metadata(other.to_owned()),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::DeviceId => "device_id",
            Self::Product => "product",
            Self::SerialNumber => "serial_number",
            Self::WorkOrder => "work_order",
            Self::Csr => "csr",
            Self::Metadata(name) => name,
        }
    }
}

/// Reads an order file. All bad lines are reported at once; an order with a bad line is refused as a whole.
pub(crate) fn read(path: &Path) -> Result<Vec<Order>, OrderError> {
    let read_error = |source| OrderError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(read_error)?;
    let length = file.metadata().map_err(read_error)?.len();
    if length > MAX_ORDER_LEN {
        return Err(OrderError::TooLong { path: path.to_owned(), length, longest: MAX_ORDER_LEN });
    }
    let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::Headers).from_reader(file);
    let columns = header(&mut reader, path)?;
    let directory = path.parent().unwrap_or_else(|| Path::new(""));

    let mut orders = Vec::new();
    let mut faults = Vec::new();
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(|error| read_error(error.into()))? {
        let line = record.position().map_or(0, csv::Position::line);
        match parse(&record, &columns, directory, line) {
            Ok(order) => orders.push(order),
            Err(fault) => faults.push((line, fault)),
        }
    }
    let duplicates = duplicates(&orders);
    let path = path.to_owned();
    if !faults.is_empty() {
        faults.extend(duplicates.into_iter().map(|(line, duplicate)| (line, duplicate.into())));
        faults.sort_by_key(|(line, _)| *line);
        Err(OrderError::Lines { path, lines: faults })
    } else if !duplicates.is_empty() {
        Err(OrderError::Duplicates { path, lines: duplicates })
    } else {
        Ok(orders)
    }
}

fn header(reader: &mut csv::Reader<File>, path: &Path) -> Result<Vec<Column>, OrderError> {
    let fault = |fault: String| OrderError::Header { path: path.to_owned(), fault };
    let header = reader.byte_headers().map_err(|error| OrderError::Read {
        path: path.to_owned(),
        source: io::Error::other(error.to_string()),
    })?;
    if header.len() > MAX_COLUMNS {
        return Err(fault(format!("the header has {} columns, at most {MAX_COLUMNS} fit", header.len())));
    }
    let mut seen = HashSet::new();
    let mut columns = Vec::new();
    for (index, name) in header.iter().enumerate() {
        let name = std::str::from_utf8(name).map_err(|_| fault("the header is not UTF-8".into()))?;
        if name.is_empty() {
            return Err(fault(format!("column {} of the header has no name", index + 1)));
        }
        if !seen.insert(name) {
            return Err(fault(format!("the header has the column {name:?} twice")));
        }
        columns.push(Column::named(name));
    }
    if !seen.contains("device_id") {
        return Err(fault("the header has no column device_id".into()));
    }
    Ok(columns)
}

fn parse(record: &ByteRecord, columns: &[Column], directory: &Path, line: u64) -> Result<Order, LineFault> {
    let wrong_number = || LineFault::Fields { found: record.len(), expected: columns.len() };
    if record.len() != columns.len() {
        return Err(wrong_number());
    }
    let (mut device_id, mut request) = (None, None);
    let mut details = OrderDetails::default();
    for (column, value) in columns.iter().zip(record) {
        let value = std::str::from_utf8(value).map_err(|_| LineFault::NotUtf8)?;
        if let Column::DeviceId = column {
            device_id = Some(DeviceId::new(value)?);
            continue;
        }
        check_field(column, value)?;
        // An empty field counts as absent.
        let value = (!value.is_empty()).then(|| value.to_owned());
        match column {
            Column::DeviceId => {}
            Column::Product => details.product = value,
            Column::SerialNumber => details.serial_number = value,
            Column::WorkOrder => details.work_order = value,
            Column::Csr => request = value.map(|file| read_request(directory.join(file))).transpose()?,
            Column::Metadata(name) => {
                details.metadata.extend(value.map(|value| (name.clone(), value)));
            }
        }
    }
    let device_id = device_id.ok_or_else(wrong_number)?;
    Ok(Order { line, device_id, details, request })
}

fn check_field(column: &Column, value: &str) -> Result<(), LineFault> {
    let column = || column.name().to_owned();
    let characters = value.chars().count();
    if value.chars().any(char::is_control) {
        Err(LineFault::ControlCharacter { column: column() })
    } else if characters > MAX_FIELD_CHARACTERS {
        Err(LineFault::TooLong { column: column(), characters, longest: MAX_FIELD_CHARACTERS })
    } else {
        Ok(())
    }
}

fn read_request(path: PathBuf) -> Result<SigningRequest, LineFault> {
    SigningRequest::read(&path).map_err(|error| match error {
        CsrFileError::Read(source) => LineFault::CsrFile { path, source },
        CsrFileError::Csr(fault) => LineFault::Csr { path, fault },
    })
}

fn duplicates(orders: &[Order]) -> Vec<(u64, Duplicate)> {
    let (mut ids, mut keys) = (HashMap::new(), HashMap::new());
    let mut duplicates = Vec::new();
    for order in orders {
        let device_id = order.device_id.to_string();
        if let Some(&first) = ids.get(&order.device_id) {
            duplicates.push((order.line, Duplicate::DeviceId { device_id, first }));
            continue;
        }
        ids.insert(&order.device_id, order.line);
        if let Some(request) = &order.request {
            match keys.get(request.public_key()) {
                Some(&first) => duplicates.push((order.line, Duplicate::PublicKey { device_id, first })),
                None => _ = keys.insert(request.public_key(), order.line),
            }
        }
    }
    duplicates
}
