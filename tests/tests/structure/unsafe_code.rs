//! Files that have `unsafe` in their code.

use syn::visit::{self, Visit};
use syn::{Attribute, ExprUnsafe, ItemForeignMod, ItemImpl, ItemTrait, Macro, Signature};

use crate::packages;

/// All of them, by their paths from the workspace.
pub(crate) fn find() -> Vec<String> {
    let root = packages::root().display().to_string();
    let files = packages::source_files();
    let unsafe_files = files.lines().filter(|file| is_unsafe(file));
    unsafe_files.map(|file| file.trim_start_matches(&root).trim_start_matches('/').to_owned()).collect()
}

fn is_unsafe(file: &str) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}"));
    // Most files have not even the word.
    if !text.contains("unsafe") {
        return false;
    }
    let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut finder = Finder::default();
    finder.visit_file(&parsed);
    finder.is_unsafe
}

#[derive(Default)]
struct Finder {
    is_unsafe: bool,
}

impl Finder {
    fn found_if(&mut self, is_unsafe: bool) {
        self.is_unsafe |= is_unsafe;
    }
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_expr_unsafe(&mut self, _: &'ast ExprUnsafe) {
        self.found_if(true);
    }

    fn visit_signature(&mut self, signature: &'ast Signature) {
        self.found_if(signature.unsafety.is_some());
        visit::visit_signature(self, signature);
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        self.found_if(item.unsafety.is_some());
        visit::visit_item_impl(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        self.found_if(item.unsafety.is_some());
        visit::visit_item_trait(self, item);
    }

    fn visit_item_foreign_mod(&mut self, item: &'ast ItemForeignMod) {
        self.found_if(item.unsafety.is_some());
        visit::visit_item_foreign_mod(self, item);
    }

    /// `#[unsafe(no_mangle)]`, and whatever switches the lint off.
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let switches_off = ["allow", "expect", "warn"].iter().any(|level| attribute.path().is_ident(level))
            && attribute
                .meta
                .require_list()
                .is_ok_and(|list| list.tokens.to_string().contains("unsafe_code"));
        self.found_if(attribute.path().is_ident("unsafe") || switches_off);
    }

    /// What a macro is given or makes is not parsed: its words are looked at, those between quotes apart.
    fn visit_macro(&mut self, item: &'ast Macro) {
        let text = item.tokens.to_string();
        let code = text.split('"').step_by(2);
        let mut words = code
            .flat_map(|code| code.split(|character: char| !character.is_alphanumeric() && character != '_'));
        self.found_if(words.any(|word| word == "unsafe"));
    }
}
