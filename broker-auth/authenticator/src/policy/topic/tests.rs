use super::*;

/// The words of MQTT 5 §4.7, level by level.
fn matches_by_levels(filter: &str, topic: &str) -> bool {
    let (wanted, found): (Vec<_>, Vec<_>) = (filter.split('/').collect(), topic.split('/').collect());
    if topic.starts_with('$') && matches!(wanted[0], "+" | "#") {
        return false;
    }
    let with_parents = wanted.last() == Some(&"#");
    let wanted = if with_parents { &wanted[..wanted.len() - 1] } else { &wanted[..] };
    let fits = if with_parents { found.len() >= wanted.len() } else { found.len() == wanted.len() };
    fits && wanted.iter().zip(&found).all(|(wanted, found)| *wanted == "+" || wanted == found)
}

/// All texts of at most `len` characters of `alphabet`.
fn texts(alphabet: &[char], len: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut longest = all.clone();
    for _ in 0..len {
        longest = longest
            .iter()
            .flat_map(|text| alphabet.iter().map(move |next| format!("{text}{next}")))
            .collect();
        all.extend(longest.iter().cloned());
    }
    all
}

#[test]
fn each_short_filter_matches_each_short_topic_as_the_levels_say() {
    let topics = texts(&['a', 'ü', '/', '$'], 5);
    let topics: Vec<_> = topics.iter().filter_map(|topic| TopicName::new(topic).ok()).collect();
    let filters = texts(&['a', 'ü', '/', '$', '+', '#'], 4);
    let mut matched = 0;
    for filter in filters.iter().filter_map(|filter| TopicFilter::new(filter).ok()) {
        for topic in &topics {
            let expected = matches_by_levels(filter.as_str(), topic.as_str());
            assert_eq!(filter.matches(topic), expected, "{filter:?} and {topic:?}");
            matched += usize::from(expected);
        }
    }
    assert!(matched > 5_000, "{matched} pairs matched");
}

#[test]
fn the_first_level_is_the_brokers_own_only_as_a_whole() {
    for (topic, expected) in [
        ("countersign", true),
        ("countersign/events", true),
        ("countersign/", true),
        ("countersigned/events", false),
        ("/countersign", false),
        ("counter", false),
    ] {
        assert_eq!(is_own(topic), expected, "{topic}");
    }
}
