//! Whom to look after first: the riskiest customers of a score file, with value and reasons.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, ListArray, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use percorso_journey::{CustomerKey, Timestamp};
use percorso_scoring::{Order, Standing};
use serde::Serialize;

use crate::columns::ParquetFile;
use crate::ids::{key_at, reveal};
use crate::run::RunFolder;
use crate::{Error, Result, columns, recommended};

/// Which customers to list.
#[derive(Clone, Debug)]
pub struct ChurnListSettings {
    /// The score file, made with reasons.
    pub scores: PathBuf,
    /// A churn target as in its columns, such as `left_30d`; the first when `None`.
    pub target: Option<String>,
    /// Only customers of this account manager.
    pub owner: Option<String>,
    /// At most so many.
    pub top: usize,
    /// Who comes first.
    pub order: Order,
}

/// One customer of the list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChurnListRow {
    /// The customer's id.
    pub customer: String,
    /// Probability of leaving.
    pub churn: f64,
    /// Lower end of its 90 % interval.
    pub low: f64,
    /// Upper end of its 90 % interval.
    pub high: f64,
    /// The stage the customer stands in.
    pub stage: Option<String>,
    /// The last touchpoint.
    pub last_touchpoint: Option<String>,
    /// The account manager.
    pub owner: Option<String>,
    /// What moves the score most, in words.
    pub reasons: Vec<String>,
    /// What the customer is expected to spend within the horizon if they stay, times the probability of leaving; `None`
    /// where nothing was bought at a value.
    pub value_at_risk: Option<f64>,
    /// What to do, where the business declares actions.
    pub next_action: Option<ListedAction>,
}

/// What to do for a customer of the list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ListedAction {
    /// The action, or `nothing`.
    pub action: String,
    /// What it gains, in the money of the reward.
    pub gain: f64,
    /// The last day on which it still gains something, as a date in UTC.
    pub act_by: Option<String>,
    /// True when that is as far as the log tells: later may do as well.
    pub act_by_is_open: bool,
    /// What the gain is told from: `learnt`, `declared` or `none`; nothing of doing nothing.
    pub evidence: Option<String>,
    /// The hours of the business's day in which the customer mostly is there, such as `19-22`; nothing without such a habit.
    pub best_hours: Option<String>,
    /// The channel on which the customer mostly is; nothing without such a habit.
    pub usual_channel: Option<String>,
    /// What must not be done, each with its reason.
    pub not_done: Vec<String>,
}

/// The customers who come first in the order asked for.
///
/// # Errors
/// - there is no score file, it has no such target, or its ids cannot be read.
pub fn churn_list(run: &RunFolder, settings: &ChurnListSettings) -> Result<Vec<ChurnListRow>> {
    let path = &settings.scores;
    if !path.exists() {
        return Err(Error::Missing(format!(
            "{} is not there; run `percorso score` first",
            path.display()
        )));
    }
    let mut listed = Vec::new();
    for batch in columns::read(path)? {
        let batch = batch.map_err(|error| Error::data(path, error.to_string()))?;
        listed.extend(rows(&batch, settings)?);
    }
    listed.sort_by(|left, right| settings.order.compare(&left.standing, &right.standing));
    listed.truncate(settings.top);
    let keys: Vec<_> = listed.iter().map(|listed| listed.key).collect();
    let mut ids = reveal(&run.id_map(), &keys)?;
    let with_id = |listed: Listed| ChurnListRow {
        customer: ids.remove(&listed.key).unwrap_or_default(),
        ..listed.row
    };
    Ok(listed.into_iter().map(with_id).collect())
}

/// A customer before anyone knows the id.
struct Listed {
    key: CustomerKey,
    standing: Standing,
    row: ChurnListRow,
}

