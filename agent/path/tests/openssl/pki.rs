//! What a random PKI is made of.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::RngExt as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, DnValue,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose, NameConstraints,
    SanType, SerialNumber,
};
use time::OffsetDateTime;

use crate::key::Keys;

/// When all of it is judged, in Unix seconds.
pub(crate) const TODAY: u64 = 1_750_000_000;

const DAY: u64 = 24 * 3600;

/// Random choices from a seed.
pub(crate) struct Dice(TestRng);

impl Dice {
    pub(crate) fn of(seed: u64) -> Self {
        let mut octets = [0; 32];
        octets[..8].copy_from_slice(&seed.to_le_bytes());
        Self(TestRng::from_seed(RngAlgorithm::ChaCha, &octets))
    }

    fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }

    fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// `usual`, or with a chance of `share` in a hundred one of `others`.
    fn usually<T: Copy>(&mut self, share: usize, usual: T, others: &[T]) -> T {
        if self.percent(share) { self.pick(others) } else { usual }
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last + 1);
            items.swap(last, other);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Validity {
    Current,
    Expired,
    NotYet,
    /// `notAfter` is now.
    LastSecond,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Basic {
    Ca,
    NotCa,
    Absent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    CertSign,
    CrlSignAlone,
    Absent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purposes {
    Absent,
    Client,
    Server,
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthorityKeyId {
    Absent,
    OfIssuer,
    /// Of a key that nobody has.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Constraint {
    PermitHost,
    ExcludeHost,
    PermitDirectory,
    ExcludeDirectory,
    PermitAddress,
    PermitMail,
}

impl Constraint {
    const ALL: [Self; 6] = [
        Self::PermitHost,
        Self::ExcludeHost,
        Self::PermitDirectory,
        Self::ExcludeDirectory,
        Self::PermitAddress,
        Self::PermitMail,
    ];

    pub(crate) fn is_of_hosts(self) -> bool {
        matches!(self, Self::PermitHost | Self::ExcludeHost)
    }

    fn extension(self) -> NameConstraints {
        let organization = |name: &str| {
            let mut directory = DistinguishedName::new();
            directory.push(DnType::OrganizationName, name);
            GeneralSubtree::DirectoryName(directory)
        };
        let subtree = match self {
            Self::PermitHost => GeneralSubtree::DnsName("plant.example".into()),
            Self::ExcludeHost => GeneralSubtree::DnsName("office.example".into()),
            Self::PermitDirectory => organization("Acme"),
            Self::ExcludeDirectory => organization("Else"),
            Self::PermitAddress => GeneralSubtree::IpAddress(CidrSubnet::V4([10, 0, 0, 0], [255, 0, 0, 0])),
            Self::PermitMail => GeneralSubtree::Rfc822Name("plant.example".into()),
        };
        let (mut permitted_subtrees, mut excluded_subtrees) = (Vec::new(), Vec::new());
        match self {
            Self::ExcludeHost | Self::ExcludeDirectory => excluded_subtrees.push(subtree),
            _ => permitted_subtrees.push(subtree),
        }
        NameConstraints { permitted_subtrees, excluded_subtrees }
    }
}

/// What a PKI is likely to have, in hundredths, so that what is rare otherwise occurs.
pub(crate) struct Theme {
    /// At least so many names and keys.
    entities: usize,
    shared_names: usize,
    path_lens: &'static [Option<u8>],
    /// Flaws of CAs, in hundredths of the usual.
    flaws: usize,
    /// CAs' certificates that do not name the key they are signed with.
    absent_key_ids: usize,
    constraints: &'static [Constraint],
    constrained: usize,
    /// Leaves whose common name is a host's, and that have no other.
    host_common_names: usize,
}

const ANYTHING: Theme = Theme {
    entities: 2,
    shared_names: 20,
    path_lens: &[None, None, None, None, None, Some(0), Some(1), Some(4)],
    flaws: 100,
    absent_key_ids: 35,
    constraints: &Constraint::ALL,
    constrained: 20,
    host_common_names: 20,
};

/// In turn.
pub(crate) const THEMES: [Theme; 4] = [
    ANYTHING,
    // Long paths, with room for them.
    Theme { entities: 4, shared_names: 0, path_lens: &[Some(4)], flaws: 20, constrained: 5, ..ANYTHING },
    // New keys for old names.
    Theme {
        entities: 2,
        shared_names: 70,
        path_lens: &[None, None, Some(0), Some(1)],
        flaws: 20,
        absent_key_ids: 60,
        constrained: 5,
        ..ANYTHING
    },
    // Hosts.
    Theme {
        constraints: &[Constraint::PermitHost, Constraint::ExcludeHost],
        constrained: 60,
        flaws: 20,
        host_common_names: 60,
        ..ANYTHING
    },
];

/// A name and a key: several may share either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entity {
    name: &'static str,
    key: usize,
}

/// Who signs a certificate, and how that is written into it.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) issuer: &'static str,
    pub(crate) signer: usize,
    pub(crate) authority_key_id: AuthorityKeyId,
    /// The issuer's name in another case and another type of string (RFC 5280 §7.1).
    is_respelled: bool,
}

/// A CA's certificate.
#[derive(Clone, Debug)]
pub(crate) struct CaShape {
    pub(crate) subject: &'static str,
    pub(crate) key: usize,
    pub(crate) signed: Signed,
    pub(crate) path_len: Option<u8>,
    pub(crate) validity: Validity,
    pub(crate) basic: Basic,
    pub(crate) usage: Usage,
    pub(crate) purposes: Purposes,
    pub(crate) constraint: Option<Constraint>,
}

/// The names of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeafNames {
    organization: &'static str,
    pub(crate) common_name: &'static str,
    pub(crate) host: Option<&'static str>,
    address: Option<Ipv4Addr>,
    mail: Option<&'static str>,
}

