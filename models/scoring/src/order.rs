//! In what order customers are looked after: one way for lists of every kind.

use std::cmp::Ordering;

use percorso_journey::Timestamp;

/// What tells how pressing a customer is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    /// What the recommended action brings in beyond doing nothing, its cost taken off; 0 for nothing.
    pub gain: f64,
    /// `None` where nothing of value was bought.
    pub value_at_risk: Option<f64>,
    /// The chance of leaving; `None` where the question has no meaning.
    pub chance: Option<f64>,
    /// The last moment at which acting still gains something.
    pub act_by: Option<Timestamp>,
}

/// By what a list is sorted; among equals by gain, then value at risk, then chance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Who acting saves most for comes first.
    #[default]
    Gain,
    /// Who is likeliest to leave comes first.
    Chance,
    /// Who has most to lose comes first.
    Value,
    /// Who has to be looked after soonest comes first; who has no day comes last.
    ActBy,
}

impl Order {
    /// Every order.
    pub const ALL: [Order; 4] = [Self::Gain, Self::Chance, Self::Value, Self::ActBy];

    /// Its name, as lists are asked for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gain => "gain",
            Self::Chance => "chance",
            Self::Value => "value",
            Self::ActBy => "act_by",
        }
    }

    /// The order of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.name() == name)
    }

    /// Which of two customers comes first.
    pub fn compare(self, left: &Standing, right: &Standing) -> Ordering {
        let by_gain = || right.gain.total_cmp(&left.gain);
        let by_value = || most(left.value_at_risk, right.value_at_risk);
        let by_chance = || most(left.chance, right.chance);
        let asked = match self {
            Self::Gain => Ordering::Equal,
            Self::Chance => by_chance(),
            Self::Value => by_value(),
            Self::ActBy => day(left).cmp(&day(right)),
        };
        asked.then_with(by_gain).then_with(by_value).then_with(by_chance)
    }
}

/// The larger first; nothing last.
fn most(left: Option<f64>, right: Option<f64>) -> Ordering {
    let number = |number: Option<f64>| number.unwrap_or(f64::NEG_INFINITY);
    number(right).total_cmp(&number(left))
}

fn day(standing: &Standing) -> i64 {
    standing.act_by.map_or(i64::MAX, Timestamp::micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(gain: f64, value: Option<f64>, chance: Option<f64>, day: Option<i64>) -> Standing {
        Standing {
            gain,
            value_at_risk: value,
            chance,
            act_by: day.map(Timestamp::from_micros),
        }
    }

    #[test]
    fn every_order_puts_first_what_it_is_called_and_unknowns_last() {
        let all = [
            standing(3.0, Some(1.0), Some(0.2), Some(9)),
            standing(1.0, Some(5.0), Some(0.1), None),
            standing(0.0, None, Some(0.9), Some(2)),
            standing(0.0, Some(0.0), None, Some(4)),
        ];
        let sorted = |order: Order| {
            let mut places = [0, 1, 2, 3];
            places.sort_by(|left, right| order.compare(&all[*left], &all[*right]));
            places
        };
        assert_eq!(sorted(Order::Gain), [0, 1, 3, 2]);
        assert_eq!(sorted(Order::Chance), [2, 0, 1, 3]);
        assert_eq!(sorted(Order::Value), [1, 0, 3, 2]);
        assert_eq!(sorted(Order::ActBy), [2, 3, 0, 1]);
    }

    #[test]
    fn an_order_is_found_by_its_name() {
        assert!(
            Order::ALL
                .iter()
                .all(|order| Order::named(order.name()) == Some(*order))
        );
        assert_eq!(Order::named("risk"), None);
    }
}
