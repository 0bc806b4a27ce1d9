//! Which notebooks can be built in one run of cargo.
//!
//! Cargo builds a crate once for all packages of a run, with the features that any of them asks for. In the kernel a
//! notebook has those it asks for itself. So notebooks that would lend each other features are built one after the other, and so are those that set another
//! environment for the build.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use super::workspace::{Package, Workspace, cargo};

/// What a notebook has when it is built alone.
#[derive(Debug, Default, PartialEq, Eq)]
struct Alone {
    /// The crates that its cells can name.
    direct: BTreeSet<String>,
    /// Of each crate that is compiled for it the features.
    features: BTreeMap<String, BTreeSet<String>>,
}

impl Alone {
    /// What `cargo tree` prints: depth, crate, features.
    fn parse(text: &str) -> Self {
        let mut alone = Self::default();
        for line in text.lines() {
            let name = line.trim_start_matches(|c: char| c.is_ascii_digit());
            let depth = &line[..line.len() - name.len()];
            let Some((name, features)) = name.trim_end_matches(" (*)").split_once('|') else { continue };
            if depth == "1" {
                alone.direct.insert(name.to_owned());
            }
            let features = features.split(',').filter(|feature| !feature.is_empty()).map(str::to_owned);
            alone.features.entry(name.to_owned()).or_default().extend(features);
        }
        alone
    }

    /// Whether its cells could make use of a feature that another asks for.
    fn gains_from(&self, other: &Self) -> bool {
        let of = |alone: &Self, name: &String| alone.features.get(name).cloned().unwrap_or_default();
        self.direct.iter().any(|name| !of(other, name).is_subset(&of(self, name)))
    }
}

/// Packages that are built in one run, each with what it has alone, and their keys.
type Group<'a> = (Vec<(&'a Package, &'a Alone)>, Vec<usize>);

/// Puts packages of a written workspace, each with a key, into groups that are built one after the other.
pub(super) fn groups(workspace: &Workspace, packages: &[(usize, Package)]) -> Vec<Vec<usize>> {
    // What asks for the same gets the same.
    let mut asking: Vec<(&Package, Vec<usize>)> = Vec::new();
    for (key, package) in packages {
        match asking.iter_mut().find(|(other, _)| other.asks_for_the_same(package)) {
            Some((_, keys)) => keys.push(*key),
            None => asking.push((package, vec![*key])),
        }
    }
    if asking.len() < 2 {
        return vec![packages.iter().map(|(key, _)| *key).collect()];
    }
    let alone: Vec<Alone> = std::thread::scope(|scope| {
        let trees: Vec<_> =
            asking.iter().map(|(package, _)| scope.spawn(|| tree(workspace, package))).collect();
        trees.into_iter().map(|tree| tree.join().unwrap_or_default()).collect()
    });
    let mut groups: Vec<Group<'_>> = Vec::new();
    for ((package, keys), alone) in asking.into_iter().zip(&alone) {
        let fits = |(other, its): &(&Package, &Alone)| {
            other.env == package.env && !alone.gains_from(its) && !its.gains_from(alone)
        };
        match groups.iter_mut().find(|(others, _)| others.iter().all(fits)) {
            Some((others, all)) => {
                others.push((package, alone));
                all.extend(keys);
            }
            None => groups.push((vec![(package, alone)], keys)),
        }
    }
    groups.into_iter().map(|(_, keys)| keys).collect()
}

/// Asks cargo. Where it cannot tell, the build will say why.
fn tree(workspace: &Workspace, package: &Package) -> Alone {
    if package.dependencies.is_empty() {
        return Alone::default();
    }
    let mut command = Command::new(cargo());
    command.args(["tree", "--quiet", "--edges", "normal", "--prefix", "depth", "--format", "{p}|{f}"]);
    command.args(["--package", &package.name]).current_dir(&workspace.root).env_remove("CARGO_MANIFEST_DIR");
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    Alone::parse(&String::from_utf8_lossy(&output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lends_a_feature_does_not_fit() {
        let plain = Alone::parse("0nb v0.0.0|\n1log v0.4.1|std\n");
        let more = Alone::parse("0nb v0.0.0|\n1tool v1.0.0|\n2log v0.4.1|kv,std (*)\n");
        let other = Alone::parse("0nb v0.0.0|\n1rand v0.9.0|std\n");
        assert!(plain.gains_from(&more) && !more.gains_from(&plain));
        assert!(!plain.gains_from(&other) && !other.gains_from(&plain));
    }
}
