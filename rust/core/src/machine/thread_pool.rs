//! Threads that stand by to share the work of a call: waking one takes less time than starting one.

use std::num::NonZero;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// At least so many stand by, however few processors there are: a parked thread costs nothing, and tests want several.
const LEAST_WORKERS: usize = 7;

/// At most so many, however many processors there are: two threads read memory as fast as it can be read.
pub(crate) const MOST_WORKERS: usize = 31;

/// What threads take one by one, whoever comes next.
pub(crate) struct Turns<I>(Mutex<I>);

impl<I: Iterator> Turns<I> {
    pub(crate) fn of(all: impl IntoIterator<IntoIter = I>) -> Self {
        Self(Mutex::new(all.into_iter()))
    }

    /// Those that come to the one who asks.
    pub(crate) fn take(&self) -> impl Iterator<Item = I::Item> {
        std::iter::from_fn(|| self.0.lock().unwrap_or_else(PoisonError::into_inner).next())
    }
}

/// The threads of this process that stand by.
struct Workers {
    pool: ThreadPool,
    idle: AtomicUsize,
}

/// Does a work on this thread and on up to so many others at once; gives what each of them came to.
///
/// The work must share itself out by taking turns: others may come when no turn is left. Nobody waits for a thread that
/// is busy with the work of another call; for one that was idle the call waits until the system has let it run.
pub(crate) fn share<T: Send>(others: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    match if others > 0 { Workers::of_this_process() } else { None } {
        Some(workers) => workers.share(others, work),
        None => vec![work()],
    }
}

/// Idle threads that a call has taken for itself, until it is over.
struct Taken<'a> {
    workers: &'a Workers,
    count: usize,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.workers.idle.fetch_add(self.count, Relaxed);
    }
}

impl Workers {
    fn share<T: Send>(&self, others: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
        let taken = self.take(others);
        let found = Mutex::new(Vec::with_capacity(taken.count + 1));
        let keep = |one: T| found.lock().unwrap_or_else(PoisonError::into_inner).push(one);
        // A panic of any of them is passed on.
        self.pool.in_place_scope(|scope| {
            for _ in 0..taken.count {
                scope.spawn(|_| keep(work()));
            }
            keep(work());
        });
        found.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn of_this_process() -> Option<Arc<Self>> {
        // The process that they are of, and whether it could start any.
        static WORKERS: Mutex<Option<(u32, Option<Arc<Workers>>)>> = Mutex::new(None);
        // One that was forked off has the pool of its parent, but not its threads.
        let process = std::process::id();
        // Never waited for: whoever holds it may be a thread that a fork has left behind.
        let mut workers = (0..ATTEMPTS).find_map(|_| {
            std::hint::spin_loop();
            WORKERS.try_lock().ok()
        })?;
        if let Some((_, workers)) = workers.as_ref().filter(|(own, _)| *own == process) {
            return workers.clone();
        }
        let started = Self::start().map(Arc::new);
        // To end threads that are not there would hang.
        std::mem::forget(workers.replace((process, started.clone())));
        started
    }

    /// None where the system starts no more threads: work is done without them.
    fn start() -> Option<Self> {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let count = (processors - 1).clamp(LEAST_WORKERS, MOST_WORKERS);
        let name = |number| format!("groundswell-{number}");
        let pool = ThreadPoolBuilder::new().num_threads(count).thread_name(name).build().ok()?;
        Some(Self { pool, idle: AtomicUsize::new(count) })
    }

    /// Takes idle threads, as many as there are and no more than so many.
    fn take(&self, at_most: usize) -> Taken<'_> {
        let left = |idle: usize| idle.saturating_sub(at_most);
        let idle = self.idle.fetch_update(Relaxed, Relaxed, |idle| Some(left(idle))).unwrap_or(0);
        Taken { workers: self, count: idle - left(idle) }
    }
}

/// How often the lock is tried. It is held for as long as a pointer is copied; by whoever starts the threads, for longer:
/// others work alone meanwhile.
const ATTEMPTS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_taken_once_each_by_however_many() {
        for others in [0, 1, 3, 100] {
            let all = Turns::of(0..1000);
            let shares = share(others, || all.take().collect::<Vec<_>>());
            assert!((1..=others + 1).contains(&shares.len()));
            let mut turns = shares.concat();
            turns.sort_unstable();
            assert!(turns.into_iter().eq(0..1000));
        }
    }

    #[test]
    fn calls_that_find_nobody_idle_do_their_work_alone() {
        let workers = Workers::start().unwrap();
        let all = workers.idle.load(Relaxed);
        let deepest = workers.share(all + 100, || workers.share(100, || 1).len());
        assert_eq!(deepest, vec![1; all + 1], "all of them were taken by the first");
        assert_eq!(workers.idle.load(Relaxed), all);
    }

    #[test]
    fn a_panic_is_passed_on_and_the_threads_come_back() {
        let workers = Workers::start().unwrap();
        let all = workers.idle.load(Relaxed);
        for _ in 0..3 {
            let work = std::panic::AssertUnwindSafe(|| workers.share(2, || panic!("as it should")));
            assert_eq!(std::panic::catch_unwind(work).unwrap_err().downcast_ref(), Some(&"as it should"));
            assert_eq!(workers.idle.load(Relaxed), all);
        }
    }
}
