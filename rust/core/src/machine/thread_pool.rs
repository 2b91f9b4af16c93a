//! A pool of threads that share the work of one call. Waking a parked thread is faster than starting one.
//!
//! docs/decisions/0013 explains why the pool is not rayon's global one.

use std::num::NonZero;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// The least number of workers, even with fewer processors: parked threads cost nothing, and tests need several.
const MIN_WORKERS: usize = 7;

/// The greatest number of workers, even with more processors: two threads saturate the memory bandwidth.
pub(crate) const MAX_WORKERS: usize = 31;

/// How often a call tries the lock of the pool before it runs alone. Copying the pool's pointer takes less time than
/// that; starting the threads takes longer.
const LOCK_ATTEMPTS: usize = 1000;

/// Work items that several threads take one by one.
pub(crate) struct WorkQueue<I>(Mutex<I>);

impl<I: Iterator> WorkQueue<I> {
    pub(crate) fn new(items: impl IntoIterator<IntoIter = I>) -> Self {
        Self(Mutex::new(items.into_iter()))
    }

    /// An iterator that takes the next item from the queue each time.
    pub(crate) fn items(&self) -> impl Iterator<Item = I::Item> {
        std::iter::from_fn(|| self.0.lock().unwrap_or_else(PoisonError::into_inner).next())
    }
}

/// Runs `work` on this thread and on up to `helpers` idle workers at the same time; returns the result of each.
///
/// `work` must take its items from a [`WorkQueue`]: a worker may start when the queue is already empty. Never waits for
/// a worker that is busy with another call. Propagates a panic of any worker.
pub(crate) fn run_parallel<T: Send>(helpers: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    match if helpers > 0 { Pool::of_this_process() } else { None } {
        Some(pool) => pool.run(helpers, work),
        None => vec![work()],
    }
}

/// The worker threads of a process.
struct Pool {
    threads: ThreadPool,
    idle: AtomicUsize,
}

/// Workers that a call has reserved. Dropping it releases them.
struct Reserved<'a> {
    pool: &'a Pool,
    count: usize,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.pool.idle.fetch_add(self.count, Relaxed);
    }
}

impl Pool {
    fn run<T: Send>(&self, helpers: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
        let reserved = self.reserve(helpers);
        let results = Mutex::new(Vec::with_capacity(reserved.count + 1));
        let push = |result: T| results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
        self.threads.in_place_scope(|scope| {
            for _ in 0..reserved.count {
                scope.spawn(|_| push(work()));
            }
            push(work());
        });
        results.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pool of this process; `None` if it has no threads or its lock is held.
    fn of_this_process() -> Option<Arc<Self>> {
        /// The id of the process that owns the pool, and the pool if it could start threads.
        static POOL: Mutex<Option<(u32, Option<Arc<Pool>>)>> = Mutex::new(None);
        // A forked child inherits the pool of its parent, but not the threads.
        let process = std::process::id();
        // Try the lock instead of waiting: its holder may be a thread that does not exist after a fork.
        let mut pool = (0..LOCK_ATTEMPTS).find_map(|_| {
            std::hint::spin_loop();
            POOL.try_lock().ok()
        })?;
        if let Some((_, pool)) = pool.as_ref().filter(|(owner, _)| *owner == process) {
            return pool.clone();
        }
        let started = Self::start().map(Arc::new);
        // Leaked: dropping the parent's pool would join threads that do not exist here.
        std::mem::forget(pool.replace((process, started.clone())));
        started
    }

    /// Starts the threads; `None` if the system refuses.
    fn start() -> Option<Self> {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let count = (processors - 1).clamp(MIN_WORKERS, MAX_WORKERS);
        let name = |number| format!("groundswell-{number}");
        let threads = ThreadPoolBuilder::new().num_threads(count).thread_name(name).build().ok()?;
        Some(Self { threads, idle: AtomicUsize::new(count) })
    }

    /// Reserves idle workers, at most `count`.
    fn reserve(&self, count: usize) -> Reserved<'_> {
        let left = |idle: usize| idle.saturating_sub(count);
        let idle = self.idle.fetch_update(Relaxed, Relaxed, |idle| Some(left(idle))).unwrap_or(0);
        Reserved { pool: self, count: idle - left(idle) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_taken_once_by_any_number_of_threads() {
        for helpers in [0, 1, 3, 100] {
            let queue = WorkQueue::new(0..1000);
            let results = run_parallel(helpers, || queue.items().collect::<Vec<_>>());
            assert!((1..=helpers + 1).contains(&results.len()));
            let mut items = results.concat();
            items.sort_unstable();
            assert!(items.into_iter().eq(0..1000));
        }
    }

    #[test]
    fn a_call_without_idle_workers_runs_alone() {
        let pool = Pool::start().unwrap();
        let all = pool.idle.load(Relaxed);
        let nested = pool.run(all + 100, || pool.run(100, || 1).len());
        assert_eq!(nested, vec![1; all + 1], "the outer call has reserved all workers");
        assert_eq!(pool.idle.load(Relaxed), all);
    }

    #[test]
    fn a_panic_propagates_and_releases_the_workers() {
        let pool = Pool::start().unwrap();
        let all = pool.idle.load(Relaxed);
        for _ in 0..3 {
            let work = std::panic::AssertUnwindSafe(|| pool.run(2, || panic!("as it should")));
            assert_eq!(std::panic::catch_unwind(work).unwrap_err().downcast_ref(), Some(&"as it should"));
            assert_eq!(pool.idle.load(Relaxed), all);
        }
    }
}
