//! Benchmarks. `bench OPERATION COUNT` repeats one operation, for callgrind. `bench threads` measures the time per call
//! with one thread and with two. `run.sh` prints tables of both.

#![expect(clippy::disallowed_methods, reason = "it measures wall time")]

mod calls;
mod circuits;
mod operations;
mod pools;
mod threads;
mod watched;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["list"] => operations::ALL.iter().for_each(|operation| {
            let operations::Operation { name, goal, most, what, .. } = operation;
            println!("{name}\t{goal}\t{}\t{most}\t{what}", operation.least());
        }),
        ["threads"] => {
            threads::run();
            println!();
            pools::run();
        }
        [name, count] => {
            let operation = operations::ALL.iter().find(|operation| operation.name == name);
            let (Some(operation), Ok(count)) = (operation, count.parse()) else {
                eprintln!("bench: unknown operation {name}, or invalid count {count}");
                return ExitCode::from(2);
            };
            (operation.run)(count);
        }
        _ => {
            eprintln!("usage: bench list | bench threads | bench OPERATION COUNT");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
