//! Threads: work on many things at once, and a stack for code that is nested deeply.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// What parsing the most deeply nested cell takes that is let through (see `tokens` of a notebook), twice over. It is address
/// space: memory is taken as far as the stack is used. Without optimization a call takes several times as much of it.
const STACK: usize = if cfg!(debug_assertions) { 1 << 30 } else { 512 << 20 };

/// Runs `work` where deeply nested code can be parsed.
///
/// # Panics
/// When `work` does.
pub fn on_large_stack<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    let mut work = Some(work);
    let mut result = None;
    std::thread::scope(|scope| {
        let run = || result = work.take().map(|work| work());
        if let Ok(thread) = spawn(scope, run)
            && let Err(panic) = thread.join()
        {
            std::panic::resume_unwind(panic);
        }
    });
    // There was no room for the thread.
    result.or_else(|| work.map(|work| work())).expect("the work was done on one of the two threads")
}

/// Gives `work` each of `all`, on at most `jobs` threads, and returns what it made of them, in their order.
pub(crate) fn side_by_side<T: Sync, R: Send + Sync>(
    all: &[T],
    jobs: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results: Vec<_> = all.iter().map(|_| OnceLock::new()).collect();
    let share = || {
        while let Some((item, result)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            all.get(index).zip(results.get(index))
        } {
            let _ = result.set(work(item));
        }
    };
    std::thread::scope(|scope| {
        let threads = (0..jobs.clamp(1, all.len().max(1))).filter_map(|_| spawn(scope, share).ok());
        if threads.count() == 0 {
            share();
        }
    });
    results.into_iter().filter_map(OnceLock::into_inner).collect()
}

fn spawn<'scope, R: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> R + Send + 'scope,
) -> std::io::Result<ScopedJoinHandle<'scope, R>> {
    Builder::new().stack_size(STACK).spawn_scoped(scope, work)
}
