//! Chains a peer may send, each with its verdict: the strict verifier against everything it must not believe.

use countersign_agent::tls::{ChainError, Link, verify_chain};
use countersign_agent::x509::{
    Anchor, AnchorError, CertificateError, ServerName, Time, TimeError, UsageError,
};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    KeyPair, KeyUsagePurpose, NameConstraints, SanType, date_time_ymd,
};

use crate::forge::{Parts, tlv};
use crate::pki::{Certified, HOST, NOW, ca_params, params};

/// A chain, and what it is judged by; right unless changed.
struct Chain<'c> {
    sent: Vec<&'c Certified>,
    anchors: Vec<&'c Certified>,
    name: &'static str,
    time: Time,
}

impl<'c> Chain<'c> {
    fn new(sent: &[&'c Certified], anchors: &[&'c Certified]) -> Self {
        Self { sent: sent.to_vec(), anchors: anchors.to_vec(), name: HOST, time: Time::Clock(NOW) }
    }

    fn at(self, time: Time) -> Self {
        Self { time, ..self }
    }

    fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    fn verdict(&self) -> Result<(), ChainError> {
        let anchors: Vec<_> = self.anchors.iter().map(|anchor| Anchor::new(&anchor.der).unwrap()).collect();
        let sent = self.sent.iter().map(|certificate| certificate.der.as_slice());
        verify_chain(sent, &anchors, &ServerName::parse(self.name).unwrap(), self.time).map(drop)
    }
}

/// Collects rows of the matrix, and says at the end which of them surprised.
#[derive(Default)]
struct Matrix {
    rows: usize,
    wrong: Vec<String>,
}

impl Matrix {
    fn accepts(&mut self, name: &str, chain: &Chain<'_>) {
        self.row(name, chain, Ok(()));
    }

    fn refuses(&mut self, name: &str, chain: &Chain<'_>, error: ChainError) {
        self.row(name, chain, Err(error));
    }

    fn row(&mut self, name: &str, chain: &Chain<'_>, expected: Result<(), ChainError>) {
        self.rows += 1;
        let verdict = chain.verdict();
        if verdict != expected {
            self.wrong.push(format!("{name}: {verdict:?}, not {expected:?}"));
        }
    }

    fn end(self) {
        assert!(
            self.wrong.is_empty(),
            "{} of {} rows:\n{}",
            self.wrong.len(),
            self.rows,
            self.wrong.join("\n")
        );
    }
}

fn usage(link: Link, source: UsageError) -> ChainError {
    ChainError::Usage { link, source }
}

/// The broker CAs, and the usual leaf.
struct Ca {
    root: Certified,
    issuing: Certified,
    leaf: Certified,
}

impl Ca {
    fn new() -> Self {
        let root = Certified::root("root");
        let issuing = root.issuing("issuing");
        let leaf = issuing.broker();
        Self { root, issuing, leaf }
    }

    /// A leaf, sent with the issuing CA, to be judged by the root.
    fn leaf(&self, change: impl FnOnce(&mut CertificateParams)) -> Certified {
        self.issuing.broker_with(change)
    }

    fn chain<'c>(&'c self, leaf: &'c Certified) -> Chain<'c> {
        Chain::new(&[leaf, &self.issuing], &[&self.root])
    }
}

#[test]
fn a_chain_from_leaf_to_anchor_is_accepted_in_every_honest_form() {
    let ca = Ca::new();
    let mut matrix = Matrix::default();
    let other = Certified::root("unrelated");
    let third = Certified::root("also unrelated");
    let direct = ca.root.broker();
    matrix.accepts("leaf and issuing CA", &ca.chain(&ca.leaf));
    matrix.accepts("leaf by the root", &Chain::new(&[&direct], &[&ca.root]));
    matrix.accepts("leaf by an issuing CA that is the anchor", &Chain::new(&[&ca.leaf], &[&ca.issuing]));
    matrix.accepts("leaf, issuing CA and root", &Chain::new(&[&ca.leaf, &ca.issuing, &ca.root], &[&ca.root]));
    matrix
        .accepts("an unrelated certificate last", &Chain::new(&[&ca.leaf, &ca.issuing, &other], &[&ca.root]));
    matrix.accepts(
        "unrelated certificates between",
        &Chain::new(&[&ca.leaf, &other, &third, &ca.issuing], &[&ca.root]),
    );
    matrix.accepts("the second of two anchors", &Chain::new(&[&ca.leaf, &ca.issuing], &[&other, &ca.root]));

    let (rolled, before) = (Certified::root("root"), Certified::root("root"));
    matrix.accepts(
        "one of three anchors of one name",
        &Chain::new(&[&ca.leaf, &ca.issuing], &[&rolled, &before, &ca.root]),
    );
    let ended = Certified::root_with("root", |params| params.not_after = date_time_ymd(2025, 1, 1));
    matrix.accepts(
        "one of two anchors of one name, the other ended",
        &Chain::new(&[&ca.leaf, &ca.issuing], &[&ended, &ca.root]),
    );
    let rolled_issuing = rolled.issuing("issuing");
    matrix.accepts(
        "two issuing CAs of one name, the wrong one first",
        &Chain::new(&[&ca.leaf, &rolled_issuing, &ca.issuing], &[&ca.root, &rolled]),
    );
    matrix.end();
}

