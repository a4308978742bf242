//! Where events lie and how a source row becomes an event.

use std::collections::BTreeSet;

use super::Attribute;

/// Files of one shape and the rule that reads them.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Files, folders and globs, relative to the `journey.toml`.
    pub paths: Vec<String>,
    /// How CSV files are written; Parquet and XES files need nothing said.
    pub csv: CsvFormat,
    /// What is done with identical rows.
    pub dedupe: Dedupe,
    /// What is done with rows of nobody.
    pub anonymous: Anonymous,
    /// The rule of each field that has one.
    pub columns: Vec<(Field, ColumnRule)>,
    /// What a field without a rule is.
    pub by_name: ByName,
    /// Set when several source rows make one event.
    pub lines: Option<LineMerge>,
}

impl Source {
    /// Columns that a rule names; each has to be there.
    pub fn named_columns(&self) -> BTreeSet<&str> {
        let named = self.columns.iter().flat_map(|(_, rule)| match rule {
            ColumnRule::Column { name, .. } | ColumnRule::StartsWith { name, .. } => vec![name.as_str()],
            ColumnRule::ProductOf(left, right) => vec![left.as_str(), right.as_str()],
            ColumnRule::Constant(_) => Vec::new(),
        });
        named.collect()
    }

    /// Columns that no rule names but that are read where they are there, each for the field of its own name.
    ///
    /// `attributes` are those of the spec. None where the source says `by_name = false`.
    pub fn unnamed_columns<'a>(&self, attributes: &'a [Attribute]) -> BTreeSet<&'a str> {
        if self.by_name == ByName::Ignored {
            return BTreeSet::new();
        }
        let attributes = (0..).zip(attributes);
        let fields = Field::NAMED
            .into_iter()
            .chain(attributes.map(|(at, attribute)| (attribute.name.as_str(), Field::Attribute(at))));
        let is_ruled = |field: &Field| self.columns.iter().any(|(ruled, _)| ruled == field);
        let named = self.named_columns();
        fields
            .filter(|(name, field)| !is_ruled(field) && !named.contains(name))
            .map(|(name, _)| name)
            .collect()
    }
}

/// How a CSV file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CsvFormat {
    /// The byte between two fields.
    pub delimiter: u8,
}

/// What is done with rows that are the same in every field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dedupe {
    /// Counted and kept: real logs hold identical events that are real.
    Keep,
    /// Counted and dropped.
    Exact,
}

/// What is done with rows that name no customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anonymous {
    /// They break the contract.
    Quarantine,
    /// They are guests, who have no journey: counted and passed over.
    Skip,
}

/// What a field is that no rule names: `by_name` in a `[[source]]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByName {
    /// The column of its own name, if there is one.
    Read,
    /// Missing: a column that happens to bear a field's name may be something else.
    Ignored,
}

/// How lines of one event are merged: those of one customer with the same event id.
///
/// The event is the first line, with the sum of all lines' values and of their attributes with
/// [`sum_of_lines`](super::Attribute::sum_of_lines); a category in which they differ is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineMerge;

/// A field of the event contract.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Whose event it is.
    CustomerId,
    /// When it happened.
    At,
    /// Where customer and business met.
    Touchpoint,
    /// The event's own id.
    EventId,
    /// Durable order among events of one instant.
    Sequence,
    /// When the business knew of it.
    KnownAt,
    /// Which of the customer's journeys it belongs to.
    JourneyId,
    /// The account the customer belongs to.
    AccountId,
    /// The account manager.
    Owner,
    /// Web, mail, phone …
    Channel,
    /// The stage, when the touchpoint alone does not say.
    Stage,
    /// Money.
    Value,
    /// The customer's answer in score.
    FeedbackScore,
    /// The customer's answer in words.
    FeedbackText,
    /// The action of ours behind the event.
    ActionId,
    /// The decision that chose the action.
    DecisionId,
    /// The probability with which it was chosen.
    Propensity,
    /// An attribute, by its position in [`crate::Spec::attributes`]; `audience` and `product` are attributes too.
    Attribute(u16),
}

impl Field {
    /// Every field but the attributes, by the name it has in `journey.toml`.
    pub const NAMED: [(&'static str, Field); 17] = [
        ("customer_id", Self::CustomerId),
        ("at", Self::At),
        ("touchpoint", Self::Touchpoint),
        ("event_id", Self::EventId),
        ("sequence", Self::Sequence),
        ("known_at", Self::KnownAt),
        ("journey_id", Self::JourneyId),
        ("account_id", Self::AccountId),
        ("owner", Self::Owner),
        ("channel", Self::Channel),
        ("stage", Self::Stage),
        ("value", Self::Value),
        ("feedback_score", Self::FeedbackScore),
        ("feedback_text", Self::FeedbackText),
        ("action_id", Self::ActionId),
        ("decision_id", Self::DecisionId),
        ("propensity", Self::Propensity),
    ];
}

/// How a field's value is found in a source row.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnRule {
    /// The value of this column; for times in text, read with this `strptime` format when given.
    ///
    /// In an XES log `KEY` is an attribute of the event and `case:KEY` one of its case.
    Column {
        /// The source column.
        name: String,
        /// The format of times written as text.
        format: Option<String>,
    },
    /// The same value in every row.
    Constant(String),
    /// The product of two numeric columns.
    ProductOf(String, String),
    /// The value chosen by how the column's text starts.
    StartsWith {
        /// The source column.
        name: String,
        /// Prefix and value, tried in order.
        cases: Vec<(String, String)>,
        /// The value when no prefix fits.
        otherwise: String,
    },
}

#[cfg(test)]
mod tests {
    use crate::{Spec, text};

    #[test]
    fn columns_are_named_by_rules_or_by_their_fields() {
        let text_of_source = r#"[[source]]
paths = ["x.csv"]

[source.columns]
customer_id = "who"
at = { column = "when", format = "%Y" }
touchpoint = { column = "what", starts_with = { C = "closed" }, otherwise = "visit" }
channel = { constant = "web" }
value = { product_of = ["n", "age"] }
region = "where"

[stages]"#;
        let spec = Spec::parse(&text::SMALL_SPEC.replacen("[stages]", text_of_source, 1)).expect("a good spec");
        let source = &spec.sources()[0];
        let named = ["age", "n", "what", "when", "where", "who"];
        assert_eq!(source.named_columns(), named.into());
        let unnamed = source.unnamed_columns(spec.attributes());
        assert!(
            ["sequence", "journey_id", "loyal"]
                .iter()
                .all(|name| unnamed.contains(name))
        );
        assert!(
            ["customer_id", "channel", "value", "region"]
                .iter()
                .all(|name| !unnamed.contains(name))
        );
        assert!(!unnamed.contains("age"), "a rule names it already");
        let text_of_source = text_of_source.replacen("paths", "by_name = false\npaths", 1);
        let spec = Spec::parse(&text::SMALL_SPEC.replacen("[stages]", &text_of_source, 1)).expect("a good spec");
        let source = &spec.sources()[0];
        assert_eq!(source.named_columns(), named.into());
        assert!(source.unnamed_columns(spec.attributes()).is_empty());
    }
}
