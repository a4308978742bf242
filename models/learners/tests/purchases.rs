//! BG/NBD and Gamma-Gamma: published parameters, known parameters found again, limits and laws.
#![cfg(feature = "fit")]
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::Path;

use percorso_artefact::{Artefact, Header, Sealer};
use percorso_learners::{BgNbd, Bought, Error, GammaGamma, PurchaseModel, Purchases, Random, Spending, Stake};

const CDNOW: BgNbd = PurchaseModel::CDNOW.counts;

fn purchases(frequency: u32, recency: f64, age: f64) -> Purchases {
    Purchases {
        frequency,
        recency,
        age,
    }
}

/// Days since 0000-03-01 (Hinnant, "chrono-compatible low-level date algorithms").
fn day(yyyymmdd: i64) -> i64 {
    let (year, month, day) = (yyyymmdd / 10_000, yyyymmdd / 100 % 100, yyyymmdd % 100);
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1
}

/// The 1/10 sample of CDNOW up to 1997-09-30 in weeks, purchases of a day merged; nothing when it is not there.
fn cdnow() -> Option<(Vec<Purchases>, Vec<Spending>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/cdnow/CDNOW_sample.txt");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: no real data (put CDNOW_sample.txt at ../shared/data/cdnow)");
        return None;
    };
    let until = day(19_970_930);
    let mut by_customer: BTreeMap<&str, BTreeMap<i64, f64>> = BTreeMap::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let at = day(cells[2].parse().unwrap());
        let dollars: f64 = cells[4].parse().unwrap();
        if at <= until {
            *by_customer.entry(cells[1]).or_default().entry(at).or_default() += dollars;
        }
    }
    let both = by_customer.values().map(|days| {
        let (first, last) = (*days.keys().next().unwrap(), *days.keys().last().unwrap());
        let weeks = |days: i64| days as f64 / 7.0;
        let frequency = days.len() as u32 - 1;
        let spent: f64 = days.values().skip(1).sum();
        (
            purchases(frequency, weeks(last - first), weeks(until - first)),
            Spending {
                frequency,
                mean_value: spent / f64::from(frequency.max(1)),
            },
        )
    });
    Some(both.unzip())
}

/// Fader, Hardie and Lee (2005, table 2): r .243, α 4.414, a .793, b 2.426, log-likelihood −9582.4.
#[test]
fn the_published_bg_nbd_of_cdnow_is_found() {
    let Some((customers, _)) = cdnow() else { return };
    assert_eq!(customers.len(), 2_357);
    let found = BgNbd::fit(&customers).unwrap();
    let pairs = [
        (found.r, CDNOW.r),
        (found.alpha, CDNOW.alpha),
        (found.a, CDNOW.a),
        (found.b, CDNOW.b),
    ];
    assert!(pairs.iter().all(|(a, b)| (a - b).abs() < 0.0005), "{found:?}");
    let sum: f64 = customers.iter().map(|customer| found.log_likelihood(customer)).sum();
    assert!((sum + 9_582.4).abs() < 0.05, "{sum}");
}

/// Fader and Hardie (2013): p 6.25, q 3.74, γ 15.44 from the 946 customers who bought again.
#[test]
fn the_published_gamma_gamma_of_cdnow_is_found() {
    let Some((_, spending)) = cdnow() else { return };
    let n_again = spending.iter().filter(|customer| customer.frequency > 0).count();
    assert_eq!(n_again, 946);
    let found = GammaGamma::fit(&spending).unwrap();
    let pairs = [(found.p, 6.25), (found.q, 3.74), (found.v, 15.44)];
    assert!(pairs.iter().all(|(a, b)| (a - b).abs() < 0.006), "{found:?}");
}

