//! Files written by format 1 open for ever and predict the same bits.
#![allow(missing_docs, clippy::unwrap_used)]

use percorso_artefact::Artefact;
use percorso_learners::{Band, Calibrator, Learned, PurchaseModel, Purchases, Spending};

const NAMES: [&str; 5] = ["prevalence", "recency", "ngram", "linear", "forest"];

/// A few rows for two numbers and two categories of three codes, missing cells among them.
const ROWS: [[f32; 4]; 4] = [
    [3.0, 10.0, 0.0, 1.0],
    [40.0, f32::NAN, 2.0, f32::NAN],
    [f32::NAN, -7.5, f32::NAN, 0.0],
    [0.0, 1e9, 1.0, 2.0],
];

/// The predictions of learners for every row.
fn of_learners(artefact: &Artefact, names: &[&str]) -> Vec<f64> {
    let mut all = Vec::new();
    for n_classes in [2, 4] {
        let mut p = vec![0.0; n_classes];
        for name in names {
            let learned = Learned::open(&format!("{n_classes}/{name}"), artefact).unwrap();
            assert_eq!((learned.name(), learned.n_classes()), (*name, n_classes));
            for row in &ROWS {
                learned.predict_into(row, &mut p);
                all.extend_from_slice(&p);
            }
        }
    }
    all
}

/// The predictions of every learner for every row, calibrators and band, as the writer of the file made them.
fn predictions(artefact: &Artefact) -> Vec<f64> {
    let mut all = of_learners(artefact, &NAMES);
    for name in ["platt", "temperature", "identity"] {
        let mut p = if name == "temperature" {
            vec![0.2, 0.1, 0.7]
        } else {
            vec![0.3, 0.7]
        };
        Calibrator::open(name, artefact).unwrap().apply(&mut p);
        all.extend_from_slice(&p);
    }
    let band = Band::open("band", artefact).unwrap();
    for p in [0.01, 0.3, 0.999] {
        let (low, high) = band.around(p);
        all.extend([low, high]);
    }
    all
}

