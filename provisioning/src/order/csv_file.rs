//! Reading an order: CSV with a header, checked as a whole before anything is made.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ReaderBuilder};
use device_identity::DeviceId;

use super::column::Column;
use super::fault::{FaultyLine, HeaderFault};
use super::file_kind::FileKind;
use super::header::Header;
use super::line_numbers::LineNumbers;
use super::{Duplicate, LineFault, Order, OrderDetails, OrderError};
use crate::csr::{CsrFileError, SigningRequest};
use crate::fleet::{Folder, ReadError, directory_of, read_named};
use crate::spelling::trimmed;

/// The longest order file that is read, in bytes: a million lines of 256.
const MAX_ORDER_LEN: usize = 256 * 1024 * 1024;

/// The longest field, in characters. Fields end up in the registry, labels and reports, not in certificates.
const MAX_FIELD_CHARACTERS: usize = 256;

/// The lines of an order file.
#[derive(Debug)]
pub(crate) struct OrderFile {
    /// The file.
    pub(crate) path: PathBuf,
    /// Its lines.
    pub(crate) orders: Vec<Order>,
    /// Two columns that mean the same, so that no *new* device can be made from this file.
    pub(crate) ambiguity: Option<HeaderFault>,
}

/// Reads an order file, which may be a pipe. All bad lines are reported at once; an order with a bad line is refused as
/// a whole. Signing requests are read from `csr_directory`, or the folder of the file, and from nowhere else.
pub(crate) fn read(path: &Path, csr_directory: Option<&Path>) -> Result<OrderFile, OrderError> {
    let content = read_named(path, MAX_ORDER_LEN).map_err(|error| match error {
        ReadError::TooLong { limit } => OrderError::TooLong { path: path.to_owned(), longest: limit },
        other => OrderError::Read { path: path.to_owned(), source: other.into() },
    })?;
    // A pipe is in no folder of its own.
    let folder = csr_directory.or_else(|| path.is_file().then(|| directory_of(path)));
    let folder = folder.map(|directory| {
        Folder::at(directory).map_err(|source| OrderError::Read { path: directory.to_owned(), source })
    });
    let folder = folder.transpose()?;
    let path = path.to_owned();
    if let Some(found) = FileKind::of(&content) {
        return Err(OrderError::Format { path, found });
    }
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(content.as_slice());
    let header = match reader.byte_headers().map_err(io::Error::from) {
        Ok(record) => Header::read(record).map_err(|fault| OrderError::Header { path: path.clone(), fault }),
        Err(source) => Err(OrderError::Read { path: path.clone(), source }),
    };
    let header = header?;
    if !header.has_device_id() {
        return Err(match FileKind::of_header(&first_line(&content)) {
            Some(found) => OrderError::Format { path, found },
            None => OrderError::Header { path, fault: HeaderFault::NoDeviceId },
        });
    }

    let mut lines = LineNumbers::of(&content);
    let (mut orders, mut faults) = (Vec::new(), Vec::new());
    let mut record = ByteRecord::new();
    loop {
        match reader.read_byte_record(&mut record).map_err(io::Error::from) {
            Ok(false) => break,
            Ok(true) => {}
            Err(source) => return Err(OrderError::Read { path, source }),
        }
        let position = record.position().map_or(0, csv::Position::byte);
        let line = lines.line_from(usize::try_from(position).unwrap_or(usize::MAX));
        match parse(&record, &header, folder.as_ref(), line) {
            Ok(order) => orders.push(order),
            Err(fault) => faults.push(FaultyLine { line, fault }),
        }
    }
    let duplicates = duplicates(&orders);
    if !faults.is_empty() {
        let duplicates = duplicates.into_iter();
        faults.extend(duplicates.map(|FaultyLine { line, fault }| FaultyLine { line, fault: fault.into() }));
        faults.sort_by_key(|faulty| faulty.line);
        Err(OrderError::Lines { path, lines: faults })
    } else if !duplicates.is_empty() {
        Err(OrderError::Duplicates { path, lines: duplicates })
    } else {
        Ok(OrderFile { path, orders, ambiguity: header.ambiguity })
    }
}