/// The paper's worked customer (and that of the authors' spreadsheet note, 2005): x 2, t_x 30.43, T 38.86, 39 weeks
/// ahead, 1.226 purchases.
#[test]
fn the_papers_worked_customer_is_expected_to_buy_1_226_times() {
    let found = CDNOW.expected_purchases(&purchases(2, 30.43, 38.86), 39.0);
    assert!((found - 1.226).abs() < 0.001, "{found}");
}

/// Marsaglia and Tsang (2000); shapes below 1 by a power of a uniform number.
fn gamma(shape: f64, random: &mut Random) -> f64 {
    if shape < 1.0 {
        return gamma(shape + 1.0, random) * libm::pow(1.0 - random.uniform(), 1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    loop {
        let angle = std::f64::consts::TAU * random.uniform();
        let normal = libm::sqrt(-2.0 * libm::log(1.0 - random.uniform())) * libm::cos(angle);
        let cube = (1.0 + normal / libm::sqrt(9.0 * d)).powi(3);
        let is_kept = cube > 0.0
            && libm::log(1.0 - random.uniform()) < 0.5 * normal * normal + d - d * cube + d * libm::log(cube);
        if is_kept {
            return d * cube;
        }
    }
}

struct Lived {
    past: Purchases,
    is_alive: bool,
    n_after: u32,
}

/// A customer's purchases up to an age and within a horizon after it, as the model says they come.
fn lived(model: &BgNbd, age: f64, horizon: f64, random: &mut Random) -> Lived {
    let rate = gamma(model.r, random) / model.alpha;
    let (leaves, stays) = (gamma(model.a, random), gamma(model.b, random));
    let p_leaves = leaves / (leaves + stays);
    let mut lived = Lived {
        past: purchases(0, 0.0, age),
        is_alive: true,
        n_after: 0,
    };
    let mut at = 0.0;
    loop {
        at -= libm::log(1.0 - random.uniform()) / rate;
        if at > age + horizon {
            return lived;
        }
        if at <= age {
            lived.past.frequency += 1;
            lived.past.recency = at;
        } else {
            lived.n_after += 1;
        }
        if random.uniform() < p_leaves {
            lived.is_alive = at > age;
            return lived;
        }
    }
}

const TRUE: BgNbd = BgNbd {
    r: 0.8,
    alpha: 6.0,
    a: 1.1,
    b: 3.0,
};

#[test]
fn known_parameters_are_found_again() {
    let mut random = Random::new(1);
    let customers: Vec<Purchases> = (0..20_000)
        .map(|_| {
            let age = 20.0 + 40.0 * random.uniform();
            lived(&TRUE, age, 0.0, &mut random).past
        })
        .collect();
    let found = BgNbd::fit(&customers).unwrap();
    let pairs = [
        (found.r, TRUE.r),
        (found.alpha, TRUE.alpha),
        (found.a, TRUE.a),
        (found.b, TRUE.b),
    ];
    assert!(pairs.iter().all(|(a, b)| (a / b - 1.0).abs() < 0.1), "{found:?}");
    // Another unit of time changes the scale of rates alone.
    let in_days: Vec<Purchases> = customers
        .iter()
        .map(|customer| purchases(customer.frequency, 7.0 * customer.recency, 7.0 * customer.age))
        .collect();
    let again = BgNbd::fit(&in_days).unwrap();
    assert!(
        (again.r - found.r).abs() < 1e-4 && (again.alpha / found.alpha - 7.0).abs() < 1e-3,
        "{again:?}"
    );
}

#[test]
fn what_is_said_of_the_future_comes_true_on_average() {
    let mut random = Random::new(2);
    let horizon = 26.0;
    let (mut p_alive, mut alive, mut expected, mut came) = ([0.0; 3], [0.0; 3], [0.0; 3], [0.0; 3]);
    let (mut p_silent, mut silent) = ([0.0; 3], [0.0; 3]);
    for _ in 0..600_000 {
        let customer = lived(&TRUE, 40.0, horizon, &mut random);
        let group = (customer.past.frequency as usize).min(5) / 2;
        p_alive[group] += TRUE.p_alive(&customer.past);
        alive[group] += f64::from(u8::from(customer.is_alive));
        expected[group] += TRUE.expected_purchases(&customer.past, horizon);
        came[group] += f64::from(customer.n_after);
        p_silent[group] += TRUE.p_silent(&customer.past, horizon);
        silent[group] += f64::from(u8::from(customer.n_after == 0));
    }
    for group in 0..3 {
        assert!(
            (p_alive[group] / alive[group] - 1.0).abs() < 0.01,
            "{p_alive:?} {alive:?}"
        );
        assert!(
            (expected[group] / came[group] - 1.0).abs() < 0.015,
            "{expected:?} {came:?}"
        );
        assert!(
            (p_silent[group] / silent[group] - 1.0).abs() < 0.01,
            "{p_silent:?} {silent:?}"
        );
    }
}

/// `∫ over p of Beta(a, b + x) ∫ over time of E[λ e^{−λ p s}]`, by the trapezium rule in `p = u⁸`,
/// which is rough where the beta distribution's density is without bound at p = 1.
fn by_quadrature(model: &BgNbd, customer: &Purchases, horizon: f64) -> f64 {
    let BgNbd { r, alpha, a, b } = *model;
    let (shape, scale) = (r + f64::from(customer.frequency), alpha + customer.age);
    let stays = b + f64::from(customer.frequency);
    let log_beta = libm::lgamma(a) + libm::lgamma(stays) - libm::lgamma(a + stays);
    // The integral over time: (1 − (scale / (scale + p t))^shape) / p.
    let given = |p: f64| -libm::expm1(-shape * libm::log1p(p * horizon / scale)) / p;
    let n = 100_000;
    let sum: f64 = (1..n)
        .map(|step| {
            let u = f64::from(step) / f64::from(n);
            let p = u.powi(8);
            let log_density = (a - 1.0) * libm::log(p) + (stays - 1.0) * libm::log1p(-p) - log_beta;
            8.0 * u.powi(7) * libm::exp(log_density) * given(p)
        })
        .sum();
    sum / f64::from(n)
}

#[test]
fn expected_purchases_are_the_integral_they_stand_for() {
    let models = [
        CDNOW,
        TRUE,
        BgNbd { a: 1.0, ..TRUE },
        BgNbd { a: 1.0 + 1e-9, ..TRUE },
        BgNbd { a: 2.5, r: 3.0, ..TRUE },
        // a + b + x − 1 is 0, up to rounding, for a customer who bought once.
        BgNbd { a: 0.4, b: 0.6, ..TRUE },
    ];
    for model in models {
        for customer in [
            purchases(0, 0.0, 12.0),
            purchases(3, 8.0, 30.0),
            purchases(60, 29.0, 30.0),
        ] {
            for horizon in [1.0, 39.0, 400.0] {
                let found = model.expected_purchases_if_alive(&customer, horizon);
                let expected = by_quadrature(&model, &customer, horizon);
                let tolerance = if model.b + f64::from(customer.frequency) < 1.0 {
                    2e-3
                } else {
                    1e-6
                };
                let told = format!("{model:?} {customer:?} {horizon}: {found}, integral {expected}");
                assert!((found / expected - 1.0).abs() < tolerance, "{told}");
            }
        }
    }
}

#[test]
fn the_longer_the_silence_the_less_alive() {
    assert_eq!(CDNOW.p_alive(&purchases(0, 0.0, 500.0)), 1.0);
    let just_now = CDNOW.p_alive(&purchases(4, 30.0, 30.0));
    // Right after a purchase only leaving with that purchase counts: a / (b + x − 1) to 1.
    assert!((just_now - 1.0 / (1.0 + CDNOW.a / (CDNOW.b + 3.0))).abs() < 1e-12);
    let ages = [30.0, 40.0, 60.0, 100.0, 1_000.0, 1e6];
    let p: Vec<f64> = ages.map(|age| CDNOW.p_alive(&purchases(4, 30.0, age))).to_vec();
    assert!(p.windows(2).all(|pair| pair[1] < pair[0]) && p[5] < 1e-9, "{p:?}");
    // The same silence tells more of one who bought often.
    assert!(CDNOW.p_alive(&purchases(20, 20.0, 39.0)) < CDNOW.p_alive(&purchases(2, 20.0, 39.0)));
}

#[test]
fn a_longer_horizon_brings_more_purchases_and_none_brings_none() {
    for customer in [purchases(0, 0.0, 12.0), purchases(7, 30.0, 38.0)] {
        let horizons = [0.0, 0.5, 1.0, 10.0, 52.0, 520.0, 5_200.0];
        let n: Vec<f64> = horizons
            .map(|horizon| CDNOW.expected_purchases(&customer, horizon))
            .to_vec();
        assert!(
            n[0].abs() < 1e-15 && n.windows(2).all(|pair| pair[1] > pair[0]),
            "{n:?}"
        );
        let silent: Vec<f64> = horizons.map(|horizon| CDNOW.p_silent(&customer, horizon)).to_vec();
        assert!(
            silent[0] == 1.0 && silent.windows(2).all(|pair| pair[1] < pair[0]),
            "{silent:?}"
        );
        // In the end only those who are gone buy nothing.
        let for_ever = CDNOW.p_silent(&customer, 1e300);
        assert!((for_ever - 1.0 + CDNOW.p_alive(&customer)).abs() < 1e-9, "{for_ever}");
    }
}

#[test]
fn known_values_are_found_again_and_drawn_to_the_mean() {
    let truth = GammaGamma {
        p: 4.0,
        q: 5.0,
        v: 20.0,
    };
    let mut random = Random::new(3);
    let customers: Vec<Spending> = (0..20_000)
        .map(|_| {
            let frequency = 1 + random.below(6) as u32;
            let inverse_scale = gamma(truth.q, &mut random) / truth.v;
            // The mean of x gamma values of shape p is gamma of shape p x.
            let sum = gamma(truth.p * f64::from(frequency), &mut random) / inverse_scale;
            Spending {
                frequency,
                mean_value: sum / f64::from(frequency),
            }
        })
        .collect();
    let found = GammaGamma::fit(&customers).unwrap();
    let pairs = [(found.p, truth.p), (found.q, truth.q), (found.v, truth.v)];
    assert!(pairs.iter().all(|(a, b)| (a / b - 1.0).abs() < 0.06), "{found:?}");

    let mean = truth.p * truth.v / (truth.q - 1.0);
    let expected = |frequency| {
        truth.expected_value(&Spending {
            frequency,
            mean_value: 90.0,
        })
    };
    let drawn = [0, 1, 5, 100, 100_000].map(expected);
    // The note's other form: the population's mean and the customer's own, weighted by q − 1 and p x.
    let weighted = (4.0 * mean + 4.0 * 5.0 * 90.0) / (4.0 + 4.0 * 5.0);
    assert!((drawn[2] - weighted).abs() < 1e-12, "{drawn:?}");
    assert!(
        (drawn[0] - mean).abs() < 1e-12 && (drawn[4] - 90.0).abs() < 0.01,
        "{drawn:?}"
    );
    assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]), "{drawn:?}");
}