#[test]
fn a_server_has_the_name_it_is_asked_for_among_its_sans_and_nowhere_else() {
    let ca = Ca::new();
    let mut matrix = Matrix::default();
    let refused = usage(Link::EndEntity, UsageError::OtherName);
    let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
    matrix.refuses("another host", &ca.chain(&ca.leaf).named("other.example"), refused);
    matrix.refuses("a host below", &ca.chain(&ca.leaf).named("x.broker.example"), refused);
    matrix.refuses("a host above", &ca.chain(&ca.leaf).named("example"), refused);
    matrix.accepts("the host in capitals", &ca.chain(&ca.leaf).named("BROKER.example"));

    let common_name = ca.leaf(|params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, HOST);
        params.subject_alt_names = vec![dns("other.example")];
    });
    matrix.refuses("the common name, with another SAN", &ca.chain(&common_name), refused);
    let no_san = ca.leaf(|params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, HOST);
        params.subject_alt_names.clear();
    });
    matrix.refuses("the common name, without SAN", &ca.chain(&no_san), refused);
    let nameless = ca.leaf(|params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.subject_alt_names.clear();
    });
    matrix.refuses("no name at all", &ca.chain(&nameless), refused);

    let addresses = ca.leaf(|params| {
        params.subject_alt_names = vec![
            SanType::IpAddress("192.0.2.7".parse().unwrap()),
            SanType::IpAddress("2001:db8::7".parse().unwrap()),
        ];
    });
    matrix.accepts("an IPv4 address", &ca.chain(&addresses).named("192.0.2.7"));
    matrix.accepts("an IPv6 address", &ca.chain(&addresses).named("2001:db8::7"));
    matrix.refuses("another address", &ca.chain(&addresses).named("192.0.2.8"), refused);
    matrix.refuses("an address that is 16 bytes", &ca.chain(&addresses).named("::ffff:192.0.2.7"), refused);
    let address_as_text = ca.leaf(|params| params.subject_alt_names = vec![dns("192.0.2.7")]);
    matrix.refuses(
        "an address written as a DNS name",
        &ca.chain(&address_as_text).named("192.0.2.7"),
        refused,
    );

    let many = ca.leaf(|params| {
        params.subject_alt_names = (0..20).map(|number| dns(&format!("host-{number}.example"))).collect();
        params.subject_alt_names.push(SanType::URI("https://broker.example".try_into().unwrap()));
        params.subject_alt_names.push(SanType::Rfc822Name("admin@broker.example".try_into().unwrap()));
        params.subject_alt_names.push(dns(HOST));
    });
    matrix.accepts("the last of 23 SANs", &ca.chain(&many));
    matrix.accepts("the fourth of 23 SANs", &ca.chain(&many).named("host-3.example"));
    let wildcard = ca.leaf(|params| params.subject_alt_names = vec![dns("*.example")]);
    matrix.refuses("a wildcard", &ca.chain(&wildcard), refused);
    matrix.end();
}

