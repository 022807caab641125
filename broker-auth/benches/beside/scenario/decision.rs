//! What one decision costs, in this process: of so many policies the last one matches.

mod policies;

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use authenticator::decide::{Connect, Granted, Request, decide};
use authenticator::evidence::Evidence;
use authenticator::origin::{MqttVersion, Origin};
use authenticator::ruleset::Ruleset;
use load::site::Site;
use rustls_pki_types::UnixTime;

use self::policies::{KINDS, Kinds, LAST, ruleset};
use super::{Figures, Scale};
use crate::server::Kind;
use crate::table::{Figure, Value};

/// With the last one.
const POLICIES: [usize; 4] = [1, 10, 100, 1_000];

/// How long decisions are made in a row, of which the mean is taken.
const ROUND: Duration = Duration::from_millis(200);

/// So often; the fastest counts, as everything else was disturbed.
const ROUNDS: u64 = 10;

pub(super) async fn run(site: &Site, _kind: Kind, scale: Scale) -> Figures {
    let figure =
        |what: String, nanoseconds| Figure { what, unit: "ns", value: Value::Number(nanoseconds), goal: "" };
    let mut figures = Vec::new();
    for count in POLICIES {
        let cost = cost(&ruleset(site, count, Kinds::All)?, site, scale)?;
        figures.push(figure(format!("of {count} policies of all kinds the last matches"), cost));
    }
    for kind in KINDS {
        let count = POLICIES[POLICIES.len() - 1];
        let cost = cost(&ruleset(site, count, Kinds::One(kind))?, site, scale)?;
        figures.push(figure(format!("of {count} policies by {} the last matches", kind.key), cost));
    }
    Ok(figures)
}

/// How long a decision about a CONNECT takes, in nanoseconds.
fn cost(ruleset: &Ruleset, site: &Site, scale: Scale) -> Result<f64, Box<dyn Error>> {
    let now = UnixTime::since_unix_epoch(SystemTime::now().duration_since(UNIX_EPOCH)?);
    let device = site.device(0);
    let shown = device.shown().ok_or("it has a certificate")?;
    let chain = ruleset.verify_chain(std::slice::from_ref(&shown.certificate), now);
    let origin = Origin {
        address: Some("127.0.0.1".parse()?),
        listener: Some(0),
        server_name: None,
        version: Some(MqttVersion::V5),
    };
    let evidence = Evidence::new(chain, now).origin(origin);
    let request = Request::Connect(Connect {
        client_id: Some(&device.name),
        will_topic: None,
        unique: &String::new,
        random: &|| None,
    });
    match decide(ruleset, &evidence, &request).outcome {
        Ok(Granted::Admitted { permit, .. }) if permit.policy_name() == LAST => {}
        other => return Err(format!("another policy than the last decides: {other:?}").into()),
    }
    let mut fastest = f64::MAX;
    for _ in 0..scale.of(ROUNDS) {
        let (since, mut count) = (Instant::now(), 0_u32);
        while since.elapsed() < ROUND {
            for _ in 0..16 {
                black_box(decide(black_box(ruleset), &evidence, &request));
            }
            count += 16;
        }
        fastest = fastest.min(since.elapsed().as_nanos() as f64 / f64::from(count));
    }
    Ok(fastest)
}
