//! A cell's statements: which variables each makes, and which names it says. By tokens alone, so that a cell may be read
//! while it is being typed.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::lsp::split::{Token, tokens};

/// A statement of a cell, or several that make no variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Statement {
    /// Where it stands in the cell's text.
    pub(super) range: Range<usize>,
    /// The variables that it makes. Of a pattern with fields or paths, these are here, too.
    pub(super) binds: Vec<String>,
    /// Whether it makes all of them, so that nothing before it can be meant by their names behind it.
    pub(super) hides: bool,
    /// Whether it says the type in full. Where it does not, statements below it may.
    pub(super) is_typed: bool,
    /// The names that it says, those of fields and methods excepted.
    pub(super) names: Vec<String>,
}

/// The statements in a part of a cell's text.
pub(super) fn of(text: &str, range: &Range<usize>) -> Vec<Statement> {
    let (tokens, _) = tokens(&text[..range.end], range.start);
    let mut statements = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    for (index, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            // Behind a block without `;`.
            "let" if depth == 0 && index > start && tokens[index - 1].text == "}" => {
                statements.push(statement(&tokens[start..index]));
                start = index;
            }
            ";" if depth == 0 => {
                statements.push(statement(&tokens[start..=index]));
                start = index + 1;
            }
            _ => {}
        }
    }
    if start < tokens.len() {
        statements.push(statement(&tokens[start..]));
    }
    statements
}

/// The statement that these tokens are: at least one.
fn statement(tokens: &[Token<'_>]) -> Statement {
    let range = tokens[0].range.start..tokens[tokens.len() - 1].range.end;
    let mut statement = Statement { range, is_typed: true, ..Statement::default() };
    let mut rest = tokens;
    if let Some(after) = behind_let(tokens) {
        let end = pattern_end(after);
        let (pattern, value) = after.split_at(end);
        statement.hides =
            !pattern.windows(2).any(|pair| pair[0].is_word && matches!(pair[1].text, "(" | "{" | ":"));
        let variable = |token: &&Token<'_>| token.is_word && !matches!(token.text, "mut" | "ref" | "_");
        statement.binds = pattern.iter().filter(variable).map(|token| token.text.to_owned()).collect();
        let annotation = value.iter().take_while(|token| !matches!(token.text, "=" | ";"));
        let mut annotation = annotation.map(|token| token.text);
        statement.is_typed = annotation.next() == Some(":") && annotation.all(|word| word != "_");
        rest = if statement.hides { value } else { after };
    }
    let mut names = BTreeSet::new();
    for (index, token) in rest.iter().enumerate() {
        let before = |back: usize| index.checked_sub(back).map(|at| rest[at].text);
        let is_member = before(1) == Some(".") && before(2) != Some(".");
        if token.is_word && !is_member {
            names.insert(token.text.to_owned());
        } else if token.text.contains('"') {
            names.extend(named_in_format(token.text));
        }
    }
    statement.names = names.into_iter().collect();
    statement
}

/// The tokens behind a `let` that a statement begins with, attributes aside.
fn behind_let<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<&'t [Token<'a>]> {
    let at = tokens.iter().position(|token| token.text == "let")?;
    let is_first = at == 0 || tokens[0].text == "#" && tokens[at - 1].text == "]";
    is_first.then(|| &tokens[at + 1..])
}

/// How many tokens of those behind `let` are the pattern.
fn pattern_end(tokens: &[Token<'_>]) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let mut depth = 0_usize;
    let end = (0..tokens.len()).find(|at| {
        match text(*at) {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            ";" => return true,
            "=" => return depth == 0 && at.checked_sub(1).is_none_or(|before| text(before) != "."),
            // Not that of a path.
            ":" => {
                let is_path =
                    text(at + 1) == ":" || at.checked_sub(1).is_some_and(|before| text(before) == ":");
                return depth == 0 && !is_path;
            }
            _ => {}
        }
        false
    });
    end.unwrap_or(tokens.len())
}

/// The variables that a format string names: `{x}`, `{x:?}`, `{:width$}`.
fn named_in_format(literal: &str) -> impl Iterator<Item = String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let opened =
        literal.split('{').skip(1).map(move |rest| rest.split(|c| !is_word(c)).next().unwrap_or_default());
    let before_dollar =
        literal.split('$').map(move |rest| rest.rsplit(|c| !is_word(c)).next().unwrap_or_default());
    let is_name = |word: &&str| word.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    opened.chain(before_dollar).filter(is_name).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_says_what_it_makes_and_what_it_names() {
        for (text, binds, hides, is_typed, names) in [
            ("let x = y.z(w);", "x", true, false, "w y"),
            ("let mut x: Vec<f32> = f(x);", "x", true, true, "Vec f f32 x"),
            ("let x: Vec<_> = y;", "x", true, false, "Vec _ y"),
            ("#[allow(a[b])] let (a, ref b) = c;", "a b", true, false, "c"),
            ("let Point { x, y: z } = p;", "Point x y z", false, false, "Point p x y z"),
            ("let Some(x) = o else { return Ok(()) };", "Some x", false, false, "Ok Some else o return x"),
            ("println!(\"{a} {b:.c$} {:d$} {{e}} f\", g)", "", false, true, "a b c d e g println"),
            ("for i in 0..n { s += i }", "", false, true, "for i in n s"),
            ("let x", "x", true, false, ""),
        ] {
            let [found] = &of(text, &(0..text.len()))[..] else { panic!("{text}") };
            assert_eq!(found.range, 0..text.len(), "{text}");
            assert_eq!(
                (found.binds.join(" ").as_str(), found.hides, found.is_typed, found.names.join(" ").as_str()),
                (binds, hides, is_typed, names),
                "{text}"
            );
        }
    }

    #[test]
    fn a_variable_begins_a_statement_of_its_own() {
        let text = "a(); for b in c { let d = 1; }\nlet e = if let Some(f) = g { f } else { 0 }; h\nlet";
        let found: Vec<&str> =
            of(text, &(0..text.len())).iter().map(|found| &text[found.range.clone()]).collect();
        assert_eq!(
            found,
            ["a();", "for b in c { let d = 1; }", "let e = if let Some(f) = g { f } else { 0 };", "h\nlet",]
        );
    }
}
