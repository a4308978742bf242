//! Every command that the documents show is one that the command line accepts.

use std::path::{Path, PathBuf};

use clap::error::ErrorKind;

/// Where a command stands decides how much of it has to be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a block: to be typed as it is, but for what it leaves open.
    Block,
    /// In a sentence, where its name may be enough.
    Sentence,
}

#[test]
fn every_command_in_the_documents_is_accepted() {
    let mut n_checked = 0;
    for path in documents() {
        let text = std::fs::read_to_string(&path).expect("a document to read");
        for (place, command) in commands(&text) {
            let words = words(&command);
            let Err(mistake) = super::grouped().try_get_matches_from(&words) else {
                n_checked += 1;
                continue;
            };
            let is_named_only = matches!(
                mistake.kind(),
                ErrorKind::MissingRequiredArgument
                    | ErrorKind::MissingSubcommand
                    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            );
            let is_help = matches!(mistake.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            assert!(
                is_help || (is_named_only && place == Place::Sentence),
                "{}: `{command}` is not accepted: {mistake}",
                path.display()
            );
            n_checked += 1;
        }
    }
    assert!(n_checked > 40, "only {n_checked} commands were found");
}

/// The documents that users read.
fn documents() -> Vec<PathBuf> {
    fn gather(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder to read") {
            let path = entry.expect("a folder to read").path();
            if path.is_dir() {
                gather(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec![root.join("README.md")];
    for folder in ["docs", "examples", "notebooks"] {
        gather(&root.join(folder), &mut found);
    }
    found.sort();
    found
}

/// Every command of a document, with the place where it stands.
fn commands(text: &str) -> Vec<(Place, String)> {
    let mut found = Vec::new();
    let mut is_block = false;
    for line in text.lines() {
        if line.starts_with("```") {
            is_block = !is_block;
        } else if is_block {
            let line = line.replace("cargo run --release -- ", "percorso ");
            let parts = line.split("&&").map(str::trim);
            let ours = parts.filter(|part| part.starts_with("percorso "));
            found.extend(ours.map(|part| (Place::Block, part.to_owned())));
        } else {
            let quoted = line.split('`').skip(1).step_by(2);
            let ours = quoted.filter(|quoted| quoted.starts_with("percorso "));
            found.extend(ours.map(|quoted| (Place::Sentence, quoted.to_owned())));
        }
    }
    found
}

/// The words of a command as a shell makes them, with numbers where the documents leave them open.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut is_quoted) = (String::new(), false);
    for letter in command.chars().chain([' ']) {
        match letter {
            '"' => is_quoted = !is_quoted,
            ' ' if !is_quoted => {
                let word = std::mem::take(&mut word);
                match word.as_str() {
                    "" | "…" => {}
                    "#" | "|" | ">" => return words,
                    "N" | "SECONDS" => words.push("3".to_owned()),
                    "top:N" => words.push("top:3".to_owned()),
                    "SHELL" => words.push("bash".to_owned()),
                    _ => words.push(word),
                }
            }
            letter => word.push(letter),
        }
    }
    words
}

#[test]
fn commands_are_found_in_blocks_and_in_sentences() {
    let text = "Say `percorso train` or `it`.\n```sh\npercorso score --reasons top:N  # all\ncargo run --release -- demo\n```\n";
    let found: Vec<String> = commands(text)
        .into_iter()
        .map(|(_, command)| words(&command).join(" "))
        .collect();
    assert_eq!(
        found,
        ["percorso train", "percorso score --reasons top:3", "percorso demo"]
    );
}
