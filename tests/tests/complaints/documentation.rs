//! `broker-auth/README.md` and the configuration that a broker reads have the same keys.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use integration_tests::broker::operate;
use integration_tests::fleet::Fleet;
use syn::visit::{self, Visit};

use crate::PROGRAMS;

const README: &str = include_str!("../../../broker-auth/README.md");

/// The keys that the sources of the configuration read.
#[derive(Default)]
struct Keys(BTreeSet<String>);

impl Keys {
    fn add(&mut self, literal: &syn::Expr) {
        if let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(key), .. }) = literal {
            self.0.insert(key.value());
        }
    }
}

impl<'ast> Visit<'ast> for Keys {
    /// `table.get("key")`, and the like.
    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if ["get", "require", "tables"].iter().any(|method| call.method == method) {
            call.args.first().into_iter().for_each(|key| self.add(key));
        }
        visit::visit_expr_method_call(self, call);
    }

    /// `("key", &mut limits.of_that_name)`.
    fn visit_expr_tuple(&mut self, tuple: &'ast syn::ExprTuple) {
        if let [key, syn::Expr::Reference(field)] = tuple.elems.iter().collect::<Vec<_>>().as_slice()
            && field.mutability.is_some()
        {
            self.add(key);
        }
        visit::visit_expr_tuple(self, tuple);
    }
}

fn keys_of_sources() -> BTreeSet<String> {
    let mut keys = Keys::default();
    for folder in ["../broker-auth/src/config", "../broker-auth/rules/src/config"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in fs::read_dir(folder).expect("the sources of the configuration") {
            let text = fs::read_to_string(entry.expect("an entry").path()).expect("a source");
            keys.visit_file(&syn::parse_file(&text).expect("a source"));
        }
    }
    keys.0
}

/// What the README has in code: inline, and in blocks.
fn code_of_readme() -> String {
    let mut code = String::new();
    for (number, part) in README.split("```").enumerate() {
        if number % 2 == 1 {
            code.push_str(part);
            continue;
        }
        for span in part.split('`').skip(1).step_by(2) {
            code.push_str(span);
            code.push('\n');
        }
    }
    code
}

fn is_of_a_key(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '-'
}

#[test]
fn every_key_that_is_read_is_documented() {
    let keys = keys_of_sources();
    assert!(keys.len() > 90, "the sources are read differently: {keys:?}");
    for known in
        ["crl-idp", "max-inflight", "second-factor", "upstream-timeout", "listener", "max-queued-bytes"]
    {
        assert!(keys.contains(known), "the sources are read differently: {known} is not among {keys:?}");
    }
    let code = code_of_readme();
    let words: BTreeSet<&str> = code.split(|character| !is_of_a_key(character)).collect();
    let missing: Vec<_> = keys.iter().filter(|key| !words.contains(key.as_str())).collect();
    assert!(missing.is_empty(), "the README has no word of {missing:?}");
}

/// A key and the table that it stands in, as `listener.trust` and `crl`.
type Place = (String, String);

/// Tables and keys in the README's blocks of TOML.
fn keys_in_blocks() -> Vec<Place> {
    let mut places = Vec::new();
    for block in README.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        let mut table = String::new();
        for line in block.lines() {
            if line.starts_with('[') {
                let name = line.split('#').next().unwrap_or_default();
                table = name.trim().trim_matches(['[', ']']).to_owned();
            } else if let Some((key, _)) = line.split_once(" = ")
                && key.chars().all(is_of_a_key)
            {
                places.push((table.clone(), key.to_owned()));
            }
        }
    }
    places
}

/// Tables and keys in the first column of the README's tables that list keys.
fn keys_in_tables() -> Vec<Place> {
    let mut places = Vec::new();
    let (mut heading, mut head) = ("", "");
    let next = README.lines().skip(1).chain([""]);
    for (line, next) in README.lines().zip(next) {
        if let Some(text) = line.strip_prefix("## ") {
            heading = text;
        }
        if next.starts_with("|---") {
            head = line.split('|').nth(1).unwrap_or_default().trim();
        } else if let Some(first) = line.strip_prefix('|').and_then(|row| row.split('|').next()) {
            for span in first.split('`').skip(1).step_by(2) {
                places.extend(place(heading, head, span));
            }
        }
    }
    places
}

