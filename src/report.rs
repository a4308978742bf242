//! How commands tell where they are: bars on a terminal, lines of JSON with `--json`, nothing otherwise.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use percorso_pipeline::Progress;

/// The listener that fits the terminal and the flags.
pub(crate) fn progress(json: bool) -> Box<dyn Progress> {
    let started = Instant::now();
    if json {
        let step = Mutex::default();
        Box::new(JsonLines { started, step })
    } else if std::io::stderr().is_terminal() {
        let bar = Mutex::default();
        Box::new(Bars { started, bar })
    } else {
        Box::new(Quiet { started })
    }
}

/// Nobody watches, but time passes.
struct Quiet {
    started: Instant,
}

impl Progress for Quiet {
    fn start(&self, _: &str, _: u64) {}

    fn advance(&self, _: u64) {}

    fn finish(&self) {}

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

struct Bars {
    started: Instant,
    bar: Mutex<Option<ProgressBar>>,
}

impl Progress for Bars {
    fn start(&self, step: &str, parts: u64) {
        let bar = if parts == 0 {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::new(parts)
        };
        let style =
            ProgressStyle::with_template("{msg:12} [{elapsed}] {wide_bar} {pos}/{len}").expect("a valid template");
        bar.set_style(style);
        bar.set_message(step.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        *self.bar.lock().expect("no bar panicked") = Some(bar);
    }

    fn advance(&self, parts: u64) {
        if let Some(bar) = &*self.bar.lock().expect("no bar panicked") {
            bar.inc(parts);
        }
    }

    fn finish(&self) {
        if let Some(bar) = self.bar.lock().expect("no bar panicked").take() {
            bar.finish_and_clear();
        }
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

struct JsonLines {
    started: Instant,
    step: Mutex<Step>,
}

#[derive(Default)]
struct Step {
    name: String,
    parts: u64,
    done: u64,
}

impl JsonLines {
    fn line(step: &Step, state: &str) {
        let Step { name, parts, done } = step;
        eprintln!(
            "{}",
            serde_json::json!({ "step": name, "state": state, "done": done, "parts": parts })
        );
    }
}

impl Progress for JsonLines {
    fn start(&self, step: &str, parts: u64) {
        let mut current = self.step.lock().expect("no line panicked");
        *current = Step {
            name: step.to_owned(),
            parts,
            done: 0,
        };
        Self::line(&current, "started");
    }

    fn advance(&self, parts: u64) {
        let mut current = self.step.lock().expect("no line panicked");
        let percent = |done: u64| (100 * done).checked_div(current.parts).unwrap_or(0);
        let moved = percent(current.done + parts) / 10 > percent(current.done) / 10;
        current.done += parts;
        if moved {
            Self::line(&current, "running");
        }
    }

    fn finish(&self) {
        Self::line(&self.step.lock().expect("no line panicked"), "done");
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}
