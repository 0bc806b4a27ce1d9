//! Markdown as `CommonMark` has it, with where things stand in it: its code blocks, its links.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};

/// A block of code in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CodeBlock {
    /// By four blanks of indentation: the lines (from 0) that it stands on.
    Indented(Range<usize>),
    /// Between fences.
    Fenced {
        /// The line (from 0) of the opening fence.
        line: usize,
        /// The bytes of that line that the fence takes.
        fence: Range<usize>,
        /// Whether nothing says which language it is.
        is_unnamed: bool,
        /// Whether it goes on to the end of the text, and would go on in what follows.
        is_open: bool,
    },
}

/// The code blocks of a text, in order.
pub(crate) fn code_blocks(text: &str) -> Vec<CodeBlock> {
    let line_of = |at: usize| text[..at].matches('\n').count();
    let mut blocks = Vec::new();
    let mut within = 0_usize;
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::BlockQuote(_) | Tag::Item) => within += 1,
            Event::End(TagEnd::BlockQuote(_) | TagEnd::Item) => within -= 1,
            Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => {
                let end = range.start + text[range.clone()].trim_end().len();
                blocks.push(CodeBlock::Indented(line_of(range.start)..line_of(end) + 1));
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                let block = &text[range.clone()];
                let mark = block.chars().next().unwrap_or('`');
                let length = block.chars().take_while(|c| *c == mark).count();
                let closes = |line: &str| {
                    let line = line.trim();
                    line.len() >= length && line.chars().all(|c| c == mark)
                };
                let is_closed = block.lines().count() > 1 && block.lines().next_back().is_some_and(closes);
                let start = range.start - text[..range.start].rfind('\n').map_or(0, |at| at + 1);
                blocks.push(CodeBlock::Fenced {
                    line: line_of(range.start),
                    fence: start..start + length,
                    is_unnamed: info.trim().is_empty(),
                    is_open: within == 0 && !is_closed,
                });
            }
            _ => {}
        }
    }
    blocks
}

/// Where the address of a link or a picture stands in the text, its whole range and kind being known. `None` for one that
/// stands for itself (`<https://…>`).
pub(crate) fn address(text: &str, link: &Range<usize>, kind: LinkType, url: &str) -> Option<Range<usize>> {
    let start = match kind {
        LinkType::Inline => {
            // The address is the last thing in the link that it could be; a title after it stays.
            let written = &text[link.clone()];
            let from = written.rfind("](").map_or(0, |at| at + 2);
            link.start + from + written[from..].find(url).filter(|_| !url.is_empty())?
        }
        LinkType::Autolink | LinkType::Email => return None,
        // The address stands with the link's definition, elsewhere in the text.
        _ => text.match_indices(url).map(|(at, _)| at).find(|at| {
            let start = text[..*at].rfind('\n').map_or(0, |newline| newline + 1);
            text[start..*at].trim_start().starts_with('[') && text[..*at].trim_end().ends_with("]:")
        })?,
    };
    Some(start..start + url.len())
}

/// The text with its links and pictures leading where `place` says; what it has nothing to say of stays.
pub(crate) fn readdressed(text: &str, mut place: impl FnMut(&str) -> Option<String>) -> String {
    let mut changes = Vec::new();
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        let Event::Start(Tag::Link { link_type, dest_url, .. } | Tag::Image { link_type, dest_url, .. }) =
            event
        else {
            continue;
        };
        let Some(at) = address(text, &range, link_type, &dest_url) else { continue };
        if let Some(new) = place(&dest_url) {
            changes.push((at, new.replace(' ', "%20")));
        }
    }
    replaced(text, changes)
}

/// The text with its changes; of two in one place the first counts.
pub(crate) fn replaced(text: &str, mut changes: Vec<(Range<usize>, String)>) -> String {
    changes.sort_by_key(|(range, _)| range.start);
    let mut new = String::with_capacity(text.len());
    let mut at = 0;
    for (range, with) in changes {
        if range.start < at {
            continue;
        }
        new.push_str(&text[at..range.start]);
        new.push_str(&with);
        at = range.end;
    }
    new.push_str(&text[at..]);
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_blocks_are_found_where_they_are() {
        let text = "a\n\n    x\n    y\n\n```\nz\n```\n\n- b\n  ~~~ rust\n  c\n\n> ````\n> d\n\n```\nopen";
        let fenced =
            |line, fence, is_unnamed, is_open| CodeBlock::Fenced { line, fence, is_unnamed, is_open };
        assert_eq!(
            code_blocks(text),
            [
                CodeBlock::Indented(2..4),
                fenced(5, 0..3, true, false),
                fenced(10, 2..5, false, false),
                fenced(13, 2..6, true, false),
                fenced(16, 0..3, true, true),
            ]
        );
        assert_eq!(code_blocks("```"), [fenced(0, 0..3, true, true)]);
    }

    #[test]
    fn links_are_led_elsewhere() {
        let to = |url: &str| (url == "a.ipynb").then(|| "b c.md".to_owned());
        let text = "[a](a.ipynb \"t\") ![x](a.ipynb) [r][r] <https://x.y> `[a](a.ipynb)`\n\n[r]: a.ipynb\n";
        assert_eq!(
            readdressed(text, to),
            "[a](b%20c.md \"t\") ![x](b%20c.md) [r][r] <https://x.y> `[a](a.ipynb)`\n\n[r]: b%20c.md\n"
        );
    }
}
