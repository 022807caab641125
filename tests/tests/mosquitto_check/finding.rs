//! [`Found`]: a finding, as rows expect it.

use integration_tests::program::Finished;
use serde_json::Value;

/// Severity, setting, and the text of the line.
pub(crate) type Found = (String, String, Option<String>);

/// What `checked` has found in `conf`.
pub(crate) fn found(checked: &Finished, conf: &str) -> Vec<Found> {
    let document = checked.json();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let findings = document["findings"].as_array().expect("findings");
    findings
        .iter()
        .map(|finding| {
            assert!(!text(&finding["what"]).is_empty() && !text(&finding["instead"]).is_empty());
            let line = finding["line"].as_u64().map(|line| {
                let index = usize::try_from(line).expect("few lines") - 1;
                conf.lines().nth(index).expect("a line of the file").to_owned()
            });
            (text(&finding["severity"]), text(&finding["setting"]), line)
        })
        .collect()
}
