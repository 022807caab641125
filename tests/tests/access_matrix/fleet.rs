//! [`MatrixFleet`]: the fleet of the matrix, with what each device shows.

use std::collections::BTreeMap;
use std::fs;

use data_encoding::BASE64;
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::password_file::set_password;
use integration_tests::token_issuer::{TokenIssuer, claims};

use crate::PROGRAMS;
use crate::certificates::Certificates;
use crate::column::MoreTrusts;
use crate::matrix::Matrix;
use crate::protocol::Protocol;
use crate::shown::{Asked, Factor, Shown};

/// A device that has a password and a token as others have.
const ANOTHER: &str = "another";

/// The fleet of the matrix. All columns share it.
pub(crate) struct MatrixFleet {
    pub(crate) fleet: Fleet,
    pub(crate) certificates: Certificates,
    pub(crate) more_trusts: MoreTrusts,
    pub(crate) observer: Credential,
    tokens: BTreeMap<String, String>,
}

impl MatrixFleet {
    /// `None`: there is nobody who issues tokens.
    pub(crate) fn new(matrix: &Matrix) -> Option<Self> {
        let fleet = Fleet::new(PROGRAMS);
        let issuer = TokenIssuer::beside(&fleet)?;
        let shown: Vec<_> =
            Shown::all().flat_map(|shown| Protocol::ALL.map(|protocol| (shown, protocol))).collect();
        let of_tokens = shown.iter().filter(|(shown, _)| shown.asked == Asked::Token);
        let (names, claimed): (Vec<_>, Vec<_>) = of_tokens
            .map(|(shown, protocol)| {
                let name = shown.device(*protocol);
                let claimed = match shown.factor {
                    Factor::Anothers => claims(ANOTHER, 3600),
                    Factor::Ended => claims(&name, -1),
                    _ => claims(&name, 3600),
                };
                (name, claimed)
            })
            .unzip();
        let tokens = names.into_iter().zip(issuer.tokens("a", &claimed)).collect();
        fs::write(fleet.file("jwks.json"), issuer.key_set(&["a"])).expect("a key set");
        let mut rows: Vec<_> = matrix.rows.iter().map(|row| row.certificate.name).collect();
        rows.dedup();
        let devices: Vec<_> = shown.iter().map(|(shown, protocol)| shown.device(*protocol)).collect();
        let (certificates, more_trusts) = Certificates::issue(&fleet, &rows, &devices);
        // Where the passwords are kept is what a configuration says.
        let configuration = matrix.columns[0].configuration("http://localhost", &more_trusts);
        fs::write(fleet.file("broker.toml"), configuration).expect("a configuration");
        for (shown, protocol) in shown.iter().filter(|(shown, _)| shown.asked == Asked::Password) {
            let name = shown.device(*protocol);
            set_password(&fleet, &name, &password(&name));
        }
        set_password(&fleet, ANOTHER, &password(ANOTHER));
        let observer = fleet.service("observer");
        Some(Self { fleet, certificates, more_trusts, observer, tokens })
    }

    /// What the device shows beside its certificate, if anything.
    pub(crate) fn secret(&self, shown: Shown, protocol: Protocol) -> Option<String> {
        let name = shown.device(protocol);
        match (shown.asked, shown.factor) {
            (_, Factor::Absent) => None,
            (Asked::Token, _) => Some(self.tokens[&name].clone()),
            (_, Factor::Wrong) => Some(format!("{} ", password(&name))),
            (_, Factor::Anothers) => Some(password(ANOTHER)),
            (_, Factor::Right | Factor::Ended | Factor::Unasked) => Some(password(&name)),
        }
    }

    /// The same as the field of an HTTP request, if anything.
    pub(crate) fn authorization(&self, shown: Shown) -> String {
        let name = shown.device(Protocol::Https);
        match (self.secret(shown, Protocol::Https), shown.asked) {
            (None, _) => String::new(),
            (Some(token), Asked::Token) => format!("Authorization: Bearer {token}\r\n"),
            (Some(password), _) => {
                format!("Authorization: Basic {}\r\n", BASE64.encode(format!("{name}:{password}").as_bytes()))
            }
        }
    }
}

fn password(device: &str) -> String {
    format!("the password of {device}")
}
