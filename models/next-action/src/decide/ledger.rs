//! The contacts of one customer, each once: those that events tell of, and those that were decided and may not be events yet.

use percorso_journey::spec::Cap;
use percorso_journey::{ByteReader, ByteWriter, CategoryId, LoggedEvent, MalformedBytes, Spec, Timestamp};

use super::Contact;

/// A contact as a ledger keeps it: by the action's id, which stays when `journey.toml` moves its actions about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// When.
    pub at: Timestamp,
    /// What was done; `None` where nobody said.
    pub action: Option<CategoryId>,
    /// The decision behind it; `None` where nobody said.
    pub decision: Option<CategoryId>,
    /// The event that tells of it; `None` before there is one, and of an event without an id.
    pub event: Option<CategoryId>,
    /// Whether the data tell of it, so that they will again.
    pub is_loaded: bool,
}

impl Made {
    /// The contact that an event is; `None` when it is none.
    pub fn of(spec: &Spec, logged: &LoggedEvent) -> Option<Made> {
        let event = &logged.event;
        let is_contact = spec.touchpoints()[usize::from(event.touchpoint)].contact;
        is_contact.then(|| Made {
            at: event.at,
            action: event.action,
            decision: event.decision,
            event: (!logged.event_id.is_empty()).then(|| CategoryId::of(&logged.event_id)),
            is_loaded: false,
        })
    }

    /// Two are one by their decision or their event; time and action tell nothing apart.
    fn is_same(&self, other: &Made) -> bool {
        match ((self.decision, other.decision), (self.event, other.event)) {
            ((Some(one), Some(other)), _) => one == other,
            (_, (Some(one), Some(other))) => one == other,
            _ => false,
        }
    }

    /// What both say of the same contact: the later time, and whatever one of them knows.
    fn with(&self, other: &Made) -> Made {
        Made {
            at: self.at.max(other.at),
            action: self.action.or(other.action),
            decision: self.decision.or(other.decision),
            event: self.event.or(other.event),
            is_loaded: self.is_loaded || other.is_loaded,
        }
    }
}

/// The contacts of one customer in order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    version: u64,
    contacts: Vec<Made>,
}

/// Contacts older than this, and older than any cap or cool-down reaches, are forgotten.
const KEPT_DAYS: i64 = 400;
/// The newest so many are kept.
const MAX_CONTACTS: usize = 2_000;
const FORMAT: u8 = 1;

impl Ledger {
    /// The contacts among events as far as they were known before a moment.
    pub fn before(spec: &Spec, events: &[LoggedEvent], as_of: Timestamp) -> Ledger {
        let was_known = |logged: &&LoggedEvent| logged.event.at < as_of && logged.event.known_at <= as_of;
        let mut ledger = Ledger::default();
        for logged in events.iter().filter(was_known) {
            ledger.add_event(spec, logged);
        }
        ledger
    }

    /// The contacts that loaded events tell of.
    pub fn loaded<'a>(spec: &Spec, events: impl IntoIterator<Item = &'a LoggedEvent>) -> Ledger {
        let mut ledger = Ledger::default();
        for made in events.into_iter().filter_map(|logged| Made::of(spec, logged)) {
            let is_loaded = true;
            ledger.add(spec, Made { is_loaded, ..made });
        }
        ledger
    }

    /// Without those that only the data told of, which will tell of them again.
    pub fn without_loaded(mut self) -> Ledger {
        self.contacts.retain(|made| !made.is_loaded || made.decision.is_some());
        self
    }

    /// Takes in the contact that an event is; returns whether anything changed.
    pub fn add_event(&mut self, spec: &Spec, event: &LoggedEvent) -> bool {
        Made::of(spec, event).is_some_and(|made| self.add(spec, made))
    }

    /// Takes in a contact; returns whether anything changed.
    ///
    /// The event of a contact that was decided is that contact, known by its decision: it was made at the later time.
    pub fn add(&mut self, spec: &Spec, made: Made) -> bool {
        let mut made = made;
        if let Some(at) = self.contacts.iter().position(|known| known.is_same(&made)) {
            let known = self.contacts[at];
            made = known.with(&made);
            if made == known {
                return false;
            }
            self.contacts.remove(at);
        }
        self.version += 1;
        let place = self.contacts.partition_point(|known| known.at <= made.at);
        self.contacts.insert(place, made);
        let last = self.contacts.last().map_or(made.at, |last| last.at);
        let kept_from = last.plus_days(-reach_days(spec).max(KEPT_DAYS));
        let old = self.contacts.partition_point(|known| known.at < kept_from);
        let many = self.contacts.len().saturating_sub(MAX_CONTACTS);
        self.contacts.drain(..old.max(many));
        true
    }

    /// Takes in all contacts of another ledger.
    pub fn join(&mut self, spec: &Spec, other: &Ledger) {
        for made in &other.contacts {
            self.add(spec, *made);
        }
    }

    /// The contacts made up to a moment.
    pub fn up_to(&self, as_of: Timestamp) -> Ledger {
        let n = self.contacts.partition_point(|made| made.at <= as_of);
        Ledger {
            version: self.version,
            contacts: self.contacts[..n].to_vec(),
        }
    }

    /// Another number after every change.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// When the last contact was made.
    pub fn last_at(&self) -> Option<Timestamp> {
        self.contacts.last().map(|made| made.at)
    }

    /// The contacts, oldest first.
    pub fn made(&self) -> impl Iterator<Item = &Made> {
        self.contacts.iter()
    }

    /// The contacts as decisions count them.
    pub fn contacts(&self, spec: &Spec) -> Vec<Contact> {
        let position = |id: CategoryId| spec.actions().iter().position(|action| action.id == id);
        let contact = |made: &Made| Contact {
            at: made.at,
            action: made.action.and_then(position).map(|at| at as u16),
        };
        self.contacts.iter().map(contact).collect()
    }

    /// The byte form, version 1.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut to = ByteWriter::default();
        to.u8(FORMAT);
        to.u64(self.version);
        to.u32(self.contacts.len() as u32);
        for made in &self.contacts {
            to.i64(made.at.micros());
            to.category(made.action);
            to.category(made.decision);
            to.category(made.event);
            to.u8(u8::from(made.is_loaded));
        }
        to.into_bytes()
    }

    /// The ledger in these bytes.
    ///
    /// # Errors
    /// - the bytes are not a version 1 ledger.
    pub fn from_bytes(bytes: &[u8]) -> Result<Ledger, MalformedBytes> {
        let mut from = ByteReader::new(bytes, "ledger of contacts");
        if from.u8()? != FORMAT {
            return Err(from.malformed());
        }
        let version = from.u64()?;
        let n = from.u32()?;
        if n as usize > MAX_CONTACTS {
            return Err(from.malformed());
        }
        let contacts = (0..n).map(|_| {
            Ok(Made {
                at: Timestamp::from_micros(from.i64()?),
                action: from.category()?,
                decision: from.category()?,
                event: from.category()?,
                is_loaded: from.u8()? != 0,
            })
        });
        let contacts = contacts.collect::<Result<_, MalformedBytes>>()?;
        from.end()?;
        Ok(Ledger { version, contacts })
    }
}

