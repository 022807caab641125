//! What is wrong with an order, or a signing request.

use std::path::Path;

use super::Failure;
use crate::cli::exit_code::{CONFLICT, REFUSED};
use crate::csr::{ClaimError, CsrError, CsrFileError};
use crate::key::PublicKeyError;
use crate::order::{FileKind, HeaderFault, LineFault, OrderError};

impl Failure {
    /// A signing request without a usable common name.
    pub(in crate::cli) fn unusable_common_name(path: &Path, error: &ClaimError) -> Self {
        Self::new(
            REFUSED,
            format!("{}: {error}", path.display()),
            "say which device it is for with --device-id",
        )
    }

    /// A file that cannot be read, or holds a signing request that was refused.
    pub(in crate::cli) fn csr(path: &Path, error: &CsrFileError) -> Self {
        let error = match error {
            CsrFileError::Read(error) => {
                return Self::not_read(
                    REFUSED,
                    format!("cannot read {}: {error}", path.display()),
                    path,
                    error,
                );
            }
            CsrFileError::Csr(error) => error,
        };
        let help = match error {
            CsrError::PublicKey(
                PublicKeyError::Form { .. } | PublicKeyError::ExplicitCurve | PublicKeyError::Encoding,
            ) => {
                "write the key as most do (`openssl ec -conv_form uncompressed -param_enc named_curve`), and request again"
            }
            CsrError::SignatureAlgorithm { .. } => {
                "let the device sign its request with ECDSA and SHA-256 (`openssl req -new -sha256`)"
            }
            CsrError::SignatureEncoding { .. } => {
                "let the device encode the signature as RFC 3279 §2.2.3 has it (Ecdsa-Sig-Value)"
            }
            CsrError::BareBase64 => {
                "put -----BEGIN CERTIFICATE REQUEST----- before it and -----END CERTIFICATE REQUEST----- after it"
            }
            CsrError::Several { .. } => "give one request in a file",
            CsrError::Pem(_) => "get the file again from where it came",
            CsrError::PublicKey(_) => {
                "make the device's key with P-256 (`openssl ecparam -name prime256v1 -genkey`)"
            }
            CsrError::ProofOfPossession => {
                "let the device make a new request, signed by the key that is in it"
            }
            CsrError::Malformed | CsrError::Other { .. } | CsrError::Trailing { .. } => {
                "give a PKCS#10 request in DER or PEM"
            }
        };
        Self::new(REFUSED, format!("{}: {error}", path.display()), help)
    }
}

impl From<OrderError> for Failure {
    fn from(error: OrderError) -> Self {
        let (exit_code, help) = match &error {
            OrderError::Read { path, source } => return Self::io(REFUSED, &error, path, source),
            OrderError::TooLong { .. } => (REFUSED, "split the order"),
            OrderError::Format { found, .. } => (REFUSED, format_help(*found)),
            OrderError::Header { fault: HeaderFault::NotUtf8, .. } => (REFUSED, SAVE_AS_UTF_8),
            OrderError::Header { fault: HeaderFault::SameMeaning { .. }, .. } => (
                REFUSED,
                "rename one of the two columns, so that it is clear which is meant; nothing was made",
            ),
            OrderError::Header { .. } => {
                (REFUSED, "the first line names the columns: device_id, and any others, each once")
            }
            OrderError::Lines { lines, .. }
                if lines.iter().any(|line| matches!(line.fault, LineFault::NotUtf8 { .. })) =>
            {
                (REFUSED, SAVE_AS_UTF_8)
            }
            OrderError::Lines { .. } => {
                (REFUSED, "correct these lines and run the order again; nothing was made")
            }
            OrderError::Duplicates { .. } => {
                (CONFLICT, "name every device and every key once, and run the order again; nothing was made")
            }
        };
        Self::new(exit_code, error, help)
    }
}

const SAVE_AS_UTF_8: &str = "save it in UTF-8 (Excel: Save As, \"CSV UTF-8 (Comma delimited)\"; LibreOffice: Save As, Text \
                             CSV, character set Unicode (UTF-8)) and run the order again; nothing was made";

/// How to save a file as an order, by what it is.
fn format_help(found: FileKind) -> &'static str {
    match found {
        FileKind::Excel => {
            "open it in Excel, choose Save As, \"CSV UTF-8 (Comma delimited)\", and give that file; nothing was made"
        }
        FileKind::OpenDocument => {
            "open it in LibreOffice, choose Save As, Text CSV, with Unicode (UTF-8) and a comma as field delimiter, and \
             give that file; nothing was made"
        }
        FileKind::Zip | FileKind::Compressed(_) => "unpack it, and give the CSV file in it; nothing was made",
        FileKind::WideText => SAVE_AS_UTF_8,
        FileKind::Separated(_) => {
            "save it with commas (Excel in a country with decimal commas: change the list separator of the system \
             first; LibreOffice: Save As, Text CSV, field delimiter comma) and run the order again; nothing was made"
        }
        FileKind::Markup | FileKind::Json | FileKind::Pdf | FileKind::Binary => {
            "give a text with a header line such as device_id,product,serial_number,work_order; nothing was made"
        }
    }
}
