//! What rules may ask about a customer.

use cel::Value;
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use percorso_journey::spec::{AttributeKind, ChurnTarget};
use percorso_journey::{CategoryId, Spec};

use super::Case;

/// A score that rules may ask about, by its name in score files.
#[derive(Clone, Debug, PartialEq)]
pub struct Score<'a> {
    /// Its name, such as `churn_left_30d`.
    pub name: &'a str,
    /// A probability; `None` where the question has no meaning for the customer.
    pub value: Option<f64>,
}

/// What rules call the score of a churn target, as score files do.
pub fn score_name(spec: &Spec, target: ChurnTarget) -> String {
    format!(
        "churn_{}_{}d",
        spec.churn()[target.definition].name,
        target.horizon_days
    )
}

/// What a fact is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Word,
    Flag,
}

/// Facts beside attributes and scores.
const OF_THE_STATE: [(&str, Kind); 5] = [
    ("stage", Kind::Word),
    ("n_events", Kind::Number),
    ("days_since_last_event", Kind::Number),
    ("days_since_last_contact", Kind::Number),
    ("feedback_last", Kind::Number),
];

/// The facts that a spec gives rise to, with what each is of; scores are asked by name alone.
pub(super) fn known(spec: &Spec) -> Vec<(String, Kind)> {
    let attribute = |attribute: &percorso_journey::spec::Attribute| {
        let kind = match attribute.kind {
            // Days from now until then.
            AttributeKind::Number | AttributeKind::Timestamp => Kind::Number,
            AttributeKind::Category => Kind::Word,
            AttributeKind::Flag => Kind::Flag,
        };
        (attribute.name.clone(), kind)
    };
    let churn = spec.churn_targets().into_iter();
    let churn = churn.map(|target| (score_name(spec, target), Kind::Number));
    let of_state = OF_THE_STATE.iter().map(|(name, kind)| ((*name).to_owned(), *kind));
    of_state
        .chain(spec.attributes().iter().map(attribute))
        .chain(churn)
        .collect()
}

/// The facts of one case, told when they are asked.
pub(super) struct Facts<'a> {
    pub(super) case: &'a Case<'a>,
    /// The words that rules compare with: a category is one of them or none.
    pub(super) words: &'a [String],
}

impl Facts<'_> {
    fn value(&self, name: &str) -> Option<Value> {
        let Case { spec, state, as_of, .. } = *self.case;
        let number = |number: f64| {
            if number.is_nan() {
                Value::Null
            } else {
                Value::Float(number)
            }
        };
        let since =
            |then: Option<percorso_journey::Timestamp>| number(then.map_or(f64::NAN, |then| as_of.days_since(then)));
        let fact = match name {
            "stage" => {
                let stage = state
                    .path()
                    .current()
                    .map(|stage| spec.stages()[usize::from(stage)].as_str());
                stage.map_or(Value::Null, Value::from)
            }
            "n_events" => number(state.n_events() as f64),
            "days_since_last_event" => since(state.last_at()),
            "days_since_last_contact" => since(self.case.circumstances.contacts.iter().map(|contact| contact.at).max()),
            "feedback_last" => number(state.feedback().last()),
            _ => match self.case.scores.iter().find(|score| score.name == name) {
                Some(score) => number(score.value.unwrap_or(f64::NAN)),
                None => self.attribute(spec.attribute_named(name)?),
            },
        };
        Some(fact)
    }

    fn attribute(&self, at: u16) -> Value {
        let attribute = &self.case.spec.attributes()[usize::from(at)];
        let cell = self.case.state.attributes()[usize::from(at)];
        if cell.is_nan() {
            return Value::Null;
        }
        match attribute.kind {
            AttributeKind::Number => Value::Float(cell),
            AttributeKind::Flag => Value::Bool(cell != 0.0),
            AttributeKind::Timestamp => {
                let then = percorso_journey::Timestamp::from_micros(cell as i64);
                Value::Float(then.days_since(self.case.as_of))
            }
            AttributeKind::Category => {
                let id = CategoryId::from_cell(cell);
                let word = self.words.iter().find(|word| Some(CategoryId::of(word)) == id);
                // A word that no rule names.
                Value::from(word.map_or("", String::as_str))
            }
        }
    }
}

impl VariableResolver for Facts<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let value: Box<dyn Val> = self.value(variable)?.try_into().ok()?;
        Some(CowVal::Owned(value))
    }
}
