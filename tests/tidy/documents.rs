//! Documents that are true: links lead somewhere, examples parse, commands exist.

use std::process::Command;

#[test]
fn every_relative_link_leads_to_a_file() {
    for path in super::files_ending(&[".md"]) {
        let text = super::read(&path);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let there = path.parent().expect("a file has a folder").join(target);
            assert!(there.exists(), "{}: the link to {target} leads nowhere", path.display());
        }
    }
}

#[test]
fn every_example_spec_is_checked_whole() {
    let mut n_checked = 0;
    for path in super::files_ending(&["journey.toml"]) {
        percorso_journey::Spec::parse(&super::read(&path))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        n_checked += 1;
    }
    assert!(n_checked >= 2, "the examples and the kit have one each");
}

#[test]
fn every_command_the_readme_names_exists() {
    let help = Command::new(env!("CARGO_BIN_EXE_percorso"))
        .arg("--help")
        .output()
        .expect("the binary starts");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let readme = super::read(&super::root().join("README.md"));
    let in_blocks = readme.lines().filter_map(|line| line.strip_prefix("percorso "));
    let in_sentences = readme.split("`percorso ").skip(1);
    let mut n_named = 0;
    for named in in_blocks.chain(in_sentences) {
        let command = named.split([' ', '`']).next().unwrap_or_default();
        assert!(
            help.contains(&format!("  {command}")),
            "README names `percorso {command}`"
        );
        n_named += 1;
    }
    assert!(n_named >= 5, "README shows the commands");
}