#[test]
fn value_at_risk_and_value_expected_are_the_value_of_one_who_stays() {
    let customer = purchases(3, 10.0, 38.0);
    let mean_value = 36.0;
    let n_purchases_if_staying = CDNOW.expected_purchases_if_alive(&customer, 39.0);
    let stake = Stake {
        p_leaves: 1.0 - CDNOW.p_alive(&customer),
        n_purchases_if_staying,
        mean_value,
    };
    let kept = CDNOW.expected_purchases(&customer, 39.0) * mean_value;
    assert!((stake.value_at_risk() + kept - n_purchases_if_staying * mean_value).abs() < 1e-9);
    assert!(stake.value_at_risk() > 0.0);
}

#[test]
fn a_model_of_purchases_opens_as_it_was_sealed_and_never_with_parameters_that_cannot_be() {
    let opened = |model: PurchaseModel| {
        let mut sealer = Sealer::new();
        model.seal("purchases", &mut sealer).unwrap();
        PurchaseModel::open(
            "purchases",
            &Artefact::open(&sealer.seal(&Header::default()).unwrap()).unwrap(),
        )
    };
    let model = PurchaseModel::CDNOW;
    assert_eq!(opened(model).unwrap(), model);
    let wrong = [
        PurchaseModel {
            counts: BgNbd { a: 0.0, ..CDNOW },
            ..model
        },
        PurchaseModel {
            values: GammaGamma { q: 1.0, ..model.values },
            ..model
        },
        PurchaseModel {
            values: GammaGamma {
                v: -1.0,
                ..model.values
            },
            ..model
        },
    ];
    for wrong in wrong {
        assert!(matches!(opened(wrong), Err(Error::Malformed { .. })), "{wrong:?}");
    }
}

