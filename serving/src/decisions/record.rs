//! All that is logged of a decision: what it was made from, every step, and what was chosen. Drawn in FORMAT.md.

use percorso_journey::{ByteReader, ByteWriter, CustomerKey, HoursOfDay, MalformedBytes, Timestamp};
use percorso_next_action::Evidence;
use percorso_next_action::decide::{Ledger, Today, Why};
use percorso_scoring::ActBy;

use super::DecisionRequest;
use crate::DecisionId;

/// A decision as it is logged; its answer is read off it, so that a retry is answered in the same words.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionRecord {
    /// Its id.
    pub id: DecisionId,
    /// For whom.
    pub customer: CustomerKey,
    /// When.
    pub as_of: Timestamp,
    /// What it was made from, beside the state.
    pub from: MadeFrom,
    /// Whose effects were believed.
    pub policy: Policy,
    /// The model version that answered; empty when none did.
    pub model_version: String,
    /// Why it is a fallback; empty when it is none.
    pub fallback_reason: String,
    /// Scores that rules could ask about; `None` where a question had no meaning.
    pub scores: Vec<(String, Option<f64>)>,
    /// What could be done, the best first.
    pub options: Vec<Considered>,
    /// What must not be done, and why.
    pub dropped: Vec<(String, Why)>,
    /// Position among the options of what was chosen.
    pub chosen: usize,
    /// Until when that still gains something.
    pub act_by: Option<ActBy>,
    /// When and where the customer is met best.
    pub meeting: Meeting,
}

/// When and where a customer is met best, with the channel as it was named then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meeting {
    /// The hours of the business's day in which they mostly are; `None` where they have no such habit.
    pub hours: Option<HoursOfDay>,
    /// The channel on which they mostly are; empty where they have no such habit.
    pub channel: String,
}

/// What a decision was made from, beside the state.
#[derive(Clone, Debug, PartialEq)]
pub struct MadeFrom {
    /// What the clock said: the day it is counted in, and quiet hours, are told by it.
    pub now: Timestamp,
    /// The digest of the customer's state.
    pub state_digest: [u8; 16],
    /// The digest of what journey.toml declared of decisions and actions.
    pub declared_digest: [u8; 16],
    /// The channels that were open, by name; all where there is none.
    pub channels: Vec<String>,
    /// Whether the customer was held out.
    pub is_held_out: bool,
    /// Contacts made before.
    pub contacts: Ledger,
    /// What was done that day over all customers.
    pub today: Today,
}

/// Something that could be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Considered {
    /// What; `None` for nothing.
    pub action: Option<Named>,
    /// What it would bring in beyond doing nothing, its cost taken off.
    pub gain: f64,
    /// By what it was ranked.
    pub priority: f64,
    /// How likely it was to be chosen.
    pub propensity: f64,
    /// What its gain was told from.
    pub evidence: Evidence,
}

/// An action as it was declared then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// The key of its text.
    pub text: String,
    /// The name of its channel.
    pub channel: String,
}

/// Whose effects a decision believes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// A model's whose policy was promoted.
    Learnt,
    /// Those that the spec declares.
    Declared,
    /// Nobody's.
    Fallback,
}

/// Version 1 has no meeting.
const FORMAT: u8 = 2;
/// Stands for no hour.
const NO_HOUR: u8 = u8::MAX;

impl DecisionRecord {
    /// Whether it is what was asked for.
    pub fn answers(&self, request: &DecisionRequest) -> bool {
        (self.id, self.customer, &self.from.channels) == (request.id, request.customer, &request.channels)
    }

    /// What was chosen.
    pub fn choice(&self) -> &Considered {
        &self.options[self.chosen]
    }

