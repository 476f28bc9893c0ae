//! A retry loop by hand, without an adapter: it connects to a server that starts 400 ms late.
use core::time::Duration;
use std::io;
use std::net::{TcpListener, TcpStream};

use retry_core::{
    Call, Class, Policy, Verdict,
    runtime::{OsRng, StdRuntime},
};

const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).max_attempts(8);

fn main() -> io::Result<()> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?; // a free port: the listener is dropped at once
    let server = std::thread::spawn(move || {
        StdRuntime.sleep(Duration::from_millis(400));
        TcpListener::bind(address)?.accept()
    });

    let clock = StdRuntime;
    let mut call = Call::new(&POLICY, clock.now());
    let connection = loop {
        let attempt = call.attempt(clock.now()).map_err(io::Error::other)?;
        let number = attempt.number();
        match TcpStream::connect(address) {
            Ok(connection) => {
                attempt.succeed(clock.now());
                println!("attempt {number}: connected");
                break connection;
            }
            Err(error) => match attempt.fail(Class::Network, clock.now(), &mut OsRng) {
                Verdict::Retry(delay) => {
                    println!("attempt {number}: {error}; retry in {} ms", delay.as_millis());
                    clock.sleep(delay);
                }
                Verdict::GiveUp(_) | Verdict::Rejected(_) => return Err(error),
            },
        }
    };
    drop(connection);
    server.join().expect("the server does not panic").map(drop)
}