#[test]
fn both_models_are_fitted_on_the_same_customers() {
    let mut random = Random::new(4);
    let bought: Vec<Bought> = (0..2_000)
        .map(|customer| Bought {
            purchases: lived(&TRUE, 40.0, 0.0, &mut random).past,
            spending: Spending {
                // Every other customer paid nothing.
                frequency: 2 * (customer % 2),
                mean_value: 20.0 * gamma(3.0, &mut random),
            },
        })
        .collect();
    let found = PurchaseModel::fit(&bought).unwrap();
    let purchases: Vec<Purchases> = bought.iter().map(|bought| bought.purchases).collect();
    assert_eq!(found.counts, BgNbd::fit(&purchases).unwrap());
    let mean_value = found.values.expected_value(&Spending {
        frequency: 0,
        mean_value: 0.0,
    });
    assert!((mean_value / 60.0 - 1.0).abs() < 0.05, "{mean_value}");
    // All spend the same: nothing is told of how customers differ, and the mean stays theirs.
    let alike: Vec<Bought> = bought
        .iter()
        .map(|bought| Bought {
            spending: Spending {
                frequency: 2,
                mean_value: 9.99,
            },
            ..*bought
        })
        .collect();
    let found = PurchaseModel::fit(&alike).unwrap();
    let expected = found.values.expected_value(&alike[0].spending);
    assert!((expected / 9.99 - 1.0).abs() < 0.01, "{expected} {found:?}");
}

#[test]
fn purchases_that_cannot_be_are_named() {
    let message = |wrong: Purchases| BgNbd::fit(&[purchases(1, 2.0, 3.0), wrong]).unwrap_err().to_string();
    assert_eq!(
        message(purchases(1, 4.0, 3.0)),
        "customer 1: recency is 4, expected a time from 0 to the age"
    );
    assert!(message(purchases(0, 1.0, 3.0)).starts_with("customer 1: recency is 1, expected 0 for one"));
    assert!(message(purchases(2, 0.0, 3.0)).starts_with("customer 1: recency is 0"));
    assert!(message(purchases(0, 0.0, f64::NAN)).starts_with("customer 1: age is NaN"));
    assert!(matches!(
        BgNbd::fit(&[purchases(0, 0.0, 3.0)]),
        Err(Error::Length { .. })
    ));
    let spending = |frequency, mean_value| Spending { frequency, mean_value };
    assert!(matches!(
        GammaGamma::fit(&[spending(0, 0.0), spending(2, 0.0)]),
        Err(Error::Customer { row: 1, .. })
    ));
    assert!(GammaGamma::fit(&[spending(0, 0.0)]).is_err());
}