#[test]
fn time_is_judged_by_the_clock_at_both_ends_and_by_the_floor_at_one() {
    let ca = Ca::new();
    let mut matrix = Matrix::default();
    let day = |number: u64| number * 86_400;
    let (start, end) = (day(19_723), day(24_837)); // 2024-01-01 and 2038-01-01, days since 1970.
    let (clock, floor) = (Time::Clock, Time::Floor);
    let leaf = ca.leaf(|params| {
        params.not_before = date_time_ymd(2024, 1, 1);
        params.not_after = date_time_ymd(2038, 1, 1);
    });
    let expired = |link, time| ChainError::Time { link, source: TimeError::Expired { not_after: end, time } };
    let early =
        |link, time| ChainError::Time { link, source: TimeError::NotYetValid { not_before: start, time } };
    matrix.accepts("the first second", &ca.chain(&leaf).at(clock(start)));
    matrix.accepts("the last second", &ca.chain(&leaf).at(clock(end)));
    let time = clock(end + 1);
    matrix.refuses("a second late", &ca.chain(&leaf).at(time), expired(Link::EndEntity, time));
    let time = clock(start - 1);
    matrix.refuses("a second early", &ca.chain(&leaf).at(time), early(Link::EndEntity, time));
    matrix.accepts("early, by the floor", &ca.chain(&leaf).at(floor(start - 1)));
    matrix.accepts("the last second, by the floor", &ca.chain(&leaf).at(floor(end)));
    let time = floor(end + 1);
    matrix.refuses("a second late, by the floor", &ca.chain(&leaf).at(time), expired(Link::EndEntity, time));

    let issuing = ca.root.issuing_with("issuing", |params| params.not_after = date_time_ymd(2038, 1, 1));
    let leaf = issuing.broker();
    let chain = |time| Chain::new(&[&leaf, &issuing], &[&ca.root]).at(time);
    let time = clock(end + 1);
    matrix.refuses("an issuing CA that has ended", &chain(time), expired(Link::Intermediate, time));
    let time = floor(end + 1);
    matrix.refuses("the same, by the floor", &chain(time), expired(Link::Intermediate, time));

    let issuing = ca.root.issuing_with("issuing", |params| params.not_before = date_time_ymd(2024, 1, 1));
    let leaf = issuing.broker_with(|params| params.not_before = date_time_ymd(2020, 1, 1));
    let time = clock(start - 1);
    let chain = Chain::new(&[&leaf, &issuing], &[&ca.root]).at(time);
    matrix.refuses("an issuing CA that has not begun", &chain, early(Link::Intermediate, time));

    let root = Certified::root_with("root", |params| params.not_after = date_time_ymd(2038, 1, 1));
    let direct = root.broker();
    let chain = |time| Chain::new(&[&direct], &[&root]).at(time);
    matrix.accepts("an anchor in its last second", &chain(clock(end)));
    let time = clock(end + 1);
    matrix.refuses("an anchor that has ended", &chain(time), expired(Link::Anchor, time));
    let root = Certified::root_with("root", |params| params.not_before = date_time_ymd(2024, 1, 1));
    let direct = root.broker_with(|params| params.not_before = date_time_ymd(2020, 1, 1));
    let time = clock(start - 1);
    let chain = Chain::new(&[&direct], &[&root]).at(time);
    matrix.refuses("an anchor that has not begun", &chain, early(Link::Anchor, time));
    let far = ca.leaf(|params| params.not_after = date_time_ymd(2051, 1, 1));
    matrix.accepts("a notAfter beyond 2049", &ca.chain(&far));
    matrix.end();
}

#[test]
fn a_leaf_must_be_a_server_certificate() {
    use ExtendedKeyUsagePurpose as Purpose;
    let ca = Ca::new();
    let mut matrix = Matrix::default();
    let not_for_servers = usage(Link::EndEntity, UsageError::NotForServers);
    let may_not_sign = usage(Link::EndEntity, UsageError::MayNotSignHandshakes);
    let is_a_ca = usage(Link::EndEntity, UsageError::IsACa);

    let leaf = ca.leaf(|params| params.extended_key_usages = vec![Purpose::ClientAuth]);
    matrix.refuses("clientAuth alone", &ca.chain(&leaf), not_for_servers);
    let leaf = ca.leaf(|params| params.extended_key_usages.clear());
    matrix.refuses("no extendedKeyUsage", &ca.chain(&leaf), not_for_servers);
    let leaf = ca.leaf(|params| params.extended_key_usages = vec![Purpose::Any]);
    matrix.refuses("anyExtendedKeyUsage", &ca.chain(&leaf), not_for_servers);
    let leaf = ca.leaf(|params| params.extended_key_usages = vec![Purpose::ClientAuth, Purpose::ServerAuth]);
    matrix.accepts("clientAuth and serverAuth", &ca.chain(&leaf));
    let leaf = ca.leaf(|params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]);
    matrix.refuses("keyUsage without digitalSignature", &ca.chain(&leaf), may_not_sign);
    let leaf = ca.leaf(|params| params.key_usages.clear());
    matrix.refuses("no keyUsage", &ca.chain(&leaf), may_not_sign);
    let leaf = ca.leaf(|params| params.key_usages.push(KeyUsagePurpose::KeyCertSign));
    matrix.refuses("keyCertSign in a leaf", &ca.chain(&leaf), is_a_ca);
    let leaf = ca.leaf(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    matrix.refuses("a CA for a leaf", &ca.chain(&leaf), is_a_ca);
    let leaf = ca.leaf(|params| params.is_ca = IsCa::ExplicitNoCa);
    matrix.accepts("CA:FALSE in so many words", &ca.chain(&leaf));
    matrix.refuses("the anchor itself", &Chain::new(&[&ca.root], &[&ca.root]), is_a_ca);

    let device = ca.issuing.device(HOST);
    matrix.refuses("a device of the same CA, called like the broker", &ca.chain(&device), not_for_servers);

    let unknown = |critical| {
        ca.leaf(|params| {
            let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999, 1], vec![5, 0]);
            extension.set_criticality(critical);
            params.custom_extensions = vec![extension];
        })
    };
    let error =
        ChainError::Certificate { link: Link::EndEntity, source: CertificateError::UnknownCriticalExtension };
    matrix.refuses("an unknown critical extension", &ca.chain(&unknown(true)), error);
    matrix.accepts("an unknown extension that is not critical", &ca.chain(&unknown(false)));
    matrix.refuses("nothing", &Chain::new(&[], &[&ca.root]), ChainError::Empty);
    matrix.end();
}

