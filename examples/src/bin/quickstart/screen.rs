//! The output while the quickstart runs: one line per event, and on a terminal a progress line at the bottom.

use core::time::Duration;
use std::io::{self, IsTerminal, Write};

use console::{Color, Style};
use examples::outage::{History, Message, Outcome, Step, Told};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use retry_core::{
    GiveUp, Verdict,
    circuit::{Change, Phase},
    observe::EventKind,
};

/// Standard output.
pub(crate) struct Screen {
    /// Hidden if the output is not a terminal.
    progress: ProgressBar,
    colours: bool,
}

impl Screen {
    /// Makes a screen with the progress of a run of this length.
    pub(crate) fn new(length: Duration) -> Self {
        let terminal = io::stdout().is_terminal();
        let target = if terminal { ProgressDrawTarget::stdout() } else { ProgressDrawTarget::hidden() };
        let progress = ProgressBar::with_draw_target(Some(millis(length)), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:9} {wide_msg}") {
            progress.set_style(style.progress_chars("━╸ "));
        }
        Self {
            progress,
            // `console` respects NO_COLOR.
            colours: terminal && console::colors_enabled(),
        }
    }

    /// Prints a line above the progress line.
    pub(crate) fn line(&self, text: &str) -> io::Result<()> {
        self.progress.suspend(|| writeln!(io::stdout(), "{text}"))
    }

    /// Prints the names of the columns.
    pub(crate) fn header(&self) -> io::Result<()> {
        let names = Columns {
            time: "time".into(),
            caller: "caller".into(),
            attempt: "attempt".into(),
            class: "class",
            verdict: "verdict".into(),
            delay: "delay".into(),
            circuit: "circuit",
        };
        self.line(&self.paint(names.line(), Style::new().bold()))
    }

    /// Prints an entry of the log: a step, the end of an attempt, a rejection, or a change of phase.
    pub(crate) fn show(&self, message: &Message, history: &History) -> io::Result<()> {
        match message {
            Message::Step(step, at) => self.show_step(step, history.time(*at)),
            Message::Event(event) => self.show_event(event, history),
        }
    }

    /// Updates the progress line.
    pub(crate) fn progress(&self, history: &History, now: Duration) {
        self.progress.set_position(millis(now));
        self.progress.set_message(format!(
            "server {:9}  circuit {:9}  ok {:3}  failed {:3}  rejected {:3}",
            history.steps.last().map_or("", |span| span.what.name),
            history.phase().name(),
            history.count(Outcome::Succeeded),
            history.count(Outcome::Failed) + history.count(Outcome::TimedOut),
            history.count(Outcome::Rejected),
        ));
    }

    /// Removes the progress line.
    pub(crate) fn finish(&self) {
        self.progress.finish_and_clear();
    }

    /// Returns a tick or a cross.
    pub(crate) fn mark(&self, holds: bool) -> String {
        let (mark, colour) = if holds { ("✓", Color::Green) } else { ("✗", Color::Red) };
        self.paint(mark.into(), Style::new().fg(colour))
    }

    fn show_step(&self, step: &Step, at: Duration) -> io::Result<()> {
        let text = format!("{}  -- {}", time(at), step.description);
        self.line(&self.paint(text, Style::new().bold()))
    }

    fn show_event(&self, event: &Told, history: &History) -> io::Result<()> {
        let at = history.time(event.at);
        let (class, verdict) = match event.kind {
            EventKind::Succeeded => ("", None),
            EventKind::Failed { failure, verdict, .. } => (failure.class.name(), Some(verdict)),
            EventKind::Rejected(rejected) => ("", Some(Verdict::Rejected(rejected))),
            EventKind::PhaseChanged(change) => return self.show_change(&change, at),
            // An attempt has one line, at its end.
            _ => return Ok(()),
        };
        // A rejection contains the circuit's phase. For other events, it is the phase of the last change.
        let circuit = match verdict {
            Some(Verdict::Rejected(rejected)) => rejected.phase(),
            _ => history.phase(),
        };
        let (words, delay, style) = match verdict {
            None => ("succeeded".into(), String::new(), Style::new().green()),
            Some(Verdict::Retry(delay)) => ("retry".into(), duration(delay), Style::new()),
            Some(Verdict::GiveUp(reason)) => (give_up(reason), String::new(), Style::new().red()),
            Some(Verdict::Rejected(rejected)) => {
                let words = match rejected.phase() {
                    Phase::HalfOpen => "rejected: probes busy".into(),
                    _ => format!("rejected: {} left", duration(rejected.wait())),
                };
                (words, String::new(), Style::new().dim())
            }
        };
        let columns = Columns {
            time: time(at),
            caller: (event.caller + 1).to_string(),
            attempt: match event.attempt {
                0 => String::new(),
                attempt => attempt.to_string(),
            },
            class,
            verdict: words,
            delay,
            circuit: circuit.name(),
        };
        self.line(&self.paint(columns.line(), style))
    }

    fn show_change(&self, change: &Change, at: Duration) -> io::Result<()> {
        let text = format!("{}  == circuit {} -> {}: {}", time(at), change.from, change.to, change.cause);
        let colour = match change.to {
            Phase::Closed => Color::Green,
            Phase::Open => Color::Red,
            Phase::HalfOpen => Color::Yellow,
        };
        self.line(&self.paint(text, Style::new().fg(colour).bold()))
    }

    fn paint(&self, text: String, style: Style) -> String {
        if self.colours { style.apply_to(text).to_string() } else { text }
    }
}

/// One line of the log, at most 80 characters wide.
struct Columns {
    time: String,
    caller: String,
    attempt: String,
    class: &'static str,
    verdict: String,
    delay: String,
    circuit: &'static str,
}

impl Columns {
    fn line(&self) -> String {
        let Self { time, caller, attempt, class, verdict, delay, circuit } = self;
        let line =
            format!("{time:>8}  {caller:>6} {attempt:>7}  {class:11}  {verdict:22} {delay:>7}  {circuit}");
        line.trim_end().into()
    }
}

fn give_up(reason: GiveUp) -> String {
    let short = match reason {
        GiveUp::Class => "not retryable",
        GiveUp::Attempts => "last attempt",
        GiveUp::StartWithin => "no time left",
        GiveUp::Hint => "hint too long",
        other => other.name(),
    };
    format!("give up: {short}")
}

fn time(at: Duration) -> String {
    format!("{:6.3} s", at.as_secs_f64())
}

fn duration(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}
