//! Lists, replays, parks and exports the dead letters of a file: see `--help`.
//!
//! ```text
//! cargo run --release -p examples --bin redrive -- dead-letters.jsonl
//! cargo run --release -p examples --bin redrive -- dead-letters.jsonl replay --to http://localhost:8080/orders
//! ```

mod args;
mod replay;
mod taken;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use reqwest::header::HeaderMap;
use retry_core::dead_letter::{JsonLinesSink, LetterId, LetterLine, OnDisk};
use retry_core::observe::ErrorText;
use tokio::sync::watch;

use args::{Args, Command, Filter};
use replay::{Sender, Sent, bar};
use taken::{Handled, Lines, Stored, Taken, beside};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = match args::parse(std::env::args_os().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("redrive: {error}; see --help");
            return ExitCode::from(2);
        }
    };
    match run(args).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // The reader of a pipe has seen enough, such as `head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("redrive: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether all chosen letters were handled.
async fn run(args: Args) -> io::Result<bool> {
    let Args { file, command, filter, dry_run } = args;
    if matches!(command, Command::Help) {
        io::stdout().write_all(args::HELP.as_bytes())?;
        return Ok(true);
    }
    // An earlier run that was killed has left its letters in the second file.
    let taken = beside(&file, "taken");
    if !file.exists() && !taken.exists() {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("{}: no such file", file.display())));
    }
    match command {
        Command::Help => Ok(true),
        Command::List => list(&file, &filter),
        _ if dry_run => dry(&file, &filter, &command),
        Command::Replay { to, headers, patience } => {
            let (send, stop) = watch::channel(false);
            tokio::spawn(async move {
                if tokio::signal::ctrl_c().await.is_ok() {
                    let _ = send.send(true);
                }
            });
            let headers: HeaderMap = headers.into_iter().collect();
            let sender = Sender::new(to, headers, patience, stop).map_err(io::Error::other)?;
            replay(&file, &filter, &sender).await
        }
        Command::Park { out } => park(&file, &filter, &out),
        Command::Export { out } => export(&file, &filter, &out),
    }
}

/// Calls `each` for the chosen letters, and returns how many lines are damaged. Nothing is changed.
fn look(file: &Path, filter: &Filter, mut each: impl FnMut(&Stored) -> io::Result<()>) -> io::Result<u64> {
    let (mut damaged, mut left) = (0, filter.limit.unwrap_or(u64::MAX));
    let (taken, handled) = (beside(file, "taken"), Handled::of(file)?);
    for (path, from) in [(&*taken, handled.up_to), (file, 0)] {
        if !path.exists() {
            continue;
        }
        for line in Lines::open(path, from)? {
            let line = line?;
            match line.letter() {
                None => {}
                Some(Ok(stored)) if path == taken && handled.is_back(&stored) => {}
                Some(Ok(stored)) if left > 0 && filter.chooses(&stored) => {
                    left -= 1;
                    each(&stored)?;
                }
                Some(Ok(_)) => {}
                Some(Err(why)) => {
                    damaged += 1;
                    eprintln!("{}: line {}: {}", path.display(), line.number, ErrorText::new(&why));
                }
            }
        }
    }
    Ok(damaged)
}

fn list(file: &Path, filter: &Filter) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    let mut letters = 0;
    let damaged = look(file, filter, |stored| {
        letters += 1;
        writeln!(out, "{}", describe(stored))
    })?;
    writeln!(out, "{letters} letters, {damaged} damaged lines")?;
    Ok(damaged == 0)
}

/// Shows a letter in one line.
fn describe(stored: &Stored) -> String {
    let letter = &stored.letter;
    let key = if letter.key.is_none() { String::new() } else { format!("[{}]", letter.key) };
    let operation = if stored.operation.is_empty() { "-" } else { &stored.operation };
    let error = stored.error.as_deref().map_or(String::new(), |error| format!(": {error}"));
    let bytes = letter.payload.get().len();
    let id = shown(letter.id);
    let line = format!(
        "{id} {operation}{key} {} after {} attempts, put back {} times, {bytes} bytes{error}",
        letter.reason.name(),
        letter.attempts,
        letter.requeued
    );
    ErrorText::new(&line).to_string()
}

/// Shows the id of a letter. Only a letter that another program wrote may have none.
fn shown(id: LetterId) -> String {
    if id.is_none() { "-".to_owned() } else { id.to_string() }
}

