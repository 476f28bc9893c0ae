//! The fake clock with executors: clients that own it, tasks that sleep on it, and their wakers.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use retry_core::{
    Cause, Class, Error, Instant, Jitter, Policy, Retry,
    runtime::{BlockingSleep, Clock, Entropy, Sleep},
    testing::{FakeClock, FakeSleep},
};
use tests::ms;
use tokio::runtime::Builder;

static POLICY: Policy = Policy::exponential(ms(100)).jitter(Jitter::None).max_attempts(4);

/// The times of the attempts of a call by `POLICY`, if all fail at once.
const ATTEMPTS: [u64; 4] = [0, 100, 100 + 200, 100 + 200 + 400];

/// A client as in a service: it owns its `Retry`, and tasks share it.
struct Client {
    clock: Arc<FakeClock>,
    retry: Retry<Arc<FakeClock>>,
    attempts: Mutex<Vec<u64>>,
}

impl Client {
    fn new(clock: FakeClock) -> Arc<Self> {
        let clock = Arc::new(clock);
        let retry = Retry::new(&POLICY, clock.clone());
        Arc::new(Self { clock, retry, attempts: Mutex::default() })
    }

    async fn get(&self) -> Result<(), Error<Class>> {
        self.retry
            .run(|| async {
                self.attempts.lock().unwrap().push(self.clock.now().as_millis());
                Err(Class::Server)
            })
            .await
    }

