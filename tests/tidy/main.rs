//! The house rules, held.

mod dependencies;
mod documents;
mod files;

use std::path::{Path, PathBuf};

/// The project's root.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the project with one of these endings, build folders and generated code aside.
fn files_ending(endings: &[&str]) -> Vec<PathBuf> {
    fn gather(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder to read") {
            let path = entry.expect("a folder to read").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default()
                .to_owned();
            if path.is_dir() {
                let is_ours =
                    !["target", ".git", "generated", "percorso-demo", "percorso-run"].contains(&name.as_str());
                if is_ours {
                    gather(&path, endings, found);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    gather(root(), endings, &mut found);
    found.sort();
    assert!(!found.is_empty(), "the project has files that end in {endings:?}");
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
