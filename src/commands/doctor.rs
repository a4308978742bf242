//! `percorso doctor`: what is here, what is missing, and what to do about it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use percorso_journey::Timestamp;
use percorso_pipeline::{Finding, Health, RunFolder, examine};
use percorso_serving::{STORE_FORMAT, Store, StoreError, system_clock};

use super::{Machine, Run};
use crate::failure::{Failure, Outcome};

#[derive(Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    run: Run,
    /// A journey.toml to look at too
    #[arg(long, value_name = "FILE")]
    journey: Option<PathBuf>,
}

/// Where `serve` and its page listen unless told otherwise.
const PORTS: [(u16, &str); 2] = [(50051, "gRPC"), (50080, "the account managers' page")];

/// With less memory than this, sorting cannot even spill.
const LEAST_MEMORY: u64 = 512 << 20;

impl Doctor {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        let run = self.run.folder();
        let (of_run, training_bytes) = examine(&run, self.journey.as_deref(), system_clock()());
        let mut findings = of_machine(machine, run.path(), training_bytes);
        findings.extend(of_run);
        findings.extend(of_store(&run));
        findings.extend(PORTS.map(|(port, what)| of_port(port, what)));
        for finding in &findings {
            tell(finding, machine.wants_json());
        }
        let n_problems = findings
            .iter()
            .filter(|finding| finding.health == Health::Problem)
            .count();
        match n_problems {
            0 => Ok(()),
            1 => Err(Failure::found("1 problem is told above")),
            n => Err(Failure::found(format!("{n} problems are told above"))),
        }
    }
}

fn tell(finding: &Finding, json: bool) {
    if json {
        println!(
            "{}",
            serde_json::to_string(finding).expect("our own types turn into JSON")
        );
        return;
    }
    let health = match finding.health {
        Health::Ok => "ok",
        Health::Note => "note",
        Health::Problem => "problem",
    };
    println!("{health:<9}{:<23} {}", finding.what, finding.found);
    if let Some(next) = &finding.next {
        println!("{:<33}→ {next}", "");
    }
}

fn of_machine(machine: &Machine, run: &Path, training_bytes: Option<u64>) -> Vec<Finding> {
    let system = Command::new("uname").arg("-srm").output().ok();
    let system = system.and_then(|told| String::from_utf8(told.stdout).ok());
    let system = system.map_or_else(|| std::env::consts::OS.to_owned(), |told| told.trim().to_owned());
    let mut findings = vec![
        Finding::ok("percorso", format!("{} on {system}", env!("CARGO_PKG_VERSION"))),
        Finding::ok("threads", machine.use_threads().to_string()),
    ];
    let memory = machine.memory_bytes();
    let needed = training_bytes.unwrap_or(0);
    let found = format!("a run takes {} at most", size(memory));
    findings.push(if memory < LEAST_MEMORY {
        Finding::problem(
            "memory",
            found,
            "give it more with --memory 1G, on a machine that has it",
        )
    } else if memory < needed {
        let found = format!("{found}; the rows of a training may take {}", size(needed));
        Finding::note(
            "memory",
            found,
            "fewer `cutoffs` under [training] in journey.toml, or a larger machine",
        )
    } else {
        Finding::ok("memory", found)
    });
    findings.push(of_space(run, training_bytes));
    findings
}

fn of_space(run: &Path, training_bytes: Option<u64>) -> Finding {
    let there = run.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let Ok(space) = rustix::fs::statvfs(there) else {
        let found = format!("that of {} cannot be told", there.display());
        return Finding::note("free space", found, "look at the disk");
    };
    let free = space.f_bavail * space.f_frsize;
    match training_bytes {
        Some(needed) if free < needed => Finding::problem(
            "free space",
            format!("{}; training may write {}", size(free), size(needed)),
            "make room, or move the run folder",
        ),
        Some(needed) => Finding::ok(
            "free space",
            format!("{}; training may write {}", size(free), size(needed)),
        ),
        None => Finding::ok("free space", size(free)),
    }
}

/// The store, opened as the service would open it, and closed again.
fn of_store(run: &RunFolder) -> Option<Finding> {
    let (spec, manifest) = (run.spec().ok()?, run.manifest().ok()?);
    let again = format!("`percorso load --run {}`", run.path().display());
    if !run.store().exists() {
        return Some(Finding::note("store", "no customer is loaded", again));
    }
    Some(match Store::open(&run.store(), &spec, 0) {
        Ok(store) => {
            let header = store.header();
            let found = format!(
                "format {STORE_FORMAT}, generation {}, loaded up to {}",
                header.generation, header.watermark
            );
            if header.watermark < Timestamp::from_micros(manifest.last_at_us) {
                Finding::note("store", format!("{found}, before the last ingest"), again)
            } else {
                Finding::ok("store", found)
            }
        }
        Err(StoreError::InUse { .. }) => Finding::ok("store", "in use, by a `percorso serve` as it seems"),
        Err(error) => Finding::problem("store", error.to_string(), again),
    })
}

fn of_port(port: u16, what: &str) -> Finding {
    let name = format!("port {port}");
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Finding::ok(name, format!("free for {what}")),
        Err(error) => Finding::note(
            name,
            format!("not free for {what}: {error}"),
            "if that is no `percorso serve`, listen elsewhere with --listen and --page",
        ),
    }
}

fn size(bytes: u64) -> String {
    let mebibytes = bytes >> 20;
    if mebibytes < 10_240 {
        format!("{mebibytes} MiB")
    } else {
        format!("{} GiB", mebibytes >> 10)
    }
}
