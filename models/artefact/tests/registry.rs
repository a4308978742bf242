//! A registry told as the days of a model: published, promoted, replaced, rolled back, and what a crash leaves.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use percorso_artefact::{Error, Header, Label, PolicyChange, PolicyChanged, Registry, Sealer, VersionId};

fn model(weight: f64) -> Vec<u8> {
    let mut sealer = Sealer::new();
    sealer.put_scalar("weight", weight).unwrap();
    sealer
        .seal(&Header {
            kind: "churn".into(),
            ..Header::default()
        })
        .unwrap()
}

fn weight(registry: &Registry, id: &VersionId) -> f64 {
    registry.open(id).unwrap().scalar("weight").unwrap()
}

fn files_below(dir: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    files.sort();
    files
}

#[test]
fn a_model_is_published_promoted_replaced_and_rolled_back() {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::at(dir.path().join("models"));
    assert!(registry.list().unwrap().is_empty());
    assert!(matches!(registry.resolve("champion"), Err(Error::NoSuchLabel { .. })));

    let first = registry.publish(&model(1.0)).unwrap();
    let second = registry.publish(&model(2.0)).unwrap();
    assert!(first.to_string().starts_with("000001-") && second.to_string().starts_with("000002-"));
    let listed: Vec<_> = registry
        .list()
        .unwrap()
        .into_iter()
        .map(|manifest| manifest.id)
        .collect();
    assert_eq!(listed, [first.clone(), second.clone()]);

    registry.promote(&first, Label::Champion).unwrap();
    registry.promote(&second, Label::Challenger).unwrap();
    assert_eq!(registry.resolve("challenger").unwrap(), second);
    registry.promote(&second, Label::Champion).unwrap();
    registry.promote(&second, Label::Champion).unwrap();
    assert_eq!(registry.resolve("champion").unwrap(), second);
    assert!(
        registry.resolve("challenger").is_err(),
        "a champion is not its own challenger"
    );
    assert_eq!(weight(&registry, &second), 2.0);

    assert_eq!(registry.rollback().unwrap(), first);
    assert_eq!(registry.resolve("champion").unwrap(), first);
    assert!(matches!(registry.rollback(), Err(Error::NothingToRollBack { .. })));
    assert_eq!(registry.resolve("champion").unwrap(), first);
    assert_eq!(registry.resolve(&second.to_string()).unwrap(), second);
    assert!(matches!(registry.resolve("best"), Err(Error::VersionId { .. })));
    let leftovers = files_below(registry.dir());
    assert!(leftovers.iter().all(|file| !file.ends_with(".new")), "{leftovers:?}");
}

#[test]
fn what_a_crash_leaves_is_no_version_and_its_number_is_not_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::at(dir.path());
    let first = registry.publish(&model(1.0)).unwrap();
    let crashed = dir.path().join("versions/000002-0123abcd");
    fs::create_dir(&crashed).unwrap();
    fs::write(crashed.join("model.safetensors"), &model(2.0)[..100]).unwrap();
    fs::write(crashed.join("manifest.json.new"), "{").unwrap();

    assert_eq!(registry.list().unwrap().len(), 1);
    let id: VersionId = "000002-0123abcd".parse().unwrap();
    assert!(matches!(registry.open(&id), Err(Error::NoSuchVersion { .. })));
    assert!(matches!(
        registry.promote(&id, Label::Champion),
        Err(Error::NoSuchVersion { .. })
    ));
    assert_eq!(registry.publish(&model(3.0)).unwrap().number(), 3);
    assert_eq!(weight(&registry, &first), 1.0);
}

#[test]
fn a_damaged_version_is_neither_opened_nor_promoted_nor_rolled_back_to() {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::at(dir.path());
    let first = registry.publish(&model(1.0)).unwrap();
    let second = registry.publish(&model(2.0)).unwrap();
    registry.promote(&first, Label::Champion).unwrap();
    registry.promote(&second, Label::Champion).unwrap();

    let path = dir.path().join(format!("versions/{first}/model.safetensors"));
    let whole = fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(&path, &damaged).unwrap();
    assert!(matches!(
        registry.open(&first),
        Err(Error::Manifest { what: "SHA-256", .. })
    ));
    fs::write(&path, &whole[1..]).unwrap();
    assert!(matches!(
        registry.open(&first),
        Err(Error::Manifest {
            what: "size in bytes",
            ..
        })
    ));

    let before = registry.labels().unwrap();
    assert!(registry.promote(&first, Label::Shadow).is_err());
    assert!(registry.rollback().is_err());
    assert_eq!(registry.labels().unwrap(), before);
    fs::write(&path, &whole).unwrap();
    assert_eq!(registry.rollback().unwrap(), first);
}

#[test]
fn bytes_that_do_not_open_are_not_published() {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::at(dir.path().join("models"));
    assert!(registry.publish(b"not a model").is_err());
    assert!(!registry.dir().exists());
}

