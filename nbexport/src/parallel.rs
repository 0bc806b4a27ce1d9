//! Threads: work on many things at once, and a stack for code that is nested deeply.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
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

/// Numbered things that are known of before they are there: each is taken as soon as it was put in.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    /// What nobody has taken yet.
    waiting: Mutex<BTreeMap<usize, Option<T>>>,
    changed: Condvar,
    in_order: bool,
}

impl<T> Queue<T> {
    /// Waits for the things of these numbers. `in_order`: none is taken before the one of a lower number.
    pub(crate) fn new(numbers: impl IntoIterator<Item = usize>, in_order: bool) -> Self {
        let waiting = numbers.into_iter().map(|number| (number, None)).collect();
        Self { waiting: Mutex::new(waiting), changed: Condvar::new(), in_order }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, Option<T>>> {
        // What is in it is never left half-changed, so a panic elsewhere does not spoil it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts one in.
    pub(crate) fn put(&self, number: usize, item: T) {
        self.lock().insert(number, Some(item));
        self.changed.notify_all();
    }

    /// The next one, when it is there; `None` when no more will come.
    fn take(&self) -> Option<(usize, T)> {
        let mut waiting = self.lock();
        loop {
            let looked_at = if self.in_order { 1 } else { usize::MAX };
            let next =
                waiting.iter().take(looked_at).find_map(|(number, item)| item.as_ref().map(|_| *number));
            if let Some(number) = next {
                return waiting.remove(&number).flatten().map(|item| (number, item));
            }
            if waiting.is_empty() {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives `work` what `fill` puts in, on at most `jobs` threads, while it does.
    pub(crate) fn work_off<R>(
        &self,
        jobs: usize,
        work: impl Fn(usize, T) + Sync,
        fill: impl FnOnce() -> R,
    ) -> R
    where
        T: Send,
    {
        let share = || {
            while let Some((number, item)) = self.take() {
                work(number, item);
            }
        };
        std::thread::scope(|scope| {
            let threads = (0..jobs.max(1)).filter_map(|_| spawn(scope, share).ok()).count();
            // Whatever becomes of `fill`, nobody waits for what will not come.
            let filled = {
                let _close = Close(self);
                fill()
            };
            if threads == 0 {
                share();
            }
            filled
        })
    }
}

/// Ends the wait for what was not put in.
struct Close<'a, T>(&'a Queue<T>);

impl<T> Drop for Close<'_, T> {
    fn drop(&mut self) {
        self.0.lock().retain(|_, item| item.is_some());
        self.0.changed.notify_all();
    }
}

fn spawn<'scope, R: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> R + Send + 'scope,
) -> std::io::Result<ScopedJoinHandle<'scope, R>> {
    Builder::new().stack_size(STACK).spawn_scoped(scope, work)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(in_order: bool, put: &[usize]) -> Vec<usize> {
        let queue = Queue::new([0, 1, 2, 3], in_order);
        let order = Mutex::new(Vec::new());
        let (done, next) = std::sync::mpsc::channel();
        let next = Mutex::new(next);
        let work = |number, ()| {
            order.lock().unwrap().push(number);
            let _ = done.send(());
        };
        queue.work_off(1, work, || {
            for number in put {
                queue.put(*number, ());
                if !in_order {
                    // It is taken at once, though lower ones may still come.
                    next.lock().unwrap().recv().unwrap();
                }
            }
        });
        order.into_inner().unwrap()
    }

    #[test]
    fn things_are_taken_as_they_come_or_in_their_order_and_what_never_comes_holds_up_nobody() {
        assert_eq!(taken(false, &[2, 0, 3]), [2, 0, 3]);
        assert_eq!(taken(true, &[2, 0, 3]), [0, 2, 3]);
    }
}
