//! From source rows to canonical rows: columns found by rule, every row checked against the event contract.

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use percorso_journey::spec::{Anonymous, AttributeKind, ByName, ColumnRule, Field, Source};
use percorso_journey::{AttributeValue, ContractBreak, CustomerKey, KeySecret, RawEvent, Spec};

use super::canonical_rows::{Builders, Row, Whose};
use super::cells::{Flags, Numbers, Times, WholeNumbers, WrongType, text_at, texts};
use super::files::SourceFile;
use super::quarantine::BadRow;
use super::read::SourceBatch;
use crate::canonical::sort_schema;
use crate::{Error, Result};

const MAX_TEXT_BYTES: usize = 1_000;
const MAX_FEEDBACK_BYTES: usize = 60_000;

/// Turns the batches of one file into canonical rows.
pub(super) struct Mapper<'a> {
    spec: &'a Spec,
    source: &'a Source,
    file: &'a SourceFile,
    file_number: u32,
    secret: &'a KeySecret,
    schema: SchemaRef,
}

/// What became of a batch.
pub(super) struct Mapped {
    pub(super) rows: RecordBatch,
    pub(super) bad: Vec<BadRow>,
    pub(super) n_anonymous: u64,
}

impl<'a> Mapper<'a> {
    pub(super) fn new(spec: &'a Spec, file: &'a SourceFile, file_number: u32, secret: &'a KeySecret) -> Self {
        let source = &spec.sources()[file.source];
        Self {
            spec,
            source,
            file,
            file_number,
            secret,
            schema: sort_schema(spec),
        }
    }

    /// The canonical rows of a batch, and the rows that break the contract.
    ///
    /// # Errors
    /// - a column that a rule names is not there, or has a type that cannot hold the field.
    pub(super) fn map(&self, batch: &SourceBatch) -> Result<Mapped> {
        let columns = Columns::find(self, &batch.rows)?;
        let n_rows = batch.rows.num_rows();
        let mut to = Builders::new(self.spec, n_rows);
        let (mut bad, mut n_anonymous) = (Vec::new(), 0);
        let mut known: Option<(&str, CustomerKey)> = None;
        for row in 0..n_rows {
            let source_row = batch.first_row + row as i64;
            let Some(customer_id) = columns.customer_id(row) else {
                match self.source.anonymous {
                    Anonymous::Skip => n_anonymous += 1,
                    Anonymous::Quarantine => {
                        bad.push(self.bad_row(source_row, ContractBreak::Missing { field: "customer_id" }));
                    }
                }
                continue;
            };
            let customer_key = match known {
                Some((id, key)) if id == customer_id => key,
                _ => self.secret.key_of(customer_id),
            };
            known = Some((customer_id, customer_key));
            let sequence = (i64::from(self.file_number) << 40) | source_row;
            match columns.event(self.spec, row, sequence) {
                Ok(event) => {
                    let whose = Whose {
                        customer_id,
                        customer_key,
                        source_file: self.file_number,
                        source_row,
                    };
                    to.append(&whose, &event);
                }
                Err(reason) => bad.push(self.bad_row(source_row, reason)),
            }
        }
        let rows = to
            .finish(&self.schema)
            .map_err(|error| Error::data(&self.file.path, error.to_string()))?;
        Ok(Mapped { rows, bad, n_anonymous })
    }

    fn bad_row(&self, source_row: i64, reason: ContractBreak) -> BadRow {
        BadRow {
            file: self.file_number,
            row: source_row,
            reason,
        }
    }
}

/// The source columns of a batch, found and typed; a field without a column is `None`.
struct Columns<'a> {
    customer_id: StringArray,
    at: Times,
    touchpoint: TextRule<'a>,
    known_at: Option<Times>,
    sequence: Option<WholeNumbers>,
    texts: [Option<TextRule<'a>>; N_TEXTS],
    value: Option<NumberRule>,
    feedback_score: Option<NumberRule>,
    propensity: Option<NumberRule>,
    attributes: Vec<(u16, &'a str, AttributeColumn<'a>)>,
    zone: &'a jiff::tz::TimeZone,
}

const TEXTS: [(Field, &str); N_TEXTS] = [
    (Field::EventId, "event_id"),
    (Field::JourneyId, "journey_id"),
    (Field::AccountId, "account_id"),
    (Field::Owner, "owner"),
    (Field::Channel, "channel"),
    (Field::Stage, "stage"),
    (Field::FeedbackText, "feedback_text"),
    (Field::ActionId, "action_id"),
    (Field::DecisionId, "decision_id"),
];
const N_TEXTS: usize = 9;

/// A text field: read, or chosen by rule.
enum TextRule<'a> {
    Column(StringArray),
    Constant(&'a str),
    StartsWith {
        texts: StringArray,
        cases: &'a [(String, String)],
        otherwise: &'a str,
    },
}

impl TextRule<'_> {
    fn get(&self, row: usize) -> Option<&str> {
        match self {
            Self::Column(texts) => text_at(texts, row),
            Self::Constant(text) => Some(text),
            Self::StartsWith {
                texts,
                cases,
                otherwise,
            } => text_at(texts, row).map(|text| {
                cases
                    .iter()
                    .find(|(prefix, _)| text.starts_with(prefix))
                    .map_or(*otherwise, |(_, value)| value)
            }),
        }
    }
}

