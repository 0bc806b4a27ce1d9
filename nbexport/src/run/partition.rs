//! Which share of the notebooks a run takes, so that several machines do the work of one: `slice:1/4` or `hash:1/4`, as
//! nextest calls them. The shares have no notebook in common and together all.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::Select;
use super::timings::Timings;

/// One share of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    kind: Kind,
    /// From 1.
    share: usize,
    of: usize,
}

/// How the notebooks are dealt out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Evenly: by the time they take, as far as it is known, else by their number.
    Slice,
    /// By their names alone, so that none moves when another comes or goes.
    Hash,
}

impl FromStr for Partition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let write = "write `slice:1/4` for the first of four shares, or `hash:1/4`";
        let (kind, share) = text.split_once(':').ok_or(write)?;
        let kind = match kind {
            "slice" => Kind::Slice,
            "hash" => Kind::Hash,
            "count" => {
                return Err(format!("`count:` deals out anew whatever is filtered: write `slice:{share}`"));
            }
            _ => return Err(format!("there is no partition `{kind}:`: {write}")),
        };
        let number = |text: &str| text.parse::<usize>().ok().filter(|number| *number > 0);
        let (share, of) =
            share.split_once('/').and_then(|(m, n)| Some((number(m)?, number(n)?))).ok_or(write)?;
        if share > of {
            return Err(format!("there is no share {share} of {of}: the last one is {of}/{of}"));
        }
        Ok(Self { kind, share, of })
    }
}

impl Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.kind == Kind::Slice { "slice" } else { "hash" };
        write!(f, "{kind}:{}/{}", self.share, self.of)
    }
}

impl Partition {
    /// The notebooks of this share among those that are selected, by their names.
    pub fn of(self, mut names: Vec<String>, select: &Select, timings: &Timings) -> Vec<String> {
        names.retain(|name| select.notebook(name));
        // What is named twice is one notebook, and the order on the command line is no part of it.
        names.sort();
        names.dedup();
        let shares = self.deal(&names.iter().map(String::as_str).collect::<Vec<_>>(), timings);
        names
            .into_iter()
            .zip(shares)
            .filter(|(_, share)| *share == self.share - 1)
            .map(|(name, _)| name)
            .collect()
    }

    /// To which share each notebook goes, from 0.
    fn deal(self, names: &[&str], timings: &Timings) -> Vec<usize> {
        if self.kind == Kind::Hash {
            return names.iter().map(|name| hashed(name, self.of)).collect();
        }
        let mut known: Vec<Duration> = names.iter().filter_map(|name| timings.of(name)).collect();
        if known.is_empty() {
            return (0..names.len()).map(|index| index % self.of).collect();
        }
        known.sort_unstable();
        // One that nobody has timed is taken for an ordinary one.
        let usual = known[known.len() / 2];
        let weight = |index: &usize| timings.of(names[*index]).unwrap_or(usual);
        let mut longest_first: Vec<usize> = (0..names.len()).collect();
        longest_first.sort_by_key(|index| std::cmp::Reverse(weight(index)));
        let (mut shares, mut loads) = (vec![0; names.len()], vec![(Duration::ZERO, 0_usize); self.of]);
        for index in longest_first {
            // The lightest; among equals the one with the fewest notebooks, then the first.
            let lightest = (0..self.of).min_by_key(|share| loads[*share]).unwrap_or_default();
            shares[index] = lightest;
            loads[lightest].0 += weight(&index);
            loads[lightest].1 += 1;
        }
        shares
    }
}

fn hashed(name: &str, of: usize) -> usize {
    let digest = Sha256::digest(name.as_bytes());
    let number = digest[..8].iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
    usize::try_from(number % of as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shares(kind: &str, of: usize, names: &[&str], timings: &Timings) -> Vec<Vec<usize>> {
        let dealt: Vec<Vec<usize>> = (1..=of)
            .map(|share| format!("{kind}:{share}/{of}").parse::<Partition>().unwrap().deal(names, timings))
            .collect();
        // All of them deal alike, or two would take the same notebook.
        assert!(dealt.iter().all(|shares| *shares == dealt[0]));
        (0..of).map(|share| (0..names.len()).filter(|index| dealt[0][*index] == share).collect()).collect()
    }

    proptest! {
        #[test]
        fn no_share_takes_another_ones_notebook_and_together_they_have_all(
            times in prop::collection::vec(prop::option::of(0_u32..100_000), 0..40),
            of in 1_usize..9,
        ) {
            let names: Vec<String> = (0..times.len()).map(|index| format!("{index:02}.ipynb")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let known = names.iter().zip(&times).filter_map(|(name, time)| Some((*name, (*time)?)));
            let timings = Timings::from_millis(known);
            for kind in ["slice", "hash"] {
                let mut all = shares(kind, of, &names, &timings).concat();
                all.sort_unstable();
                prop_assert_eq!(all, (0..names.len()).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_long_notebook_has_a_share_to_itself() {
        let timings =
            Timings::from_millis([("a", 100), ("b", 100), ("c", 900), ("d", 100), ("e", 700), ("f", 100)]);
        let dealt = shares("slice", 3, &["a", "b", "c", "d", "e", "f"], &timings);
        assert_eq!(dealt, [vec![2], vec![4], vec![0, 1, 3, 5]]);
    }

    #[test]
    fn without_times_a_slice_takes_every_nth() {
        let dealt = shares("slice", 2, &["a", "b", "c", "d", "e"], &Timings::default());
        assert_eq!(dealt, [vec![0, 2, 4], vec![1, 3]]);
    }

    #[test]
    fn a_hash_does_not_move_when_another_notebook_comes() {
        let before = shares("hash", 3, &["a", "b", "d"], &Timings::default());
        let after = shares("hash", 3, &["a", "b", "c", "d"], &Timings::default());
        let share_of = |dealt: &[Vec<usize>], index| dealt.iter().position(|share| share.contains(&index));
        assert_eq!(
            [0, 1, 2].map(|index| share_of(&before, index)),
            [0, 1, 3].map(|index| share_of(&after, index))
        );
    }
}