/// What a span in the first column of a table stands for.
fn place(heading: &str, head: &str, span: &str) -> Option<Place> {
    let of = |table: &str, key: &str| Some((table.to_owned(), key.to_owned()));
    match head {
        "`[listener.limits]`" => of("listener.limits", span),
        "`[limits]`, of all listeners" => of("limits", span),
        "key" if heading == "Whom a policy is for" => of("policy.match", span),
        "key" => {
            let (table, key) = span.split_once(' ')?;
            let table = table.trim_matches(['[', ']']);
            match key.split_once('.') {
                Some((inner, key)) => of(&format!("{table}.{inner}"), key),
                None => of(table, key),
            }
        }
        _ => None,
    }
}

/// A configuration whose `table` has `key` with a value that no key can have.
fn with(text: &str, (table, key): &Place) -> String {
    const IMPOSSIBLE: &str = "1979-05-27";
    let line = format!("{key} = {IMPOSSIBLE}");
    if table == "policy.match" {
        let present = "match = { trust = \"device-ca\" }";
        let rest = if key == "trust" { "" } else { "trust = \"device-ca\", " };
        return text.replacen(present, &format!("match = {{ {rest}{line} }}"), 1);
    }
    // What must stand in a table beside the key, or the table would be refused for that.
    let beside: &[&str] = match table.as_str() {
        "listener.path" => &["prefix = \"/\"", "policies = \"devices\""],
        "listener.upstream-tls" => &["ca = [\"ca.pem\"]"],
        "second-factor.password" => &["file = \"passwords\""],
        "second-factor.token" => {
            &["keys = \"k\"", "issuer = \"i\"", "audience = [\"a\"]", "algorithms = [\"ES256\"]"]
        }
        _ => &[],
    };
    let beside = beside.iter().filter(|other| !other.starts_with(&format!("{key} ")));
    let lines = [line.as_str()].into_iter().chain(beside.copied()).collect::<Vec<_>>().join("\n");
    let is_https = ["listener.path", "listener.headers", "listener.upstream-tls"].contains(&table.as_str());
    let text = if is_https {
        let scheme = if table == "listener.upstream-tls" { "https" } else { "http" };
        let upstream = format!("transport = \"https\"\nupstream = \"{scheme}://127.0.0.1:1\"");
        text.replacen("transport = \"tls\"", &upstream, 1)
    } else {
        text.to_owned()
    };
    let header = [format!("[[{table}]]"), format!("[{table}]")]
        .into_iter()
        .find(|header| text.contains(header.as_str()));
    let Some(header) = header else {
        let brackets = if table == "listener.path" { format!("[[{table}]]") } else { format!("[{table}]") };
        return text.replacen("[identity]", &format!("{brackets}\n{lines}\n\n[identity]"), 1);
    };
    // In the first table of that name, in the place of the key if it is there.
    let (before, rest) = text.split_once(&header).expect("it is there");
    let end = rest.find("\n[").unwrap_or(rest.len());
    let (inner, after) = rest.split_at(end);
    let kept: Vec<&str> = inner.lines().filter(|other| !other.starts_with(&format!("{key} "))).collect();
    format!("{before}{header}\n{lines}\n{}\n{after}", kept.join("\n"))
}

#[test]
fn every_key_that_is_documented_exists() {
    let fleet = Fleet::new(PROGRAMS);
    let text = fs::read_to_string(fleet.file("broker.toml")).expect("the configuration");
    let complaint = |place: &Place| {
        fleet.replace("broker.toml", with(&text, place).as_bytes());
        let checked = operate(&fleet, "check", &[]);
        assert_eq!(checked.code, 3, "{place:?}: {}", checked.stdout);
        checked.stderr
    };
    let places: BTreeSet<Place> = keys_in_blocks().into_iter().chain(keys_in_tables()).collect();
    assert!(places.len() > 90, "the README is read differently: {places:?}");
    let tables: BTreeSet<&str> = places.iter().map(|(table, _)| table.as_str()).collect();
    for known in
        ["listener.trust", "policy.match", "limits", "second-factor.token", "state", "listener.headers"]
    {
        assert!(tables.contains(known), "the README is read differently: {tables:?}");
    }
    let mut unknown = Vec::new();
    for place in &places {
        let said = complaint(place);
        if !said.contains(&format!("`{}`:", place.1)) || said.contains("unknown key") {
            unknown.push(format!("{place:?}: {said}"));
        }
    }
    assert!(unknown.is_empty(), "documented, and not read:\n{}", unknown.join("\n"));
    // What is not read is told from what is, in each of the tables.
    for table in tables {
        let said = complaint(&(table.to_owned(), "kee".to_owned()));
        assert!(said.contains("unknown key `kee`"), "{table}: {said}");
    }
}
