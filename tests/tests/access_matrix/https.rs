//! What a client of HTTPS meets.

use std::collections::BTreeSet;

use integration_tests::broker::Mark;
use integration_tests::http_caller::{Answer, Caller};
use integration_tests::http_origin::fields;

use crate::area::Area;
use crate::cell::Cell;
use crate::column::policy_name;
use crate::matrix::Certificate;
use crate::mqtt::refused_handshake;
use crate::observation::Met;
use crate::protocol::Protocol;
use crate::running::Running;
use crate::shown::{Asked, Shown};

/// What everybody may ask for who is let in.
pub(crate) const WHO: &str = "/.well-known/countersign";

/// What the client meets that shows this certificate and this factor.
pub(crate) fn met(running: &Running<'_>, certificate: Certificate, shown: Shown) -> Met {
    let device = shown.device(Protocol::Https);
    let fleet = &running.matrix_fleet.fleet;
    let credential = running.matrix_fleet.certificates.of(certificate.name, &device);
    let mark = running.broker.log().mark();
    let dial = || Caller::dial(running.broker.addresses()[1], fleet, credential);
    let mut caller = dial();
    // What the origin is told is ours to say, whatever the client says.
    let lines = format!(
        "{}X-Device: {device}\r\nX-Identity: device-ca/{device}\r\nX-SSL-Client-Verify: SUCCESS\r\n",
        running.matrix_fleet.authorization(shown)
    );
    let Some(who) = caller.get(WHO, &lines) else {
        return Met::outside(match caller.alert() {
            Some(alert) => refused_handshake(running, mark, certificate, &format!("{alert:?}")),
            None => Cell::Odd("the connection ended".to_owned()),
        });
    };
    let is_in = who.status == 200;
    // Whoever is refused meets the same whatever it asks for: a device's own path stands for all.
    let areas = if is_in { &Area::ALL[..] } else { &[Area::Devices] };
    let mut answered = vec![Answered { area: None, answer: who, received: running.origin.take_if_any() }];
    for area in areas {
        if closes(&answered[answered.len() - 1].answer) {
            assert!(caller.has_ended(), "it was said so");
            caller = dial();
        }
        let Some(answer) = caller.get(&area.path(&device), &lines) else {
            return Met::outside(Cell::Odd(format!("the connection ended after {answered:?}")));
        };
        answered.push(Answered { area: Some(*area), answer, received: running.origin.take_if_any() });
    }
    if is_in {
        inside(running, mark, certificate, shown, &answered)
    } else {
        outside(running, mark, &answered)
    }
}

/// The answer to a request, and what the origin has received.
#[derive(Debug)]
struct Answered {
    /// `None`: it was asked who the client is.
    area: Option<Area>,
    answer: Answer,
    received: Option<String>,
}

fn closes(answer: &Answer) -> bool {
    answer.field("connection") == Some("close")
}

/// All that was asked for was refused in the same way.
fn outside(running: &Running<'_>, mark: Mark, answered: &[Answered]) -> Met {
    let reason = |answer: &Answer| answer.json()["reason"].as_str().unwrap_or_default().to_owned();
    let told = reason(&answered[0].answer);
    let is_factor = told == "second_factor";
    let is_refused = |answer: &Answer| {
        // Who may show something else may do so on the same connection.
        let is_asked = answer.status == 401 && answer.field("www-authenticate").is_some() && !closes(answer);
        let is_sent_off =
            answer.status == 403 && answer.field("www-authenticate").is_none() && closes(answer);
        let is_told = reason(answer) == told && running.reason_of(mark, &answer.json()) == told;
        is_told && if is_factor { is_asked } else { is_sent_off }
    };
    let touched: BTreeSet<_> =
        answered.iter().filter(|it| it.received.is_some()).filter_map(|it| it.area).collect();
    let is_refused = |it: &Answered| is_refused(&it.answer) && it.received.is_none();
    let cell = if answered.iter().all(is_refused) {
        Cell::Refused(told)
    } else {
        Cell::Odd(format!("{answered:?}"))
    };
    Met { touched, ..Met::outside(cell) }
}

/// It gets what the origin was asked for, and the origin is told who it is.
fn inside(
    running: &Running<'_>,
    mark: Mark,
    certificate: Certificate,
    shown: Shown,
    answered: &[Answered],
) -> Met {
    let device = shown.device(Protocol::Https);
    let own = format!("device-ca/{device}");
    let document = answered[0].answer.json();
    let mut is_taken_for_device = document["namespace"] == "device-ca" || document["identity"] == device;
    let mut touched = BTreeSet::new();
    let mut odd = Vec::new();
    let verdict = certificate.verdict().unwrap_or_default();
    for Answered { area, answer, received } in answered {
        let Some(area) = area else { continue };
        let Some(received) = received else {
            let is_denied =
                answer.status == 403 && running.reason_of(mark, &answer.json()) == "policy_denied";
            if !is_denied || closes(answer) {
                odd.push(format!("{area:?}: {}", answer.status));
            }
            continue;
        };
        touched.insert(*area);
        let told = fields(received);
        let all = |name: &str| -> Vec<&str> {
            told.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
        };
        is_taken_for_device |= !all("x-device").is_empty() || all("x-identity").contains(&own.as_str());
        is_taken_for_device |= all("x-ssl-client-verify").contains(&"SUCCESS");
        let policy = policy_name(*area, shown.asked);
        let is_of_broker = shown.asked != Asked::Nothing && area.is_of_devices();
        if answer.status != 200
            || all("x-policy") != [policy.as_str()]
            || document["policy"] != policy.as_str()
            || all("x-ssl-client-verify") != [verdict.as_str()]
            || all("x-identity").len() != 1
            // What the client was asked for stays with the broker; all else is the origin's.
            || is_of_broker && !all("authorization").is_empty()
        {
            odd.push(format!("{area:?}: {} {told:?}", answer.status));
        }
    }
    if document["verdict"] != verdict.as_str() || answered[0].received.is_some() {
        odd.push(document.to_string());
    }
    let met = Met::inside(touched, is_taken_for_device);
    if odd.is_empty() { met } else { Met { cell: Cell::Odd(odd.join("; ")), ..met } }
}
