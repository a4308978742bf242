//! One suite, every learner: what each of them promises, whatever is inside.
#![cfg(feature = "fit")]
#![allow(missing_docs, clippy::unwrap_used)]

mod market;

use ndarray::Array2;
use percorso_artefact::{Artefact, Header, Sealer};
use percorso_learners::{
    Blend, Column, Direction, Error, Forest, Learned, Learner, Linear, Logistic, Ngram, Prevalence, Recency, Smoothing,
    Trees, metrics, odds,
};

use self::market::{Market, RECENCY, STEPS, market};

fn learners() -> Vec<Learner> {
    vec![
        Learner::Prevalence(Prevalence),
        Learner::Recency(Recency::of("recency_days")),
        Learner::Ngram(Ngram::over(STEPS.to_vec())),
        Learner::Linear(Linear::default()),
        Learner::Logistic(Logistic::default()),
        Learner::Forest(Forest {
            max_rows: 700,
            ..Forest::default()
        }),
        Learner::Trees(Trees {
            n_rounds: 40,
            row_share: 0.8,
            column_share: 0.9,
            ..Trees::default()
        }),
        Learner::Blend(Blend {
            parts: vec![
                Learner::Ngram(Ngram::over(STEPS.to_vec())),
                Learner::Linear(Linear::default()),
                Learner::Trees(Trees::default()),
            ],
            weights: vec![0.1, 0.5, 0.5],
        }),
    ]
}

/// Each learner with two and with four classes, fitted on one market.
fn all(mut check: impl FnMut(&Learner, &Learned, &Market)) {
    for n_classes in [2, 4] {
        let market = market(1_500, n_classes, 1);
        for learner in learners() {
            check(&learner, &learner.fit(&market.set(), 7).unwrap(), &market);
        }
    }
}

fn sealed(learned: &Learned) -> Vec<u8> {
    let mut sealer = Sealer::new();
    learned.seal("head/slot", &mut sealer).unwrap();
    sealer.seal(&Header::default()).unwrap()
}

fn bits(p: &Array2<f64>) -> Vec<u64> {
    p.iter().map(|p| p.to_bits()).collect()
}

#[test]
fn the_same_set_and_seed_give_the_same_bytes_with_any_number_of_threads() {
    all(|learner, learned, market| {
        for n_threads in [1, 2, 4] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let again = pool.install(|| learner.fit(&market.set(), 7).unwrap());
            assert_eq!(
                sealed(&again),
                sealed(learned),
                "{} with {n_threads} threads",
                learner.name()
            );
        }
    });
}

#[test]
fn another_seed_changes_what_chance_decides_and_nothing_else() {
    all(|learner, learned, market| {
        let other = learner.fit(&market.set(), 8).unwrap();
        let is_same = sealed(&other) == sealed(learned);
        assert_eq!(
            is_same,
            !["forest", "trees"].contains(&learner.name()),
            "{}",
            learner.name()
        );
    });
}

#[test]
fn what_is_saved_and_opened_predicts_the_same_bits() {
    all(|learner, learned, market| {
        let artefact = Artefact::open(&sealed(learned)).unwrap();
        let opened = Learned::open("head/slot", &artefact).unwrap();
        assert_eq!(&opened, learned, "{}", learner.name());
        assert_eq!(
            bits(&opened.predict(&market.x.view())),
            bits(&learned.predict(&market.x.view()))
        );
        assert!(Learned::open("head/other", &artefact).is_err());
    });
}

#[test]
fn probabilities_sum_to_one_whatever_the_cells() {
    all(|learner, learned, market| {
        let mut rows = market.x.clone();
        rows.row_mut(0).fill(f32::NAN);
        rows.row_mut(1).fill(f32::INFINITY);
        rows.row_mut(2).fill(f32::NEG_INFINITY);
        rows.row_mut(3).fill(f32::MAX);
        rows.row_mut(4).fill(99.5);
        for row in learned.predict(&rows.view()).outer_iter() {
            assert!((row.sum() - 1.0).abs() < 1e-12, "{}: {row}", learner.name());
            assert!(row.iter().all(|p| *p > 0.9e-6 && *p < 1.0), "{}: {row}", learner.name());
        }
    });
}