#[test]
fn a_file_of_format_1_predicts_the_same_bits_for_ever() {
    let artefact = Artefact::open(include_bytes!("../fixtures/v1.safetensors")).unwrap();
    let found: Vec<u64> = predictions(&artefact).iter().map(|p| p.to_bits()).collect();
    let expected: Vec<u64> = artefact
        .vector::<f64>("expected")
        .unwrap()
        .iter()
        .map(|p| p.to_bits())
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn trees_and_blends_of_format_1_predict_the_same_bits_for_ever() {
    let artefact = Artefact::open(include_bytes!("../fixtures/v1-trees.safetensors")).unwrap();
    let expected = artefact.vector::<f64>("expected").unwrap().iter();
    let found = of_learners(&artefact, &["trees", "blend"]);
    assert_eq!(
        found.iter().map(|p| p.to_bits()).collect::<Vec<_>>(),
        expected.map(|p| p.to_bits()).collect::<Vec<_>>()
    );
}

/// What models of purchases say of a few customers.
fn of_purchases(artefact: &Artefact) -> Vec<f64> {
    let model = PurchaseModel::open("purchases", artefact).unwrap();
    let customer = |frequency, recency, age| Purchases {
        frequency,
        recency,
        age,
    };
    let customers = [customer(0, 0.0, 12.0), customer(3, 8.0, 30.0), customer(60, 29.0, 30.0)];
    let of_customer = |customer: &Purchases| {
        [
            model.counts.p_alive(customer),
            model.counts.p_silent(customer, 12.0),
            model.counts.expected_purchases_if_alive(customer, 12.0),
        ]
    };
    let values = [0, 1, 9].map(|frequency| {
        model.values.expected_value(&Spending {
            frequency,
            mean_value: 90.0,
        })
    });
    customers.iter().flat_map(of_customer).chain(values).collect()
}

#[test]
fn models_of_purchases_of_format_1_say_the_same_bits_for_ever() {
    let artefact = Artefact::open(include_bytes!("../fixtures/v1-purchases.safetensors")).unwrap();
    let expected = artefact.vector::<f64>("expected").unwrap().iter();
    assert_eq!(
        of_purchases(&artefact).iter().map(|p| p.to_bits()).collect::<Vec<_>>(),
        expected.map(|p| p.to_bits()).collect::<Vec<_>>()
    );
}

#[test]
#[ignore = "writes the fixture of models of purchases, once"]
fn write_the_fixture_of_purchases() {
    use percorso_artefact::{Header, Sealer};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/v1-purchases.safetensors");
    assert!(!std::path::Path::new(path).exists(), "a fixture is written once");
    let [mut without, mut with] = [Sealer::new(), Sealer::new()];
    for sealer in [&mut without, &mut with] {
        PurchaseModel::CDNOW.seal("purchases", sealer).unwrap();
    }
    let artefact = Artefact::open(&without.seal(&Header::default()).unwrap()).unwrap();
    with.put_vector("expected", &of_purchases(&artefact)).unwrap();
    std::fs::write(path, with.seal(&Header::default()).unwrap()).unwrap();
}

#[cfg(feature = "fit")]
#[test]
#[ignore = "writes the fixture of a new format version, once"]
fn write_the_fixture() {
    use ndarray::Array2;
    use percorso_artefact::{Header, Sealer};
    use percorso_learners::{
        Bootstrap, Column, Forest, Learner, Linear, Ngram, OutOfFold, Prevalence, Random, Recency, TrainingSet,
    };

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/v1.safetensors");
    assert!(!std::path::Path::new(path).exists(), "a fixture is written once");
    let mut random = Random::new(1);
    let n_rows = 300;
    let mut x = Array2::zeros((n_rows, 4));
    for mut row in x.outer_iter_mut() {
        for column in 0..4 {
            let cell = if column < 2 {
                (60.0 * random.uniform()) as f32
            } else {
                random.below(3) as f32
            };
            row[column] = if random.uniform() < 0.1 { f32::NAN } else { cell };
        }
    }
    let customers: Vec<u64> = (0..n_rows as u64).map(|row| row / 2).collect();
    let columns = [
        Column::number("recency_days"),
        Column::number("spend"),
        Column::category("step_1", 3),
        Column::category("step_2", 3),
    ];
    let mut sealers = [Sealer::new(), Sealer::new()];
    for n_classes in [2, 4] {
        let y: Vec<u32> = x
            .outer_iter()
            .map(|row| {
                u32::from(row[0] > 30.0)
                    + if n_classes == 4 {
                        2 * u32::from(row[2] == 1.0)
                    } else {
                        0
                    }
            })
            .collect();
        let set = TrainingSet::new(x.view(), &columns, &y, n_classes, &customers).unwrap();
        let learners = [
            Learner::Prevalence(Prevalence),
            Learner::Recency(Recency::of("recency_days")),
            Learner::Ngram(Ngram::over(vec![2, 3])),
            Learner::Linear(Linear::default()),
            Learner::Forest(Forest {
                n_trees: 4,
                ..Forest::default()
            }),
        ];
        for learner in learners {
            let learned = learner.fit(&set, 1).unwrap();
            for sealer in &mut sealers {
                learned
                    .seal(&format!("{n_classes}/{}", learner.name()), sealer)
                    .unwrap();
            }
        }
    }
    let calibrators = [
        (
            "platt",
            Calibrator::Platt {
                slope: 0.8,
                intercept: -0.1,
            },
        ),
        ("temperature", Calibrator::Temperature { temperature: 1.5 }),
        ("identity", Calibrator::Identity),
    ];
    let p: Vec<f64> = (0..n_rows).map(|_| random.uniform()).collect();
    let y: Vec<u32> = p.iter().map(|p| u32::from(random.uniform() < *p)).collect();
    let rows = OutOfFold {
        p: &p,
        y: &y,
        customers: &customers,
        origins: &vec![0; n_rows],
    };
    let band = Band::fit(&rows, &Bootstrap::seeded(1)).unwrap();
    for sealer in &mut sealers {
        for (name, calibrator) in &calibrators {
            calibrator.seal(name, sealer).unwrap();
        }
        band.seal("band", sealer).unwrap();
    }
    let [first, mut second] = sealers;
    let opened = Artefact::open(&first.seal(&Header::default()).unwrap()).unwrap();
    second.put_vector("expected", &predictions(&opened)).unwrap();
    std::fs::write(path, second.seal(&Header::default()).unwrap()).unwrap();
}

#[cfg(feature = "fit")]
#[test]
#[ignore = "writes the fixture of trees and blends, once"]
fn write_the_fixture_of_trees() {
    use ndarray::Array2;
    use percorso_artefact::{Header, Sealer};
    use percorso_learners::{Blend, Column, Learner, Ngram, Random, TrainingSet, Trees};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/v1-trees.safetensors");
    assert!(!std::path::Path::new(path).exists(), "a fixture is written once");
    let mut random = Random::new(1);
    let x = Array2::from_shape_fn((400, 4), |(_, column)| {
        let cell = if column < 2 {
            (60.0 * random.uniform()) as f32
        } else {
            random.below(3) as f32
        };
        if random.uniform() < 0.1 { f32::NAN } else { cell }
    });
    let columns = [
        Column::number("recency_days"),
        Column::number("spend"),
        Column::category("step_1", 3),
        Column::category("step_2", 3),
    ];
    let customers: Vec<u64> = (0..400).collect();
    let mut sealers = [Sealer::new(), Sealer::new()];
    for n_classes in [2, 4] {
        let class = |row: ndarray::ArrayView1<'_, f32>| {
            let more = if n_classes == 4 {
                2 * u32::from(row[2] == 1.0)
            } else {
                0
            };
            u32::from(row[0] > 30.0 || row[3] == 2.0) + more
        };
        let y: Vec<u32> = x.outer_iter().map(class).collect();
        let set = TrainingSet::new(x.view(), &columns, &y, n_classes, &customers).unwrap();
        let trees = Trees {
            n_rounds: 8,
            ..Trees::default()
        };
        let blend = Blend {
            parts: vec![Learner::Ngram(Ngram::over(vec![2, 3])), Learner::Trees(trees.clone())],
            weights: vec![0.3, 0.8],
        };
        for learner in [Learner::Trees(trees), Learner::Blend(blend)] {
            let learned = learner.fit(&set, 1).unwrap();
            for sealer in &mut sealers {
                learned
                    .seal(&format!("{n_classes}/{}", learner.name()), sealer)
                    .unwrap();
            }
        }
    }
    let [without, mut with] = sealers;
    let artefact = Artefact::open(&without.seal(&Header::default()).unwrap()).unwrap();
    with.put_vector("expected", &of_learners(&artefact, &["trees", "blend"]))
        .unwrap();
    std::fs::write(path, with.seal(&Header::default()).unwrap()).unwrap();
}