/// A client's certificate: proper, but for whoever signed it.
#[derive(Clone, Debug)]
pub(crate) struct LeafShape {
    pub(crate) names: LeafNames,
    pub(crate) signed: Signed,
}

/// A certificate, and what it was made of.
#[derive(Clone, Debug)]
pub(crate) struct Made<Shape> {
    pub(crate) shape: Shape,
    pub(crate) der: Vec<u8>,
    pub(crate) pem: String,
}

/// CAs, how a broker is configured, what clients present, and the clients.
pub(crate) struct Pki {
    pub(crate) anchors: Vec<Made<CaShape>>,
    pub(crate) intermediates: Vec<Made<CaShape>>,
    pub(crate) presented: Vec<Made<CaShape>>,
    pub(crate) leaves: Vec<Made<LeafShape>>,
}

const NAMES: [&str; 4] = ["A", "B", "C", "D"];

const LEAVES: usize = 4;

impl Pki {
    pub(crate) fn roll(dice: &mut Dice, theme: &Theme, keys: &Keys) -> Self {
        let count = theme.entities + dice.below(5 - theme.entities);
        let mut entities: Vec<Entity> = Vec::new();
        for number in 0..count {
            let name =
                if dice.percent(theme.shared_names) { dice.pick(&NAMES[..=number]) } else { NAMES[number] };
            let key = if dice.percent(4) { Keys::SHORT_RSA } else { dice.below(Keys::SHORT_RSA) };
            entities.push(Entity { name, key });
        }
        let mut serial = 0;
        let mut cas: Vec<Made<CaShape>> = Vec::new();
        let mut certify = |dice: &mut Dice, subject: Entity, issuer: Entity| {
            let shape = CaShape::roll(dice, theme, subject, issuer);
            serial += 1;
            cas.push(shape.make(keys, serial));
        };
        for (number, &entity) in entities.iter().enumerate() {
            let usual = entities[number.saturating_sub(1)];
            certify(dice, entity, usual);
            if dice.percent(35) {
                let other = dice.pick(&entities);
                certify(dice, entity, other);
            }
        }
        let leaves = (0..LEAVES).map(|number| {
            let issuer = dice.usually(40, entities[count - 1], &entities);
            LeafShape::roll(dice, theme, issuer).make(keys, 100 + number as u64)
        });
        let leaves = leaves.collect();

        let mut anchors = vec![cas.remove(0)];
        let mut intermediates = Vec::new();
        dice.shuffle(&mut cas);
        if dice.percent(30) {
            anchors.extend(cas.pop());
        }
        if dice.percent(25) {
            intermediates.extend(cas.pop());
        }
        cas.retain(|_| dice.percent(85));
        if dice.percent(20) {
            // Clients send the anchor along, too.
            cas.push(anchors[0].clone());
            dice.shuffle(&mut cas);
        }
        if !cas.is_empty() && dice.percent(4) {
            cas = cas.iter().cycle().take(9).cloned().collect();
        }
        Self { anchors, intermediates, presented: cas, leaves }
    }
}