#[test]
fn an_issuer_must_be_a_ca_that_may_issue_this() {
    let ca = Ca::new();
    let mut matrix = Matrix::default();
    let mut refuses = |name: &str, change: fn(&mut CertificateParams), error: UsageError| {
        let issuing = ca.root.issuing_with("issuing", change);
        let leaf = issuing.broker();
        let chain = Chain::new(&[&leaf, &issuing], &[&ca.root]);
        matrix.refuses(name, &chain, usage(Link::Intermediate, error));
    };
    refuses("CA:FALSE", |params| params.is_ca = IsCa::ExplicitNoCa, UsageError::NotACa);
    refuses("no basicConstraints", |params| params.is_ca = IsCa::NoCa, UsageError::NotACa);
    refuses(
        "no keyCertSign",
        |params| params.key_usages = vec![KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature],
        UsageError::MayNotSignCertificates,
    );
    refuses("no keyUsage", |params| params.key_usages.clear(), UsageError::MayNotSignCertificates);
    refuses(
        "only for clients",
        |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
        UsageError::NotForServers,
    );

    // No library would write this: a CA that says so in an extension which may be ignored.
    let mut parts = Parts::of(&ca.issuing.der);
    let constraints = [tlv(6, &[0x55, 0x1d, 0x13]), tlv(4, &[0x30, 3, 1, 1, 0xff])].concat();
    parts.extensions.retain(|found| !found.windows(5).any(|bytes| bytes == [6, 3, 0x55, 0x1d, 0x13]));
    parts.extensions.push(tlv(0x30, &constraints));
    let optional = Certified {
        der: parts.sign(&ca.root),
        params: ca.issuing.params.clone(),
        key: KeyPair::try_from(ca.issuing.key.serialize_der()).unwrap(),
    };
    matrix.refuses(
        "basicConstraints that are not critical",
        &Chain::new(&[&ca.leaf, &optional], &[&ca.root]),
        usage(Link::Intermediate, UsageError::ConstraintsNotCritical),
    );

    let constrained = ca.root.issuing_with("issuing", |params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("elsewhere.example".into())],
            excluded_subtrees: vec![],
        });
    });
    let leaf = constrained.broker();
    let source = CertificateError::UnknownCriticalExtension;
    matrix.refuses(
        "nameConstraints",
        &Chain::new(&[&leaf, &constrained], &[&ca.root]),
        ChainError::Certificate { link: Link::Intermediate, source },
    );

    let narrow =
        Certified::root_with("root", |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let issuing = narrow.issuing("issuing");
    let leaf = issuing.broker();
    matrix.refuses(
        "an anchor whose pathLen is violated",
        &Chain::new(&[&leaf, &issuing], &[&narrow]),
        usage(Link::Anchor, UsageError::PathTooLong { allowed: 0 }),
    );
    let direct = narrow.broker();
    matrix.accepts("an anchor whose pathLen is kept", &Chain::new(&[&direct], &[&narrow]));

    let lower = ca.issuing.issuing("lower");
    let leaf = lower.broker();
    matrix.refuses(
        "two CAs between",
        &Chain::new(&[&leaf, &lower, &ca.issuing], &[&ca.root]),
        ChainError::UnknownIssuer { link: Link::Intermediate },
    );
    matrix.end();
}