/// How the cells of a number are found.
enum NumberRule {
    Column(Numbers),
    Product(Numbers, Numbers),
    Constant(f64),
}

impl NumberRule {
    fn get(&self, name: &str, row: usize) -> std::result::Result<Option<f64>, ContractBreak> {
        match self {
            Self::Column(numbers) => numbers.get(name, row),
            Self::Product(left, right) => {
                let factors = left.get(name, row)?.zip(right.get(name, row)?);
                Ok(factors.map(|(left, right)| left * right))
            }
            Self::Constant(number) => Ok(Some(*number)),
        }
    }
}

enum AttributeColumn<'a> {
    Number(NumberRule),
    Category(TextRule<'a>),
    Timestamp(Times),
    Flag(Flags),
}

impl<'a> Columns<'a> {
    fn find(mapper: &Mapper<'a>, rows: &RecordBatch) -> Result<Self> {
        let find = Finder {
            file: mapper.file,
            source: mapper.source,
            rows,
        };
        let customer_id = match find.text(&Field::CustomerId, "customer_id")? {
            Some(TextRule::Column(texts)) => texts,
            Some(_) => return Err(Error::data(&mapper.file.path, "customer_id must be read from a column")),
            None => return Err(find.absent("customer_id")),
        };
        let mut attributes = Vec::new();
        for (at, attribute) in (0..).zip(mapper.spec.attributes()) {
            let (field, name) = (Field::Attribute(at), attribute.name.as_str());
            let column = match attribute.kind {
                AttributeKind::Number => find.number(&field, name)?.map(AttributeColumn::Number),
                AttributeKind::Category => find.text(&field, name)?.map(AttributeColumn::Category),
                AttributeKind::Timestamp => find.typed(&field, name, Times::of)?.map(AttributeColumn::Timestamp),
                AttributeKind::Flag => find
                    .typed(&field, name, |column, _| Flags::of(column))?
                    .map(AttributeColumn::Flag),
            };
            attributes.extend(column.map(|column| (at, name, column)));
        }
        let mut text_rules = [const { None }; N_TEXTS];
        for (rule, (field, name)) in text_rules.iter_mut().zip(TEXTS) {
            *rule = find.text(&field, name)?;
        }
        Ok(Self {
            customer_id,
            at: find
                .typed(&Field::At, "at", Times::of)?
                .ok_or_else(|| find.absent("at"))?,
            touchpoint: find
                .text(&Field::Touchpoint, "touchpoint")?
                .ok_or_else(|| find.absent("touchpoint"))?,
            known_at: find.typed(&Field::KnownAt, "known_at", Times::of)?,
            sequence: find.typed(&Field::Sequence, "sequence", |column, _| WholeNumbers::of(column))?,
            texts: text_rules,
            value: find.number(&Field::Value, "value")?,
            feedback_score: find.number(&Field::FeedbackScore, "feedback_score")?,
            propensity: find.number(&Field::Propensity, "propensity")?,
            attributes,
            zone: mapper.spec.time_zone(),
        })
    }

    fn customer_id(&self, row: usize) -> Option<&str> {
        text_at(&self.customer_id, row)
    }

    /// The event in a row, resolved once against the spec so that whatever is wrong is known here.
    fn event(&self, spec: &Spec, row: usize, sequence: i64) -> std::result::Result<Row<'_>, ContractBreak> {
        let text = |at: usize| -> std::result::Result<Option<&str>, ContractBreak> {
            let text = self.texts[at].as_ref().and_then(|rule| rule.get(row));
            let (field, name) = &TEXTS[at];
            let allowed = if *field == Field::FeedbackText {
                MAX_FEEDBACK_BYTES
            } else {
                MAX_TEXT_BYTES
            };
            match text {
                Some(text) if text.len() > allowed => Err(ContractBreak::TooLong {
                    field: name,
                    found: text.len(),
                    allowed,
                }),
                text => Ok(text),
            }
        };
        let number = |rule: &Option<NumberRule>, name: &str| rule.as_ref().map_or(Ok(None), |rule| rule.get(name, row));
        let time = |column: &Times, name: &str| column.get(name, row, self.zone);
        let mut attributes = Vec::new();
        for (at, name, column) in &self.attributes {
            let value = match column {
                AttributeColumn::Number(numbers) => numbers.get(name, row)?.map(AttributeValue::Number),
                AttributeColumn::Category(rule) => rule.get(row).map(AttributeValue::Text),
                AttributeColumn::Timestamp(times) => time(times, name)?.map(AttributeValue::Timestamp),
                AttributeColumn::Flag(flags) => flags.get(name, row)?.map(AttributeValue::Flag),
            };
            attributes.extend(value.map(|value| (*at, value)));
        }
        let feedback_text = text(6)?;
        let raw = RawEvent {
            at: time(&self.at, "at")?.ok_or(ContractBreak::Missing { field: "at" })?,
            known_at: self
                .known_at
                .as_ref()
                .map_or(Ok(None), |times| time(times, "known_at"))?,
            sequence: self
                .sequence
                .as_ref()
                .map_or(Ok(None), |numbers| numbers.get("sequence", row))?
                .unwrap_or(sequence),
            touchpoint: self.touchpoint.get(row).unwrap_or_default(),
            stage: text(5)?,
            channel: text(4)?,
            value: number(&self.value, "value")?,
            feedback_score: number(&self.feedback_score, "feedback_score")?,
            has_feedback_text: feedback_text.is_some(),
            action_id: text(7)?,
            decision_id: text(8)?,
            attributes,
        };
        spec.resolve(&raw)?;
        Ok(Row {
            raw,
            event_id: text(0)?,
            journey_id: text(1)?,
            account_id: text(2)?,
            owner: text(3)?,
            feedback_text,
            propensity: number(&self.propensity, "propensity")?,
        })
    }
}

