//! Who may know whom: checked crate by crate, because a workspace build unifies features and hides it.

use std::collections::BTreeSet;
use std::process::Command;

/// The crates that one of ours links when built alone.
fn linked(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree", "-p", package, "-e", "normal", "--prefix", "none", "--format", "{p}", "--locked",
        ])
        .current_dir(super::root())
        .output()
        .expect("cargo tree runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8_lossy(&output.stdout);
    tree.lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

#[track_caller]
fn assert_links_none(package: &str, forbidden: &[&str]) {
    let linked = linked(package);
    for name in forbidden {
        let found: Vec<_> = linked
            .iter()
            .filter(|linked| *linked == name || linked.starts_with(&format!("{name}-")))
            .collect();
        assert!(found.is_empty(), "{package} links {found:?}");
    }
}

const OUTSIDE: [&str; 8] = [
    "arrow",
    "parquet",
    "datafusion",
    "tonic",
    "prost",
    "tokio",
    "axum",
    "fjall",
];

#[test]
fn models_do_no_io_of_columns_or_wires() {
    for package in [
        "journey",
        "features",
        "learners",
        "churn",
        "next-stage",
        "artefact",
        "scoring",
    ] {
        assert_links_none(&format!("percorso-{package}"), &OUTSIDE);
    }
}

#[test]
fn serving_links_neither_the_engine_nor_the_fitting_libraries() {
    assert_links_none(
        "percorso-serving",
        &["datafusion", "linfa", "smartcore", "parquet", "percorso-pipeline"],
    );
}

#[test]
fn the_pipeline_knows_no_wire() {
    assert_links_none(
        "percorso-pipeline",
        &["tonic", "prost", "axum", "fjall", "percorso-serving", "percorso-proto"],
    );
}

#[test]
fn siblings_never_see_each_other() {
    assert_links_none("percorso-churn", &["percorso-next-stage"]);
    assert_links_none("percorso-next-stage", &["percorso-churn"]);
    assert_links_none("percorso-learners", &["percorso-features", "percorso-journey"]);
    assert_links_none("percorso-features", &["percorso-learners"]);
}

#[test]
fn only_the_engine_names_datafusion() {
    for path in super::files_ending(&[".rs", "Cargo.toml"]) {
        let path = path.strip_prefix(super::root()).expect("below the root");
        let may =
            path.starts_with("pipeline/engine") || path.starts_with("tests/tidy") || path.as_os_str() == "Cargo.toml";
        let text = super::read(&super::root().join(path));
        let names = text.lines().any(|line| {
            let code = line.split("//").next().unwrap_or_default();
            code.contains("datafusion") || code.contains("ballista")
        });
        assert!(may || !names, "{} names datafusion", path.display());
    }
}

#[test]
fn only_the_grpc_room_names_a_proto_type() {
    for path in super::files_ending(&[".rs"]) {
        let path = path.strip_prefix(super::root()).expect("below the root");
        if path.starts_with("serving/src") && !path.starts_with("serving/src/grpc") {
            let text = super::read(&super::root().join(path));
            assert!(
                !text.contains("percorso_proto"),
                "{} names a proto type",
                path.display()
            );
        }
    }
}
