//! The packages of the workspace and what they import, as Cargo knows them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What a dependency is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// For the package itself.
    Normal,
}

/// A package of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) directory: PathBuf,
    dependencies: Vec<(String, bool)>,
}

/// The workspace, and everything it depends on.
#[derive(Debug)]
pub(crate) struct Workspace {
    members: BTreeMap<String, Package>,
    /// For each package of the graph, by name, the packages that it depends on to run.
    graph: BTreeMap<String, BTreeSet<String>>,
}

fn cargo(arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO")).current_dir(root()).args(arguments).output().expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Every source file of the workspace's packages, one a line.
pub(crate) fn source_files() -> String {
    fn list(folder: &Path, found: &mut String) {
        let entries =
            std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if entry.is_dir() && name != "target" && !name.starts_with('.') {
                list(&entry, found);
            } else if name.ends_with(".rs") {
                found.push_str(&format!("{}\n", entry.display()));
            }
        }
    }
    let mut found = String::new();
    list(root(), &mut found);
    found
}

/// The platform of this machine, as Cargo calls it.
fn host() -> String {
    let output = Command::new("rustc").current_dir(root()).arg("-vV").output().expect("rustc can be run");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc names its host").to_owned()
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

/// The packages that README's `cargo build` makes, a line each with its features.
pub(crate) fn tree_of_the_build() -> String {
    cargo(&[
        "tree",
        "--locked",
        "--offline",
        "--prefix",
        "none",
        "--edges",
        "normal,build",
        "--format",
        "{p} [{f}]",
    ])
}

/// The same for its tests.
pub(crate) fn tree_of_the_tests() -> String {
    cargo(&["tree", "--locked", "--offline", "--prefix", "none", "--edges", "all", "--format", "{p} [{f}]"])
}

impl Workspace {
    pub(crate) fn load() -> Self {
        // Packages for other platforms are not there, and need not be.
        let text = cargo(&[
            "metadata",
            "--locked",
            "--offline",
            "--format-version",
            "1",
            "--filter-platform",
            &host(),
        ]);
        let metadata: Value = serde_json::from_str(&text).expect("JSON");
        let texts = |value: &Value| value.as_str().map(str::to_owned).unwrap_or_default();
        let mut names = BTreeMap::new();
        let mut members = BTreeMap::new();
        let in_workspace: BTreeSet<String> =
            metadata["workspace_members"].as_array().expect("members").iter().map(texts).collect();
        for package in metadata["packages"].as_array().expect("packages") {
            let (id, name) = (texts(&package["id"]), texts(&package["name"]));
            names.insert(id.clone(), name.clone());
            if !in_workspace.contains(&id) {
                continue;
            }
            let manifest = PathBuf::from(texts(&package["manifest_path"]));
            let dependencies = package["dependencies"].as_array().expect("dependencies").iter();
            let dependencies = dependencies
                .map(|dependency| (texts(&dependency["name"]), dependency["kind"].is_null()))
                .collect();
            let directory = manifest.parent().expect("a folder").to_owned();
            members.insert(name.clone(), Package { name, directory, dependencies });
        }
        let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in metadata["resolve"]["nodes"].as_array().expect("nodes") {
            let imports = node["deps"].as_array().expect("deps").iter();
            let imports = imports
                .filter(|import| {
                    let kinds = import["dep_kinds"].as_array().expect("kinds");
                    kinds.iter().any(|kind| kind["kind"].is_null())
                })
                .filter_map(|import| names.get(&texts(&import["pkg"])).cloned());
            let name = names.get(&texts(&node["id"])).cloned().unwrap_or_default();
            graph.entry(name).or_default().extend(imports);
        }
        Self { members, graph }
    }

    /// The packages of this repository.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.members.values()
    }

    /// The package called `name`.
    pub(crate) fn member(&self, name: &str) -> &Package {
        self.members.get(name).unwrap_or_else(|| panic!("there is no package {name}"))
    }

    /// The packages of this repository that `package` imports.
    pub(crate) fn imports(&self, package: &Package, _kind: Kind) -> BTreeSet<String> {
        let normal = package.dependencies.iter().filter(|(_, is_normal)| *is_normal);
        normal.map(|(name, _)| name.clone()).filter(|name| self.members.contains_key(name)).collect()
    }

    /// Whether `package` depends on `foreign` directly.
    pub(crate) fn depends(&self, package: &Package, foreign: &str, _kind: Kind) -> bool {
        package.dependencies.iter().any(|(name, is_normal)| *is_normal && name == foreign)
    }

    /// Everything that the package called `name` depends on to run.
    pub(crate) fn closure(&self, name: &str) -> BTreeSet<String> {
        let mut closure = BTreeSet::new();
        let mut open = vec![name.to_owned()];
        while let Some(next) = open.pop() {
            for import in self.graph.get(&next).into_iter().flatten() {
                if closure.insert(import.clone()) {
                    open.push(import.clone());
                }
            }
        }
        closure
    }
}