#[test]
fn a_path_that_is_a_file_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("models");
    fs::write(&path, "mine").unwrap();
    let registry = Registry::at(&path);
    let error = registry.publish(&model(1.0)).unwrap_err();
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    assert!(registry.list().is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn when_a_write_fails_the_version_does_not_exist_and_the_labels_stay() {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::at(dir.path());
    let first = registry.publish(&model(1.0)).unwrap();
    registry.promote(&first, Label::Champion).unwrap();
    let second = registry.publish(&model(2.0)).unwrap();

    // A folder stands where the new labels would be written, which fails for every user, even root.
    let obstacle = dir.path().join("labels.json.new");
    fs::create_dir(&obstacle).unwrap();
    let error = registry.promote(&second, Label::Champion).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert_eq!(registry.resolve("champion").unwrap(), first);
    fs::remove_dir(&obstacle).unwrap();
    registry.promote(&second, Label::Champion).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn a_folder_that_cannot_be_written_gives_a_clear_error() {
    // A folder of the kernel's refuses every user, root too, where permission bits would not.
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::at(dir.path());
    std::os::unix::fs::symlink("/proc/self/task", dir.path().join("versions")).unwrap();
    let error = registry.publish(&model(1.0)).unwrap_err();
    assert!(error.to_string().starts_with("cannot make folder"), "{error}");
    assert!(registry.list().unwrap().is_empty());
}

#[test]
fn two_publishers_never_share_a_number() {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::at(dir.path());
    std::thread::scope(|scope| {
        for publisher in 0..4 {
            let registry = &registry;
            scope.spawn(move || {
                for round in 0..5 {
                    registry.publish(&model(f64::from(publisher * 10 + round))).unwrap();
                }
            });
        }
    });
    let numbers: Vec<u64> = registry
        .list()
        .unwrap()
        .iter()
        .map(|manifest| manifest.id.number())
        .collect();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
}

fn promoted(version: &VersionId, refused: &[&str], accepted_risk: Option<&str>) -> PolicyChange {
    PolicyChange {
        version: version.clone(),
        at: "2026-01-02T03:04:05Z".to_owned(),
        done: PolicyChanged::Promoted,
        judged_on: "a log".to_owned(),
        value: [Some(2.0), Some(1.0), None],
        champion_value: Some(1.5),
        refused: refused.iter().map(|&why| why.to_owned()).collect(),
        accepted_risk: accepted_risk.map(str::to_owned),
    }
}

#[test]
fn a_policy_is_promoted_and_rolled_back_and_every_change_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::at(dir.path());
    let first = registry.publish(&model(1.0)).unwrap();
    let second = registry.publish(&model(2.0)).unwrap();
    registry.promote(&second, Label::Champion).unwrap();
    assert!(registry.policy_log().unwrap().is_empty());

    let changes = [
        promoted(&first, &[], None),
        promoted(&second, &["thin"], Some("a test")),
    ];
    for change in &changes {
        registry.promote_policy(change).unwrap();
        assert_eq!(registry.resolve("policy").unwrap(), change.version);
    }
    assert_eq!(registry.resolve("champion").unwrap(), second);
    assert_eq!(registry.rollback_policy("2026-01-03T00:00:00Z").unwrap(), first);
    assert_eq!(registry.resolve("policy").unwrap(), first);
    assert!(matches!(
        registry.rollback_policy("2026-01-04T00:00:00Z"),
        Err(Error::NothingToRollBack {
            label: Label::Policy,
            ..
        })
    ));
    let log = registry.policy_log().unwrap();
    assert_eq!(log.len(), 3, "what was not done is not kept");
    assert_eq!(log[..2], changes);
    assert_eq!((log[2].done, &log[2].version), (PolicyChanged::RolledBack, &first));
}

#[test]
fn a_policy_that_does_not_open_is_neither_promoted_nor_kept() {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::at(dir.path());
    let first = registry.publish(&model(1.0)).unwrap();
    fs::write(
        dir.path().join(format!("versions/{first}/model.safetensors")),
        "no model",
    )
    .unwrap();
    assert!(registry.promote_policy(&promoted(&first, &[], None)).is_err());
    assert!(registry.policy_log().unwrap().is_empty());
    assert!(registry.labels().unwrap().policy.is_none());
}

#[test]
fn half_a_line_that_a_crash_left_is_not_read_and_the_next_takes_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::at(dir.path());
    let first = registry.publish(&model(1.0)).unwrap();
    registry.promote_policy(&promoted(&first, &[], None)).unwrap();
    let path = dir.path().join("policy.jsonl");
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}{}", &whole[..20])).unwrap();
    assert_eq!(registry.policy_log().unwrap().len(), 1);
    registry.promote_policy(&promoted(&first, &[], Some("again"))).unwrap();
    assert_eq!(
        registry.policy_log().unwrap()[1].accepted_risk.as_deref(),
        Some("again")
    );
    assert_eq!(registry.policy_log().unwrap().len(), 2);
}

#[test]
fn labels_written_before_there_were_policies_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::at(dir.path());
    let first = registry.publish(&model(1.0)).unwrap();
    registry.promote(&first, Label::Champion).unwrap();
    let path = dir.path().join("labels.json");
    let written = fs::read_to_string(&path).unwrap();
    assert!(
        !written.contains("polic"),
        "who has no policy writes what older readers know"
    );
    let old = format!(r#"{{"champion":"{first}","challenger":null,"shadow":null,"past_champions":[]}}"#);
    fs::write(&path, old).unwrap();
    assert_eq!(registry.resolve("champion").unwrap(), first);
    assert!(matches!(registry.resolve("policy"), Err(Error::NoSuchLabel { .. })));
}
