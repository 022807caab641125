//! Files that import each other in a circle.

use std::collections::BTreeSet;

use crate::sources::{Crate, File};

/// The circles: sets of two files or more, in which each reaches every other.
pub(crate) fn find(source: &Crate) -> Vec<BTreeSet<&File>> {
    let arrows = source.arrows();
    let reached = |from: &File| {
        let mut reached: BTreeSet<&File> = BTreeSet::new();
        let mut open = vec![from];
        while let Some(next) = open.pop() {
            for (_, to) in arrows.iter().filter(|(from, _)| *from == next) {
                if reached.insert(to) {
                    open.push(to);
                }
            }
        }
        reached
    };
    let from_each: Vec<_> = source.files().map(|file| (file, reached(file))).collect();
    let mut circles: BTreeSet<BTreeSet<&File>> = BTreeSet::new();
    for (file, reached) in &from_each {
        if !reached.contains(file) {
            continue;
        }
        let circle = from_each
            .iter()
            .filter(|(other, from_other)| reached.contains(other) && from_other.contains(file))
            .map(|(other, _)| *other);
        circles.insert(circle.collect());
    }
    circles.into_iter().collect()
}
