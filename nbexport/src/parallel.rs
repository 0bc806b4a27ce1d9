//! Work on many things at once, on threads of our own.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Gives `work` each of `all`, on at most `jobs` threads, and returns what it made of them, in their order.
pub(crate) fn side_by_side<T: Sync, R: Send + Sync>(
    all: &[T],
    jobs: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results: Vec<_> = all.iter().map(|_| OnceLock::new()).collect();
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, all.len().max(1)) {
            scope.spawn(|| {
                while let Some((item, result)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    all.get(index).zip(results.get(index))
                } {
                    let _ = result.set(work(item));
                }
            });
        }
    });
    results.into_iter().filter_map(OnceLock::into_inner).collect()
}
