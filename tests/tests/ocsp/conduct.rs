//! [`Conduct`]: what a responder does with a question, honest or not.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::pki::{DAY, now};

use crate::redated::{Times, redated};
use integration_tests::ocsp_authority::{Authority, Status};

/// No connection is served for longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the responder does when it is asked about a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// It says for an hour what has become of it.
    Says(Status),
    /// It says after a while that it is good.
    GoodAfter(Duration),
    /// It says that it is good, for so long.
    GoodFor(Duration),
    /// It says that it was good until yesterday.
    GoodUntilYesterday,
    /// It accepts, and says nothing.
    Hangs,
    /// It sends a good answer, an octet each second.
    Drips,
    /// It sends bytes that mean nothing.
    Garbage,
    /// It sends half of a good answer as if it were all.
    Half,
    /// It says that another certificate is good.
    AboutAnother,
    /// It sends a good answer to another question about the certificate.
    Replayed,
    /// It says that the certificate is good, signed by another CA.
    SignedByAnother,
    /// It says that the certificate is good, with a bit of the signature flipped.
    SignatureBroken,
    /// It says `tryLater` (RFC 6960 §2.3).
    TryLater,
    /// It sends the client elsewhere, where the answer would be good.
    Redirects,
    /// It has a status of HTTP and no answer.
    Fails(u16),
    /// It announces a gigabyte and sends it.
    Floods,
}

/// A question that has come, and who could answer it.
pub(crate) struct Question<'q> {
    pub(crate) der: &'q [u8],
    /// Of the certificate, in hex.
    pub(crate) serial: &'q str,
    /// The CA of the certificate.
    pub(crate) issuer: &'q Authority,
    /// Another one.
    pub(crate) other: &'q Authority,
    /// Whether the responder stops.
    pub(crate) stop: &'q AtomicBool,
}

impl Question<'_> {
    fn says(&self, status: Status) -> Vec<u8> {
        self.issuer.answer(self.issuer, self.der, self.serial, status)
    }

    /// Treats it like this.
    pub(crate) fn treat(&self, stream: &mut TcpStream, conduct: Conduct) -> std::io::Result<()> {
        let good = || self.says(Status::Good);
        let dated = |times| redated(&good(), times, self.issuer);
        match conduct {
            Conduct::Says(status) => send(stream, &self.says(status)),
            Conduct::GoodAfter(delay) => {
                thread::sleep(delay);
                send(stream, &good())
            }
            Conduct::GoodFor(time) => send(stream, &dated(Times { begin: now(), end: now() + time })),
            Conduct::GoodUntilYesterday => {
                send(stream, &dated(Times { begin: now() - 2 * DAY, end: now() - DAY }))
            }
            Conduct::Hangs => self.wait(|| Ok(())),
            Conduct::Drips => {
                let answer = good();
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len())?;
                let mut octets = answer.iter();
                self.wait(|| octets.next().map_or(Ok(()), |octet| stream.write_all(&[*octet])))
            }
            Conduct::Garbage => send(stream, b"<html>It works!</html>"),
            Conduct::Half => {
                let answer = good();
                send(stream, &answer[..answer.len() / 2])
            }
            Conduct::AboutAnother => {
                let question = self.issuer.question_about("7E");
                send(stream, &self.issuer.answer(self.issuer, &question, "7E", Status::Good))
            }
            Conduct::Replayed => {
                // One with a nonce that nobody asks with.
                let mut earlier = self.der.to_vec();
                *earlier.last_mut().expect("a question has octets") ^= 1;
                send(stream, &self.issuer.answer(self.issuer, &earlier, self.serial, Status::Good))
            }
            Conduct::SignedByAnother => {
                let answer = self.other.answer(self.issuer, self.der, self.serial, Status::Good);
                send(stream, &answer)
            }
            Conduct::SignatureBroken => {
                let mut answer = good();
                *answer.last_mut().expect("an answer has octets") ^= 1;
                send(stream, &answer)
            }
            Conduct::TryLater => send(stream, &[0x30, 3, 0x0a, 1, 3]),
            Conduct::Redirects => stream
                .write_all(b"HTTP/1.1 307 Elsewhere\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"),
            Conduct::Fails(status) => {
                write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n")
            }
            Conduct::Floods => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")?;
                while !self.stop.load(Ordering::SeqCst) {
                    stream.write_all(&[0x30; 65_536])?;
                }
                Ok(())
            }
        }
    }

    /// Does something once a second, until the responder stops.
    fn wait(&self, mut each: impl FnMut() -> std::io::Result<()>) -> std::io::Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE && !self.stop.load(Ordering::SeqCst) {
            each()?;
            thread::sleep(Duration::from_secs(1));
        }
        Ok(())
    }
}

fn send(stream: &mut TcpStream, answer: &[u8]) -> std::io::Result<()> {
    let length = answer.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\nContent-Length: {length}\r\n\r\n"
    )?;
    stream.write_all(answer)
}
