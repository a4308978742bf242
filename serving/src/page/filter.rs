//! What the form above the list asks.

use percorso_scoring::Order;
use serde::Deserialize;

use crate::accounts::{Accounts, Doing, Listed, Ranking, Snoozed, Wanted};

/// What the form asks, as it was typed; what cannot be read asks nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    pub(super) search: String,
    pub(super) owner: String,
    pub(super) stage: String,
    pub(super) action: String,
    pub(super) at_least: String,
    pub(super) snoozed: String,
    pub(super) sort: String,
    pub(super) page: String,
}

/// How a form says that nothing is recommended.
pub(super) const NOTHING: &str = percorso_journey::spec::NOTHING;

impl Filter {
    pub(super) fn order(&self) -> Order {
        Order::named(&self.sort).unwrap_or_default()
    }

    /// The page asked for, from 1.
    pub(super) fn page(&self) -> usize {
        self.page.parse().unwrap_or(1).max(1)
    }

    /// Whether those are asked for whom someone put off, instead of the others.
    pub(super) fn asks_snoozed(&self) -> bool {
        self.snoozed == "yes"
    }

    /// The share that the chance of leaving has to reach; `None` where everyone is wanted.
    pub(super) fn at_least(&self) -> Option<f64> {
        let percent: f64 = self.at_least.trim().replace(',', ".").parse().ok()?;
        (percent.is_finite() && percent > 0.0).then(|| percent.min(100.0) / 100.0)
    }

    /// The same filter with another cut-off, as the query of a link.
    pub(super) fn link(&self, at_least: f64) -> String {
        let percent = percentage(at_least);
        let fields = [
            ("search", &self.search),
            ("owner", &self.owner),
            ("stage", &self.stage),
            ("action", &self.action),
            ("snoozed", &self.snoozed),
            ("sort", &self.sort),
            ("at_least", &percent),
        ];
        let told = fields.iter().filter(|(_, value)| !value.is_empty());
        let told: Vec<String> = told.map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        format!("/?{}", told.join("&"))
    }

    /// The customers asked for, in the order asked for.
    pub(super) fn of<'a>(&self, ranking: &'a Ranking, accounts: &Accounts) -> Vec<&'a Listed> {
        self.wanted(accounts).of(ranking, accounts)
    }

    /// What is asked of the list.
    pub(super) fn wanted(&self, accounts: &Accounts) -> Wanted {
        let spec = accounts.service.spec();
        let mut named = (0..).zip(spec.actions());
        let doing = match named.find(|(_, action)| action.name == self.action) {
            Some((at, _)) => Doing::This(at),
            None if self.action == NOTHING => Doing::Nothing,
            None => Doing::Anything,
        };
        Wanted {
            search: self.search.clone(),
            owner: (!self.owner.is_empty()).then(|| self.owner.clone()),
            stage: spec.stage_named(&self.stage),
            doing,
            at_least: self.at_least(),
            snoozed: if self.asks_snoozed() {
                Snoozed::Only
            } else {
                Snoozed::Without
            },
            order: self.order(),
        }
    }
}

/// A share as a form sends it: `14` or `1.5`, of tenths at most.
pub(super) fn percentage(share: f64) -> String {
    ((share * 1_000.0).round() / 10.0).to_string()
}

/// A text within a query.
fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_asks_the_same_with_another_cut_off() {
        let filter = Filter {
            owner: "Ada & Söhne".to_owned(),
            at_least: "30".to_owned(),
            page: "4".to_owned(),
            ..Filter::default()
        };
        assert_eq!(filter.link(0.145), "/?owner=Ada%20%26%20S%C3%B6hne&at_least=14.5");
    }

    #[test]
    fn a_cut_off_is_read_as_it_is_typed() {
        let read = |at_least: &str| {
            let at_least = at_least.to_owned();
            Filter {
                at_least,
                ..Filter::default()
            }
            .at_least()
        };
        assert_eq!(read(" 12,5"), Some(0.125));
        assert_eq!(read("200"), Some(1.0));
        assert!(["", "0", "-3", "NaN", "many"].map(read).iter().all(Option::is_none));
    }
}
