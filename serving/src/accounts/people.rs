//! What customers are called: the one place of serving that leads from keys back to ids, for people who may know.

use std::collections::HashMap;

use percorso_journey::CustomerKey;

/// What is known of who a customer is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Their id.
    pub id: String,
    /// The account manager who looks after them.
    pub owner: Option<String>,
}

/// The customers whose ids are known, by key.
#[derive(Clone, Debug, Default)]
pub struct People {
    by_key: HashMap<CustomerKey, Person>,
    have_owners: bool,
}

impl People {
    /// These people.
    pub fn new(by_key: HashMap<CustomerKey, Person>) -> Self {
        let have_owners = by_key.values().any(|person| person.owner.is_some());
        Self { by_key, have_owners }
    }

    /// What is known of a customer.
    pub(crate) fn of(&self, key: CustomerKey) -> Option<&Person> {
        self.by_key.get(&key)
    }

    /// The customer's id; where none is known, the key.
    pub(crate) fn called(&self, key: CustomerKey) -> String {
        self.of(key).map_or_else(|| key.to_string(), |person| person.id.clone())
    }

    /// True when anyone has an account manager.
    pub(crate) const fn have_owners(&self) -> bool {
        self.have_owners
    }
}
