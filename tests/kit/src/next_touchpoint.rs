//! The law of the next touch: a softmax over documented scores.

use crate::calendar::Season;
use crate::chance::Chance;
use crate::customer::Traits;
use crate::hazard::FATIGUE_LIMIT;
use crate::state::State;
use crate::words::{Audience, Touchpoint};

const N: usize = Touchpoint::ALL.len();

/// Score when nothing else speaks; our contacts and the end are not chosen here.
const BASE: [f64; N] = [
    0.3, 1.0, 0.6, 0.8, 0.3, -0.4, 0.0, 0.3, 2.2, -0.1, -1.2, -0.3, -0.9, 0.6, 0.3, 0.3, 0.0,
];
/// How well each channel (web, mail, phone, shop, kiosk) serves a touchpoint.
pub(crate) const SERVES: [[f64; 5]; N] = [
    [1.0, 0.2, 0.0, 0.0, 0.1],
    [1.0, 0.0, 0.0, 0.0, 0.0],
    [0.1, 1.0, 0.0, 0.0, 0.0],
    [1.0, 0.0, 0.1, 0.2, 0.3],
    [0.0, 0.0, 0.0, 1.0, 0.0],
    [0.0, 0.0, 0.0, 0.0, 1.0],
    [0.6, 0.3, 0.6, 0.3, 0.1],
    [0.8, 0.0, 0.2, 0.8, 0.3],
    [0.6, 0.4, 0.4, 0.3, 0.1],
    [0.3, 0.2, 1.0, 0.2, 0.0],
    [0.3, 0.4, 0.8, 0.3, 0.0],
    [0.6, 0.8, 0.2, 0.1, 0.4],
    [0.7, 0.5, 0.1, 0.2, 0.0],
    [0.0, 1.0, 0.0, 0.0, 0.0],
    [0.6, 0.5, 0.3, 0.3, 0.0],
    [0.3, 0.6, 0.4, 0.1, 0.0],
    [0.6, 0.3, 0.8, 0.2, 0.0],
];
/// From the stage of the last touch (row) to the stage of the next.
const MOVE: [[f64; 5]; 5] = [
    [0.3, 0.4, -0.8, -0.6, -1.5],
    [-0.5, 0.5, 0.5, -0.5, -1.3],
    [-0.6, -0.4, -0.3, 0.6, 0.6],
    [-0.3, -0.1, 0.1, 0.5, 0.2],
    [-0.2, 0.0, 0.3, 0.1, 0.3],
];
/// What follows a touchpoint more often than its stage says.
const PAIRS: [(Touchpoint, Touchpoint, f64); 8] = [
    (Touchpoint::AdClick, Touchpoint::SiteVisit, 0.9),
    (Touchpoint::NewsletterOpen, Touchpoint::ProductCompare, 0.5),
    (Touchpoint::ProductCompare, Touchpoint::StoreVisit, 0.5),
    (Touchpoint::KioskDemo, Touchpoint::Purchase, 0.7),
    (Touchpoint::QuoteRequest, Touchpoint::Purchase, 0.9),
    (Touchpoint::SupportCall, Touchpoint::Complaint, 0.6),
    (Touchpoint::Complaint, Touchpoint::SupportCall, 0.8),
    (Touchpoint::FeedbackSurvey, Touchpoint::Referral, 0.5),
];
/// What an audience does more or less often.
const LEANINGS: [(Audience, Touchpoint, f64); 8] = [
    (Audience::Students, Touchpoint::KioskDemo, 0.3),
    (Audience::Students, Touchpoint::AdClick, 0.2),
    (Audience::Students, Touchpoint::StoreVisit, -0.2),
    (Audience::Families, Touchpoint::StoreVisit, 0.4),
    (Audience::Families, Touchpoint::SupportCall, 0.2),
    (Audience::Professionals, Touchpoint::QuoteRequest, 0.5),
    (Audience::Professionals, Touchpoint::ProductCompare, 0.2),
    (Audience::Professionals, Touchpoint::AdClick, -0.3),
];
/// Taste for accepting an offer, by audience and action (discount, advice).
const ACCEPTS: [[f64; 2]; 3] = [[0.8, -0.4], [0.3, 0.4], [-0.5, 0.5]];