    /// The byte form, version 2.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_bytes_of(FORMAT)
    }

    /// The byte form of a version that is still read, to be compared with what was logged in it.
    pub(super) fn to_bytes_of(&self, format: u8) -> Vec<u8> {
        let mut to = ByteWriter::default();
        to.u8(format);
        to.bytes(self.id.bytes());
        to.bytes(self.customer.bytes());
        to.i64(self.as_of.micros());
        self.from.write(&mut to);
        to.u8(match self.policy {
            Policy::Learnt => 0,
            Policy::Declared => 1,
            Policy::Fallback => 2,
        });
        to.text(&self.model_version);
        to.text(&self.fallback_reason);
        to.u16(self.scores.len() as u16);
        for (name, score) in &self.scores {
            to.text(name);
            to.f64(score.unwrap_or(f64::NAN));
        }
        to.u16(self.options.len() as u16);
        for option in &self.options {
            write_option(option, &mut to);
        }
        to.u16(self.dropped.len() as u16);
        for (action, why) in &self.dropped {
            to.text(action);
            to.text(why.kind());
            to.text(why.rule().unwrap_or_default());
        }
        to.u16(self.chosen as u16);
        match self.act_by {
            None => to.u8(0),
            Some(ActBy {
                at,
                is_end_of_knowledge,
            }) => {
                to.u8(1 + u8::from(is_end_of_knowledge));
                to.i64(at.micros());
            }
        }
        if format > 1 {
            let hours = self
                .meeting
                .hours
                .map_or([NO_HOUR; 2], |hours| [hours.from, hours.until]);
            to.bytes(&hours);
            to.text(&self.meeting.channel);
        }
        to.into_bytes()
    }

    /// The decision in these bytes.
    ///
    /// # Errors
    /// - the bytes are not a decision of version 1 or 2.
    pub fn from_bytes(bytes: &[u8]) -> Result<DecisionRecord, MalformedBytes> {
        let mut from = ByteReader::new(bytes, "decision");
        let format = from.u8()?;
        if !(1..=FORMAT).contains(&format) {
            return Err(from.malformed());
        }
        let id = DecisionId::from_bytes(from.array()?);
        let customer = CustomerKey::from_bytes(from.array()?);
        let as_of = Timestamp::from_micros(from.i64()?);
        let made_from = MadeFrom::read(&mut from)?;
        let policy = match from.u8()? {
            0 => Policy::Learnt,
            1 => Policy::Declared,
            2 => Policy::Fallback,
            _ => return Err(from.malformed()),
        };
        let model_version = from.text()?.to_owned();
        let fallback_reason = from.text()?.to_owned();
        let scores = list(&mut from, |from| {
            let name = from.text()?.to_owned();
            let score = from.f64()?;
            Ok((name, (!score.is_nan()).then_some(score)))
        })?;
        let options = list(&mut from, read_option)?;
        let dropped = list(&mut from, |from| {
            let action = from.text()?.to_owned();
            let (kind, rule) = (from.text()?, from.text()?);
            Ok((action, Why::of(kind, rule).ok_or(from.malformed())?))
        })?;
        let chosen = usize::from(from.u16()?);
        if chosen >= options.len() {
            return Err(from.malformed());
        }
        let act_by = match from.u8()? {
            0 => None,
            is_open @ (1 | 2) => Some(ActBy {
                at: Timestamp::from_micros(from.i64()?),
                is_end_of_knowledge: is_open == 2,
            }),
            _ => return Err(from.malformed()),
        };
        let meeting = match format {
            1 => Meeting::default(),
            _ => Meeting::read(&mut from)?,
        };
        from.end()?;
        Ok(DecisionRecord {
            id,
            customer,
            as_of,
            from: made_from,
            policy,
            model_version,
            fallback_reason,
            scores,
            options,
            dropped,
            chosen,
            act_by,
            meeting,
        })
    }
}

impl Meeting {
    fn read(from: &mut ByteReader<'_>) -> Result<Meeting, MalformedBytes> {
        let hours = match from.array()? {
            [NO_HOUR, NO_HOUR] => None,
            [from_hour, until] if from_hour < 24 && until < 24 => Some(HoursOfDay { from: from_hour, until }),
            _ => return Err(from.malformed()),
        };
        let channel = from.text()?.to_owned();
        Ok(Meeting { hours, channel })
    }
}

impl MadeFrom {
    fn write(&self, to: &mut ByteWriter) {
        to.i64(self.now.micros());
        to.bytes(&self.state_digest);
        to.bytes(&self.declared_digest);
        to.u16(self.channels.len() as u16);
        self.channels.iter().for_each(|channel| to.text(channel));
        to.u8(u8::from(self.is_held_out));
        for bytes in [self.contacts.to_bytes(), self.today.to_bytes()] {
            to.u32(bytes.len() as u32);
            to.bytes(&bytes);
        }
    }

    fn read(from: &mut ByteReader<'_>) -> Result<MadeFrom, MalformedBytes> {
        let now = Timestamp::from_micros(from.i64()?);
        let state_digest = from.array()?;
        let declared_digest = from.array()?;
        let channels = list(from, |from| Ok(from.text()?.to_owned()))?;
        let is_held_out = from.u8()? != 0;
        let length = from.u32()? as usize;
        let contacts = Ledger::from_bytes(from.take(length)?)?;
        let length = from.u32()? as usize;
        let today = Today::from_bytes(from.take(length)?)?;
        Ok(MadeFrom {
            now,
            state_digest,
            declared_digest,
            channels,
            is_held_out,
            contacts,
            today,
        })
    }
}

fn write_option(option: &Considered, to: &mut ByteWriter) {
    to.u8(u8::from(option.action.is_some()));
    if let Some(Named { name, text, channel }) = &option.action {
        [name, text, channel].into_iter().for_each(|text| to.text(text));
    }
    [option.gain, option.priority, option.propensity]
        .into_iter()
        .for_each(|number| to.f64(number));
    let (evidence, n_decisions) = match option.evidence {
        Evidence::Learnt { n_decisions } => (0, n_decisions),
        Evidence::Declared => (1, 0),
        Evidence::None => (2, 0),
    };
    to.u8(evidence);
    to.u64(n_decisions as u64);
}