#[test]
fn contributions_add_up_to_the_log_odds_and_name_only_columns_that_matter() {
    all(|learner, learned, market| {
        let mut rows = market.x.clone();
        rows.row_mut(0).fill(f32::NAN);
        rows.row_mut(1).fill(f32::MAX);
        let p = learned.predict(&rows.view());
        let mut parts = vec![0.0; rows.ncols()];
        for (row, p) in rows.outer_iter().zip(p.outer_iter()).take(300) {
            for (class, p) in p.iter().enumerate() {
                let base = learned.contributions(&row.to_vec(), class, &mut parts);
                let sum = base + parts.iter().sum::<f64>();
                let expected = odds::log_odds(*p);
                assert!(
                    (sum - expected).abs() < 1e-6,
                    "{}: {sum}, expected {expected}",
                    learner.name()
                );
            }
        }
        let other_than = |kept: &[usize]| {
            let mut parts = vec![0.0; rows.ncols()];
            learned.contributions(&rows.row(5).to_vec(), 1, &mut parts);
            parts
                .iter()
                .enumerate()
                .filter(|(column, part)| !kept.contains(column) && **part != 0.0)
                .count()
        };
        match learner {
            Learner::Prevalence(_) => assert_eq!(other_than(&[]), 0),
            Learner::Recency(_) => assert_eq!(other_than(&[RECENCY]), 0),
            Learner::Ngram(_) => assert_eq!(other_than(&[STEPS[0]]), 0),
            Learner::Linear(_) | Learner::Logistic(_) | Learner::Forest(_) | Learner::Trees(_) | Learner::Blend(_) => {
                assert!(other_than(&[RECENCY]) > 0)
            }
        }
    });
}

#[test]
fn contributions_add_up_where_a_probability_is_held_at_its_floor() {
    for n_classes in [2, 4] {
        let mut market = market(1_000, n_classes, 1);
        for (row, class) in market.x.outer_iter().zip(&mut market.y) {
            *class = (row[RECENCY].max(0.0) as u32 / 10).min(n_classes as u32 - 1);
        }
        let sure = Linear {
            spread: 1e4,
            max_iterations: 300,
            gradient_tolerance: 1e-9,
            ..Linear::default()
        };
        let learned = Learner::Linear(sure).fit(&market.set(), 7).unwrap();
        let p = learned.predict(&market.x.view());
        let n_held = p.iter().filter(|p| **p < 1.01e-6).count();
        assert!(n_held > 100, "the market should be easy: {n_held}");
        let mut parts = vec![0.0; market.x.ncols()];
        for (row, p) in market.x.outer_iter().zip(p.outer_iter()) {
            for (class, p) in p.iter().enumerate() {
                let base = learned.contributions(&row.to_vec(), class, &mut parts);
                let sum = base + parts.iter().sum::<f64>();
                assert!(
                    (sum - odds::log_odds(*p)).abs() < 1e-6,
                    "{sum}, expected {}",
                    odds::log_odds(*p)
                );
            }
        }
    }
}

#[test]
fn the_contributions_of_both_classes_mirror_each_other() {
    let market = market(1_500, 2, 1);
    for learner in learners() {
        let learned = learner.fit(&market.set(), 7).unwrap();
        let (mut of_0, mut of_1) = (vec![0.0; market.x.ncols()], vec![0.0; market.x.ncols()]);
        for row in market.x.outer_iter().take(50) {
            let base_0 = learned.contributions(&row.to_vec(), 0, &mut of_0);
            let base_1 = learned.contributions(&row.to_vec(), 1, &mut of_1);
            assert!((base_0 + base_1).abs() < 1e-9, "{}", learner.name());
            assert!(
                of_0.iter().zip(&of_1).all(|(a, b)| (a + b).abs() < 1e-8),
                "{}",
                learner.name()
            );
        }
    }
}

#[test]
fn constant_and_all_missing_columns_change_no_bit() {
    for n_classes in [2, 4] {
        let market = market(1_500, n_classes, 1);
        let useless = [
            (Column::number("constant"), 3.5),
            (Column::number("all missing"), f32::NAN),
            (Column::category("one code", 4), 2.0),
            (Column::category("no code", 4), f32::NAN),
        ];
        for learner in learners() {
            let expected = bits(&learner.fit(&market.set(), 7).unwrap().predict(&market.x.view()));
            for (column, cell) in &useless {
                let wider = market.with_column(column.clone(), *cell);
                let found = bits(&learner.fit(&wider.set(), 7).unwrap().predict(&wider.x.view()));
                assert_eq!(found, expected, "{} with {}", learner.name(), column.name);
            }
        }
    }
}