/// The part of each score that a customer keeps for life: base, leaning of the audience, ln of how well the customer's channels serve it.
pub(crate) fn constant_scores(audience: Audience, channel_habit: &[f64; 5]) -> [f64; N] {
    let mut scores = BASE;
    for (score, serves) in scores.iter_mut().zip(&SERVES) {
        let served: f64 = serves
            .iter()
            .zip(channel_habit)
            .map(|(serves, habit)| serves * habit)
            .sum();
        *score += libm::log(served);
    }
    for (who, touchpoint, leaning) in LEANINGS {
        if who == audience {
            scores[touchpoint as usize] += leaning;
        }
    }
    scores
}

/// The first touch of all: the constant scores of five entrances, and the season.
pub(crate) fn first_touchpoint(traits: &Traits, season: Season, chance: &mut Chance) -> Touchpoint {
    let mut weights = [0.0; N];
    for entrance in [
        Touchpoint::AdClick,
        Touchpoint::SiteVisit,
        Touchpoint::NewsletterOpen,
        Touchpoint::StoreVisit,
        Touchpoint::KioskDemo,
    ] {
        weights[entrance as usize] = libm::exp(traits.scores[entrance as usize] + seasonal(entrance, season));
    }
    Touchpoint::ALL[chance.pick(&weights)]
}

/// The next touch of a customer in a state on a day.
pub(crate) fn next_touchpoint(
    traits: &Traits,
    state: &State,
    day: i32,
    season: Season,
    chance: &mut Chance,
) -> Touchpoint {
    Touchpoint::ALL[chance.pick(&weights(traits, state, day, season))]
}

/// exp of each touchpoint's score; 0 for what cannot happen.
fn weights(traits: &Traits, state: &State, day: i32, season: Season) -> [f64; N] {
    let moves = &MOVE[state.last_stage as usize];
    let mut weights = [0.0; N];
    for &touchpoint in Touchpoint::ALL {
        if let Some(drive) = drive(touchpoint, state, traits.audience, day) {
            let again = match touchpoint {
                _ if touchpoint != state.last_touchpoint => 0.0,
                Touchpoint::Purchase | Touchpoint::Complaint | Touchpoint::FeedbackSurvey => -0.8,
                _ => 0.4,
            };
            weights[touchpoint as usize] = traits.scores[touchpoint as usize]
                + moves[touchpoint.stage() as usize]
                + again
                + seasonal(touchpoint, season)
                + drive;
        } else {
            weights[touchpoint as usize] = f64::NEG_INFINITY;
        }
    }
    for (from, to, more) in PAIRS {
        if from == state.last_touchpoint {
            weights[to as usize] += more;
        }
    }
    weights.map(|score| {
        if score == f64::NEG_INFINITY {
            0.0
        } else {
            libm::exp(score)
        }
    })
}

/// What the hidden state adds; None where the touch cannot happen.
fn drive(touchpoint: Touchpoint, state: &State, audience: Audience, day: i32) -> Option<f64> {
    let s = state.satisfaction;
    let if_customer = |bought: f64, not_yet: f64| if state.has_bought() { bought } else { not_yet };
    match touchpoint {
        Touchpoint::AdClick
        | Touchpoint::SiteVisit
        | Touchpoint::NewsletterOpen
        | Touchpoint::ProductCompare
        | Touchpoint::StoreVisit
        | Touchpoint::KioskDemo
        | Touchpoint::QuoteRequest => Some(0.0),
        Touchpoint::Purchase => Some(0.45 * state.intent.min(3.0) + 0.2 * s),
        Touchpoint::Renewal => state.renewable(day).then_some(0.6 * s),
        Touchpoint::SupportCall => Some(-0.3 * s + if_customer(0.0, -1.5)),
        Touchpoint::Complaint => Some(-0.7 * s + if_customer(0.0, -1.5)),
        Touchpoint::FeedbackSurvey => Some(if_customer(0.0, -1.0)),
        Touchpoint::Referral => Some(0.6 * s + if_customer(0.0, -1.0)),
        Touchpoint::OfferAccepted => state
            .offer_open(day)
            .then(|| 0.3 * s + ACCEPTS[audience as usize][state.offer_action as usize]),
        Touchpoint::OfferRejected => state
            .offer_open(day)
            .then(|| -0.3 * s + 0.4 * (state.fatigue - FATIGUE_LIMIT).max(0.0)),
        Touchpoint::MailOffer | Touchpoint::AccountClosed => None,
    }
}

