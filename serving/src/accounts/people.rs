//! What customers are called: the one place of serving that leads from keys back to ids, for people who may know.

use std::collections::{BTreeSet, HashMap};

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
    /// Every account manager, in order of their names.
    owners: Vec<String>,
}

impl People {
    /// These people.
    pub fn new(by_key: HashMap<CustomerKey, Person>) -> Self {
        let owners: BTreeSet<&String> = by_key.values().filter_map(|person| person.owner.as_ref()).collect();
        let owners = owners.into_iter().cloned().collect();
        Self { by_key, owners }
    }

    /// What is known of a customer.
    pub(crate) fn of(&self, key: CustomerKey) -> Option<&Person> {
        self.by_key.get(&key)
    }

    /// The customer's id; where none is known, the key.
    pub(crate) fn called(&self, key: CustomerKey) -> String {
        self.of(key).map_or_else(|| key.to_string(), |person| person.id.clone())
    }

    /// Every account manager, in order of their names.
    pub(crate) fn owners(&self) -> &[String] {
        &self.owners
    }
}
