//! How long a server says that a file is good.

use std::time::Duration;

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL};

/// `max-age` without `Age` (RFC 9111 §4.2), of several the shortest. None if the server does not say, or says that it
/// must be asked each time.
pub(crate) fn max_age(header: &HeaderMap) -> Option<Duration> {
    let lines = header.get_all(CACHE_CONTROL).iter().filter_map(|line| line.to_str().ok());
    let mut shortest: Option<u64> = None;
    for directive in lines.flat_map(|line| line.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-cache" | "no-store" => return None,
            "max-age" => {
                let seconds = delta_seconds(value)?;
                shortest = Some(shortest.map_or(seconds, |earlier| earlier.min(seconds)));
            }
            _ => {}
        }
    }
    let age = header.get(AGE).and_then(|age| delta_seconds(age.to_str().ok()?)).unwrap_or_default();
    shortest.map(|seconds| Duration::from_secs(seconds.saturating_sub(age)))
}

/// Seconds; what is too large to count is 2^31 (RFC 9111 §1.2.2).
fn delta_seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if text.is_empty() || !text.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX).min(1 << 31))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_servers_say() {
        for (lines, age, seconds) in [
            (&["max-age=600"][..], None, Some(600)),
            (&["public, Max-Age=600 , must-revalidate"], None, Some(600)),
            (&["max-age=\"600\""], None, Some(600)),
            (&["max-age=600"], Some("100"), Some(500)),
            (&["max-age=600"], Some("700"), Some(0)),
            (&["max-age=600"], Some("soon"), Some(600)),
            (&["max-age=600, max-age=60"], None, Some(60)),
            (&["max-age=60", "max-age=600"], None, Some(60)),
            (&["max-age=99999999999999999999999999"], None, Some(1 << 31)),
            (&["max-age=600, no-cache"], None, None),
            (&["max-age=600", "no-store"], None, None),
            (&["no-cache=\"set-cookie\", max-age=5"], None, None),
            (&["max-age=-1"], None, None),
            (&["max-age"], None, None),
            (&["max-age=1e9"], None, None),
            (&["s-maxage=600"], None, None),
            (&[], Some("5"), None),
        ] {
            let mut header = HeaderMap::new();
            for line in lines {
                header.append(CACHE_CONTROL, HeaderValue::from_static(line));
            }
            if let Some(age) = age {
                header.insert(AGE, HeaderValue::from_static(age));
            }
            assert_eq!(max_age(&header), seconds.map(Duration::from_secs), "{lines:?} {age:?}");
        }
    }
}
