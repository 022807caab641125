//! Honest scripts, and near misses.

use adversary::server::ECDSA_SECP256R1_SHA256;

use super::script::{Edit, Message, Step, write};

const NONE: Edit<'static> = Edit { at: 0, remove: 0, insert: &[] };

const HELLO: Step<'static> = Step::Hello(NONE);
const EXTENSIONS: Step<'static> = add(Message::EncryptedExtensions);
const REQUEST: Step<'static> = add(Message::CertificateRequest);
const CHAIN: Step<'static> = add(Message::Certificate(&[0, 1]));
const FINISHED: Step<'static> = add(Message::Finished);
const SEND: Step<'static> = Step::Send { kind: 22, padding: 0 };
const WORDS: Step<'static> = Step::Seal(b"good morning\x17");
const CLOSE_NOTIFY: Step<'static> = Step::Seal(&[1, 0, 21]);

const TICKET: Message<'static> = Message::Other(4, &[0, 0, 0, 60, 1, 2, 3, 4, 1, 9, 0, 2, 7, 7, 0, 0]);
const REQUEST_BYTES: &[u8] = &[13, 0, 0, 11, 0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3];

const ECDSA_SECP384R1_SHA384: u16 = 0x0503;

const fn add(message: Message<'static>) -> Step<'static> {
    Step::Add(message, NONE)
}

/// A message with a CertificateRequest where its fields have ended.
const fn with_request(message: Message<'static>, end: u16) -> Step<'static> {
    Step::Add(message, Edit { at: end, remove: 0, insert: REQUEST_BYTES })
}

const fn proof(signer: u8, scheme: u16) -> Step<'static> {
    add(Message::CertificateVerify { signer, scheme })
}

pub fn seeds() -> Vec<Vec<u8>> {
    let proof_of = |signer| proof(signer, ECDSA_SECP256R1_SHA256);
    let honest = proof_of(0);
    let chain = |certificates| add(Message::Certificate(certificates));
    let separate = [EXTENSIONS, REQUEST, chain(&[0, 2, 1]), honest].map(|message| [message, SEND]).concat();
    let established = [HELLO, EXTENSIONS, REQUEST, CHAIN, honest, FINISHED, SEND, Step::Establish];
    let scripts = [
        [&established[..], &[WORDS, add(TICKET), SEND, WORDS, CLOSE_NOTIFY]].concat(),
        // Each message in a record of its own, after a ChangeCipherSpec; and a record repeated by an attacker on the path.
        [
            &[HELLO, Step::Plain(20, &[1])],
            &separate[..],
            &[FINISHED, Step::Send { kind: 22, padding: 9 }, Step::Establish, WORDS, Step::Again(NONE)],
        ]
        .concat(),
        // Messages in others.
        vec![HELLO, with_request(Message::EncryptedExtensions, 2), CHAIN, honest, FINISHED, SEND],
        [&established[..], &[with_request(TICKET, 16), SEND]].concat(),
        // Servers without the broker's key, and signatures over something else.
        vec![HELLO, EXTENSIONS, REQUEST, chain(&[5, 6]), proof_of(5), FINISHED, SEND],
        vec![HELLO, EXTENSIONS, REQUEST, CHAIN, proof_of(5), FINISHED, SEND],
        vec![HELLO, EXTENSIONS, REQUEST, chain(&[3, 4]), proof_of(3), FINISHED, SEND],
        vec![HELLO, EXTENSIONS, REQUEST, CHAIN, proof(0, ECDSA_SECP384R1_SHA384), FINISHED, SEND],
        vec![HELLO, EXTENSIONS, REQUEST, CHAIN, FINISHED, SEND],
        // Servers that do not ask for a client certificate.
        vec![HELLO, EXTENSIONS, CHAIN, honest, FINISHED, SEND],
        vec![HELLO, EXTENSIONS, Step::SendPart(3), Step::SendPart(9)],
        vec![Step::Plain(21, &[2, 40])],
    ];
    scripts.iter().map(|script| write(script)).collect()
}
