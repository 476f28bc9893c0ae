//! A circuit with a constant configuration makes the same decisions as a shared circuit.

use proptest::prelude::*;
use retry_core::{
    CircuitConfig, Class, Instant, Jitter, SharedCircuit,
    circuit::{Admission, ConstCircuit, ConstConfig, CountWindow, Gate, Phase, SlowCalls, Ticket, Window},
    runtime::LocalLock,
};
use tests::ms;

struct Codec;

impl ConstConfig for Codec {
    const CONFIG: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(2).open_for(ms(50));
}

struct Rich;

impl ConstConfig for Rich {
    const CONFIG: CircuitConfig = CircuitConfig::WITHOUT_RULES
        .failure_rate(50)
        .minimum_calls(3)
        .slow_rate(80)
        .slow_after(ms(15))
        .open_for(ms(30))
        .open_growth(2.0, ms(200))
        .open_jitter(Jitter::Equal)
        .probes(2)
        .success_threshold(2)
        .ramp(ms(40));
}

#[derive(Clone, Debug)]
enum Step {
    Admit,
    Succeed,
    Fail(Class, Option<u64>, u64),
    Cancel,
    Wait(u64),
    Trip(u64),
    ForceOpen,
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    let class = prop_oneof![Just(Class::Server), Just(Class::Timeout), Just(Class::Client)];
    prop_oneof![
        6 => Just(Step::Admit),
        4 => Just(Step::Succeed),
        4 => (class, prop::option::of(0..100_u64), any::<u64>()).prop_map(|(c, delay, word)| Step::Fail(c, delay, word)),
        1 => Just(Step::Cancel),
        4 => (0..60_u64).prop_map(Step::Wait),
        1 => (0..80_u64).prop_map(Step::Trip),
        1 => Just(Step::ForceOpen),
        1 => Just(Step::Reset),
    ]
}

fn same<C: ConstConfig, W: Window>(steps: &[Step]) {
    let constant = ConstCircuit::<C, W, LocalLock>::CLOSED;
    let shared = SharedCircuit::<W, LocalLock>::with_window(C::CONFIG);
    let (mut now, mut tickets) = (Instant::from_millis(1_000), Vec::<(Ticket, Ticket)>::new());
    for step in steps {
        let ticket = |tickets: &mut Vec<_>| if tickets.is_empty() { None } else { Some(tickets.remove(0)) };
        match step {
            Step::Admit => match (constant.admit(now), shared.admit(now)) {
                (Ok(Admission { ticket: a, change: x }), Ok(Admission { ticket: b, change: y })) => {
                    assert_eq!(x, y);
                    tickets.push((a, b));
                }
                (Err(a), Err(b)) => assert_eq!(a, b),
                differ => panic!("{differ:?}"),
            },
            Step::Succeed => {
                if let Some((a, b)) = ticket(&mut tickets) {
                    assert_eq!(constant.succeed(a, now), shared.succeed(b, now));
                }
            }
            Step::Fail(class, delay, word) => {
                if let Some((a, b)) = ticket(&mut tickets) {
                    let delay = delay.map(ms);
                    assert_eq!(
                        constant.fail(a, *class, now, delay, *word),
                        shared.fail(b, *class, now, delay, *word)
                    );
                }
            }
            Step::Cancel => {
                if let Some((a, b)) = ticket(&mut tickets) {
                    assert_eq!(constant.cancel(a, now), shared.cancel(b, now));
                }
            }
            Step::Wait(wait) => now = now.after(ms(*wait)),
            Step::Trip(time) => assert_eq!(constant.trip(ms(*time), now), shared.trip(ms(*time), now)),
            Step::ForceOpen => assert_eq!(constant.force_open(now), shared.force_open(now)),
            Step::Reset => assert_eq!(constant.reset(now), shared.reset(now)),
        }
        assert_eq!(
            (constant.phase(), constant.mode(), constant.late(), constant.counts()),
            (shared.phase(), shared.mode(), shared.late(), shared.counts(Instant::ORIGIN)),
            "after {step:?}"
        );
    }
}

proptest! {
    #[test]
    fn it_decides_like_a_shared_circuit(steps in prop::collection::vec(step(), 0..80)) {
        same::<Codec, CountWindow<8>>(&steps);
        same::<Rich, SlowCalls<CountWindow<8>>>(&steps);
    }
}

#[test]
fn it_does_not_store_its_configuration() {
    let constant = ConstCircuit::<Codec, CountWindow<32>, LocalLock>::CLOSED;
    let shared = SharedCircuit::<CountWindow<32>, LocalLock>::with_window(Codec::CONFIG);
    assert!(size_of_val(&constant) <= 64);
    assert!(size_of_val(&shared) >= 3 * size_of_val(&constant));
    assert_eq!(constant.phase(), Phase::Closed);
}
