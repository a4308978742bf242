//! Laws of one coherent answer, on random hazards: what is told can never contradict itself.

use percorso_next_stage::Incidence;
use proptest::prelude::*;

const N_CAUSES: usize = 3;

/// What is gone through: days, the exposed part of the interval, and the probabilities of its classes.
#[derive(Clone, Debug)]
struct Step {
    days: f64,
    exposed: f64,
    classes: [f64; N_CAUSES + 1],
}

/// One to eight intervals, the first one perhaps entered on the way; hazards from none to nearly certain.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let weight = prop_oneof![Just(0.0), 1e-9..1e-3, 0.0..1.0];
    let classes = (weight.clone(), weight.clone(), weight, 1e-6..1.0);
    let step = (0.01..60.0, classes).prop_map(|(days, (a, b, c, none))| {
        let weights = [a, b, c, none];
        let sum: f64 = weights.iter().sum();
        Step {
            days,
            exposed: 1.0,
            classes: weights.map(|weight| weight / sum),
        }
    });
    (prop::collection::vec(step, 1..8), 0.001..=1.0).prop_map(|(mut steps, exposed)| {
        steps[0].days *= exposed;
        steps[0].exposed = exposed;
        steps
    })
}

fn incidence(steps: &[Step]) -> Incidence {
    let mut incidence = Incidence::new(N_CAUSES);
    let mut until = 0.0;
    for step in steps {
        until += step.days;
        incidence.go_on(until, step.exposed, &step.classes);
    }
    incidence
}

fn at(incidence: &Incidence, days: f64) -> [f64; N_CAUSES + 1] {
    let mut classes = [0.0; N_CAUSES + 1];
    incidence.at(days, &mut classes);
    classes
}

proptest! {
    #[test]
    fn incidences_and_survival_are_together_one_and_incidences_only_rise(
        steps in steps(),
        shares in prop::collection::vec(0.0..1.2, 1..20),
    ) {
        let incidence = incidence(&steps);
        let mut days: Vec<f64> = shares.iter().map(|share| share * incidence.horizon_days()).collect();
        days.sort_by(f64::total_cmp);
        let mut before = at(&incidence, 0.0);
        prop_assert_eq!(before[N_CAUSES], 1.0);
        for days in days {
            let now = at(&incidence, days);
            prop_assert!((now.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{:?}", now);
            for cause in 0..N_CAUSES {
                prop_assert!(now[cause] >= before[cause] - 1e-15, "{:?} then {:?}", before, now);
            }
            prop_assert!(now[N_CAUSES] <= before[N_CAUSES] + 1e-15 && now[N_CAUSES] >= 0.0);
            prop_assert_eq!(now[N_CAUSES], incidence.survival(days));
            before = now;
        }
    }

    /// One who has waited is told what today's answer says of whoever waits: by way of fresh hazards or of conditioning.
    #[test]
    fn waiting_through_part_of_an_interval_is_conditioning_on_it(
        steps in steps(),
        waited in 0.0..0.999,
        asked in 0.0..1.0,
    ) {
        let now = incidence(&steps);
        let waited_days = waited * steps[0].days;
        let mut rest = steps.clone();
        rest[0].days -= waited_days;
        rest[0].exposed *= 1.0 - waited;
        let later = incidence(&rest);
        let conditioned = now.after_waiting(waited_days).expect("nothing is sure to come");
        let days = asked * later.horizon_days();
        for (told, expected) in at(&later, days).into_iter().zip(at(&conditioned, days)) {
            prop_assert!((told - expected).abs() < 1e-9, "{} instead of {}", told, expected);
        }
    }

    #[test]
    fn waiting_twice_is_waiting_for_as_long(steps in steps(), first in 0.0..0.6, second in 0.0..0.3, asked in 0.0..1.0) {
        let now = incidence(&steps);
        let [first, second] = [first, second].map(|share| share * now.horizon_days());
        let twice = now.after_waiting(first).and_then(|later| later.after_waiting(second));
        let once = now.after_waiting(first + second);
        let (twice, once) = (twice.expect("not sure to come"), once.expect("not sure to come"));
        let days = asked * (now.horizon_days() - first - second);
        for (told, expected) in at(&twice, days).into_iter().zip(at(&once, days)) {
            prop_assert!((told - expected).abs() < 1e-7, "{} instead of {}", told, expected);
        }
    }

    #[test]
    fn a_quantile_is_the_day_on_which_so_much_has_come(steps in steps(), share in 0.001..0.999, cause in 0..N_CAUSES) {
        let incidence = incidence(&steps);
        let survival = incidence.survival(incidence.horizon_days());
        match incidence.days_until(share) {
            Some(days) => prop_assert!((1.0 - incidence.survival(days) - share).abs() < 1e-9),
            None => prop_assert!(1.0 - survival < share),
        }
        let most = at(&incidence, incidence.horizon_days())[cause];
        if most > 1e-9 {
            let days = incidence.days_until_cause(cause, share * most).expect("so much comes within the horizon");
            let told = at(&incidence, days)[cause];
            prop_assert!((told - share * most).abs() < 1e-9, "{} instead of {}", told, share * most);
        }
    }
}

#[test]
fn what_is_sure_to_come_leaves_nobody_waiting() {
    let mut incidence = Incidence::new(2);
    incidence.go_on(1.0, 1.0, &[0.25, 0.25, 0.5]);
    incidence.go_on(2.0, 1.0, &[0.0, 1.0, 0.0]);
    let mut classes = [0.0; 3];
    incidence.at(5.0, &mut classes);
    assert_eq!(classes, [0.25, 0.75, 0.0]);
    assert_eq!(incidence.days_until(0.5), Some(1.0));
    assert!(incidence.after_waiting(2.0).is_none());
    assert!(incidence.after_waiting(1.0).is_some());
}