/// The first line that is not blank, without a byte order mark.
fn first_line(content: &[u8]) -> String {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content).trim_ascii_start();
    let line = content.split(|byte| b"\r\n".contains(byte)).next().unwrap_or_default();
    String::from_utf8_lossy(line).into_owned()
}

fn parse(
    record: &ByteRecord,
    header: &Header,
    folder: Option<&Folder>,
    line: u64,
) -> Result<Order, LineFault> {
    let wrong_number = || LineFault::Fields { found: record.len(), expected: header.meant.len() };
    if record.len() != header.meant.len() {
        return Err(wrong_number());
    }
    let (mut device_id, mut request) = (None, None);
    let mut details = OrderDetails::default();
    let mut as_spelled = header.spelled.is_some();
    for (column, typed) in header.meant.iter().zip(record) {
        let typed = std::str::from_utf8(typed).map_err(|error| LineFault::not_utf8(typed, error))?;
        check_field(column, typed)?;
        let value = trimmed(typed);
        as_spelled |= value.len() != typed.len();
        match column {
            Column::DeviceId => device_id = Some(DeviceId::new(value)?),
            Column::Csr if value.is_empty() => {}
            Column::Csr => request = Some(read_request(folder, Path::new(value))?),
            column => details.set(column, value),
        }
    }
    let device_id = device_id.ok_or_else(wrong_number)?;
    let mut order =
        Order { line, device_id, details, request, digest_as_spelled: None, shared_serial: false };
    if as_spelled {
        let columns = header.spelled.as_ref().unwrap_or(&header.meant);
        let mut details = OrderDetails::default();
        for (column, typed) in columns.iter().zip(record) {
            details.set(column, &String::from_utf8_lossy(typed));
        }
        order.digest_as_spelled = Some(order.digest_with(&details));
    }
    Ok(order)
}

fn check_field(column: &Column, value: &str) -> Result<(), LineFault> {
    let column = || column.name().to_owned();
    // Tabs around a field are trimmed; a line break there is still a sign of an unclosed quote.
    let control = value.chars().any(|character| character.is_control() && character != '\t');
    let characters = value.chars().count();
    if control || trimmed(value).contains('\t') {
        Err(LineFault::ControlCharacter { column: column() })
    } else if characters > MAX_FIELD_CHARACTERS {
        Err(LineFault::TooLong { column: column(), characters, longest: MAX_FIELD_CHARACTERS })
    } else {
        Ok(())
    }
}

fn read_request(folder: Option<&Folder>, name: &Path) -> Result<SigningRequest, LineFault> {
    let folder = folder.ok_or(LineFault::NoCsrFolder)?;
    let path = folder.join(name);
    SigningRequest::read_below(folder, name).map_err(|error| match error {
        CsrFileError::Read(source) => LineFault::CsrFile { path, source },
        CsrFileError::Csr(fault) => LineFault::Csr { path, fault },
    })
}

fn duplicates(orders: &[Order]) -> Vec<FaultyLine<Duplicate>> {
    let (mut ids, mut keys) = (HashMap::new(), HashMap::new());
    let mut duplicates = Vec::new();
    let mut add = |line, fault| duplicates.push(FaultyLine { line, fault });
    for order in orders {
        let device_id = order.device_id.to_string();
        if let Some(&first) = ids.get(&order.device_id) {
            add(order.line, Duplicate::DeviceId { device_id, first });
            continue;
        }
        ids.insert(&order.device_id, order.line);
        if let Some(request) = &order.request {
            match keys.get(request.public_key()) {
                Some(&first) => add(order.line, Duplicate::PublicKey { device_id, first }),
                None => _ = keys.insert(request.public_key(), order.line),
            }
        }
    }
    duplicates
}
