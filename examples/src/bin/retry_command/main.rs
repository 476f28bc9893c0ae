//! Retries a shell command: `retry_command --max-attempts 5 --base-delay 100ms --total-timeout 2s -- COMMAND`.

mod arguments;
mod exit;
mod group;
mod input;
mod plan;
mod plot;
mod policy;
mod runner;
mod screen;
mod signals;
mod status;
mod statuses;
mod zombies;

use core::time::Duration;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use retry_core::Policy;

use crate::arguments::{Arguments, Task};
use crate::exit::{Exit, OWN_ERROR};
use crate::input::Input;
use crate::runner::Runner;
use crate::screen::Screen;
use crate::signals::Signals;

fn main() -> ExitCode {
    let done = match arguments::parse(lexopt::Parser::from_env()) {
        Ok(Task::Show(text)) => print(text).map(|()| Exit::Code(0)),
        Ok(Task::DryRun(policy)) => print(&plan::table(&policy)).map(|()| Exit::Code(0)),
        Ok(Task::Plot(policy, path)) => plot::svg(&policy)
            .and_then(|svg| fs::write(&path, svg))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))
            .map(|()| Exit::Code(0)),
        Ok(Task::Run(arguments)) => run(arguments).map_err(|error| error.to_string()),
        Err(line) => Err(line),
    };
    match done {
        Ok(exit) => exit.leave(),
        Err(line) => {
            screen::say(line);
            ExitCode::from(OWN_ERROR)
        }
    }
}

/// Runs the command until it succeeds, its policy gives up, or a signal ends the run.
#[tokio::main(flavor = "current_thread")]
async fn run(arguments: Arguments) -> io::Result<Exit> {
    let Arguments { policy, statuses, command, foreground, kill_after, stdin, volume } = arguments;
    let is_terminal = io::stdin().is_terminal();
    let signals = Signals::listen()?;
    let runner = Runner::new(
        command,
        // Only the foreground group of a terminal can read from it, such as a password.
        foreground || is_terminal && !has_time_limit(&policy),
        policy.settings().attempt_timeout,
        kill_after,
        signals.again(),
        if stdin { Input::of_this_process()? } else { Input::Empty },
    );
    let screen = Screen::new(volume);
    screen.begins(&policy);

    let retry = retry_tokio::retry(without_attempt_timeout(policy))
        .classify(|failed: &_| statuses.failure(failed))
        .on_event(|event| screen.show(event));
    let stop = signals.pass_on_to(&runner, is_terminal);
    let ended = retry.until(stop).run_with(|now, _| runner.attempt(now.attempt, &signals)).await;
    runner.wait_for_cut_off_command().await;

    screen.ends(&ended, signals.first());
    Ok(Exit::of(ended, signals.first()))
}

/// Returns `true` if the program may have to end the command, with everything that the command has started.
fn has_time_limit(policy: &Policy) -> bool {
    policy.settings().attempt_timeout.is_some() || policy.settings().total_timeout.is_some()
}

/// The policy for the call. The runner ends a command that takes too long, because its end belongs to the attempt: the
/// library would go on at once.
fn without_attempt_timeout(policy: Policy) -> Policy {
    let (limit, reset_after) = (policy.settings().attempt_timeout, policy.settings().reset_after);
    let policy = policy.attempt_timeout(Duration::MAX);
    match (limit, reset_after) {
        // No attempt lasts so long, and the time that its end takes would count.
        (Some(limit), Some(reset_after)) if limit < reset_after => policy.reset_after(Duration::MAX),
        _ => policy,
    }
}

fn print(text: &str) -> Result<(), String> {
    match io::stdout().write_all(text.as_bytes()) {
        // The program that reads the output, such as `head`, has ended.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(()),
    }
}
