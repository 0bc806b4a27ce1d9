//! Text of which a flood keeps the beginning and the end.

/// Text that never takes more than a limit of memory: of a flood, the beginning and the end are kept.
#[derive(Clone, Debug)]
pub(in crate::run) struct Bounded {
    head: String,
    tail: String,
    dropped: usize,
    limit: usize,
}

impl Bounded {
    pub(in crate::run) fn new(limit: usize) -> Self {
        Self { head: String::new(), tail: String::new(), dropped: 0, limit }
    }

    pub(in crate::run) fn push(&mut self, text: &str) {
        let room = if self.tail.is_empty() { (self.limit / 2).saturating_sub(self.head.len()) } else { 0 };
        let (head, rest) = text.split_at(text.floor_char_boundary(room));
        self.head.push_str(head);
        self.tail.push_str(rest);
        // Twice the space before it is cut, so that the cost of cutting is spread over as many bytes.
        if self.tail.len() > self.limit {
            self.cut_tail();
        }
    }

    /// Takes one line end off the end.
    #[cfg(any(feature = "kernel", test))]
    pub(in crate::run) fn pop_newline(&mut self) {
        let last = if self.tail.is_empty() { &mut self.head } else { &mut self.tail };
        if last.ends_with('\n') {
            last.pop();
        }
    }

    /// What was kept, with a line that says how much was not.
    pub(in crate::run) fn finish(mut self) -> String {
        if self.head.len() + self.tail.len() > self.limit {
            self.cut_tail();
        }
        if self.dropped > 0 {
            let limit = match self.limit >> 20 {
                0 => format!("{} bytes", self.limit),
                mebibytes => format!("{mebibytes} MiB"),
            };
            let note = format!(
                "\n[nbexport left out {} bytes here: it keeps {limit} of a cell's output]\n",
                self.dropped
            );
            self.head.push_str(&note);
        }
        self.head + &self.tail
    }

    fn cut_tail(&mut self) {
        let cut = self.tail.len().saturating_sub(self.limit / 2);
        // From a line's beginning on, unless the line alone is longer than what is kept.
        let from = self.tail.floor_char_boundary(cut);
        let from = self.tail[from..].find('\n').map_or(from, |newline| from + newline + 1);
        self.dropped += from;
        self.tail.drain(..from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_flood_the_ends_are_kept() {
        let mut text = Bounded::new(1000);
        for n in 0..100_000 {
            text.push(&format!("line {n}\n"));
            assert!(text.head.len() + text.tail.len() < 2000);
        }
        let kept = text.finish();
        assert!(kept.starts_with("line 0\nline 1\n") && kept.ends_with("line 99998\nline 99999\n"), "{kept}");
        let note = kept.lines().find(|line| line.starts_with('[')).unwrap();
        let left_out =
            (0..100_000).map(|n| format!("line {n}\n").len()).sum::<usize>() - (kept.len() - note.len() - 2);
        assert_eq!(
            note,
            format!("[nbexport left out {left_out} bytes here: it keeps 1000 bytes of a cell's output]")
        );
        assert!(kept.len() < 1100);
    }

    #[test]
    fn one_long_line_is_cut_between_characters() {
        let mut text = Bounded::new(100);
        text.push(&"é".repeat(100_000));
        assert!(text.finish().len() < 200);
    }

    #[test]
    fn what_fits_is_left_alone() {
        let mut text = Bounded::new(100);
        text.push("a\n");
        text.push("b\n\n");
        text.pop_newline();
        assert_eq!(text.finish(), "a\nb\n");
    }
}
