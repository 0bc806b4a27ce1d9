//! Whether a cell leaves the function that it stands in: `?` and `.await` at its own level.

use syn::visit::{self, Visit};
use syn::{Item, Stmt};

use super::macros::macro_exprs;
use crate::notebook::cell::Code;

/// Whether the cell uses `?` (or `.await`) at its own level, outside functions and closures.
pub(crate) fn uses_question_mark_and_await(code: &Code) -> (bool, bool) {
    uses(&code.stmts)
}

/// Whether a statement uses `?` or `.await` at its own level: it may leave the function that it stands in.
pub(crate) fn leaves(stmt: &Stmt) -> bool {
    let (question_mark, awaits) = uses(std::slice::from_ref(stmt));
    question_mark || awaits
}

fn uses(stmts: &[Stmt]) -> (bool, bool) {
    #[derive(Default)]
    struct Uses(bool, bool);
    impl<'ast> Visit<'ast> for Uses {
        fn visit_expr_try(&mut self, node: &'ast syn::ExprTry) {
            self.0 = true;
            visit::visit_expr_try(self, node);
        }
        fn visit_expr_await(&mut self, node: &'ast syn::ExprAwait) {
            self.1 = true;
            visit::visit_expr_await(self, node);
        }
        fn visit_macro(&mut self, node: &'ast syn::Macro) {
            for expr in macro_exprs(node).unwrap_or_default() {
                // The expressions live only here, so they get a visitor of their own.
                let mut inner = Uses::default();
                inner.visit_expr(&expr);
                self.0 |= inner.0;
                self.1 |= inner.1;
            }
        }
        fn visit_item(&mut self, _: &'ast Item) {}
        fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
        fn visit_expr_async(&mut self, _: &'ast syn::ExprAsync) {}
    }
    let mut uses = Uses::default();
    for stmt in stmts {
        uses.visit_stmt(stmt);
    }
    (uses.0, uses.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notebook::scope::tests::parse;

    #[test]
    fn question_marks_of_closures_are_their_own() {
        assert_eq!(
            uses_question_mark_and_await(&parse("let f = || -> Option<u8> { Some(o?) };")),
            (false, false)
        );
        assert_eq!(uses_question_mark_and_await(&parse("assert_eq!(f()?, 1);")), (true, false));
        assert_eq!(uses_question_mark_and_await(&parse("get().await;")), (false, true));
    }
}
