//! What was done today over all customers, where an action may be done only so often or cost only so much.

use std::collections::BTreeMap;

use percorso_journey::{ByteReader, ByteWriter, CategoryId, MalformedBytes, Spec};

use super::Why;

/// What was done in one day of the business's time zone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Today {
    version: u64,
    by_action: BTreeMap<CategoryId, Done>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Done {
    times: u32,
    cost: f64,
}

const FORMAT: u8 = 1;

impl Today {
    /// Counts an action as done.
    pub fn add(&mut self, spec: &Spec, action: u16) {
        let action = &spec.actions()[usize::from(action)];
        let done = self.by_action.entry(action.id).or_default();
        done.times += 1;
        done.cost += action.cost;
        self.version += 1;
    }

    /// Why an action must not be done once more today.
    pub fn why_not(&self, spec: &Spec, action: u16) -> Option<Why> {
        let action = &spec.actions()[usize::from(action)];
        let done = self.by_action.get(&action.id).copied().unwrap_or_default();
        if action.daily.capacity.is_some_and(|capacity| done.times >= capacity) {
            return Some(Why::Capacity);
        }
        let is_over = |budget: Option<f64>, cost: f64| budget.is_some_and(|budget| cost + action.cost > budget);
        (is_over(action.daily.budget, done.cost) || is_over(spec.decisions().daily_budget, self.cost()))
            .then_some(Why::Budget)
    }

    /// Positions of the actions that must not be done once more today.
    pub fn full(&self, spec: &Spec) -> Vec<u16> {
        let actions = 0..spec.actions().len() as u16;
        actions.filter(|action| self.why_not(spec, *action).is_some()).collect()
    }

    /// What all actions of the day cost.
    pub fn cost(&self) -> f64 {
        self.by_action.values().map(|done| done.cost).sum()
    }

    /// How often an action was done.
    pub fn times(&self, action: CategoryId) -> u32 {
        self.by_action.get(&action).map_or(0, |done| done.times)
    }

    /// Another number after every change.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The byte form, version 1.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut to = ByteWriter::default();
        to.u8(FORMAT);
        to.u64(self.version);
        to.u32(self.by_action.len() as u32);
        for (action, done) in &self.by_action {
            to.u64(action.number());
            to.u32(done.times);
            to.f64(done.cost);
        }
        to.into_bytes()
    }

    /// The day in these bytes.
    ///
    /// # Errors
    /// - the bytes are not a version 1 day.
    pub fn from_bytes(bytes: &[u8]) -> Result<Today, MalformedBytes> {
        let mut from = ByteReader::new(bytes, "day of decisions");
        if from.u8()? != FORMAT {
            return Err(from.malformed());
        }
        let version = from.u64()?;
        let mut by_action = BTreeMap::new();
        for _ in 0..from.u32()? {
            let action = CategoryId::from_cell(from.u64()? as f64).ok_or(from.malformed())?;
            let done = Done {
                times: from.u32()?,
                cost: from.f64()?,
            };
            by_action.insert(action, done);
        }
        from.end()?;
        Ok(Today { version, by_action })
    }
}

#[cfg(test)]
mod tests {
    use percorso_journey::text;

    use super::*;

    #[test]
    fn a_day_ends_at_its_capacity_and_budgets() {
        let more = "\n[decisions]\ndaily_budget = 7.0\n[[action]]\nname = \"call\"\nchannel = \"shop\"\ncost = 2.0\n\
                    daily_capacity = 2\n[[action]]\nname = \"letter\"\nchannel = \"mail\"\ncost = 1.0\ndaily_budget = 2.5\n";
        let spec = Spec::parse(&format!("{}{more}", text::SMALL_SPEC)).unwrap();
        let mut today = Today::default();
        let (call, letter) = (0, 1);
        today.add(&spec, call);
        assert_eq!(today.why_not(&spec, call), None);
        today.add(&spec, call);
        assert_eq!(today.why_not(&spec, call), Some(Why::Capacity));
        assert_eq!(today.full(&spec), [call]);
        today.add(&spec, letter);
        assert_eq!(today.why_not(&spec, letter), None);
        today.add(&spec, letter);
        assert_eq!(today.why_not(&spec, letter), Some(Why::Budget), "its own");
        assert_eq!((today.cost(), today.version()), (6.0, 4));
        assert_eq!(Today::from_bytes(&today.to_bytes()).unwrap(), today);
        let mut spent = Today::default();
        (0..6).for_each(|_| spent.add(&spec, letter));
        assert_eq!(spent.why_not(&spec, call), Some(Why::Budget), "that of all actions");
    }
}
