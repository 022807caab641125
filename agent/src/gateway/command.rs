//! Commands: a message of the broker → one JSON line on stdout, then the acknowledgement.

use std::io::{self, Write};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

use data_encoding::BASE64;
use device_identity::DeviceId;
use serde::Serialize;
use tokio::sync::mpsc;

use super::mqtt::Publish;
use crate::command::Command;

/// Commands waiting for stdout; more than the broker may send unacknowledged.
const MAX_PENDING: usize = 64;

/// A command as stdout carries it.
#[derive(Serialize)]
struct CommandLine<'a> {
    command_id: &'a str,
    topic: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    /// Instead of `payload`, if that is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
    /// The broker has sent it before, and cannot know whether it arrived.
    duplicate: bool,
}

/// The JSON line of a message, or `None` if it is no command for `device_id`.
pub(super) fn json_line(publish: &Publish, device_id: &DeviceId) -> Option<Vec<u8>> {
    let topic = std::str::from_utf8(&publish.topic).ok()?;
    let command_id = Command::id_in(topic, device_id)?;
    let payload = std::str::from_utf8(&publish.payload).ok();
    let payload_base64 = payload.is_none().then(|| BASE64.encode(&publish.payload));
    let line = CommandLine { command_id, topic, payload, payload_base64, duplicate: publish.dup };
    let mut json = serde_json::to_vec(&line).ok()?;
    json.push(b'\n');
    Some(json)
}

/// A command on its way to stdout, and the connection it came by.
pub(super) struct PendingCommand {
    /// The connection. Over another one it cannot be acknowledged.
    pub(super) connection: u64,
    /// The message to acknowledge.
    pub(super) publish: Publish,
    json: Vec<u8>,
}

impl PendingCommand {
    pub(super) fn new(connection: u64, publish: Publish, json: Vec<u8>) -> Self {
        Self { connection, publish, json }
    }
}

/// Writes commands on a thread of their own, because a write to stdout waits for its reader.
pub(super) struct CommandWriter {
    pending: SyncSender<PendingCommand>,
    written: mpsc::Receiver<io::Result<PendingCommand>>,
    under_way: usize,
}

impl CommandWriter {
    /// A writer to what `output` makes, on its own thread.
    pub(super) fn new<W: Write>(output: impl FnOnce() -> W + Send + 'static) -> Self {
        let (pending, queue) = sync_channel::<PendingCommand>(MAX_PENDING);
        let (done, written) = mpsc::channel(MAX_PENDING);
        std::thread::spawn(move || {
            let mut output = output();
            for command in queue {
                let result = output.write_all(&command.json).and_then(|()| output.flush());
                let failed = result.is_err();
                if done.blocking_send(result.map(|()| command)).is_err() || failed {
                    break;
                }
            }
        });
        Self { pending, written, under_way: 0 }
    }

    /// Takes a command. `false`: stdout is too far behind; the command stays unacknowledged and will come again.
    pub(super) fn enqueue(&mut self, command: PendingCommand) -> bool {
        match self.pending.try_send(command) {
            Ok(()) => {
                self.under_way += 1;
                true
            }
            // A writer that has ended has said why in `written`.
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }

    /// Whether every command it took is on stdout.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way == 0
    }

    /// The next command that is on stdout, or why none ever will be again.
    pub(super) async fn written(&mut self) -> io::Result<PendingCommand> {
        match self.written.recv().await {
            Some(result) => {
                // A writer that could not write has ended, and what waited for it waits no longer.
                self.under_way = if result.is_ok() { self.under_way.saturating_sub(1) } else { 0 };
                result
            }
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {

    use bytes::Bytes;

    use super::*;

    fn line(topic: &str, payload: &'static [u8]) -> Option<String> {
        let publish = Publish {
            topic: Bytes::copy_from_slice(topic.as_bytes()),
            payload: payload.into(),
            ..Publish::default()
        };
        let json = json_line(&publish, &DeviceId::new("pump-1").unwrap())?;
        Some(String::from_utf8(json).unwrap())
    }

    #[tokio::test]
    async fn a_writer_that_could_not_write_has_nothing_under_way() {
        struct Broken(std::sync::mpsc::Receiver<()>);
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                let _ = self.0.recv();
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (go, gate) = std::sync::mpsc::channel();
        let mut writer = CommandWriter::new(move || Broken(gate));
        for _ in 0..3 {
            assert!(writer.enqueue(PendingCommand::new(1, Publish::default(), b"{}\n".to_vec())));
        }
        assert!(!writer.is_idle());
        drop(go);
        assert!(writer.written().await.is_err());
        assert!(writer.is_idle(), "nobody waits for the other two");
    }

    #[test]
    fn a_command_is_one_json_line_with_its_id() {
        assert_eq!(
            line("devices/pump-1/commands/42", b"say \"hi\"\n").unwrap(),
            concat!(
                r#"{"command_id":"42","topic":"devices/pump-1/commands/42","#,
                r#""payload":"say \"hi\"\n","duplicate":false}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_payload_that_is_no_text_is_base64() {
        let json = line("devices/pump-1/commands/a/b", b"\xff\x00").unwrap();
        assert!(json.contains(r#""command_id":"a/b""#), "{json}");
        assert!(json.contains(r#""payload_base64":"/wA=""#), "{json}");
        assert!(!json.contains(r#""payload":"#), "{json}");
    }

    #[test]
    fn only_this_devices_commands_are_commands() {
        let none = ["devices/pump-10/commands/1", "devices/pump-1/telemetry/1", "commands/1", ""];
        for topic in none {
            assert_eq!(line(topic, b"1"), None, "{topic}");
        }
    }
}
