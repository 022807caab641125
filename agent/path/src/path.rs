//! Building a path, from the anchors downwards.
//!
//! Signatures are checked from the top: a presented CA counts for something only once a trusted key has signed it. So
//! whatever a stranger presents, the only keys that are ever verified with are those that an operator trusts, and the
//! number of attempts is bounded by [`Budget`]. Names, validity and constraints are judged before any signature.

use rustls_pki_types::UnixTime;

use crate::budget::{Budget, MAX_PRESENTED, MAX_PRESENTED_OCTETS, signature_cost};
use crate::ca_certificate::{CaCertificate, KeyIdFit};
use crate::certificate::Certificate;
use crate::configured_cas::ConfiguredCas;
use crate::path_fault::PathFault;
use crate::public_key::MAX_PRESENTED_RSA_BITS;
use crate::purpose::Purpose;
use crate::signature::{Algorithms, Choice, algorithm_name, choose, is_signed_by};

/// One CA of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathCa {
    /// The position among the configured ones.
    Configured(usize),
    /// The position among the presented ones.
    Presented(usize),
}

/// What a peer presents, and how it is judged.
#[derive(Clone, Copy, Debug)]
pub struct PathRequest<'a> {
    /// The peer's own certificate.
    pub end_entity: &'a Certificate,
    /// What came with it, in DER.
    pub presented: &'a [&'a [u8]],
    /// What it is presented for.
    pub purpose: Purpose,
    /// When.
    pub now: UnixTime,
    /// What verifies signatures.
    pub algorithms: Algorithms<'a>,
}

impl ConfiguredCas {
    /// Proves a path from a peer's certificate to an anchor: names, signatures, validity of the CAs, path lengths and name
    /// constraints (RFC 5280 §6.1). What the peer's certificate says about itself is judged apart. Returns the CAs from its
    /// issuer up to an anchor, which is configured.
    ///
    /// `budget` is that of the whole handshake: where a peer may be proven in several ways, all of them share it.
    ///
    /// # Errors
    /// There is no such path, or it is not worth looking for longer.
    pub fn prove(&self, request: &PathRequest<'_>, budget: &mut Budget) -> Result<Vec<PathCa>, PathFault> {
        refuse_too_much(request.end_entity.der(), request.presented)?;
        let mut search = Search {
            configured: self,
            request,
            presented: Vec::new(),
            budget,
            is_exhausted: false,
            fault: PathFault::UnknownIssuer { not_looked_at: 0 },
            signatures: Vec::new(),
            tried: Vec::new(),
        };
        search.run().ok_or_else(|| {
            if search.is_exhausted {
                let signature_checks = search.budget.spent().signature_checks;
                search.note(PathFault::BudgetExhausted { signature_checks });
            }
            search.fault
        })
    }
}

/// Refuses more certificates, or longer ones, than are looked at.
///
/// # Errors
/// There are more.
pub fn refuse_too_much<T: AsRef<[u8]>>(end_entity: &[u8], presented: &[T]) -> Result<(), PathFault> {
    if presented.len() > MAX_PRESENTED {
        return Err(PathFault::TooManyPresented { certificates: presented.len() });
    }
    let octets = end_entity.len() + presented.iter().map(|der| der.as_ref().len()).sum::<usize>();
    if octets > MAX_PRESENTED_OCTETS {
        return Err(PathFault::TooLongPresented { octets });
    }
    Ok(())
}

/// A presented CA that may take part.
struct Candidate {
    position: usize,
    ca: CaCertificate,
    /// How many CAs stand between it and the peer's certificate at least, by the names; itself counted.
    step: usize,
    /// Whether the certificate below it names its key.
    key_id: KeyIdFit,
}

struct Search<'a> {
    configured: &'a ConfiguredCas,
    request: &'a PathRequest<'a>,
    presented: Vec<Candidate>,
    budget: &'a mut Budget,
    is_exhausted: bool,
    fault: PathFault,
    /// Signatures that were checked: on which certificate, by which CA, and whether it is that CA's.
    signatures: Vec<(Subject, PathCa, bool)>,
    /// Candidates that were judged, and below which chain.
    tried: Vec<(usize, Vec<PathCa>)>,
}

/// Which certificate a signature is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    EndEntity,
    /// The position among the candidates.
    Candidate(usize),
}

/// A candidate and a proven chain that it may stand below.
struct Edge {
    candidate: usize,
    chain: Vec<PathCa>,
    order: (KeyIdFit, KeyIdFit, usize, usize),
}

