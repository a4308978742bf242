//! When and where is the customer met best?

use percorso_journey::spec::Quiet;
use percorso_journey::{HoursOfDay, JourneyState, Spec};

/// When and where a customer is there by themselves, as far as they have such habits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meeting {
    /// The hours of the business's day in which they mostly are, its quiet hours left out.
    pub hours: Option<HoursOfDay>,
    /// Position of the channel on which they mostly are, whichever the action has.
    pub channel: Option<u16>,
}

/// When and where to meet a customer for an action, or for anything.
pub fn meeting(spec: &Spec, state: &JourneyState, action: Option<u16>) -> Meeting {
    let anytime = Quiet::default();
    let quiet = action.map_or(&anytime, |action| &spec.actions()[usize::from(action)].quiet);
    Meeting {
        hours: state.habits().hours(|hour| !quiet.has_part_of(hour)),
        channel: state.habits().channel(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use percorso_journey::text;

    use super::*;

    #[test]
    fn nobody_is_met_in_the_quiet_hours_of_the_action() {
        let actions = "\n[[action]]\nname = \"call\"\nchannel = \"shop\"\nquiet_hours = [\"20:30\", \"08:00\"]\n\
                       [[action]]\nname = \"letter\"\nchannel = \"mail\"\n";
        let spec = Arc::new(Spec::parse(&format!("{}{actions}", text::SMALL_SPEC)).unwrap());
        let mut state = JourneyState::new(Arc::clone(&spec));
        let visits: Vec<String> = (0..10)
            .map(|day| format!("visit@{}d", f64::from(day) + 20.25 / 24.0))
            .collect();
        for event in text::journey(&spec, &visits.join(" ")).unwrap() {
            state.observe(&event).unwrap();
        }
        let hours = |action| {
            meeting(&spec, &state, action)
                .hours
                .map(|hours| (hours.from, hours.until))
        };
        assert_eq!(hours(None), Some((19, 22)));
        assert_eq!(hours(Some(1)), Some((19, 22)));
        // From half past eight on it is quiet, and what is left of the evening is no habit.
        assert_eq!(hours(Some(0)), None);
    }
}
