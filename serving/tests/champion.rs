//! Which model serves, and what it takes to replace it.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{clock, journey, secret, spec};
use percorso_artefact::{Header, Label, Registry, Sealer};
use percorso_journey::{LoggedEvent, Spec, text};
use percorso_serving::{Answer, Error, Follower, ModelError, Question, ScoringService, Store};

struct House {
    folder: tempfile::TempDir,
    service: ScoringService,
    champion: Follower,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        common::load(&folder.path().join("store"), &spec(), &[]);
        let store = Store::open(&folder.path().join("store"), &spec(), 0).unwrap();
        let service = ScoringService::new(store, secret(), clock());
        let champion = Follower::scoring(Registry::at(folder.path().join("models")), "champion");
        Self {
            folder,
            service,
            champion,
        }
    }

    fn registry(&self) -> Registry {
        Registry::at(self.folder.path().join("models"))
    }

    fn score(&self) -> Result<Answer, Error> {
        let events: Vec<LoggedEvent> = journey(7, 20)
            .iter()
            .map(|happening| happening.logged(&spec()))
            .collect();
        self.service.score_inline(events, Question::default())
    }
}

#[test]
fn a_promoted_model_serves_and_a_rollback_brings_the_one_before() {
    let house = House::new();
    assert!(matches!(house.score(), Err(Error::NoModel)));
    let first = common::publish_model(&house.registry(), &spec(), 1);
    assert!(house.champion.refresh(&house.service).unwrap());
    let answer = house.score().unwrap();
    assert_eq!(answer.model.version(), first);
    assert!(!house.champion.refresh(&house.service).unwrap(), "it serves already");
    let second = common::publish_model(&house.registry(), &spec(), 2);
    assert!(house.champion.refresh(&house.service).unwrap());
    let other = house.score().unwrap();
    assert_eq!(other.model.version(), second);
    assert_ne!(other.scores, answer.scores);
    house.registry().rollback().unwrap();
    assert!(house.champion.refresh(&house.service).unwrap());
    assert_eq!(house.score().unwrap().scores, answer.scores);
}

#[test]
fn a_model_that_does_not_fit_never_serves_and_is_complained_of_once() {
    let house = House::new();
    assert!(
        matches!(house.champion.refresh(&house.service), Err(ModelError::Registry { .. })),
        "no champion yet"
    );
    assert!(!house.champion.refresh(&house.service).unwrap(), "said once");
    let first = common::publish_model(&house.registry(), &spec(), 1);
    assert!(house.champion.refresh(&house.service).unwrap());

    let other = Arc::new(Spec::parse(&text::SMALL_SPEC.replace("days = 90", "days = 60")).unwrap());
    common::publish_model(&house.registry(), &other, 1);
    assert!(matches!(
        house.champion.refresh(&house.service),
        Err(ModelError::Open { .. })
    ));
    assert!(!house.champion.refresh(&house.service).unwrap(), "said once");
    assert_eq!(house.score().unwrap().model.version(), first);

    let stranger = Sealer::new()
        .seal(&Header {
            kind: "weather".to_owned(),
            ..Header::default()
        })
        .unwrap();
    let stranger = house.registry().publish(&stranger).unwrap();
    house.registry().promote(&stranger, Label::Champion).unwrap();
    assert!(matches!(
        house.champion.refresh(&house.service),
        Err(ModelError::Open { .. })
    ));
    assert_eq!(house.score().unwrap().model.version(), first);

    let third = common::publish_model(&house.registry(), &spec(), 3);
    assert!(house.champion.refresh(&house.service).unwrap());
    assert_eq!(house.score().unwrap().model.version(), third);
}

#[test]
fn no_answer_mixes_two_models_while_they_are_swapped() {
    let house = House::new();
    let versions = [1, 2].map(|seed| common::publish_model(&house.registry(), &spec(), seed));
    let expected = versions.clone().map(|version| {
        house
            .registry()
            .promote(&version.parse().unwrap(), Label::Champion)
            .unwrap();
        house.champion.refresh(&house.service).unwrap();
        house.score().unwrap().scores
    });
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut seen = [0_u32; 2];
            while !is_over.load(Ordering::SeqCst) || seen.contains(&0) {
                let answer = house.score().unwrap();
                let at = versions
                    .iter()
                    .position(|version| version == answer.model.version())
                    .unwrap();
                assert_eq!(answer.scores, expected[at]);
                seen[at] += 1;
            }
        });
        for round in 0..40 {
            let version = versions[round % 2].parse().unwrap();
            house.registry().promote(&version, Label::Champion).unwrap();
            house.champion.refresh(&house.service).unwrap();
        }
        is_over.store(true, Ordering::SeqCst);
        // Should the asking thread have seen but one model so far, it sees the other now.
        while !asking.is_finished() {
            for version in &versions {
                house
                    .registry()
                    .promote(&version.parse().unwrap(), Label::Champion)
                    .unwrap();
                house.champion.refresh(&house.service).unwrap();
            }
        }
        asking.join().unwrap();
    });
}

#[test]
fn a_promoted_policy_decides_and_without_one_nobodys_effects_are_believed() {
    let house = House::new();
    let policy = Follower::deciding(house.registry(), "policy");
    assert!(!policy.refresh(&house.service).unwrap(), "there need not be one");
    let first = common::publish_model(&house.registry(), &spec(), 1);
    assert!(house.champion.refresh(&house.service).unwrap());
    assert!(house.service.policy().is_none());
    let id = house.registry().resolve(&first).unwrap();
    house.registry().promote(&id, Label::Policy).unwrap();
    assert!(policy.refresh(&house.service).unwrap());
    let (decides, scores) = (house.service.policy().unwrap(), house.service.model().unwrap());
    assert!(Arc::ptr_eq(&decides, &scores), "one version is one model in memory");
    common::publish_model(&house.registry(), &spec(), 2);
    assert!(house.champion.refresh(&house.service).unwrap());
    assert!(
        !policy.refresh(&house.service).unwrap(),
        "another champion is no other policy"
    );
    assert_eq!(house.service.policy().unwrap().version(), first);
}
