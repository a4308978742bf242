//! The days on which a customer bought, and what was spent on them: what models of purchases take.

use crate::bytes::{ByteReader, ByteWriter, MalformedBytes};
use crate::{JourneyEvent, Spec, Timestamp};

/// Days with a purchase ([`Spec::purchases`]), told where the business is.
///
/// Purchases of one day are one, as in the studies that models of purchases come from.
#[derive(Clone, Debug, PartialEq)]
pub struct PurchaseDays {
    is_purchase: Vec<bool>,
    n_days: u32,
    first_day: i64,
    last_day: i64,
    /// Of the days before the last: those with a value above 0, and its sum.
    n_valued_before: u32,
    value_before: f64,
    last_value: f64,
}

impl PurchaseDays {
    /// The purchase days of a customer who never bought.
    pub fn new(spec: &Spec) -> Self {
        let mut is_purchase = vec![false; spec.touchpoints().len()];
        for touchpoint in spec.purchases() {
            is_purchase[usize::from(touchpoint)] = true;
        }
        Self {
            is_purchase,
            n_days: 0,
            first_day: 0,
            last_day: 0,
            n_valued_before: 0,
            value_before: 0.0,
            last_value: 0.0,
        }
    }

    /// Takes one event in; events come in order, and what is no purchase changes nothing.
    pub fn observe(&mut self, spec: &Spec, event: &JourneyEvent) {
        if !self.is_purchase[usize::from(event.touchpoint)] {
            return;
        }
        let day = event.at.local_day(spec.time_zone());
        if self.n_days == 0 {
            self.first_day = day;
        }
        // Clocks set back over midnight do not bring a day back.
        if self.n_days == 0 || day > self.last_day {
            self.n_valued_before = self.n_valued_days();
            self.value_before = self.value();
            self.last_value = 0.0;
            self.last_day = day;
            self.n_days = self.n_days.saturating_add(1);
        }
        self.last_value += event.value.unwrap_or(0.0);
    }

    /// How many days had a purchase.
    pub const fn n_days(&self) -> u32 {
        self.n_days
    }

    /// Whole days from the first purchase to the last; 0 before any.
    pub const fn first_to_last_days(&self) -> i64 {
        self.last_day - self.first_day
    }

    /// Whole days from the last purchase to the day of `as_of`, never below 0; `None` before any.
    pub fn since_last_days(&self, spec: &Spec, as_of: Timestamp) -> Option<i64> {
        (self.n_days > 0).then(|| (as_of.local_day(spec.time_zone()) - self.last_day).max(0))
    }

    /// How many days had purchases of a value above 0 in all.
    pub fn n_valued_days(&self) -> u32 {
        self.n_valued_before + u32::from(self.last_value > 0.0)
    }

    /// What was spent on those days, in currency; returns that are no purchases are not taken off.
    pub fn value(&self) -> f64 {
        self.value_before + self.last_value.max(0.0)
    }

    pub(super) fn write(&self, to: &mut ByteWriter) {
        to.u32(self.n_days);
        to.i64(self.first_day);
        to.i64(self.last_day);
        to.u32(self.n_valued_before);
        to.f64(self.value_before);
        to.f64(self.last_value);
    }

    pub(super) fn read(&mut self, from: &mut ByteReader<'_>) -> Result<(), MalformedBytes> {
        self.n_days = from.u32()?;
        self.first_day = from.i64()?;
        self.last_day = from.i64()?;
        self.n_valued_before = from.u32()?;
        self.value_before = from.f64()?;
        self.last_value = from.f64()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    fn observed(spec: &Spec, journey: &str) -> PurchaseDays {
        let mut days = PurchaseDays::new(spec);
        for event in text::journey(spec, journey).expect("a journey in text") {
            days.observe(spec, &event);
        }
        days
    }

    fn spec(zone: &str) -> Spec {
        let named = format!("name = \"small\"\ntime_zone = \"{zone}\"");
        Spec::parse(&text::SMALL_SPEC.replace("name = \"small\"", &named)).expect("the small spec is valid")
    }

    #[test]
    fn purchases_of_a_day_are_one_and_other_events_are_none() {
        let spec = spec("UTC");
        let days = observed(
            &spec,
            "visit@0d=9 purchase@1d=20 purchase@1.5d=5 renewal@4d=7 closed@8d",
        );
        assert_eq!((days.n_days(), days.first_to_last_days()), (2, 3));
        assert_eq!((days.n_valued_days(), days.value()), (2, 32.0));
        assert_eq!(days.since_last_days(&spec, text::day(9)), Some(5));
        assert_eq!(observed(&spec, "visit@0d").since_last_days(&spec, text::day(9)), None);
    }

    #[test]
    fn without_an_inactivity_definition_what_is_bought_is_of_the_purchase_stage() {
        let inactive = r#"[[churn]]
name = "inactive"
kind = "inactivity"
touchpoints = ["purchase", "renewal"]
days = 90
"#;
        assert_eq!(spec("UTC").purchases(), [3, 4]);
        let text = text::SMALL_SPEC.replace(inactive, "");
        assert_eq!(Spec::parse(&text).expect("still valid").purchases(), [3]);
        let text = text.replace("\"purchase\", \"retention\"]", "\"sale\", \"retention\"]");
        let text = text.replace("stage = \"purchase\"", "stage = \"sale\"");
        let text = text.replace("to = \"purchase\"", "to = \"sale\"");
        assert!(Spec::parse(&text).expect("still valid").purchases().is_empty());
    }

    #[test]
    fn a_day_is_one_of_the_business() {
        // 18:00 and 20:00 in New York lie on two days in UTC.
        let evening = "purchase@0.9583d purchase@1.0417d";
        assert_eq!(observed(&spec("America/New_York"), evening).n_days(), 1);
        assert_eq!(observed(&spec("UTC"), evening).n_days(), 2);
    }

    #[test]
    fn a_day_without_a_value_above_0_tells_nothing_of_values() {
        let spec = spec("UTC");
        let days = observed(
            &spec,
            "purchase@1d purchase@2d=10 purchase@2.5d=-10 purchase@3d=8 purchase@4d=-3",
        );
        assert_eq!((days.n_days(), days.n_valued_days(), days.value()), (4, 1, 8.0));
    }
}