/// How far back a cap or a cool-down looks, in days.
fn reach_days(spec: &Spec) -> i64 {
    let days = |cap: Option<Cap>| cap.map_or(0, |cap| i64::from(cap.days));
    let of_actions = spec
        .actions()
        .iter()
        .map(|action| days(action.cap).max(i64::from(action.cool_down_days)));
    of_actions.max().unwrap_or(0).max(days(spec.decisions().contacts))
}

#[cfg(test)]
mod tests {
    use percorso_journey::text;

    use super::*;

    fn spec() -> Spec {
        Spec::parse(text::SMALL_SPEC).unwrap()
    }

    fn made(day: i64, action: Option<&str>, decision: Option<&str>, event: Option<&str>) -> Made {
        Made {
            at: text::day(day),
            action: action.map(CategoryId::of),
            decision: decision.map(CategoryId::of),
            event: event.map(CategoryId::of),
            is_loaded: false,
        }
    }

    #[test]
    fn a_contact_that_was_decided_and_its_event_are_one_and_keep_what_either_knows() {
        let mut ledger = Ledger::default();
        assert!(ledger.add(&spec(), made(3, Some("call"), Some("d1"), None)));
        assert!(
            ledger.add(&spec(), made(4, None, Some("d1"), Some("e1"))),
            "it was made a day later"
        );
        assert_eq!(ledger.contacts, [made(4, Some("call"), Some("d1"), Some("e1"))]);
        assert!(
            !ledger.add(&spec(), made(4, None, None, Some("e1"))),
            "told without its decision"
        );
        assert!(!ledger.add(&spec(), made(2, Some("call"), Some("d1"), None)));
        assert!(ledger.add(&spec(), made(4, Some("call"), Some("d2"), None)));
        assert_eq!((ledger.version(), ledger.contacts.len()), (3, 2));
    }

    #[test]
    fn contacts_of_one_time_and_action_are_as_many_as_there_are() {
        let mut ledger = Ledger::default();
        for event in [Some("e1"), Some("e2"), None, None] {
            assert!(ledger.add(&spec(), made(5, Some("call"), None, event)));
        }
        assert!(ledger.add(&spec(), made(5, Some("call"), Some("d1"), None)));
        assert_eq!(ledger.contacts.len(), 5);
    }

    #[test]
    fn what_the_data_told_of_is_forgotten_before_they_tell_again_but_not_what_was_decided() {
        let events = text::journey(&spec(), "offer@1d offer@2d visit@3d").unwrap();
        let logged: Vec<LoggedEvent> = events
            .into_iter()
            .map(|event| LoggedEvent {
                event_id: String::new(),
                event,
            })
            .collect();
        let mut ledger = Ledger::loaded(&spec(), &logged);
        assert_eq!(ledger.contacts.len(), 2);
        ledger.add(&spec(), made(4, Some("call"), Some("d1"), None));
        ledger.add(&spec(), made(5, None, None, Some("streamed")));
        let mut again = ledger.without_loaded();
        assert_eq!(again.contacts.len(), 2);
        again.join(&spec(), &Ledger::loaded(&spec(), &logged));
        assert_eq!(again.contacts.len(), 4);
    }

    #[test]
    fn contacts_are_kept_in_order_and_forgotten_when_nothing_asks_for_them() {
        let mut ledger = Ledger::default();
        for day in [500, 20, 450, 99, 101] {
            ledger.add(&spec(), made(day, Some("call"), None, None));
        }
        let days: Vec<i64> = ledger
            .contacts
            .iter()
            .map(|made| (made.at.micros() - text::day(0).micros()) / 86_400_000_000)
            .collect();
        assert_eq!(days, [101, 450, 500]);
    }

    #[test]
    fn a_ledger_survives_its_bytes_and_others_are_refused() {
        let mut ledger = Ledger::default();
        ledger.add(&spec(), made(3, Some("call"), Some("d1"), None));
        ledger.add(&spec(), made(5, None, None, Some("e1")));
        let bytes = ledger.to_bytes();
        assert_eq!(Ledger::from_bytes(&bytes).unwrap(), ledger);
        assert!(Ledger::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        assert!(Ledger::from_bytes(&[]).is_err());
    }
}
