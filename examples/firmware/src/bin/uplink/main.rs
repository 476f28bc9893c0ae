//! A sensor node: it uploads samples over an unreliable radio. Samples that it could not deliver survive its resets.
//!
//! It starts four times: cold, after an outage of the gateway, after a bit in its memory has flipped, and after a loss
//! of all its memory. Each time, it logs the letters that it found, and checks them.

#![no_std]
#![no_main]

mod end;
mod mailbox;
mod radio;
mod retained;
mod sensor;
mod time_driver;

use core::time::Duration;

use cortex_m::peripheral::SCB;
use embassy_executor::Spawner;
use embassy_futures::select::{Either, select};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel::Channel;
use embassy_sync::signal::Signal;
use embassy_time::Timer;
use mailbox::{CAPACITY, Mailbox};
use radio::Radio;
use retry_core::{
    CircuitConfig, Policy, SharedBudget, SharedCircuit, TokenBucket,
    circuit::CountWindow,
    dead_letter::{DeadLetter, ImageError, LetterIds},
    runtime::Clock,
};
use retry_embassy::{CriticalSectionLock, DefmtLog, Embassy, retry};
use sensor::Sample;

const POLICY: Policy = Policy::exponential(Duration::from_millis(50))
    .max_attempts(3)
    .attempt_timeout(Duration::from_millis(120))
    .start_within(Duration::from_secs(1));

static UPLINK: SharedCircuit<CountWindow<32>, CriticalSectionLock> = SharedCircuit::with_window(
    CircuitConfig::WITHOUT_RULES.consecutive_failures(5).open_for(Duration::from_millis(350)),
);
static RETRIES: SharedBudget<TokenBucket, CriticalSectionLock> =
    SharedBudget::with_lock(TokenBucket::DEFAULT.capacity(50));

static SAMPLES: Channel<CriticalSectionRawMutex, Sample, 4> = Channel::new();
static STOP: Signal<CriticalSectionRawMutex, ()> = Signal::new();

#[embassy_executor::main]
async fn main(spawner: Spawner) -> ! {
    let core = cortex_m::Peripherals::take().expect("taken only once");
    time_driver::start(core.SYST);
    let retained = retained::take();
    let start = retained.count_start();
    defmt::info!("start {=u32} since the power came on", start);

    // This chip has no random generator. So the seed is its serial number plus the number of the start.
    let seed = 0x0042_1a3b_0000_0000 + u64::from(start);
    let (mailbox, found) = Mailbox::open(&mut retained.letters, LetterIds::new(seed));
    let embassy = Embassy::seeded(seed);
    let mut node = Node { mailbox, embassy, radio: Radio::new() };
    match start {
        1 => {
            defmt::assert_eq!(found, Err(ImageError::Garbage));
            spawner.spawn(sample().expect("one at a time"));
            node.upload_until_stopped().await;
            defmt::assert!(node.mailbox.is_full() && node.mailbox.lost() > 0);
            let left = RETRIES.held(node.embassy.now());
            defmt::info!(
                "restart: the gateway was out of reach for too long, {=u64} of 50 retry tokens left",
                left
            );
        }
        2 => {
            defmt::assert_eq!(found, Ok(CAPACITY));
            node.deliver_letters(5).await;
            node.mailbox.flip_a_bit();
            defmt::info!("restart: a bit in memory has flipped");
        }
        3 => {
            defmt::assert_eq!(found, Ok(CAPACITY - 5 - 1));
            node.deliver_letters(CAPACITY).await;
            defmt::assert!(node.mailbox.is_empty());
            node.mailbox.fill_with_noise();
            defmt::info!("restart: the power was lost");
        }
        _ => {
            defmt::assert_eq!(found, Err(ImageError::Garbage));
            defmt::info!("all checks passed");
            end::done();
        }
    }
    SCB::sys_reset()
}

/// Reads the sensor five times per second for four seconds. Then stops the upload, also in the middle of a call.
#[embassy_executor::task]
async fn sample() {
    for number in 0..20 {
        if number > 0 {
            Timer::after_millis(200).await;
        }
        SAMPLES.send(sensor::read()).await;
    }
    Timer::after_millis(10).await;
    STOP.signal(());
}

struct Node {
    mailbox: Mailbox,
    embassy: Embassy,
    radio: Radio,
}

impl Node {
    async fn upload_until_stopped(&mut self) {
        while let Either::First(sample) = select(SAMPLES.receive(), STOP.wait()).await {
            let call = retry(&POLICY, &self.embassy).circuit(&UPLINK).budget(&RETRIES).observe(DefmtLog);
            let sent = call.named("uplink.send").until(STOP.wait()).run(|| self.radio.send(sample)).await;
            if let Err(error) = sent {
                self.mailbox.put(DeadLetter::of(&error, sample));
                if error.is_cancelled() {
                    return;
                }
            }
        }
    }

    /// Sends up to `most` letters again, from the oldest, until one fails.
    async fn deliver_letters(&mut self, most: usize) {
        for _ in 0..most {
            let Some(letter) = self.mailbox.take() else { return };
            let call = retry(&POLICY, &self.embassy).circuit(&UPLINK).budget(&RETRIES).observe(DefmtLog);
            match call.named("uplink.resend").run(|| self.radio.send(letter.payload)).await {
                Ok(()) => defmt::info!("delivered late: {}", letter.payload),
                Err(_) => return self.mailbox.put_back(letter),
            }
        }
    }
}
