//! One look at the state for all listeners, every second, and only while somebody listens.
//!
//! The first listener starts the work, and it ends when it finds nobody left. Who joins hears of
//! everything that happens from then on: the state as it was is known before they are greeted.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// How often the state is looked at: what other instances did is seen there.
const TICK: Duration = Duration::from_secs(1);

/// What a look at the state shows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Look {
    /// The newest thing that happened; another number than before means that something did.
    Newest(i64),
    /// It cannot be seen.
    Unknown,
    /// The daemon ends.
    Over,
}

/// What listeners are told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Beat {
    /// Counts the changes.
    changes: u64,
    /// Nothing will come any more.
    pub(crate) over: bool,
}

/// The work that all listeners share.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    beats: watch::Sender<Beat>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

impl Pulse {
    /// Joins the listeners. `board` tells of changes in this process at once, `look` is asked for the
    /// others.
    pub(crate) async fn listen<L, F>(
        self: &Arc<Self>,
        board: watch::Receiver<u64>,
        look: L,
    ) -> watch::Receiver<Beat>
    where
        L: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Look> + Send + 'static,
    {
        let mut worker = self.worker.lock().await;
        let beats = self.beats.subscribe();
        if worker.as_ref().is_none_or(JoinHandle::is_finished) {
            let seen = look().await;
            *worker = Some(tokio::spawn(self.clone().work(board, look, seen)));
        }
        beats
    }

    async fn work<L, F>(self: Arc<Self>, mut board: watch::Receiver<u64>, look: L, seen: Look)
    where
        L: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Look> + Send + 'static,
    {
        let mut seen = if let Look::Newest(seen) = seen { Some(seen) } else { None };
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.reset();
        loop {
            let told = tokio::select! {
                told = board.changed() => Some(told.is_ok()),
                _ = ticks.tick() => None,
            };
            if self.has_nobody().await {
                return;
            }
            match told {
                Some(true) => self.tell(false),
                Some(false) => return self.tell(true),
                None => match look().await {
                    Look::Newest(newest) if seen != Some(newest) => {
                        seen = Some(newest);
                        self.tell(false);
                    }
                    Look::Newest(_) | Look::Unknown => {}
                    Look::Over => return self.tell(true),
                },
            }
        }
    }

    /// Whether nobody listens any more; then whoever comes next starts the work anew.
    async fn has_nobody(&self) -> bool {
        let mut worker = self.worker.lock().await;
        let nobody = self.beats.receiver_count() == 0;
        if nobody {
            *worker = None;
        }
        nobody
    }

    fn tell(&self, over: bool) {
        self.beats.send_modify(|beat| {
            beat.changes += 1;
            beat.over = over;
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

    use super::*;

    /// A state that is looked at, and how often it was.
    #[derive(Default)]
    struct State {
        newest: AtomicI64,
        looks: AtomicU32,
        board: watch::Sender<u64>,
    }

    impl State {
        async fn join(self: &Arc<Self>, pulse: &Arc<Pulse>) -> watch::Receiver<Beat> {
            let state = self.clone();
            let look = move || {
                let state = state.clone();
                async move {
                    state.looks.fetch_add(1, Ordering::SeqCst);
                    match state.newest.load(Ordering::SeqCst) {
                        -1 => Look::Over,
                        -2 => Look::Unknown,
                        newest => Look::Newest(newest),
                    }
                }
            };
            pulse.listen(self.board.subscribe(), look).await
        }

        fn looks(&self) -> u32 {
            self.looks.load(Ordering::SeqCst)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_listen_the_state_is_looked_at_once_a_second_and_all_are_told() {
        let (state, pulse) = (Arc::new(State::default()), Arc::new(Pulse::default()));
        let mut listeners = Vec::new();
        for _ in 0..100 {
            listeners.push(state.join(&pulse).await);
        }
        assert_eq!(state.looks(), 1, "before the first was greeted");
        tokio::time::sleep(TICK * 10 + TICK / 2).await;
        assert_eq!(state.looks(), 11);
        assert!(listeners.iter().all(|one| !one.has_changed().unwrap()), "nothing happened");
        for newest in 1..=3 {
            state.newest.store(newest, Ordering::SeqCst);
            for one in &mut listeners {
                one.changed().await.unwrap();
                assert!(!one.borrow_and_update().over);
            }
        }
        // What this process does itself is told without a look.
        let before = state.looks();
        state.board.send_modify(|number| *number += 1);
        for one in &mut listeners {
            one.changed().await.unwrap();
        }
        assert_eq!(state.looks(), before);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_listening_means_no_looks_and_who_comes_later_misses_nothing() {
        let (state, pulse) = (Arc::new(State::default()), Arc::new(Pulse::default()));
        drop(state.join(&pulse).await);
        tokio::time::sleep(TICK * 60).await;
        assert_eq!(state.looks(), 1);
        state.newest.store(7, Ordering::SeqCst);
        let mut late = state.join(&pulse).await;
        // At once: no tick has passed since they were let in.
        state.newest.store(8, Ordering::SeqCst);
        late.changed().await.unwrap();
        late.mark_unchanged();
        // While the state cannot be read nothing is told; afterwards what happened meanwhile is.
        state.newest.store(-2, Ordering::SeqCst);
        tokio::time::sleep(TICK * 3).await;
        assert!(!late.has_changed().unwrap());
        state.newest.store(9, Ordering::SeqCst);
        late.changed().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn all_are_told_when_the_daemon_ends() {
        let (state, pulse) = (Arc::new(State::default()), Arc::new(Pulse::default()));
        let mut listeners = vec![state.join(&pulse).await, state.join(&pulse).await];
        state.newest.store(-1, Ordering::SeqCst);
        for one in &mut listeners {
            one.changed().await.unwrap();
            assert!(one.borrow().over);
        }
    }
}