fn read_option(from: &mut ByteReader<'_>) -> Result<Considered, MalformedBytes> {
    let action = if from.u8()? == 0 {
        None
    } else {
        Some(Named {
            name: from.text()?.to_owned(),
            text: from.text()?.to_owned(),
            channel: from.text()?.to_owned(),
        })
    };
    let (gain, priority, propensity) = (from.f64()?, from.f64()?, from.f64()?);
    let (evidence, n_decisions) = (from.u8()?, from.u64()? as usize);
    let evidence = match evidence {
        0 => Evidence::Learnt { n_decisions },
        1 => Evidence::Declared,
        2 => Evidence::None,
        _ => return Err(from.malformed()),
    };
    Ok(Considered {
        action,
        gain,
        priority,
        propensity,
        evidence,
    })
}

fn list<T>(
    from: &mut ByteReader<'_>,
    mut one: impl FnMut(&mut ByteReader<'_>) -> Result<T, MalformedBytes>,
) -> Result<Vec<T>, MalformedBytes> {
    let n = from.u16()?;
    (0..n).map(|_| one(from)).collect()
}

#[cfg(test)]
mod tests {
    use percorso_journey::{LoggedEvent, Spec, text};
    use proptest::prelude::*;

    use super::*;

    fn record(chosen: usize, gain: f64, texts: Vec<String>) -> DecisionRecord {
        let spec = Spec::parse(text::SMALL_SPEC).unwrap();
        let mut contacts = Ledger::default();
        let event = text::journey(&spec, "offer@3d").unwrap().remove(0);
        let event_id = "e1".to_owned();
        assert!(contacts.add_event(&spec, &LoggedEvent { event_id, event }));
        let [name, rule] = [0, 1].map(|at| texts.get(at).cloned().unwrap_or_default());
        let option = |action: Option<&str>, evidence| Considered {
            action: action.map(|name| Named {
                name: name.to_owned(),
                text: format!("{name}_text"),
                channel: "mail".to_owned(),
            }),
            gain,
            priority: 2.0 * gain,
            propensity: 0.25,
            evidence,
        };
        DecisionRecord {
            id: DecisionId::from_bytes([7; 16]),
            customer: CustomerKey::from_bytes([9; 16]),
            as_of: text::day(5),
            from: MadeFrom {
                now: text::day(4),
                state_digest: [1; 16],
                declared_digest: [2; 16],
                channels: texts.clone(),
                is_held_out: chosen == 1,
                contacts,
                today: Today::default(),
            },
            policy: [Policy::Learnt, Policy::Declared, Policy::Fallback][chosen],
            model_version: "000001-12345678".to_owned(),
            fallback_reason: rule.clone(),
            scores: texts.into_iter().zip([None, Some(0.25)]).collect(),
            options: vec![
                option(Some(&name), Evidence::Learnt { n_decisions: 12 }),
                option(None, Evidence::None),
                option(Some("call"), Evidence::Declared),
            ],
            dropped: Why::every(&rule).into_iter().map(|why| (name.clone(), why)).collect(),
            chosen,
            act_by: (chosen > 0).then(|| ActBy {
                at: text::day(9),
                is_end_of_knowledge: chosen == 2,
            }),
            meeting: Meeting {
                hours: (chosen > 0).then_some(HoursOfDay { from: 22, until: 1 }),
                channel: rule,
            },
        }
    }

    #[test]
    fn a_decision_of_version_1_is_read_and_written_as_it_was() {
        let logged = record(1, 1.0, Vec::new()).to_bytes_of(1);
        let read = DecisionRecord::from_bytes(&logged).unwrap();
        assert_eq!(read.meeting, Meeting::default());
        assert_eq!(read.to_bytes_of(1), logged);
    }

    proptest! {
        #[test]
        fn a_record_survives_its_bytes(
            chosen in 0..3_usize,
            gain in -1e9..1e9_f64,
            texts in proptest::collection::vec("[a-zà ]{1,20}", 0..5),
        ) {
            let record = record(chosen, gain, texts);
            prop_assert_eq!(DecisionRecord::from_bytes(&record.to_bytes()).unwrap(), record);
        }

        #[test]
        fn bytes_cut_short_are_refused(share in 0.0..1.0_f64) {
            let bytes = record(1, 1.0, vec!["a".to_owned()]).to_bytes();
            let cut = (share * bytes.len() as f64) as usize;
            prop_assert!(DecisionRecord::from_bytes(&bytes[..cut]).is_err());
        }
    }
}