#[test]
fn one_class_is_learned_by_counting_and_refused_by_the_others() {
    for n_classes in [2, 4] {
        let mut market = market(200, n_classes, 1);
        market.y.fill(1);
        for learner in learners() {
            match learner.fit(&market.set(), 7) {
                Ok(learned) => {
                    assert!(learner.complexity() <= 2, "{}", learner.name());
                    assert!(learned.predict(&market.x.view())[(0, 1)] > 0.95, "{}", learner.name());
                }
                Err(error) => {
                    assert!(learner.complexity() > 2 && matches!(error, Error::OneClass { class: 1, .. }));
                }
            }
        }
    }
}

#[test]
fn few_rows_and_rows_without_a_usable_column_still_give_probabilities() {
    for n_classes in [2, 4] {
        let mut market = market(2, n_classes, 1);
        market.y = vec![0, 1];
        let mut empty = market.clone();
        empty.x.fill(f32::NAN);
        for market in [&market, &empty] {
            for learner in learners() {
                let p = learner.fit(&market.set(), 7).unwrap().predict(&market.x.view());
                assert!(p.iter().all(|p| p.is_finite()), "{}", learner.name());
                assert!((p.row(0).sum() - 1.0).abs() < 1e-12);
            }
        }
    }
}

#[test]
fn every_learner_but_prevalence_beats_the_base_rate_on_new_rows() {
    for n_classes in [2, 4] {
        let (train, test) = (market(3_000, n_classes, 1), market(3_000, n_classes, 2));
        let loss = |learner: &Learner| {
            let p = learner.fit(&train.set(), 7).unwrap().predict(&test.x.view());
            metrics::multiclass(p.view(), &test.y).unwrap().log_loss
        };
        let losses: Vec<(&str, f64)> = learners()
            .iter()
            .map(|learner| (learner.name(), loss(learner)))
            .collect();
        let base = losses[0].1;
        for (name, loss) in &losses[1..] {
            let margin = if ["linear", "logistic", "forest", "trees", "blend"].contains(name) {
                0.05
            } else {
                0.01
            };
            assert!(*loss < base - margin, "{name}: {loss}, base rate {base}");
        }
    }
}

/// How far above the log loss of the true probabilities trees and blends may stay, having learned from 8,000 rows.
///
/// A model of n free numbers loses about n/2 nats over the rows it learned from, so that this is the price of 160 of
/// them; a column misread costs more: missing steps taken for the rarest step cost .024.
const BAYES_DISTANCE: f64 = 0.01;

/// As above for the regressions, which see the logarithm of a number while this market's log-odds go straight.
const LINEAR_BAYES_DISTANCE: f64 = 0.02;

#[test]
fn regressions_trees_and_a_blend_come_close_to_the_true_probabilities() {
    let linear = Learner::Linear(Linear::default());
    let logistic = Learner::Logistic(Logistic::default());
    let trees = Learner::Trees(Trees {
        n_rounds: 60,
        max_leaves: 6,
        ..Trees::default()
    });
    let blend = Learner::Blend(Blend {
        parts: vec![linear.clone(), trees.clone()],
        weights: vec![0.5, 0.5],
    });
    for n_classes in [2, 4] {
        let (train, test) = (market(8_000, n_classes, 1), market(4_000, n_classes, 2));
        let allowed = [
            (&linear, LINEAR_BAYES_DISTANCE),
            (&logistic, LINEAR_BAYES_DISTANCE),
            (&trees, BAYES_DISTANCE),
            (&blend, BAYES_DISTANCE),
        ];
        for (learner, allowed) in allowed {
            let p = learner.fit(&train.set(), 7).unwrap().predict(&test.x.view());
            // The expected log loss above that of the truth, over what each row could have been: no luck of the draw.
            let surplus = test.truth.iter().zip(&p).map(|(truth, p)| truth * libm::log(truth / p));
            let distance = surplus.sum::<f64>() / test.y.len() as f64;
            assert!(
                (0.0..allowed).contains(&distance),
                "{} of {n_classes} classes: {distance}",
                learner.name()
            );
        }
    }
}