fn rows(batch: &RecordBatch, settings: &ChurnListSettings) -> Result<Vec<Listed>> {
    let target = target(batch, settings)?;
    let absent = |name: &str| Error::data(&settings.scores, format!("not a score file: no column `{name}`"));
    let column = |name: &str| batch.column_by_name(name).ok_or_else(|| absent(name));
    let numbers = |name: &str| {
        column(name)?
            .as_primitive_opt::<arrow::datatypes::Float64Type>()
            .ok_or_else(|| absent(name))
    };
    let texts = |name: &str| column(name)?.as_string_opt::<i32>().ok_or_else(|| absent(name));
    let churn: &Float64Array = numbers(&target)?;
    let (low, high) = (numbers(&format!("{target}_low"))?, numbers(&format!("{target}_high"))?);
    let value_at_risk = numbers(&format!("{target}_value_at_risk"))?;
    let (owner, stage, last_touchpoint) = (texts("owner")?, texts("stage")?, texts("last_touchpoint")?);
    let reasons_column = format!("{target}_reasons");
    let reasons: &ListArray = column(&reasons_column)?
        .as_list_opt()
        .ok_or_else(|| absent(&reasons_column))?;
    let keys = column("customer_key")?
        .as_fixed_size_binary_opt()
        .ok_or_else(|| absent("customer_key"))?;
    let text_at = |texts: &StringArray, row: usize| texts.is_valid(row).then(|| texts.value(row).to_owned());
    let is_listed = |row: &usize| {
        let is_mine = settings
            .owner
            .as_ref()
            .is_none_or(|mine| owner.is_valid(*row) && owner.value(*row) == mine);
        churn.is_valid(*row) && is_mine
    };
    let actions = ActionColumns::of(batch);
    let row = |row: usize| {
        let told = reasons.value(row);
        let told = told
            .as_string::<i32>()
            .iter()
            .flatten()
            .take(3)
            .map(str::to_owned)
            .collect();
        let listed = ChurnListRow {
            customer: String::new(),
            churn: churn.value(row),
            low: low.value(row),
            high: high.value(row),
            stage: text_at(stage, row),
            last_touchpoint: text_at(last_touchpoint, row),
            owner: text_at(owner, row),
            reasons: told,
            value_at_risk: value_at_risk.is_valid(row).then(|| value_at_risk.value(row)),
            next_action: actions.as_ref().map(|actions| actions.at(row)),
        };
        Listed {
            key: key_at(keys, row),
            standing: Standing {
                gain: listed.next_action.as_ref().map_or(0.0, |action| action.gain),
                value_at_risk: listed.value_at_risk,
                chance: Some(listed.churn),
                act_by: actions.as_ref().and_then(|actions| actions.act_by(row)),
            },
            row: listed,
        }
    };
    Ok((0..batch.num_rows()).filter(is_listed).map(row).collect())
}

/// The columns of what to do, where a score file has them.
struct ActionColumns<'a> {
    action: &'a StringArray,
    gain: &'a Float64Array,
    act_by: &'a TimestampMicrosecondArray,
    act_by_is_open: &'a BooleanArray,
    evidence: &'a StringArray,
    best_hours: &'a StringArray,
    usual_channel: &'a StringArray,
    dropped: &'a ListArray,
}

impl<'a> ActionColumns<'a> {
    fn of(batch: &'a RecordBatch) -> Option<Self> {
        Some(Self {
            action: batch.column_by_name(recommended::NEXT_ACTION)?.as_string_opt()?,
            gain: batch.column_by_name(recommended::GAIN)?.as_primitive_opt()?,
            act_by: batch.column_by_name(recommended::ACT_BY)?.as_primitive_opt()?,
            act_by_is_open: batch.column_by_name(recommended::ACT_BY_IS_OPEN)?.as_boolean_opt()?,
            evidence: batch.column_by_name(recommended::EVIDENCE)?.as_string_opt()?,
            best_hours: batch.column_by_name(recommended::BEST_HOURS)?.as_string_opt()?,
            usual_channel: batch.column_by_name(recommended::USUAL_CHANNEL)?.as_string_opt()?,
            dropped: batch.column_by_name(recommended::DROPPED)?.as_list_opt()?,
        })
    }

    fn act_by(&self, row: usize) -> Option<Timestamp> {
        let is_told = self.act_by.is_valid(row);
        is_told.then(|| Timestamp::from_micros(self.act_by.value(row)))
    }

    fn at(&self, row: usize) -> ListedAction {
        let dropped = self.dropped.value(row);
        let text = |texts: &StringArray| texts.is_valid(row).then(|| texts.value(row).to_owned());
        ListedAction {
            action: self.action.value(row).to_owned(),
            gain: self.gain.value(row),
            act_by: self.act_by(row).map(|at| at.to_string()[..10].to_owned()),
            act_by_is_open: self.act_by_is_open.is_valid(row) && self.act_by_is_open.value(row),
            evidence: text(self.evidence),
            best_hours: text(self.best_hours),
            usual_channel: text(self.usual_channel),
            not_done: dropped.as_string::<i32>().iter().flatten().map(str::to_owned).collect(),
        }
    }
}