/// What the season adds.
fn seasonal(touchpoint: Touchpoint, season: Season) -> f64 {
    match touchpoint {
        Touchpoint::AdClick | Touchpoint::StoreVisit | Touchpoint::QuoteRequest => 0.4 * season.december,
        Touchpoint::Purchase => 0.7 * season.december,
        Touchpoint::NewsletterOpen => 0.2 * season.sine,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Calendar;
    use crate::chance::Purpose;

    fn shares(traits: &Traits, state: &State, day: i32) -> [f64; N] {
        let weights = weights(traits, state, day, Calendar::new().season(day));
        let total: f64 = weights.iter().sum();
        weights.map(|weight| weight / total)
    }

    #[test]
    fn drawn_touches_follow_the_softmax_of_their_scores() {
        let traits = Traits::draw(1, 4);
        let state = State::new(&traits);
        let expected = shares(&traits, &state, 100);
        let mut chance = Chance::stream(1, 0, Purpose::Life, [0, 0]);
        let season = Calendar::new().season(100);
        let n = 40_000;
        let mut counts = [0_u32; N];
        for _ in 0..n {
            counts[next_touchpoint(&traits, &state, 100, season, &mut chance) as usize] += 1;
        }
        for (touchpoint, (&count, &p)) in Touchpoint::ALL.iter().zip(counts.iter().zip(&expected)) {
            let spread = (f64::from(n) * p * (1.0 - p)).sqrt();
            // Seventeen comparisons: 4.5 standard deviations would be crossed by chance once in 8,000 runs.
            assert!(
                (f64::from(count) - f64::from(n) * p).abs() <= 4.5 * spread,
                "{touchpoint:?}"
            );
        }
    }

    #[test]
    fn nobody_renews_without_a_contract_or_answers_without_an_offer() {
        let traits = Traits::draw(1, 4);
        let mut state = State::new(&traits);
        let before = shares(&traits, &state, 100);
        for touchpoint in [
            Touchpoint::Renewal,
            Touchpoint::OfferAccepted,
            Touchpoint::OfferRejected,
        ] {
            assert_eq!(before[touchpoint as usize], 0.0);
        }
        state.contract_end_day = Some(110);
        state.receive(crate::words::Action::Advice, 95);
        let after = shares(&traits, &state, 100);
        for touchpoint in [
            Touchpoint::Renewal,
            Touchpoint::OfferAccepted,
            Touchpoint::OfferRejected,
        ] {
            assert!(after[touchpoint as usize] > 0.01, "{touchpoint:?}");
        }
    }

    #[test]
    fn the_unhappy_complain_and_the_happy_refer() {
        let traits = Traits::draw(1, 4);
        let with = |satisfaction| {
            let mut state = State::new(&traits);
            state.satisfaction = satisfaction;
            shares(&traits, &state, 100)
        };
        let (unhappy, happy) = (with(-1.5), with(1.5));
        let (complaint, referral) = (Touchpoint::Complaint as usize, Touchpoint::Referral as usize);
        assert!(unhappy[complaint] > 3.0 * happy[complaint]);
        assert!(happy[referral] > 3.0 * unhappy[referral]);
    }
}