/// Trees are asked without drawing rows, for repeated rows would be drawn one by one.
#[test]
fn a_weight_is_so_many_rows_or_is_refused() {
    for n_classes in [2, 4] {
        let market = market(900, n_classes, 1);
        let weights: Vec<f32> = (0..900).map(|row| [1.0, 0.0, 3.0, 2.0][row % 4]).collect();
        let times: Vec<usize> = weights.iter().map(|weight| *weight as usize).collect();
        let repeated_rows: Vec<usize> = (0..market.y.len()).flat_map(|row| vec![row; times[row]]).collect();
        let repeated = Market {
            x: market.x.select(ndarray::Axis(0), &repeated_rows),
            y: repeated_rows.iter().map(|row| market.y[*row]).collect(),
            customers: repeated_rows.iter().map(|row| market.customers[*row]).collect(),
            ..market.clone()
        };
        let weighted = market.set().with_weights(&weights).unwrap();
        let mut learners = learners();
        learners.retain(|learner| learner.name() != "trees");
        learners.push(Learner::Trees(Trees {
            n_rounds: 40,
            row_share: 1.0,
            ..Trees::default()
        }));
        learners.push(Learner::Ngram(Ngram {
            smoothing: Smoothing::WittenBell,
            min_customers: 1,
            ..Ngram::over(STEPS.to_vec())
        }));
        learners.push(Learner::Ngram(Ngram {
            min_customers: 1,
            ..Ngram::over(STEPS.to_vec())
        }));
        for learner in learners {
            match learner.fit(&weighted, 7) {
                Ok(learned) => {
                    let expected = learner.fit(&repeated.set(), 7).unwrap().predict(&market.x.view());
                    let found = learned.predict(&market.x.view());
                    let furthest = (&found - &expected).iter().fold(0.0_f64, |most, by| most.max(by.abs()));
                    assert!(furthest < 1e-9, "{}: {furthest}", learner.name());
                    assert_ne!(found, learner.fit(&market.set(), 7).unwrap().predict(&market.x.view()));
                }
                Err(error) => {
                    assert!(matches!(error, Error::Weighted { .. }), "{}: {error}", learner.name());
                    assert!(["linear", "forest", "blend"].contains(&learner.name()), "{error}");
                }
            }
        }
    }
}

#[test]
fn learners_are_ordered_from_simple_to_complex() {
    let complexities: Vec<u32> = learners().iter().map(Learner::complexity).collect();
    assert!(complexities.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn settings_outside_their_range_or_without_their_column_are_refused() {
    let market = market(100, 2, 1);
    let wrong = [
        Learner::Recency(Recency::of("nowhere")),
        Learner::Recency(Recency::of("step_1")),
        Learner::Recency(Recency {
            n_bins: 0,
            ..Recency::of("recency_days")
        }),
        Learner::Recency(Recency {
            prior_rows: f64::NAN,
            ..Recency::of("recency_days")
        }),
        Learner::Ngram(Ngram::over(vec![99])),
        Learner::Ngram(Ngram::over(vec![RECENCY])),
        Learner::Ngram(Ngram {
            max_order: 9,
            ..Ngram::over(STEPS.to_vec())
        }),
        Learner::Linear(Linear {
            spread: 0.0,
            ..Linear::default()
        }),
        Learner::Linear(Linear {
            max_rows: 0,
            ..Linear::default()
        }),
        Learner::Logistic(Logistic {
            spread: f64::NAN,
            ..Logistic::default()
        }),
        Learner::Logistic(Logistic {
            max_cells: 0,
            ..Logistic::default()
        }),
        Learner::Forest(Forest {
            n_trees: 0,
            ..Forest::default()
        }),
        Learner::Forest(Forest {
            column_share: 1.5,
            ..Forest::default()
        }),
        Learner::Blend(Blend {
            parts: vec![Learner::Prevalence(Prevalence)],
            weights: vec![-1.0],
        }),
        Learner::Blend(Blend {
            parts: Vec::new(),
            weights: Vec::new(),
        }),
        Learner::Trees(Trees {
            learning_rate: 0.0,
            ..Trees::default()
        }),
        Learner::Trees(Trees {
            max_bins: 256,
            ..Trees::default()
        }),
        Learner::Trees(Trees {
            l2: f64::NAN,
            ..Trees::default()
        }),
        Learner::Trees(Trees {
            monotone: vec![("step_1".to_owned(), Direction::Rising)],
            ..Trees::default()
        }),
    ];
    for learner in wrong {
        assert!(learner.fit(&market.set(), 7).is_err(), "{learner:?}");
    }
}