impl Signed {
    fn roll(dice: &mut Dice, absent_key_ids: usize, issuer: Entity) -> Self {
        Self {
            issuer: issuer.name,
            signer: if dice.percent(5) { dice.below(Keys::SHORT_RSA) } else { issuer.key },
            authority_key_id: if dice.percent(absent_key_ids) {
                AuthorityKeyId::Absent
            } else {
                dice.usually(4, AuthorityKeyId::OfIssuer, &[AuthorityKeyId::Other])
            },
            is_respelled: dice.percent(10),
        }
    }

    fn sign<Shape>(
        &self,
        shape: Shape,
        mut params: CertificateParams,
        key: usize,
        keys: &Keys,
    ) -> Made<Shape> {
        params.use_authority_key_identifier_extension = self.authority_key_id != AuthorityKeyId::Absent;
        let mut issuer = CertificateParams::default();
        issuer.distinguished_name = if self.is_respelled {
            let mut respelled = DistinguishedName::new();
            respelled.push(DnType::OrganizationName, printable("ACME"));
            respelled.push(DnType::CommonName, printable(&format!(" {}", self.issuer.to_lowercase())));
            respelled
        } else {
            name("Acme", self.issuer)
        };
        if self.authority_key_id == AuthorityKeyId::Other {
            issuer.key_identifier_method = KeyIdMethod::PreSpecified(vec![7; 20]);
        }
        let issuer = Issuer::from_params(&issuer, keys.get(self.signer));
        let certificate = params.signed_by(keys.get(key), &issuer).unwrap();
        Made { shape, der: certificate.der().to_vec(), pem: certificate.pem() }
    }
}

impl CaShape {
    fn roll(dice: &mut Dice, theme: &Theme, subject: Entity, issuer: Entity) -> Self {
        Self {
            subject: subject.name,
            key: subject.key,
            signed: Signed::roll(dice, theme.absent_key_ids, issuer),
            path_len: dice.pick(theme.path_lens),
            validity: dice.usually(
                theme.flaws * 12 / 100,
                Validity::Current,
                &[Validity::Expired, Validity::NotYet, Validity::LastSecond, Validity::LastSecond],
            ),
            basic: dice.usually(
                theme.flaws * 15 / 100,
                Basic::Ca,
                &[Basic::NotCa, Basic::Absent, Basic::Absent],
            ),
            usage: dice.usually(
                theme.flaws * 20 / 100,
                Usage::CertSign,
                &[Usage::CrlSignAlone, Usage::Absent, Usage::Absent],
            ),
            purposes: dice.usually(
                theme.flaws * 15 / 100,
                Purposes::Absent,
                &[Purposes::Client, Purposes::Server, Purposes::Any],
            ),
            constraint: if dice.percent(theme.constrained) {
                Some(dice.pick(theme.constraints))
            } else {
                None
            },
        }
    }