    fn attempts(&self) -> Vec<u64> {
        self.attempts.lock().unwrap().clone()
    }
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Spawns tasks, and runs them until they end.
type Executor = fn(Vec<Task>);

const EXECUTORS: [(&str, Executor); 3] = [
    ("tokio, one thread", |tasks| on_tokio(Builder::new_current_thread(), tasks)),
    ("tokio, two threads", |tasks| on_tokio(Builder::new_multi_thread(), tasks)),
    ("smol", |tasks| {
        let tasks: Vec<_> = tasks.into_iter().map(smol::spawn).collect();
        tasks.into_iter().for_each(smol::block_on);
    }),
];

fn on_tokio(mut builder: Builder, tasks: Vec<Task>) {
    builder.worker_threads(2).build().unwrap().block_on(async {
        let tasks: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

/// Waits until the tasks of other threads sleep.
fn wait_until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::yield_now();
    }
}

/// A waker that counts how often it is called.
#[derive(Default)]
struct Count(AtomicU32);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Count {
    fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

fn poll(
    future: &mut (impl Future<Output = ()> + Unpin),
    wake: &Arc<impl Wake + Send + Sync + 'static>,
) -> bool {
    let waker = Waker::from(wake.clone());
    Pin::new(future).poll(&mut Context::from_waker(&waker)).is_ready()
}

#[test]
fn the_clock_and_its_sleeps_are_send() {
    fn is_send_sync<T: Send + Sync>() {}
    fn is_send<T: Send>(_: &T) {}

    is_send_sync::<FakeClock>();
    is_send_sync::<FakeSleep<Arc<FakeClock>>>();
    is_send_sync::<FakeSleep<&FakeClock>>();
    is_send_sync::<Client>();

    let clock = FakeClock::new();
    is_send(&async { (&clock).sleep(ms(1)).await });
    is_send(&Retry::new(&POLICY, &clock).run(|| async { Err::<(), _>(Class::Server) }));
    is_send(&Client::new(clock).get());
}

#[test]
fn advancing_wakes_the_tasks_of_any_executor() {
    for (name, run) in EXECUTORS {
        let client = Client::new(FakeClock::new());
        let task = client.clone();
        let task: Task = Box::pin(async move { assert!(task.get().await.unwrap_err().is_exhausted()) });
        let executor = thread::spawn(move || run(vec![task]));
        for (made, next) in ATTEMPTS.iter().enumerate().skip(1) {
            wait_until(|| client.clock.next_wake() == Some(Instant::from_millis(*next)));
            let left = *next - client.clock.now().as_millis();
            client.clock.advance(ms(left - 1)); // wakes nothing
            assert_eq!(client.attempts(), ATTEMPTS[..made], "{name}");
            client.clock.advance(ms(1));
        }
        executor.join().unwrap();
        assert_eq!(client.attempts(), ATTEMPTS, "{name}");
    }
}

#[test]
fn with_auto_advance_the_tasks_of_any_executor_move_it() {
    for (name, run) in EXECUTORS {
        let client = Client::new(FakeClock::new().auto_advance());
        let task = client.clone();
        run(vec![Box::pin(async move { assert!(task.get().await.unwrap_err().is_exhausted()) })]);
        assert_eq!(client.attempts(), ATTEMPTS, "{name}");
    }
}

#[test]
fn run_needs_no_executor_and_works_in_any() {
    let client = Client::new(FakeClock::new());
    assert!(client.clock.run(client.get()).unwrap_err().is_exhausted());
    assert_eq!(client.attempts(), ATTEMPTS);

    for (name, run) in EXECUTORS {
        let client = Client::new(FakeClock::new());
        let task = client.clone();
        run(vec![Box::pin(async move { assert!(task.clock.run(task.get()).unwrap_err().is_exhausted()) })]);
        assert_eq!(client.attempts(), ATTEMPTS, "{name}");
    }
}

/// A limitation of `auto_advance`: the operation would be ready at its second poll, and take no time.
#[test]
fn with_auto_advance_an_attempt_times_out_as_soon_as_it_is_pending() {
    static POLICY: Policy = Policy::fixed(ms(0)).max_attempts(1).attempt_timeout(ms(50));

    let clock = FakeClock::new().auto_advance();
    let retry = Retry::new(&POLICY, &clock);
    let call = retry.run(|| async {
        smol::future::yield_now().await;
        Ok::<_, Class>(())
    });
    let error = smol::block_on(call);
    assert!(matches!(error.unwrap_err().into_cause(), Some(Cause::TimedOut(_))));
    assert_eq!(clock.now().as_millis(), 50);
}

#[test]
fn sleeps_are_woken_in_the_order_of_their_ends_then_of_their_age() {
    struct Named(&'static str, Arc<Mutex<Vec<&'static str>>>);

    impl Wake for Named {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0);
        }
    }

    // name, duration of the sleep; created in this order
    let rows = [("late", 30), ("first", 10), ("tie, older", 20), ("tie, younger", 20), ("too late", 41)];
    let (clock, woken) = (&FakeClock::new(), Arc::default());
    let mut sleeps: Vec<_> = rows.map(|(name, after)| (name, clock.sleep(ms(after)))).into();
    // Polled in reverse order, because only their ends and ages count.
    for (name, sleep) in sleeps.iter_mut().rev() {
        assert!(!poll(sleep, &Arc::new(Named(name, Arc::clone(&woken)))));
    }
    assert_eq!(clock.next_wake(), Some(Instant::from_millis(10)));
    clock.advance(ms(40));
    assert_eq!(*woken.lock().unwrap(), ["first", "tie, older", "tie, younger", "late"]);
    assert_eq!(clock.next_wake(), Some(Instant::from_millis(41)));
}

#[test]
fn every_way_to_move_the_clock_wakes_sleeps() {
    type Moves = fn(&FakeClock);
    let rows: [(&str, Moves, u32); 5] = [
        ("advance, short", |clock| clock.advance(ms(9)), 0),
        ("advance", |clock| clock.advance(ms(10)), 1),
        ("a blocking sleep", |clock| clock.sleep_blocking(ms(10)).unwrap(), 1),
        ("another future", |clock| clock.run(clock.sleep(ms(10))), 1),
        (
            "back and forward",
            |clock| {
                clock.step_back(ms(5));
                clock.advance(ms(14));
            },
            0,
        ),
    ];
    for (name, moves, wakes) in rows {
        let (clock, count) = (&FakeClock::new(), Arc::new(Count::default()));
        clock.advance(ms(100));
        let mut sleep = clock.sleep(ms(10));
        assert!(!poll(&mut sleep, &count));
        moves(clock);
        assert_eq!(count.get(), wakes, "{name}");
        assert_eq!(poll(&mut sleep, &count), wakes == 1, "{name}");
    }
}

#[test]
fn a_dropped_sleep_leaves_nothing_behind() {
    let (clock, count) = (&FakeClock::new(), Arc::new(Count::default()));
    let mut sleep = clock.sleep(ms(10));
    assert!(!poll(&mut sleep, &count));
    drop(sleep);
    assert_eq!((clock.next_wake(), Arc::strong_count(&count)), (None, 1));
    clock.advance(ms(10));
    assert_eq!(count.get(), 0);

    // A future is not polled when a sleep that it dropped would have ended.
    let mut polls = Vec::new();
    let mut call = pin!(async {
        let mut dropped = clock.sleep(ms(10));
        poll_fn(|context| Poll::Ready(Pin::new(&mut dropped).poll(context).is_ready())).await;
        drop(dropped);
        clock.sleep(ms(50)).await;
    });
    clock.run(poll_fn(|context| {
        polls.push(clock.now().as_millis());
        call.as_mut().poll(context)
    }));
    assert_eq!(polls, [10, 60]);
}

#[test]
fn a_sleep_wakes_the_task_that_polled_it_last_and_once() {
    let clock = &FakeClock::new();
    let [former, last] = [0; 2].map(|_| Arc::new(Count::default()));
    let mut sleep = clock.sleep(ms(10));
    for task in [&former, &former, &last, &last] {
        assert!(!poll(&mut sleep, task));
    }
    assert_eq!(Arc::strong_count(&former), 1);
    clock.advance(ms(10));
    clock.advance(ms(10));
    assert_eq!((former.get(), last.get()), (0, 1));
}

/// A waker may use the clock: it reads it, moves it, and ends other sleeps.
#[test]
fn wakers_use_the_clock() {
    struct Uses {
        clock: Arc<FakeClock>,
        _other: FakeSleep<Arc<FakeClock>>,
    }

    impl Wake for Uses {
        fn wake(self: Arc<Self>) {
            if self.clock.now().as_millis() < 30 {
                self.clock.advance(ms(10));
            }
        }
    }

    let clock = Arc::new(FakeClock::new());
    let waker = || {
        let mut other = clock.sleep(ms(1_000));
        assert!(!poll(&mut other, &Arc::new(Count::default())));
        Arc::new(Uses { clock: clock.clone(), _other: other })
    };
    let mut sleeps = [10, 20, 30].map(|after| clock.sleep(ms(after)));
    for sleep in &mut sleeps {
        assert!(!poll(sleep, &waker()));
    }
    clock.advance(ms(10));
    assert_eq!((clock.now().as_millis(), clock.next_wake()), (30, None));

    // The clock owns the last handle of a waker. It drops it when another task polls the sleep, and with the sleep.
    let mut sleep = clock.sleep(ms(10));
    assert!(!poll(&mut sleep, &waker()));
    assert!(!poll(&mut sleep, &waker()));
    drop(sleep);
    assert_eq!(clock.next_wake(), None);
}

/// Runs 100 calls at once. Without an allocator, the clock stores only 16 sleeps.
#[test]
fn any_number_of_tasks_can_sleep_on_it() {
    const CALLS: usize = 100;

    for (name, run) in EXECUTORS {
        let clock = Arc::new(FakeClock::new());
        let asleep = Arc::new(AtomicU32::new(0));
        let sleeps = |call: usize| {
            let (clock, asleep) = (clock.clone(), asleep.clone());
            let end = ms(10 * (CALLS - call) as u64);
            async move {
                let mut sleep = clock.sleep(end);
                poll_fn(|context| {
                    assert!(Pin::new(&mut sleep).poll(context).is_pending());
                    asleep.fetch_add(1, Ordering::Relaxed);
                    Poll::Ready(())
                })
                .await;
                sleep.await;
                assert!(clock.now() >= Instant::ORIGIN.after(end));
                asleep.fetch_sub(1, Ordering::Relaxed);
            }
        };
        let tasks = (0..CALLS).map(|call| Box::pin(sleeps(call)) as Task).collect();
        let executor = thread::spawn(move || run(tasks));
        for left in (0..CALLS as u32).rev() {
            wait_until(|| asleep.load(Ordering::Relaxed) == left + 1);
            assert_eq!(clock.next_wake(), Some(clock.now().after(ms(10))), "{name}");
            clock.advance(ms(10));
        }
        executor.join().unwrap();
        assert_eq!(clock.next_wake(), None, "{name}");
    }
}

/// `run` drives one future with three tasks, of which only those that were woken are polled.
#[test]
fn run_wakes_what_it_drives() {
    let (clock, ends) = (&FakeClock::new(), &Mutex::new(Vec::new()));
    let executor = smol::LocalExecutor::new();
    let tasks = [30, 10, 20].map(|after| {
        executor.spawn(async move {
            clock.sleep(ms(after)).await;
            ends.lock().unwrap().push(clock.now().as_millis());
        })
    });
    clock.run(executor.run(async {
        for task in tasks {
            task.await;
        }
    }));
    assert_eq!(*ends.lock().unwrap(), [10, 20, 30]);
}

/// In each row, the first of two futures already waits when the second does what it waits for.
#[test]
fn run_moves_the_clock_when_the_future_waits() {
    let clock = &FakeClock::new();
    clock.run(smol::future::zip(clock.sleep(ms(10)), async { clock.advance(ms(25)) }));
    assert_eq!(clock.now().as_millis(), 25);

    let (send, receive) = tokio::sync::oneshot::channel();
    let asks = async {
        receive.await.unwrap();
        clock.now().as_millis()
    };
    let answers = async {
        send.send(()).unwrap();
        clock.sleep(ms(100)).await;
        clock.now().as_millis()
    };
    assert_eq!(clock.run(smol::future::zip(asks, answers)), (25, 125));
}

#[test]
#[should_panic(expected = "waits for something other than a sleep on this FakeClock")]
fn run_panics_if_the_future_waits_for_something_else() {
    let clock = &FakeClock::new();
    clock.run(async {
        clock.sleep(ms(10)).await;
        std::future::pending::<()>().await;
    });
}

#[test]
fn a_static_clock_runs_by_its_script() {
    static CLOCK: FakeClock = FakeClock::new().with_words(&[1, 2, 3]).auto_advance();

    let by_arc = Arc::new(&CLOCK);
    assert_eq!([CLOCK.word(), Entropy::word(&&CLOCK), by_arc.word(), by_arc.word()], [1, 2, 3, u64::MAX]);
    smol::block_on(smol::spawn(by_arc.sleep(ms(10))));
    by_arc.sleep_blocking(ms(10)).unwrap();
    CLOCK.interrupt_at(Instant::from_millis(20));
    assert!(by_arc.is_interrupted());
    assert_eq!(Clock::now(&by_arc).as_millis(), 20);
}
