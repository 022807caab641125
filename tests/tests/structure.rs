//! The house stays as it is drawn: which package imports which, which module of a package imports which, and no circles.
//!
//! The drawing is in `structure/drawing.rs`. Whoever needs another arrow draws it there, with the reason; whatever the
//! sources do beyond it fails here.

#[path = "structure/circles.rs"]
mod circles;
#[path = "structure/drawing.rs"]
mod drawing;
#[path = "structure/packages.rs"]
mod packages;
#[path = "structure/sources.rs"]
mod sources;
#[path = "structure/unsafe_code.rs"]
mod unsafe_code;

use std::collections::BTreeSet;

use drawing::{CIRCLES, FOR_ANY_HOST, FOREIGN, Layers, PACKAGES, PURE, ROOF, TEST_PACKAGES, UNSAFE};
use packages::{Kind, Workspace};
use sources::Crate;

/// What is wrong, one line each.
fn report(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn packages_import_what_is_drawn() {
    let workspace = Workspace::load();
    let mut faults = Vec::new();
    for package in workspace.members() {
        let drawn = PACKAGES.iter().find(|drawn| drawn.name == package.name);
        let Some(drawn) = drawn else {
            faults.push(format!("the package {} is not drawn", package.name));
            continue;
        };
        for import in workspace.imports(package, Kind::Normal) {
            if !drawn.imports.contains(&&*import) && import != package.name {
                faults.push(format!("{} imports {import}, and no such arrow is drawn", package.name));
            }
        }
        let is_drawn_and_gone = |import: &&&str| !workspace.imports(package, Kind::Normal).contains(**import);
        for gone in drawn.imports.iter().filter(is_drawn_and_gone) {
            faults.push(format!("an arrow from {} to {gone} is drawn, and there is none", package.name));
        }
    }
    report(&faults);
}

#[test]
fn test_packages_are_imported_by_tests_and_the_roof_alone() {
    let workspace = Workspace::load();
    let mut faults = Vec::new();
    for package in workspace
        .members()
        .filter(|package| !ROOF.contains(&&*package.name) && !TEST_PACKAGES.contains(&&*package.name))
    {
        for import in workspace.imports(package, Kind::Normal) {
            if TEST_PACKAGES.contains(&&*import) {
                faults.push(format!("{} imports {import}, which is for tests", package.name));
            }
        }
    }
    report(&faults);
}

#[test]
fn foreign_packages_are_named_where_they_are_drawn() {
    let workspace = Workspace::load();
    let mut faults = Vec::new();
    for package in workspace
        .members()
        .filter(|package| !ROOF.contains(&&*package.name) && !TEST_PACKAGES.contains(&&*package.name))
    {
        for (foreign, namers) in FOREIGN {
            if workspace.depends(package, foreign, Kind::Normal) && !namers.contains(&&*package.name) {
                faults.push(format!("{} imports {foreign}; only {namers:?} may", package.name));
            }
        }
    }
    report(&faults);
}

/// Neither directly nor through others, and not by the paths that the standard library offers.
#[test]
fn the_authenticator_has_no_task_clock_random_source_or_file() {
    let workspace = Workspace::load();
    let mut faults = Vec::new();
    for pure in PURE {
        let closure = workspace.closure(pure.package);
        for banned in pure.packages {
            if closure.contains(*banned) {
                faults.push(format!("{} depends on {banned}", pure.package));
            }
        }
        for file in Crate::load(&workspace, pure.package).files() {
            for banned in pure.paths {
                if file.names(banned) {
                    faults.push(format!("{} names {banned}", file.display()));
                }
            }
        }
    }
    report(&faults);
}

/// A plugin has no runtime, TLS, command line or sessions of ours: what it shares with the broker has none either.
#[test]
fn what_is_for_any_host_depends_on_nothing_that_a_host_brings() {
    let workspace = Workspace::load();
    let mut faults = Vec::new();
    for (package, brought) in FOR_ANY_HOST {
        let closure = workspace.closure(package);
        assert!(closure.contains("authenticator"), "the packages are read differently: {closure:?}");
        for brought in brought.iter().filter(|brought| closure.contains(**brought)) {
            faults.push(format!("{package} depends on {brought}"));
        }
    }
    report(&faults);
}

/// The lint `unsafe_code` can be switched off anywhere; here is where.
#[test]
fn unsafe_code_is_where_it_is_drawn() {
    let drawn: BTreeSet<&str> = UNSAFE.iter().map(|(file, _)| *file).collect();
    let found = unsafe_code::find();
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let undrawn = found.difference(&drawn).map(|file| format!("{file}: unsafe, and not drawn"));
    let gone = drawn.difference(&found).map(|file| format!("{file}: drawn as unsafe, and is not"));
    report(&undrawn.chain(gone).collect::<Vec<_>>());
}

#[test]
fn modules_import_what_is_drawn() {
    let workspace = Workspace::load();
    let mut faults = Vec::new();
    for drawn in PACKAGES {
        let Layers::Drawn(rooms) = drawn.rooms else { continue };
        let source = Crate::load(&workspace, drawn.name);
        let present: BTreeSet<&str> = source.rooms().collect();
        for room in present.iter().filter(|room| !rooms.contains(room)) {
            faults.push(format!("{}: the module {room} is not drawn", drawn.name));
        }
        for room in rooms.iter().filter(|room| !present.contains(**room)) {
            faults.push(format!("{}: the module {room} is drawn, and there is none", drawn.name));
        }
        let floor = |room: &str| rooms.iter().position(|drawn| *drawn == room);
        for (from, to) in source.arrows() {
            let (Some(from_room), Some(to_room)) = (from.room(), to.room()) else { continue };
            if floor(from_room) < floor(to_room) {
                faults.push(format!(
                    "{} imports {}: {to_room} stands above {from_room}",
                    from.display(),
                    to.display()
                ));
            }
        }
    }
    report(&faults);
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let workspace = Workspace::load();
    let mut faults = Vec::new();
    let mut unused: BTreeSet<usize> = (0..CIRCLES.len()).collect();
    for drawn in PACKAGES {
        let source = Crate::load(&workspace, drawn.name);
        for circle in circles::find(&source) {
            let names: BTreeSet<&str> = circle.iter().map(|file| file.relative()).collect();
            let known = CIRCLES.iter().position(|known| {
                known.package == drawn.name && known.files.iter().copied().collect::<BTreeSet<_>>() == names
            });
            match known {
                Some(index) => _ = unused.remove(&index),
                None => {
                    let arrows = source.arrows();
                    let within =
                        arrows.iter().filter(|(from, to)| circle.contains(from) && circle.contains(to));
                    let within: Vec<_> =
                        within.map(|(from, to)| format!("{} → {}", from.relative(), to.relative())).collect();
                    faults.push(format!("{}: a circle of {names:?}: {}", drawn.name, within.join(", ")));
                }
            }
        }
    }
    for index in unused {
        let gone = &CIRCLES[index];
        faults.push(format!("the circle {:?} is listed ({}), and there is none", gone.files, gone.reason));
    }
    report(&faults);
}

/// A module `foo` is the file `foo.rs`, beside the folder `foo` of its children.
#[test]
fn modules_are_files_beside_their_folders() {
    let faults: Vec<_> = packages::source_files()
        .lines()
        .filter(|file| file.ends_with("/mod.rs"))
        .map(|file| format!("{file}: name it after its folder, and put it beside"))
        .collect();
    report(&faults);
}

/// The features that make values for tests are off in what `cargo build` makes.
#[test]
fn what_is_built_has_nothing_for_tests_in_it() {
    let tree = packages::tree_of_the_build();
    assert!(tree.lines().any(|line| line.starts_with("authenticator ")), "{tree}");
    let with_test_features: Vec<_> = tree.lines().filter(|line| line.contains("for-test")).collect();
    assert!(with_test_features.is_empty(), "{with_test_features:?}");
    let with_test_features = packages::tree_of_the_tests();
    assert!(with_test_features.contains("for-test"), "tests have it, so it would have been seen");
}
