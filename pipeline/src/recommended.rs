//! What to do for each customer, as columns of a score file.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, Float64Builder, ListBuilder, StringBuilder, TimestampMicrosecondBuilder};
use arrow::datatypes::{DataType, Field};
use percorso_journey::spec::NOTHING;
use percorso_journey::{JourneyState, Spec, Timestamp};
use percorso_next_action::Evidence;
use percorso_next_action::decide::{Circumstances, Ledger, Purpose, Today, is_held_out, meeting};
use percorso_scoring::Recommended;

use crate::journeys::CustomerJourney;
use crate::{canonical, row_columns};

/// What to do: the action of the highest gain, or `nothing`.
pub(crate) const NEXT_ACTION: &str = "next_action";
/// What it gains, in the money of the reward.
pub(crate) const GAIN: &str = "next_action_gain";
/// The last day on which it still gains something if the customer stays silent.
pub(crate) const ACT_BY: &str = "next_action_act_by";
/// True when that is as far as the log tells.
pub(crate) const ACT_BY_IS_OPEN: &str = "next_action_act_by_is_open";
/// What the gain is told from: `learnt`, `declared` or `none`.
pub(crate) const EVIDENCE: &str = "next_action_evidence";
/// The hours of the business's day in which the customer mostly is there, such as `19-22`.
pub(crate) const BEST_HOURS: &str = "next_action_best_hours";
/// The channel on which the customer mostly is.
pub(crate) const USUAL_CHANNEL: &str = "usual_channel";
/// What must not be done, each with its reason.
pub(crate) const DROPPED: &str = "next_action_dropped";

/// The fields of the columns; none where a business declares no action.
pub(crate) fn fields(spec: &Spec) -> Vec<Field> {
    if spec.actions().is_empty() {
        return Vec::new();
    }
    let item = Arc::new(Field::new("item", DataType::Utf8, true));
    vec![
        Field::new(NEXT_ACTION, DataType::Utf8, true),
        Field::new(GAIN, DataType::Float64, true),
        Field::new(ACT_BY, canonical::time_type(), true),
        Field::new(ACT_BY_IS_OPEN, DataType::Boolean, true),
        Field::new(EVIDENCE, DataType::Utf8, true),
        Field::new(BEST_HOURS, DataType::Utf8, true),
        Field::new(USUAL_CHANNEL, DataType::Utf8, true),
        Field::new(DROPPED, DataType::List(item), true),
    ]
}

/// Asks what to do for a customer on a list that people act on: with the contacts that their events tell of, and with no
/// thought of what else is done that day.
pub(crate) fn for_list<T>(
    spec: &Spec,
    journey: &CustomerJourney,
    as_of: Timestamp,
    ask: impl FnOnce(Circumstances<'_>) -> T,
) -> T {
    let contacts = Ledger::before(spec, &journey.events, as_of).contacts(spec);
    ask(Circumstances {
        now: as_of,
        contacts: &contacts,
        today: &Today::default(),
        channels: &[],
        is_held_out: is_held_out(spec, journey.key),
        purpose: Purpose::List,
    })
}

/// The columns under construction.
pub(crate) struct Builders {
    action: StringBuilder,
    gain: Float64Builder,
    act_by: TimestampMicrosecondBuilder,
    act_by_is_open: BooleanBuilder,
    evidence: StringBuilder,
    best_hours: StringBuilder,
    usual_channel: StringBuilder,
    dropped: ListBuilder<StringBuilder>,
}

impl Builders {
    pub(crate) fn new() -> Self {
        Self {
            action: StringBuilder::new(),
            gain: Float64Builder::new(),
            act_by: row_columns::times(),
            act_by_is_open: BooleanBuilder::new(),
            evidence: StringBuilder::new(),
            best_hours: StringBuilder::new(),
            usual_channel: StringBuilder::new(),
            dropped: ListBuilder::new(StringBuilder::new()),
        }
    }

    pub(crate) fn append(&mut self, spec: &Spec, state: &JourneyState, recommended: &Recommended) {
        let name = |action: u16| spec.actions()[usize::from(action)].name.as_str();
        let choice = recommended.decision.choice();
        self.action.append_value(choice.action.map_or(NOTHING, name));
        self.gain.append_value(choice.gain);
        self.act_by
            .append_option(recommended.act_by.map(|act_by| act_by.at.micros()));
        let is_open = recommended.act_by.map(|act_by| act_by.is_end_of_knowledge);
        self.act_by_is_open.append_option(is_open);
        self.evidence
            .append_option(choice.action.map(|_| match choice.evidence {
                Evidence::Learnt { .. } => "learnt",
                Evidence::Declared => "declared",
                Evidence::None => "none",
            }));
        let met = meeting(spec, state, choice.action);
        let hours = met.hours.map(|hours| format!("{}-{}", hours.from, hours.until));
        self.best_hours.append_option(hours);
        let channel = met
            .channel
            .map(|channel| spec.channels()[usize::from(channel)].as_str());
        self.usual_channel.append_option(channel);
        for dropped in &recommended.decision.dropped {
            let told = format!("{}: {}", name(dropped.action), dropped.why);
            self.dropped.values().append_value(told);
        }
        self.dropped.append(true);
    }

    pub(crate) fn finish(&mut self) -> Vec<ArrayRef> {
        vec![
            Arc::new(self.action.finish()),
            Arc::new(self.gain.finish()),
            Arc::new(self.act_by.finish()),
            Arc::new(self.act_by_is_open.finish()),
            Arc::new(self.evidence.finish()),
            Arc::new(self.best_hours.finish()),
            Arc::new(self.usual_channel.finish()),
            Arc::new(self.dropped.finish()),
        ]
    }
}
