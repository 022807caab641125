//! What is made of a client here, and by OpenSSL.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use certificate_path::{
    Budget, CaCertificate, Certificate, ConfiguredCas, PathCa, PathFault, PathRequest, Purpose,
};
use rustls_pki_types::{SignatureVerificationAlgorithm, UnixTime};
use webpki::ring::{ECDSA_P256_SHA256, ECDSA_P384_SHA384, ED25519, RSA_PKCS1_2048_8192_SHA256};

use crate::pki::{CaShape, LeafShape, Made, TODAY};

static ALGORITHMS: [&dyn SignatureVerificationAlgorithm; 4] =
    [ECDSA_P256_SHA256, ECDSA_P384_SHA384, ED25519, RSA_PKCS1_2048_8192_SHA256];

/// CAs, and how they are known.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) anchors: Vec<Made<CaShape>>,
    pub(crate) intermediates: Vec<Made<CaShape>>,
    pub(crate) presented: Vec<Made<CaShape>>,
}

/// A CA that may stand as one here, as an operator hears when it is configured.
pub(crate) fn fit(ca: &Made<CaShape>) -> Option<CaCertificate> {
    CaCertificate::parse(&ca.der, Purpose::Client).ok()
}

impl Case {
    /// Those of the configured CAs that may stand as such.
    pub(crate) fn configured(&self) -> ConfiguredCas {
        let fit = |cas: &[Made<CaShape>]| cas.iter().filter_map(fit).collect();
        ConfiguredCas::new(fit(&self.anchors), fit(&self.intermediates), &ALGORITHMS)
    }

    /// The CAs of a proven path; the last is the anchor.
    pub(crate) fn path(&self, path: &[PathCa]) -> Vec<Made<CaShape>> {
        let configured: Vec<_> =
            self.anchors.iter().chain(&self.intermediates).filter(|ca| fit(ca).is_some()).collect();
        path.iter()
            .map(|ca| match *ca {
                PathCa::Configured(position) => configured[position].clone(),
                PathCa::Presented(position) => self.presented[position].clone(),
            })
            .collect()
    }
}

/// The path that is found here.
pub(crate) fn ours(case: &Case, leaf: &Made<LeafShape>) -> Result<Vec<PathCa>, PathFault> {
    let end_entity = Certificate::parse(&leaf.der).unwrap();
    end_entity.refuse_unfit_end_entity(Purpose::Client).expect("a proper client");
    let presented: Vec<&[u8]> = case.presented.iter().map(|ca| ca.der.as_slice()).collect();
    let request = PathRequest {
        end_entity: &end_entity,
        presented: &presented,
        purpose: Purpose::Client,
        now: UnixTime::since_unix_epoch(Duration::from_secs(TODAY)),
        algorithms: &ALGORITHMS,
    };
    case.configured().prove(&request, &mut Budget::new())
}

/// The first error of `openssl verify`, by its number (`X509_V_ERR_…`).
pub(crate) type Verdict = Result<(), u32>;

/// `openssl verify`, in a directory of its own.
pub(crate) struct OpenSsl<'a> {
    pub(crate) directory: &'a Path,
}

impl OpenSsl<'_> {
    /// What it makes of each of `leaves`.
    pub(crate) fn verify(&self, case: &Case, leaves: &[&Made<LeafShape>]) -> Vec<Verdict> {
        let pem = |cas: &[Made<CaShape>]| cas.iter().map(|ca| ca.pem.as_str()).collect::<String>();
        let trusted = self.write("trusted.pem", &pem(&case.anchors));
        let untrusted = self.write("untrusted.pem", &(pem(&case.intermediates) + &pem(&case.presented)));
        let mut command = Command::new("openssl");
        command.args(["verify", "-partial_chain", "-purpose", "sslclient", "-attime", &TODAY.to_string()]);
        command.arg("-trusted").arg(trusted);
        if !(case.intermediates.is_empty() && case.presented.is_empty()) {
            command.arg("-untrusted").arg(untrusted);
        }
        let files: Vec<PathBuf> = (leaves.iter().enumerate())
            .map(|(number, leaf)| self.write(&format!("leaf-{number}.pem"), &leaf.pem))
            .collect();
        let output = command.args(&files).output().expect("openssl is installed");
        let (told, complaints) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        files
            .iter()
            .map(|file| {
                let file = file.display();
                let is_taken = told.lines().any(|line| line == format!("{file}: OK"));
                let error = first_error(&complaints, &format!("error {file}: verification failed"));
                match (is_taken, error) {
                    (true, None) => Ok(()),
                    (false, Some(error)) => Err(error),
                    _ => panic!("openssl says neither yes nor no to {file}: {told}{complaints}"),
                }
            })
            .collect()
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let file = self.directory.join(name);
        fs::write(&file, content).unwrap();
        file
    }
}

/// The first of the errors that are told before the line `end`, and after what was told of another file.
fn first_error(complaints: &str, end: &str) -> Option<u32> {
    let lines: Vec<&str> = complaints.lines().collect();
    let end = lines.iter().position(|line| *line == end)?;
    let of_others = lines[..end].iter().rposition(|line| line.ends_with(": verification failed"));
    lines[of_others.map_or(0, |line| line + 1)..end].iter().find_map(|line| {
        let (number, _) = line.strip_prefix("error ")?.split_once(" at ")?;
        number.parse().ok()
    })
}
