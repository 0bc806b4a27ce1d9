//! What has to be done elsewhere when this process is stopped: a kernel on a server does not end with it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Act = Arc<dyn Fn() + Send + Sync>;

struct Acts {
    next: u64,
    all: BTreeMap<u64, Act>,
}

static ACTS: Mutex<Acts> = Mutex::new(Acts { next: 0, all: BTreeMap::new() });

fn acts() -> MutexGuard<'static, Acts> {
    ACTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Something that is done when this process is stopped; once this is dropped, it is not.
pub(crate) struct AtStop(u64);

/// Has this process `act` when it is stopped.
pub(crate) fn at_stop(act: impl Fn() + Send + Sync + 'static) -> AtStop {
    let mut acts = acts();
    acts.next += 1;
    let number = acts.next;
    acts.all.insert(number, Arc::new(act));
    AtStop(number)
}

impl Drop for AtStop {
    fn drop(&mut self) {
        acts().all.remove(&self.0);
    }
}

/// Does it all, side by side.
pub(super) fn run() {
    let all: Vec<Act> = acts().all.values().cloned().collect();
    std::thread::scope(|scope| {
        for act in all {
            scope.spawn(move || act());
        }
    });
}