#[test]
fn a_device_is_no_ca() {
    let ca = Ca::new();
    let mut matrix = Matrix::default();
    // The worst case: one root for brokers and devices.
    let device = ca.issuing.device("dev-1");
    let forged = device.broker();
    matrix.refuses(
        "a leaf signed with a stolen device key",
        &Chain::new(&[&forged, &device, &ca.issuing], &[&ca.root]),
        usage(Link::Intermediate, UsageError::NotACa),
    );
    let direct = ca.root.device("dev-1");
    let forged = direct.broker();
    matrix.refuses(
        "the same, the device directly below the root",
        &Chain::new(&[&forged, &direct], &[&ca.root]),
        usage(Link::Intermediate, UsageError::NotACa),
    );
    matrix.end();
}

#[test]
fn names_and_signatures_must_both_chain() {
    let ca = Ca::new();
    let mut matrix = Matrix::default();
    let other = Certified::root("root");
    let same_name = other.issuing("issuing");

    // The issuing CA's key under another name: the signature is right, the name is not.
    let renamed = Certified {
        der: Vec::new(),
        params: ca_params("another name"),
        key: KeyPair::try_from(ca.issuing.key.serialize_der()).unwrap(),
    };
    let leaf = renamed.broker();
    let unknown = ChainError::UnknownIssuer { link: Link::EndEntity };
    matrix.refuses("an issuer of another name than its certificate", &ca.chain(&leaf), unknown);

    let leaf = same_name.broker();
    let error = ChainError::Signature { link: Link::EndEntity };
    matrix.refuses("a signature of another issuer of that name", &ca.chain(&leaf), error);
    matrix.refuses("another root", &Chain::new(&[&ca.leaf, &ca.issuing], &[&Certified::root("else")]), {
        ChainError::UnknownIssuer { link: Link::Intermediate }
    });
    matrix.refuses(
        "another root of that name",
        &Chain::new(&[&ca.leaf, &ca.issuing], &[&other]),
        ChainError::Signature { link: Link::Intermediate },
    );
    let mut own = params("self-signed");
    own.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    own.subject_alt_names = vec![SanType::DnsName(HOST.try_into().unwrap())];
    let key = crate::pki::key();
    let der = own.self_signed(&key).unwrap().der().to_vec();
    let self_signed = Certified { der, params: own, key };
    matrix.refuses("a self-signed leaf", &Chain::new(&[&self_signed], &[&ca.root]), unknown);
    matrix.refuses("no issuing CA", &Chain::new(&[&ca.leaf], &[&ca.root]), unknown);
    matrix.refuses(
        "the issuing CA in fifth place",
        &Chain::new(&[&ca.leaf, &other, &other, &other, &ca.issuing], &[&ca.root]),
        unknown,
    );

    let crowd: Vec<_> = (0..3).map(|_| Certified::root("root")).collect();
    let many: Vec<_> = (0..3).map(|_| Certified::root("root").issuing("issuing")).collect();
    matrix.refuses(
        "more signatures to check than a device has time for",
        &Chain::new(&[&ca.leaf, &many[0], &many[1], &many[2]], &[&crowd[0], &crowd[1], &crowd[2]]),
        ChainError::Budget,
    );
    matrix.end();
}

#[test]
fn an_anchor_must_be_a_ca() {
    let refusal =
        |change: fn(&mut CertificateParams)| Anchor::new(&Certified::root_with("x", change).der).err();
    assert_eq!(refusal(|_| ()), None);
    let not_a_ca = Some(AnchorError::Usage(UsageError::NotACa));
    assert_eq!(refusal(|params| params.is_ca = IsCa::NoCa), not_a_ca);
    assert_eq!(refusal(|params| params.is_ca = IsCa::ExplicitNoCa), not_a_ca);
    let may_not_sign = Some(AnchorError::Usage(UsageError::MayNotSignCertificates));
    assert_eq!(refusal(|params| params.key_usages = vec![KeyUsagePurpose::CrlSign]), may_not_sign);
    assert_eq!(refusal(|params| params.key_usages.clear()), may_not_sign);
    let broker = Ca::new().leaf;
    assert_eq!(Anchor::new(&broker.der).err(), not_a_ca);
}
