//! Messages of 64 bytes from one client to another, as fast as they go.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::time::timeout;

use crate::client::{Client, Lost, PATIENCE};
use crate::packet::{PINGREQ, Packet, QoS};

const PAYLOAD: [u8; 64] = [b'x'; 64];

/// Messages on their way to the server, unacknowledged.
const WINDOW: u16 = 50;

/// A subscriber that hears nothing for so long has heard all.
const SILENCE: Duration = Duration::from_secs(3);

/// Publishes `count` messages, in fifties with QoS 0. Returns when the server has read all of them.
///
/// # Errors
/// The connection ends, or the server refuses one.
pub async fn talk(mut device: Client, topic: &str, qos: QoS, count: u64) -> Result<(), Lost> {
    let writer = device.writer();
    match qos {
        QoS::AtMostOnce => {
            let batch: Bytes = (0..WINDOW).flat_map(|_| writer.publish(topic, &PAYLOAD)).collect();
            for _ in 0..count / u64::from(WINDOW) {
                device.send(&batch).await?;
            }
        }
        QoS::AtLeastOnce => {
            let (mut sent, mut acknowledged) = (0, 0);
            let mut batch = BytesMut::new();
            while acknowledged < count {
                while sent < count && sent - acknowledged < u64::from(WINDOW) {
                    let id = (sent % 60_000) as u16 + 1;
                    batch.extend_from_slice(&writer.publish_acknowledged(id, topic, &PAYLOAD));
                    sent += 1;
                }
                if !batch.is_empty() {
                    device.send(&batch.split()).await?;
                }
                let mut packet = Some(device.answer().await?);
                while let Some(answer) = packet {
                    match answer {
                        Packet::PubAck(_, code) if code < 0x80 => acknowledged += 1,
                        other => return Err(Lost::Unexpected(other)),
                    }
                    packet = device.heard();
                }
            }
        }
    }
    // The connection stays until the server has read all of it.
    device.send(&PINGREQ).await?;
    device.answer().await.map(drop)
}

/// Hears `count` messages at most, and acknowledges them: how many there were, and when the last was.
///
/// # Errors
/// The connection ends, or something else comes than messages.
pub async fn listen(mut service: Client, count: u64) -> Result<(u64, Instant), Lost> {
    let writer = service.writer();
    let (mut heard, mut last) = (0, Instant::now());
    let mut acknowledgements = BytesMut::new();
    while heard < count {
        let patience = if heard == 0 { PATIENCE } else { SILENCE };
        let Ok(packet) = timeout(patience, service.hear()).await else { break };
        let mut packet = Some(packet?);
        while let Some(message) = packet {
            let Packet::Publish { id, .. } = message else { return Err(Lost::Unexpected(message)) };
            heard += 1;
            if id > 0 {
                acknowledgements.extend_from_slice(&writer.acknowledge(id));
            }
            packet = service.heard();
        }
        last = Instant::now();
        if !acknowledgements.is_empty() {
            service.send(&acknowledgements.split()).await?;
        }
    }
    Ok((heard, last))
}