    fn make(self, keys: &Keys, serial: u64) -> Made<Self> {
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from(serial));
        params.distinguished_name = name("Acme", self.subject);
        let (not_before, not_after) = match self.validity {
            Validity::Current => (TODAY - 10 * DAY, TODAY + 10 * DAY),
            Validity::Expired => (TODAY - 10 * DAY, TODAY - 1),
            Validity::NotYet => (TODAY + 1, TODAY + 10 * DAY),
            Validity::LastSecond => (TODAY - 10 * DAY, TODAY),
        };
        (params.not_before, params.not_after) = (date(not_before), date(not_after));
        params.is_ca = match (self.basic, self.path_len) {
            (Basic::Absent, _) => IsCa::NoCa,
            (Basic::NotCa, _) => IsCa::ExplicitNoCa,
            (Basic::Ca, None) => IsCa::Ca(BasicConstraints::Unconstrained),
            (Basic::Ca, Some(limit)) => IsCa::Ca(BasicConstraints::Constrained(limit)),
        };
        params.key_usages = match self.usage {
            Usage::CertSign => vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign],
            Usage::CrlSignAlone => vec![KeyUsagePurpose::CrlSign],
            Usage::Absent => Vec::new(),
        };
        params.extended_key_usages = match self.purposes {
            Purposes::Absent => Vec::new(),
            Purposes::Client => {
                vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth]
            }
            Purposes::Server => vec![ExtendedKeyUsagePurpose::ServerAuth],
            Purposes::Any => vec![ExtendedKeyUsagePurpose::Any],
        };
        params.name_constraints = self.constraint.map(Constraint::extension);
        let (signed, key) = (self.signed.clone(), self.key);
        signed.sign(self, params, key, keys)
    }

    /// Subject and issuer are one name (RFC 5280 §3.2).
    pub(crate) fn is_self_issued(&self) -> bool {
        self.subject == self.signed.issuer
    }
}

impl LeafShape {
    fn roll(dice: &mut Dice, theme: &Theme, issuer: Entity) -> Self {
        let hosts = ["dev-1.plant.example", "dev-1.office.example", "plant.example", "implant.example"];
        let common_name = dice.usually(theme.host_common_names, "dev-1", &hosts);
        let names = LeafNames {
            organization: dice.usually(10, "Acme", &["Else", "ACME "]),
            common_name,
            host: if common_name == "dev-1" && dice.percent(40) { Some(dice.pick(&hosts)) } else { None },
            address: if dice.percent(10) { Some(Ipv4Addr::new(dice.pick(&[10, 11]), 0, 0, 1)) } else { None },
            mail: if dice.percent(10) {
                Some(dice.pick(&["dev-1@plant.example", "dev-1@sub.plant.example"]))
            } else {
                None
            },
        };
        Self { names, signed: Signed::roll(dice, ANYTHING.absent_key_ids, issuer) }
    }

    fn make(self, keys: &Keys, serial: u64) -> Made<Self> {
        let LeafNames { organization, common_name, host, address, mail } = self.names;
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from(serial));
        params.distinguished_name = name(organization, common_name);
        (params.not_before, params.not_after) = (date(TODAY - 10 * DAY), date(TODAY + 10 * DAY));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.subject_alt_names = [
            host.map(|host| SanType::DnsName(host.try_into().unwrap())),
            address.map(|address| SanType::IpAddress(IpAddr::V4(address))),
            mail.map(|mail| SanType::Rfc822Name(mail.try_into().unwrap())),
        ]
        .into_iter()
        .flatten()
        .collect();
        let signed = self.signed.clone();
        signed.sign(self, params, 0, keys)
    }
}

fn name(organization: &str, common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, organization);
    name.push(DnType::CommonName, common_name);
    name
}

fn printable(text: &str) -> DnValue {
    DnValue::PrintableString(text.try_into().unwrap())
}

fn date(seconds: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).unwrap()).unwrap()
}
