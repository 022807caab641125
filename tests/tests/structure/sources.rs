//! The files of a package, and which imports which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, UseTree, Visibility};

use crate::packages::Workspace;

/// One file of a package.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct File {
    path: PathBuf,
    relative: String,
    /// Where it is in the tree of modules; the root has no name.
    module: Vec<String>,
    /// What it names by a path from this package, absolute.
    paths: BTreeSet<Vec<String>>,
    /// Every path as it is written, for what is banned.
    written: BTreeSet<String>,
    /// The names that it imports, for files that take them from here.
    reexports: BTreeMap<String, Vec<String>>,
    /// Modules that another package shares by their path: they belong to that one.
    shared: BTreeSet<String>,
}

/// The files of a package that its build has, tests apart.
pub(crate) struct Crate {
    files: BTreeMap<Vec<String>, File>,
}

impl File {
    pub(crate) fn relative(&self) -> &str {
        &self.relative
    }

    pub(crate) fn display(&self) -> impl std::fmt::Display {
        self.path.display()
    }

    /// The top module that it belongs to; the root belongs to none.
    pub(crate) fn room(&self) -> Option<&str> {
        self.module.first().map(String::as_str)
    }

    /// Whether it names something by a path that begins with `path`.
    pub(crate) fn names(&self, path: &str) -> bool {
        self.written.iter().any(|written| {
            written == path || written.strip_prefix(path).is_some_and(|rest| rest.starts_with("::"))
        })
    }
}

impl Crate {
    pub(crate) fn load(workspace: &Workspace, package: &str) -> Self {
        let source = workspace.member(package).directory.join("src");
        let mut files = BTreeMap::new();
        let root = source.join("lib.rs");
        if root.exists() {
            read(&source, &root, Vec::new(), &mut files);
        }
        Self { files }
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.values()
    }

    /// The top modules.
    pub(crate) fn rooms(&self) -> impl Iterator<Item = &str> {
        let rooms: BTreeSet<&str> = self.files().filter_map(File::room).collect();
        rooms.into_iter()
    }

    /// Which file imports which.
    pub(crate) fn arrows(&self) -> Vec<(&File, &File)> {
        let mut arrows = BTreeSet::new();
        for file in self.files() {
            for path in &file.paths {
                if let Some(target) = self.resolve(path, 0)
                    && target.module != file.module
                {
                    arrows.insert((file, target));
                }
            }
        }
        arrows.into_iter().collect()
    }

    /// The file that has what `path` names, through any number of re-exports.
    fn resolve(&self, path: &[String], depth: usize) -> Option<&File> {
        let mut module = Vec::new();
        let mut rest = path;
        while let [next, after @ ..] = rest {
            module.push(next.clone());
            if !self.files.contains_key(&module) {
                module.pop();
                break;
            }
            rest = after;
        }
        let file = self.files.get(&module)?;
        if rest.first().is_some_and(|name| file.shared.contains(name)) {
            return None;
        }
        match rest.first().and_then(|name| file.reexports.get(name)) {
            // A re-export of a re-export has an end in code that compiles; the depth is for what does not.
            Some(exported) if depth < 8 && exported != path => self.resolve(exported, depth + 1),
            _ => Some(file),
        }
    }
}

fn read(source: &Path, path: &Path, module: Vec<String>, files: &mut BTreeMap<Vec<String>, File>) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader = Reader { module: module.clone(), ..Reader::default() };
    for item in parsed.items.iter().filter(|item| !is_for_tests(attributes(item))) {
        reader.visit_item(item);
    }
    let children = folder_of(path, &module);
    let mut shared = BTreeSet::new();
    for (name, placed) in &reader.placed {
        let child = [&module[..], std::slice::from_ref(name)].concat();
        let file = match placed {
            Some(place) => path.parent().expect("a folder").join(place),
            None if children.join(name).join("mod.rs").exists() => children.join(name).join("mod.rs"),
            None => children.join(format!("{name}.rs")),
        };
        if file.starts_with(source) && !file.components().any(|part| part.as_os_str() == "..") {
            read(source, &file, child, files);
        } else {
            shared.insert(name.clone());
        }
    }
    let relative = path.strip_prefix(source).unwrap_or(path).display().to_string();
    let file = File {
        path: path.to_owned(),
        relative,
        module: module.clone(),
        paths: reader.paths,
        written: reader.written,
        reexports: reader.reexports,
        shared,
    };
    files.insert(module, file);
}

