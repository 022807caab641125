//! Sessions judged again, because an operator has changed the policies.

use std::time::{Duration, Instant};

use load::client::Client;
use load::packet::Packet;
use load::site::Site;
use load::spread::Spread;
use tokio::task::JoinSet;
use tokio::time::{timeout, timeout_at};

use super::revoke::end;
use super::{Figures, Scale, connect_all};
use crate::server::{Demands, Kind, Server};
use crate::table::{Figure, Value};

/// Of them every hundredth loses its permit.
const SESSIONS: u64 = 10_000;
const SHARE: usize = 100;

/// A session that keeps its permit is open so long after the last other was closed.
const STAYING: Duration = Duration::from_secs(2);

/// For all of it.
const DEADLINE: Duration = Duration::from_secs(300);

pub(super) async fn run(site: &Site, kind: Kind, scale: Scale) -> Figures {
    // mosquitto judges no session again.
    if kind == Kind::Mosquitto {
        return Ok(vec![]);
    }
    timeout(DEADLINE, measured(site, kind, scale)).await?
}

async fn measured(site: &Site, kind: Kind, scale: Scale) -> Figures {
    let count = scale.connections(SESSIONS) as usize;
    let server = Server::start(kind, site).await?;
    let devices = site.devices(0..count as u64);
    let clients = connect_all(&server, &devices).await?;
    let refused: Vec<String> = devices.iter().step_by(SHARE).map(|device| device.name.to_string()).collect();
    let lost = refused.len();
    let since = Instant::now();
    let (mut losing, mut keeping) = (JoinSet::new(), Vec::new());
    for (number, client) in clients.into_iter().enumerate() {
        if number % SHARE == 0 {
            losing.spawn(end(client, since));
        } else {
            keeping.push(client);
        }
    }
    let since = Instant::now();
    server.reload(site, &Demands { refused, ..Demands::default() }).await?;
    let answered = since.elapsed();
    let started = since;
    let closed: Spread = losing.join_all().await.into_iter().flatten().collect();
    let closed_all = (closed.count() == lost).then(|| started.elapsed());
    let stayed = still_there(keeping).await;
    eprintln!(
        "  {count} TLS connections; the reload answered after {} ms; {} of {} closed: {closed}; {stayed} stayed",
        answered.as_millis(),
        closed.count(),
        lost
    );
    if stayed != count - lost {
        return Err(format!("only {stayed} of {} sessions kept their permit", count - lost).into());
    }
    let figure = |what: String, value: Option<Duration>, goal| Figure {
        what,
        unit: "ms",
        value: value.map_or(Value::Never, |value| Value::Number(value.as_secs_f64() * 1e3)),
        goal,
    };
    Ok(vec![
        figure(format!("reload of the policies → answer, {count} sessions"), Some(answered), ""),
        figure(
            format!("reload → the last of {lost} that lost their permit closed, of {count}"),
            closed_all,
            "< 1000",
        ),
    ])
}

/// How many are neither told to go nor closed.
async fn still_there(clients: Vec<Client>) -> usize {
    let deadline = tokio::time::Instant::now() + STAYING;
    let mut staying = JoinSet::new();
    for mut client in clients {
        staying.spawn(async move {
            !matches!(timeout_at(deadline, client.hear()).await, Ok(Ok(Packet::Disconnect(_)) | Err(_)))
        });
    }
    staying.join_all().await.into_iter().filter(|stays| *stays).count()
}