/// The churn column asked for; the first where none is.
fn target(batch: &RecordBatch, settings: &ChurnListSettings) -> Result<String> {
    let schema = batch.schema();
    let is_beside = |name: &str| {
        ["_low", "_high", "_value_at_risk", "_reasons"]
            .iter()
            .any(|ending| name.ends_with(ending))
    };
    let is_target = |name: &&str| name.starts_with("churn_") && !is_beside(name);
    let targets: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .filter(is_target)
        .collect();
    let wanted = settings.target.as_ref().map(|target| format!("churn_{target}"));
    let found = match &wanted {
        Some(wanted) => targets.iter().find(|target| *target == wanted),
        None => targets.first(),
    };
    found.map(|target| (*target).to_owned()).ok_or_else(|| {
        let known: Vec<&str> = targets
            .iter()
            .filter_map(|target| target.strip_prefix("churn_"))
            .collect();
        Error::data(
            &settings.scores,
            format!("no such churn target; there are {}", known.join(", ")),
        )
    })
}

/// Writes a list as Parquet; only its owner may read it, for it holds ids.
///
/// # Errors
/// - the file cannot be written.
pub fn write_churn_list(path: &Path, rows: &[ChurnListRow]) -> Result<()> {
    let numbers = |number: fn(&ChurnListRow) -> f64| Arc::new(Float64Array::from_iter_values(rows.iter().map(number)));
    let texts = |text: fn(&ChurnListRow) -> Option<&str>| Arc::new(rows.iter().map(text).collect::<StringArray>());
    let of_action = |tell: fn(&ListedAction) -> Option<&str>| -> ArrayRef {
        let told = rows.iter().map(|row| row.next_action.as_ref().and_then(tell));
        Arc::new(told.collect::<StringArray>())
    };
    let gain = rows
        .iter()
        .map(|row| row.next_action.as_ref().map(|action| action.gain));
    let not_done = rows
        .iter()
        .map(|row| row.next_action.as_ref().map(|action| action.not_done.join("; ")));
    let is_open = rows
        .iter()
        .map(|row| row.next_action.as_ref().map(|action| action.act_by_is_open));
    let columns: [(&str, ArrayRef); 19] = [
        ("customer", texts(|row| Some(&row.customer))),
        ("churn", numbers(|row| row.churn)),
        ("low", numbers(|row| row.low)),
        ("high", numbers(|row| row.high)),
        ("stage", texts(|row| row.stage.as_deref())),
        ("last_touchpoint", texts(|row| row.last_touchpoint.as_deref())),
        ("owner", texts(|row| row.owner.as_deref())),
        (
            "value_at_risk",
            Arc::new(rows.iter().map(|row| row.value_at_risk).collect::<Float64Array>()),
        ),
        ("reason_1", texts(|row| row.reasons.first().map(String::as_str))),
        ("reason_2", texts(|row| row.reasons.get(1).map(String::as_str))),
        ("reason_3", texts(|row| row.reasons.get(2).map(String::as_str))),
        ("next_action", of_action(|action| Some(&action.action))),
        ("next_action_gain", Arc::new(gain.collect::<Float64Array>())),
        ("next_action_evidence", of_action(|action| action.evidence.as_deref())),
        ("act_by", of_action(|action| action.act_by.as_deref())),
        ("act_by_is_open", Arc::new(is_open.collect::<BooleanArray>())),
        ("best_hours", of_action(|action| action.best_hours.as_deref())),
        ("usual_channel", of_action(|action| action.usual_channel.as_deref())),
        ("not_done", Arc::new(not_done.collect::<StringArray>())),
    ];
    let batch = RecordBatch::try_from_iter(columns).map_err(|error| Error::columns(path)(error.into()))?;
    let private = private(path)?;
    let mut file = ParquetFile::create(private.path(), batch.schema())?;
    file.write(&batch)?;
    file.finish()?;
    private
        .persist(path)
        .map_err(|error| Error::io("put in place", path)(error.error))?;
    Ok(())
}

/// Writes a list as text; only its owner may read it, for it holds ids.
///
/// # Errors
/// - the file cannot be written; what was there before stays.
pub fn write_private_text(path: &Path, text: &str) -> Result<()> {
    let mut private = private(path)?;
    private.write_all(text.as_bytes()).map_err(Error::io("write", path))?;
    private.as_file().sync_all().map_err(Error::io("sync", path))?;
    private
        .persist(path)
        .map_err(|error| Error::io("put in place", path)(error.error))?;
    Ok(())
}

/// A file beside its place that only its owner may read.
fn private(path: &Path) -> Result<tempfile::NamedTempFile> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    tempfile::NamedTempFile::new_in(folder).map_err(Error::io("create a file in", folder))
}
