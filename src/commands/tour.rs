//! `percorso --help`: commands by what one wants to do, and a short tour.

use std::fmt::Write;

/// What one wants to do, and the commands that do it.
const GROUPS: [(&str, &[&str]); 6] = [
    ("Begin", &["demo", "init", "check", "ingest", "doctor"]),
    ("Train", &["train", "features", "models"]),
    ("Judge", &["evaluate", "report", "compare", "benchmark", "simulate"]),
    ("Act", &["score", "churn-list", "allocate", "policy"]),
    ("Serve", &["load", "serve", "decisions"]),
    ("Help", &["completions", "help"]),
];

const TOUR: &str = "\
A tour:
  percorso demo              a made-up market, from events to a served page
  percorso init my-data      your own files: a first journey.toml, with a report
  percorso ingest --journey journey.toml && percorso train
                             from there to a first evaluation

`percorso COMMAND --help` tells the flags of a command; README.md and docs/ tell the rest.
`percorso doctor` tells what is here, what is missing and what to do next.

Exit codes: 0 done, 1 the data are wrong, 2 usage or environment.";

/// The command line with its commands in groups.
pub(super) fn grouped(mut command: clap::Command) -> clap::Command {
    command.build();
    let mut told = String::from("{about}\n\n{usage-heading} {usage}\n");
    for (wish, names) in GROUPS {
        write!(told, "\n{wish}:\n").expect("a String takes everything");
        for name in names {
            let about = command.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.expect("a group names commands that there are, each with what it does");
            writeln!(told, "  {name:<13}{about}").expect("a String takes everything");
        }
    }
    told.push_str("\nOptions:\n{options}{after-help}");
    command.help_template(told).after_help(TOUR)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_is_in_one_group_and_is_told_in_one_line() {
        let mut command = super::super::Command::command();
        command.build();
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let there: BTreeSet<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        assert_eq!(grouped.iter().copied().collect::<BTreeSet<_>>(), there);
        assert_eq!(grouped.len(), there.len(), "each in one group only");
        for command in command.get_subcommands() {
            let about = command.get_about().expect("what it does").to_string();
            assert!(about.len() <= 75, "{}: {about}", command.get_name());
        }
    }
}