/// Where the files of a module's children are.
fn folder_of(path: &Path, module: &[String]) -> PathBuf {
    let folder = path.parent().expect("a folder");
    match (module.last(), path.file_stem()) {
        (None, _) => folder.to_owned(),
        (Some(_), Some(stem)) if stem == "mod" => folder.to_owned(),
        (Some(name), _) => folder.join(name),
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Const(item) => &item.attrs,
        _ => &[],
    }
}

/// `#[cfg(test)]`, or `#[cfg(any(test, …))]`.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| {
                let condition = list.tokens.to_string();
                condition == "test" || condition.starts_with("any (test") || condition.starts_with("any(test")
            })
    })
}

/// `#[path = "…"]`
fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("path")).find_map(|attribute| {
        let value = &attribute.meta.require_name_value().ok()?.value;
        match value {
            syn::Expr::Lit(literal) => match &literal.lit {
                syn::Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        }
    })
}

#[derive(Default)]
struct Reader {
    module: Vec<String>,
    children: Vec<String>,
    /// The same, with the path that an attribute gives.
    placed: Vec<(String, Option<String>)>,
    paths: BTreeSet<Vec<String>>,
    written: BTreeSet<String>,
    reexports: BTreeMap<String, Vec<String>>,
}

impl Reader {
    /// The absolute form of a path from this package; `None` is a path from elsewhere.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        match path.split_first()? {
            (first, rest) if first == "crate" => Some(rest.to_vec()),
            (first, rest) if first == "self" => Some([&self.module[..], rest].concat()),
            (first, _) if first == "super" => {
                let up = path.iter().take_while(|segment| *segment == "super").count();
                let kept = self.module.len().checked_sub(up)?;
                Some([&self.module[..kept], &path[up..]].concat())
            }
            (first, _) if self.children.contains(first) => Some([&self.module[..], path].concat()),
            _ => None,
        }
    }

    fn used(&mut self, tree: &UseTree, prefix: &mut Vec<String>, is_reexport: bool) {
        match tree {
            UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.used(&path.tree, prefix, is_reexport);
                prefix.pop();
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.used(tree, prefix, is_reexport);
                }
            }
            UseTree::Name(name) => self.named(prefix, &name.ident.to_string(), None, is_reexport),
            UseTree::Rename(name) => {
                self.named(prefix, &name.ident.to_string(), Some(name.rename.to_string()), is_reexport);
            }
            UseTree::Glob(_) => self.named(prefix, "*", None, is_reexport),
        }
    }

    fn named(&mut self, prefix: &[String], name: &str, rename: Option<String>, is_reexport: bool) {
        let mut path = prefix.to_vec();
        if name != "self" && name != "*" {
            path.push(name.to_owned());
        }
        self.written.insert(path.join("::"));
        let Some(absolute) = self.absolute(&path) else { return };
        let visible = rename.or_else(|| path.last().cloned()).unwrap_or_default();
        self.reexports.insert(visible, absolute.clone());
        // What a module only passes on it does not depend on.
        if !is_reexport {
            self.paths.insert(absolute);
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if is_for_tests(&item.attrs) {
            return;
        }
        match &item.content {
            None => {
                let name = item.ident.to_string();
                self.placed.push((name.clone(), path_attribute(&item.attrs)));
                self.children.push(name);
            }
            Some(_) => visit::visit_item_mod(self, item),
        }
    }

    /// How far an item is visible is no import.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_for_tests(&item.attrs) {
            let is_reexport = !matches!(item.vis, Visibility::Inherited);
            self.used(&item.tree, &mut Vec::new(), is_reexport);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.written.insert(segments.join("::"));
        if segments.len() > 1
            && let Some(absolute) = self.absolute(&segments)
        {
            self.paths.insert(absolute);
        }
        visit::visit_path(self, path);
    }
}
