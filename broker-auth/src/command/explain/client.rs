//! [`Client`]: the certificates of the client that is asked about, and where they are from.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use authenticator::trust::certificates;
use broker_rules::explanation::Question;
use broker_rules::protocol::{Ambiguous, Answer, Explain, Request, Subject};
use broker_rules::store::read_file;
use data_encoding::BASE64;
use device_identity::ServiceName;
use device_identity::image::Image;
use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use crate::admin::ask;
use crate::args::ExplainArgs;
use crate::config::Config;
use crate::exit;

/// A client that is asked about.
pub(super) struct Client {
    /// What it presents, leaf first.
    pub(super) presents: Vec<CertificateDer<'static>>,
    /// Where that is from, in words.
    pub(super) source: String,
}

impl Client {
    /// The client of `--cert` or `--image`, if either is given.
    pub(super) fn of_file(args: &ExplainArgs) -> Result<Option<Self>, ExitCode> {
        let read = |file: &Path, read: fn(&Path) -> io::Result<Vec<CertificateDer<'static>>>, help| {
            let presents = read(file).map_err(|error| {
                let what = format!("cannot read {}: {error}", file.display());
                exit::fail(exit::INPUT_REFUSED, what, help)
            })?;
            Ok(Some(Self { presents, source: file.display().to_string() }))
        };
        match (&args.client.cert, &args.client.image) {
            (Some(file), _) => read(file, read_certificates, "name a certificate file, PEM or DER"),
            (None, Some(file)) => read(
                file,
                read_image,
                "name a credential image as `countersign-provision issue --format bin` writes it; others become one by \
                 `countersign-provision convert`",
            ),
            (None, None) if args.client.no_certificate => {
                Ok(Some(Self { presents: Vec::new(), source: "no certificate".to_owned() }))
            }
            (None, None) => Ok(None),
        }
    }

    /// The client of `--id`: by what it has presented to the running broker, or else by the files of its fleet.
    pub(super) fn called(args: &ExplainArgs, config: &Config) -> Result<Self, ExitCode> {
        let id = args.client.id.as_deref().unwrap_or_default();
        let request = Request::Explain(Box::new(Explain {
            client: Subject::Connected(id.to_owned()),
            question: Question::default(),
            at: None,
        }));
        match ask(&config.state.admin_socket(), &request) {
            Ok(Answer::Explained(Some(explained))) => {
                if let Ok(der) = BASE64.decode(explained.certificate.as_bytes()) {
                    // A client that has presented none has none.
                    let presents = if der.is_empty() { Vec::new() } else { vec![der.into()] };
                    return Ok(Self { presents, source: format!("the connection of {id}") });
                }
            }
            Ok(Answer::Ambiguous(Ambiguous { id, identities })) => {
                let what = format!("{id:?} stands for several clients");
                let help = format!("name one with its namespace: {}", identities.join(", "));
                return Err(exit::fail(exit::CONFLICT, what, help));
            }
            _ => {}
        }
        Self::of_fleet(id, &config.directory).ok_or_else(|| {
            exit::fail(
                exit::UNKNOWN,
                format!(
                    "{id:?} is not connected, and {} has no certificate of it",
                    config.directory.display()
                ),
                "name its certificate with --cert FILE, or its image with --image FILE",
            )
        })
    }

    /// A device or service by the files that the factory wrote into its fleet directory.
    fn of_fleet(id: &str, fleet: &Path) -> Option<Self> {
        // A name of the right grammar leads out of no directory.
        let name = ServiceName::new(id.rsplit('/').next()?).ok()?;
        let read = |file: String, read: fn(&Path) -> io::Result<Vec<CertificateDer<'static>>>| {
            let file = fleet.join(file);
            Some(Self { presents: read(&file).ok()?, source: file.display().to_string() })
        };
        read(format!("images/{name}.cert.pem"), read_certificates)
            .or_else(|| read(format!("images/{name}.bin"), read_image))
            .or_else(|| read(format!("services/{name}.cert.pem"), read_certificates))
    }
}

/// The certificates in `file`, in order; at least one.
fn read_certificates(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    certificates(read_file(file)?).ok_or_else(|| io::Error::other("it holds no certificate in PEM or DER"))
}

/// The certificate in a credential image. The key in it is forgotten.
fn read_image(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let slot = Zeroizing::new(read_file(file)?);
    let image = Image::read(&slot).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(vec![CertificateDer::from(image.certificate.to_vec())])
}
