//! Which functions the statements of a notebook are divided into, and which statements of earlier cells each of them needs:
//! a backward slice (Weiser, "Program slicing", 1984) by names.
//!
//! A name that is said stands for the variable of that name, if there is one, so a slice has too much at times, never too
//! little. evcxr keeps a variable with the type it has at the end of its cell, so what makes the type stands in that cell.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use super::{Cell, How};

/// A function of the program.
pub(super) struct Function {
    /// The cells whose statements it has, by their places among the program's.
    pub(super) cells: Range<usize>,
    /// Of earlier cells the statements that it needs, in order.
    pub(super) copies: BTreeMap<usize, Vec<usize>>,
}

/// How many statements may be copied for each one that there is. Where cells build on each other in a long chain, functions
/// of several cells need less; one of all cells needs none.
const COPIES: usize = 3;

/// As many copies are never too many.
const FREE: usize = 500;

/// The functions of a program. Cells that do nothing have none.
pub(super) fn functions(cells: &[(usize, &Cell, How)]) -> Vec<Function> {
    let statements: usize = cells.iter().map(|(_, cell, _)| cell.statements.len()).sum();
    let budget = FREE + COPIES * statements;
    let mut size = 1;
    loop {
        let mut left = Some(budget);
        let mut functions = Vec::new();
        for start in (0..cells.len()).step_by(size) {
            let group = start..(start + size).min(cells.len());
            if !cells[group.clone()].iter().any(does_something) {
                continue;
            }
            let copies = needed(cells, &group);
            left = left.and_then(|left| left.checked_sub(copies.values().map(Vec::len).sum()));
            if left.is_none() {
                break;
            }
            functions.push(Function { cells: group, copies });
        }
        if left.is_some() {
            return functions;
        }
        size *= 2;
    }
}

fn does_something((_, cell, how): &(usize, &Cell, How)) -> bool {
    *how == How::Alone || cell.split.chunks.iter().any(|chunk| !chunk.is_item)
}

/// The statements that some cells need of the cells before them.
fn needed(cells: &[(usize, &Cell, How)], group: &Range<usize>) -> BTreeMap<usize, Vec<usize>> {
    let mut needed = HashSet::new();
    for (_, cell, how) in &cells[group.clone()] {
        match how {
            How::Alone => needed.extend(cell.words.iter().map(String::as_str)),
            How::Shared | How::Apart => {
                needed.extend(cell.statements.iter().flat_map(|it| &it.names).map(String::as_str));
            }
        }
    }
    let mut copies = BTreeMap::new();
    for (at, (_, cell, how)) in cells[..group.start].iter().enumerate().rev() {
        if *how == How::Shared && cell.variables().any(|name| needed.contains(name)) {
            copies.insert(at, of_cell(cell, &mut needed));
        }
    }
    copies
}

/// The statements of a cell that make the variables of these names; `needed` is then what they need in turn.
fn of_cell<'a>(cell: &'a Cell, needed: &mut HashSet<&'a str>) -> Vec<usize> {
    // The variables whose types may be said by statements below them, and up to which statement they are needed.
    let mut open: HashMap<&str, usize> = HashMap::new();
    loop {
        let (mut kept, mut names, known) = (Vec::new(), needed.clone(), open.len());
        for (at, statement) in cell.statements.iter().enumerate().rev() {
            let makes = statement.binds.iter().any(|name| names.contains(name.as_str()));
            let says =
                statement.names.iter().any(|name| open.get(name.as_str()).is_some_and(|from| *from < at));
            if !makes && !says {
                continue;
            }
            kept.push(at);
            for name in statement.binds.iter().map(String::as_str) {
                if statement.hides {
                    names.remove(name);
                }
                if makes && !statement.is_typed {
                    let from = open.entry(name).or_insert(at);
                    *from = at.min(*from);
                }
            }
            names.extend(statement.names.iter().map(String::as_str));
        }
        if open.len() == known {
            *needed = names;
            kept.reverse();
            return kept;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each function its cells and what it copies.
    fn of(texts: &[&str]) -> Vec<(Range<usize>, Vec<String>)> {
        let cells: Vec<Cell> = texts.iter().map(|text| Cell::read(text)).collect();
        let cells: Vec<_> =
            cells.iter().enumerate().map(|(index, cell)| (index, cell, How::Shared)).collect();
        let shown = |(at, statements): (&usize, &Vec<usize>)| {
            let text =
                |statement: &usize| texts[*at][cells[*at].1.statements[*statement].range.clone()].to_owned();
            statements.iter().map(text).collect::<Vec<_>>()
        };
        functions(&cells)
            .into_iter()
            .map(|function| (function.cells, function.copies.iter().flat_map(shown).collect()))
            .collect()
    }

    #[test]
    fn a_cell_needs_what_makes_its_variables() {
        let found = of(&[
            "let a = 1; let b = 2;",
            "let c = a + 1; a_test(b);",
            "struct C;",
            "let mut v = Vec::new(); v.push(c); let typed: u8 = 3; f(typed)",
            "v.len() + usize::from(typed)",
            "let c = 5;",
            "c",
        ]);
        let wanted: [(usize, &[&str]); 6] = [
            (0, &[]),
            (1, &["let a = 1;", "let b = 2;"]),
            (3, &["let a = 1;", "let c = a + 1;"]),
            (
                4,
                &[
                    "let a = 1;",
                    "let c = a + 1;",
                    "let mut v = Vec::new();",
                    "v.push(c);",
                    "let typed: u8 = 3;",
                ],
            ),
            (5, &[]),
            (6, &["let c = 5;"]),
        ];
        assert_eq!(found.len(), wanted.len(), "{found:?}");
        for ((cells, copies), (cell, wanted)) in found.iter().zip(wanted) {
            let copies: Vec<&str> = copies.iter().map(String::as_str).collect();
            assert_eq!((cells.clone(), &copies[..]), (cell..cell + 1, wanted));
        }
    }

    #[test]
    fn a_long_chain_is_divided_so_that_little_is_copied() {
        let texts: Vec<String> = (1..400).map(|at| format!("let x{at} = x{} + 1;", at - 1)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let found = of(&texts);
        assert!(found.len() > 4, "{}", found.len());
        assert!(found.iter().map(|(_, copies)| copies.len()).sum::<usize>() <= FREE + COPIES * texts.len());
        assert_eq!(found.iter().map(|(cells, _)| cells.len()).sum::<usize>(), texts.len());
    }
}