/// Finds the column of a field by rule or by name.
struct Finder<'a, 'b> {
    file: &'b SourceFile,
    source: &'a Source,
    rows: &'b RecordBatch,
}

impl<'a> Finder<'a, '_> {
    fn rule(&self, field: &Field) -> Option<&'a ColumnRule> {
        self.source
            .columns
            .iter()
            .find(|(ruled, _)| ruled == field)
            .map(|(_, rule)| rule)
    }

    fn column(&self, name: &str) -> Option<&ArrayRef> {
        self.rows.column_by_name(name)
    }

    /// The column of a field that no rule names, where the source reads columns by their names.
    fn unruled(&self, name: &str) -> Option<&ArrayRef> {
        match self.source.by_name {
            ByName::Read => self.column(name),
            ByName::Ignored => None,
        }
    }

    fn named(&self, field: &str, name: &str) -> Result<&ArrayRef> {
        self.column(name).ok_or_else(|| {
            let schema = self.rows.schema();
            let there: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            let message = format!(
                "{field} is read from column `{name}`, which is not there; the columns are {}",
                there.join(", ")
            );
            Error::data(&self.file.path, message)
        })
    }

    fn absent(&self, field: &str) -> Error {
        let message =
            format!("no column `{field}`; name one in journey.toml under [source.columns] as {field} = \"…\"");
        Error::data(&self.file.path, message)
    }

    fn wrong_type<'e>(&'e self, field: &'e str, column: &'e str) -> impl FnOnce(WrongType) -> Error + 'e {
        move |wrong| {
            let message = format!(
                "column `{column}` has type {}, {field} expects {}",
                wrong.found, wrong.expected
            );
            Error::data(&self.file.path, message)
        }
    }

    fn text(&self, field: &Field, name: &str) -> Result<Option<TextRule<'a>>> {
        let read = |column: &str| texts(self.named(name, column)?).map_err(self.wrong_type(name, column));
        Ok(match self.rule(field) {
            Some(ColumnRule::Column { name: column, .. }) => Some(TextRule::Column(read(column)?)),
            Some(ColumnRule::Constant(text)) => Some(TextRule::Constant(text)),
            Some(ColumnRule::StartsWith {
                name: column,
                cases,
                otherwise,
            }) => Some(TextRule::StartsWith {
                texts: read(column)?,
                cases,
                otherwise,
            }),
            Some(ColumnRule::ProductOf(_, _)) => {
                return Err(Error::data(
                    &self.file.path,
                    format!("{name} is text, it cannot be a product of columns"),
                ));
            }
            None => self
                .unruled(name)
                .map(|_| read(name))
                .transpose()?
                .map(TextRule::Column),
        })
    }

    fn typed<T>(
        &self,
        field: &Field,
        name: &str,
        of: impl Fn(&ArrayRef, Option<&str>) -> std::result::Result<T, WrongType>,
    ) -> Result<Option<T>> {
        match self.rule(field) {
            Some(ColumnRule::Column { name: column, format }) => {
                let typed = of(self.named(name, column)?, format.as_deref());
                typed.map(Some).map_err(self.wrong_type(name, column))
            }
            Some(_) => Err(Error::data(
                &self.file.path,
                format!("{name} must be read from a column"),
            )),
            None => self
                .unruled(name)
                .map(|column| of(column, None))
                .transpose()
                .map_err(self.wrong_type(name, name)),
        }
    }

    fn number(&self, field: &Field, name: &str) -> Result<Option<NumberRule>> {
        let numbers = |column: &str| Numbers::of(self.named(name, column)?).map_err(self.wrong_type(name, column));
        match self.rule(field) {
            Some(ColumnRule::ProductOf(left, right)) => Ok(Some(NumberRule::Product(numbers(left)?, numbers(right)?))),
            Some(ColumnRule::Constant(text)) => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Some(NumberRule::Constant(number))),
                _ => Err(Error::data(
                    &self.file.path,
                    format!("{name} is a number, and the constant `{text}` is none"),
                )),
            },
            _ => Ok(self
                .typed(field, name, |column, _| Numbers::of(column))?
                .map(NumberRule::Column)),
        }
    }
}