impl Search<'_> {
    /// The CAs of the first path that holds, from the issuer of the peer's certificate up to an anchor.
    fn run(&mut self) -> Option<Vec<PathCa>> {
        let mut chains: Vec<Vec<PathCa>> = self
            .configured
            .chains()
            .map(|chain| chain.iter().copied().map(PathCa::Configured).collect())
            .collect();
        if let Some(path) = self.end_entity_below(&chains) {
            return Some(path);
        }
        self.read_presented();
        while let Some(Edge { candidate, mut chain, .. }) = self.next_edge(&chains) {
            self.tried.push((candidate, chain.clone()));
            if !self.holds(Subject::Candidate(candidate), &chain) {
                continue;
            }
            chain.insert(0, PathCa::Presented(self.presented.get(candidate)?.position));
            if let Some(path) = self.end_entity_below(std::slice::from_ref(&chain)) {
                return Some(path);
            }
            chains.push(chain);
        }
        None
    }

    /// The first of `chains` that the peer's certificate is signed below.
    fn end_entity_below(&mut self, chains: &[Vec<PathCa>]) -> Option<Vec<PathCa>> {
        let mut fitting: Vec<(KeyIdFit, &Vec<PathCa>)> = chains
            .iter()
            .filter_map(|chain| {
                let issuer = self.ca(*chain.first()?)?;
                Some((issuer.fit_as_issuer_of(self.request.end_entity)?, chain))
            })
            .collect();
        // Stable: of equals, the one that is configured first.
        fitting.sort_by_key(|(fit, _)| *fit);
        fitting
            .into_iter()
            .find(|(_, chain)| self.holds(Subject::EndEntity, chain))
            .map(|(_, chain)| chain.clone())
    }

    /// Reads as many presented certificates as may stand below what is configured.
    fn read_presented(&mut self) {
        let longest = self.configured.longest_presented();
        let mut counted = 0;
        let mut read: Vec<(usize, Certificate)> = Vec::new();
        let mut not_looked_at = 0;
        for (position, der) in self.request.presented.iter().enumerate() {
            if self.configured.contains(der) {
                continue;
            }
            if counted >= longest {
                not_looked_at += 1;
                continue;
            }
            self.budget.parsed(der.len());
            let Ok(certificate) = Certificate::parse(der) else {
                counted += 1;
                continue;
            };
            counted += usize::from(!certificate.is_self_issued());
            read.push((position, certificate));
        }
        self.note(PathFault::UnknownIssuer { not_looked_at });
        self.choose_candidates(read);
    }

    /// Keeps those that the names lead to, from the peer's certificate upwards, and that may issue.
    fn choose_candidates(&mut self, mut read: Vec<(usize, Certificate)>) {
        for step in 1.. {
            let below: Vec<Certificate> = match step {
                1 => vec![self.request.end_entity.clone()],
                _ => self.at_step(step - 1).map(|candidate| candidate.ca.certificate().clone()).collect(),
            };
            let (named, others): (Vec<_>, Vec<_>) = read.into_iter().partition(|(_, certificate)| {
                below.iter().any(|below| below.issuer.is_same_name(&certificate.subject))
            });
            if named.is_empty() {
                return;
            }
            for (position, certificate) in named {
                let subject = certificate.subject.to_string();
                match CaCertificate::check(certificate, self.request.purpose, MAX_PRESENTED_RSA_BITS) {
                    Ok(ca) => {
                        let fits = below.iter().filter_map(|below| ca.fit_as_issuer_of(below));
                        let key_id = fits.min().unwrap_or(KeyIdFit::Unknown);
                        self.presented.push(Candidate { position, ca, step, key_id });
                    }
                    Err(fault) => self.note(PathFault::UnfitCa { subject, fault }),
                }
            }
            read = others;
        }
    }

    fn at_step(&self, step: usize) -> impl Iterator<Item = &Candidate> {
        self.presented.iter().filter(move |candidate| candidate.step == step)
    }

    /// The most promising candidate and chain that have not been judged together.
    fn next_edge(&self, chains: &[Vec<PathCa>]) -> Option<Edge> {
        let mut edges: Vec<Edge> = Vec::new();
        for (index, candidate) in self.presented.iter().enumerate() {
            let itself = PathCa::Presented(candidate.position);
            for chain in chains.iter().filter(|chain| !chain.contains(&itself)) {
                let issuer = chain.first().and_then(|issuer| self.ca(*issuer));
                let fit = issuer.and_then(|issuer| issuer.fit_as_issuer_of(candidate.ca.certificate()));
                let is_tried = self.tried.iter().any(|(tried, below)| *tried == index && below == chain);
                if let (Some(fit), false) = (fit, is_tried) {
                    let order = (candidate.key_id, fit, candidate.step, candidate.position);
                    edges.push(Edge { candidate: index, chain: chain.clone(), order });
                }
            }
        }
        edges.into_iter().min_by_key(|edge| edge.order)
    }

    /// Whether the path from `subject` along `chain` holds, its signature included.
    fn holds(&mut self, subject: Subject, chain: &[PathCa]) -> bool {
        let Some(&issuer) = chain.first() else { return false };
        let judged = self.refuse_unfit(subject, chain).and_then(|()| self.refuse_unsigned(subject, issuer));
        match judged {
            Ok(holds) => holds,
            Err(fault) => {
                self.note(fault);
                false
            }
        }
    }

    /// What is known of the signature of `subject` by the key of `issuer`: a CA may have several certificates.
    fn known_signature(&self, subject: Subject, issuer: &CaCertificate) -> Option<bool> {
        let key = issuer.certificate().public_key();
        let same_key = |by: PathCa| self.ca(by).is_some_and(|other| other.certificate().public_key() == key);
        let known = self.signatures.iter().find(|(of, by, _)| *of == subject && same_key(*by));
        known.map(|(_, _, is_signed)| *is_signed)
    }

    /// `Ok(false)`: there is no budget left to find out.
    fn refuse_unsigned(&mut self, subject: Subject, issuer: PathCa) -> Result<bool, PathFault> {
        let (certificate, step) = match subject {
            Subject::EndEntity => (self.request.end_entity, 0),
            Subject::Candidate(index) => match self.presented.get(index) {
                Some(candidate) => (candidate.ca.certificate(), candidate.step),
                None => return Ok(false),
            },
        };
        let Some(ca) = self.ca(issuer) else { return Ok(false) };
        let key = ca.certificate().public_key();
        let known = self.known_signature(subject, ca);
        if known == Some(true) {
            return Ok(true);
        }
        let mismatch = || PathFault::SignatureMismatch {
            subject: certificate.subject.to_string(),
            issuer: ca.subject().to_string(),
        };
        match choose(self.request.algorithms, certificate, key) {
            Choice::Unsupported => Err(PathFault::UnsupportedSignature {
                subject: certificate.subject.to_string(),
                algorithm: algorithm_name(certificate),
            }),
            Choice::OtherKey => Err(mismatch()),
            Choice::Algorithm(_) if known == Some(false) => Err(mismatch()),
            Choice::Algorithm(algorithm) => {
                let cost = signature_cost(key.kind(), certificate.signed().len());
                if !self.budget.allows(step, cost) {
                    self.budget.exceed();
                    self.is_exhausted = true;
                    return Ok(false);
                }
                let is_signed = is_signed_by(algorithm, certificate, key);
                let fault = (!is_signed).then(mismatch);
                self.budget.spend(step, cost);
                self.signatures.push((subject, issuer, is_signed));
                fault.map_or(Ok(true), Err)
            }
        }
    }

    /// Judges everything but the signature: validity of the CAs, path lengths, name constraints.
    fn refuse_unfit(&self, subject: Subject, chain: &[PathCa]) -> Result<(), PathFault> {
        let now = self.request.now;
        // From the peer's side up to the anchor.
        let mut cas: Vec<&CaCertificate> = Vec::new();
        if let Subject::Candidate(index) = subject {
            cas.extend(self.presented.get(index).map(|candidate| &candidate.ca));
        }
        cas.extend(chain.iter().filter_map(|ca| self.ca(*ca)));
        for (position, ca) in cas.iter().enumerate() {
            let is_anchor = position + 1 == cas.len();
            let subject_name = || ca.subject().to_string();
            if now < ca.not_before() {
                let not_before = ca.not_before();
                return Err(PathFault::CaNotYetValid { subject: subject_name(), is_anchor, not_before });
            }
            if now > ca.not_after() {
                let not_after = ca.not_after();
                return Err(PathFault::CaExpired { subject: subject_name(), is_anchor, not_after });
            }
            let below = cas.get(..position).unwrap_or_default();
            let counted = below.iter().filter(|ca| !ca.certificate().is_self_issued()).count();
            if let Some(allowed) = ca.path_len()
                && usize::try_from(allowed).is_ok_and(|allowed| counted > allowed)
            {
                return Err(PathFault::PathTooLong { subject: subject_name(), allowed, found: counted });
            }
            if let Some(constraints) = &ca.certificate().name_constraints {
                let below = below.iter().map(|ca| ca.certificate()).filter(|below| !below.is_self_issued());
                let end_entity = (subject == Subject::EndEntity).then_some(self.request.end_entity);
                for certificate in below.chain(end_entity) {
                    constraints
                        .allow(&certificate.subject, &certificate.alternative_names)
                        .map_err(|fault| PathFault::NameConstraint { subject: subject_name(), fault })?;
                }
            }
        }
        Ok(())
    }

    fn ca(&self, ca: PathCa) -> Option<&CaCertificate> {
        match ca {
            PathCa::Configured(position) => self.configured.get(position),
            PathCa::Presented(position) => {
                self.presented.iter().find(|candidate| candidate.position == position).map(|found| &found.ca)
            }
        }
    }

    fn note(&mut self, fault: PathFault) {
        if fault.rank() >= self.fault.rank() {
            self.fault = fault;
        }
    }
}
