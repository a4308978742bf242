//! Where events lie and how a source row becomes an event.

/// Files of one shape and the rule that reads them.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Files, folders and globs, relative to the `journey.toml`.
    pub paths: Vec<String>,
    /// How CSV files are written; Parquet files need nothing said.
    pub csv: CsvFormat,
    /// What is done with identical rows.
    pub dedupe: Dedupe,
    /// What is done with rows of nobody.
    pub anonymous: Anonymous,
    /// The rule of each field that has one; a field without a rule reads the column of its own name, if there is one.
    pub columns: Vec<(Field, ColumnRule)>,
    /// Set when several source rows make one event.
    pub lines: Option<LineMerge>,
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

/// How lines of one event are merged: those of one customer with the same event id.
///
/// The event is the first line, with the sum of all lines' values.
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

/// How a field's value is found in a source row.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnRule {
    /// The value of this column; for times in text, read with this `strptime` format when given.
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