fn dry(file: &Path, filter: &Filter, command: &Command) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    let what = match command {
        Command::Replay { to, .. } => format!("would be sent to {to}"),
        Command::Park { out } => format!("would be moved to {}", out.display()),
        Command::Export { out } => format!("would be copied to {}", out.display()),
        Command::Help | Command::List => return Ok(true),
    };
    let mut letters = 0;
    let damaged = look(file, filter, |stored| {
        letters += 1;
        writeln!(out, "{}", describe(stored))
    })?;
    writeln!(out, "{letters} letters {what}; nothing was changed")?;
    Ok(damaged == 0)
}

async fn replay(file: &Path, filter: &Filter, sender: &Sender) -> io::Result<bool> {
    let mut taken = Taken::take(file)?;
    let bar = bar(taken.lines()?.count() as u64);
    let (mut delivered, mut failed, mut left) = (0, 0, filter.limit.unwrap_or(u64::MAX));
    let mut lines = taken.lines()?;
    let mut end = None;
    for line in lines.by_ref() {
        let line = line?;
        bar.inc(1);
        let mut stored = match line.letter() {
            None => continue,
            Some(Ok(stored)) if taken.is_back(&stored) => continue,
            Some(Ok(stored)) => stored,
            Some(Err(why)) => {
                bar.suspend(|| {
                    eprintln!(
                        "{}: {}: moved to {}",
                        file.display(),
                        ErrorText::new(&why),
                        beside(file, "damaged").display()
                    )
                });
                taken.set_aside(&line)?;
                continue;
            }
        };
        if left == 0 || !filter.chooses(&stored) {
            taken.put_back(&line, &stored)?;
            continue;
        }
        left -= 1;
        match sender.send(&stored).await {
            Sent::Delivered => {
                delivered += 1;
                taken.done(&line)?;
            }
            Sent::Failed(why) => {
                failed += 1;
                bar.suspend(|| eprintln!("{}: {}", shown(stored.letter.id), ErrorText::new(&why)));
                stored.letter.requeued = stored.letter.requeued.saturating_add(1);
                taken.put_back(&line, &stored)?;
            }
            stopped @ (Sent::Stopped | Sent::Down) => {
                taken.put_back(&line, &stored)?;
                end = Some(match stopped {
                    Sent::Stopped => "stopped",
                    _ => "the receiver is down, so the run ends",
                });
                break;
            }
        }
        bar.set_message(format!("{delivered} delivered, {failed} failed"));
    }
    let damaged = taken.finish(lines)?;
    bar.finish_and_clear();
    if let Some(end) = end {
        eprintln!("redrive: {end}; letters that were not delivered are in {}", file.display());
    }
    println!("{delivered} delivered, {failed} failed and put back, {damaged} damaged lines");
    Ok(failed == 0 && damaged == 0 && end.is_none())
}

/// Opens the file that letters are parked in or exported to.
fn other(out: &Path) -> io::Result<JsonLinesSink> {
    Ok(JsonLinesSink::open(out)?.on_disk(OnDisk::WhenTold).limit(usize::MAX))
}

fn add(out: &JsonLinesSink, stored: &Stored) -> io::Result<()> {
    let line = LetterLine::again(stored).map_err(io::Error::other)?;
    out.append_line(&line).map_err(io::Error::other)
}

fn park(file: &Path, filter: &Filter, out: &Path) -> io::Result<bool> {
    let parked = other(out)?;
    let mut taken = Taken::take(file)?;
    let (mut moved, mut left) = (0, filter.limit.unwrap_or(u64::MAX));
    for line in taken.lines()? {
        let line = line?;
        match line.letter() {
            None => {}
            Some(Ok(stored)) if taken.is_back(&stored) => {}
            Some(Ok(stored)) if left > 0 && filter.chooses(&stored) => {
                left -= 1;
                moved += 1;
                add(&parked, &stored)?;
                parked.sync()?;
                taken.done(&line)?;
            }
            Some(Ok(stored)) => taken.put_back(&line, &stored)?,
            Some(Err(_)) => taken.set_aside(&line)?,
        }
    }
    let damaged = taken.finish(std::iter::empty())?;
    println!("{moved} letters moved to {}, {damaged} damaged lines", out.display());
    Ok(damaged == 0)
}

fn export(file: &Path, filter: &Filter, out: &Path) -> io::Result<bool> {
    let copies = other(out)?;
    let mut copied = 0;
    let damaged = look(file, filter, |stored| {
        copied += 1;
        add(&copies, stored)
    })?;
    copies.sync()?;
    println!("{copied} letters copied to {}, {damaged} damaged lines", out.display());
    Ok(damaged == 0)
}
