//! How long answers count.

use authenticator::ocsp::judge;

use super::forge::{data, signed, time};
use crate::pki::{DAY, HOUR, MINUTE, SERIAL, at, ca, chain_of, now, question};

/// thisUpdate, nextUpdate and producedAt, in seconds from now; whether the nonce came back; until when that counts, or why not.
#[test]
fn times_fit_each_other_and_now() {
    let (minute, hour, day) = (MINUTE as i64, HOUR as i64, DAY as i64);
    let now = now();
    let ca = ca("Device CA");
    let request = question(&chain_of(&ca, SERIAL), 1);
    let from_now = |seconds: i64| now.checked_add_signed(seconds).expect("a time");
    for (this_update, next_update, produced_at, nonce, outcome) in [
        (-hour, Some(day), 0, true, Ok(day)),
        (0, Some(hour), 0, true, Ok(hour)),
        // Exactly at the end, and a second later.
        (-hour, Some(0), -hour, true, Ok(0)),
        (-hour, Some(-1), -hour, true, Err("counted until")),
        // An hour where there is no nextUpdate.
        (-hour + minute, None, 0, true, Ok(minute)),
        (-hour, None, 0, true, Ok(0)),
        (-hour - 1, None, 0, true, Err("counted until")),
        (-minute, None, -hour - 1, true, Err("counted until")),
        // A week after it was signed, whatever nextUpdate says.
        (-day, Some(400 * day), -6 * day, true, Ok(day)),
        (-day, Some(400 * day), -7 * day - 1, true, Err("counted until")),
        // What it says may be old, if it was made for this question.
        (-20 * day, Some(day), 0, true, Ok(day)),
        (-20 * day, Some(day), 0, false, Err("counted until")),
        (-6 * day, Some(20 * day), 0, false, Ok(day)),
        (-6 * day, Some(20 * day), 0, true, Ok(7 * day)),
        // Clocks differ, by five minutes.
        (300, Some(day), 300, true, Ok(day)),
        (301, Some(day), 0, true, Err("its thisUpdate is")),
        (0, Some(day), 301, true, Err("its producedAt is")),
        (0, Some(0), 0, true, Err("its nextUpdate is not after its thisUpdate")),
        (0, Some(-day), 0, true, Err("its nextUpdate is not after its thisUpdate")),
    ] {
        let mut data = data(&request, &ca);
        data.produced_at = time(from_now(produced_at));
        data.responses[0].this_update = time(from_now(this_update));
        data.responses[0].next_update = next_update.map(|next_update| time(from_now(next_update)));
        if !nonce {
            data.response_extensions = None;
        }
        let judged = judge(&signed(&data, &ca, &[]), &request, at(now));
        let what = format!("{this_update} {next_update:?} {produced_at} {nonce}: {judged:?}");
        match (judged, outcome) {
            (Ok(answer), Ok(end)) => assert_eq!(answer.valid_until(), at(from_now(end)), "{what}"),
            (Err(fault), Err(said)) => assert!(fault.to_string().contains(said), "{what}"),
            _ => panic!("{what}"),
        }
    }
}
