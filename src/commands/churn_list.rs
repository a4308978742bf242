//! `percorso churn-list`: whom to look after first.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use percorso_pipeline::{ChurnListRow, ChurnListSettings, ListedAction};
use percorso_scoring::Order;

use super::Run;
use crate::failure::{Failure, Outcome};

#[derive(Args)]
pub(crate) struct ChurnList {
    #[command(flatten)]
    run: Run,
    /// Only customers of this account manager
    #[arg(long)]
    owner: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 20)]
    top: usize,
    /// Who comes first: the likeliest to leave, or who acting saves most for (gain), who has most to lose (value), or whose
    /// act-by date is nearest
    #[arg(long, default_value = "chance")]
    sort: Sort,
    /// A churn definition and horizon, such as left_30d [default: the first]
    #[arg(long)]
    target: Option<String>,
    /// The score file, made with --reasons [default: scores.parquet in the run folder]
    #[arg(long, value_name = "FILE")]
    scores: Option<PathBuf>,
    /// How to write it
    #[arg(long, default_value = "table")]
    format: Format,
    /// Where to write it [default: the terminal; Parquet needs a file]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sort {
    Chance,
    Gain,
    Value,
    ActBy,
}

impl Sort {
    const fn order(self) -> Order {
        match self {
            Self::Chance => Order::Chance,
            Self::Gain => Order::Gain,
            Self::Value => Order::Value,
            Self::ActBy => Order::ActBy,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
    Parquet,
}

impl ChurnList {
    pub(crate) fn run(self) -> Outcome {
        let folder = self.run.folder();
        let settings = ChurnListSettings {
            scores: self.scores.unwrap_or_else(|| folder.scores()),
            target: self.target,
            owner: self.owner,
            top: self.top,
            order: self.sort.order(),
        };
        let rows = percorso_pipeline::churn_list(&folder, &settings)?;
        if let Some(owner) = settings.owner.as_ref().filter(|_| rows.is_empty()) {
            eprintln!("note: nobody who is scored has the account manager `{owner}`; without --owner all are listed");
        }
        let text = match self.format {
            Format::Table => table(&rows),
            Format::Csv => csv(&rows),
            Format::Json => rows
                .iter()
                .map(|row| serde_json::to_string(row).expect("JSON") + "\n")
                .collect(),
            Format::Parquet => {
                let output = self
                    .output
                    .ok_or_else(|| Failure::environment(anyhow::anyhow!("--format parquet needs --output FILE")))?;
                return Ok(percorso_pipeline::write_churn_list(&output, &rows)?);
            }
        };
        match self.output {
            None => print!("{text}"),
            Some(path) => percorso_pipeline::write_private_text(&path, &text)?,
        }
        Ok(())
    }
}

/// The list for a terminal.
pub(super) fn table(rows: &[ChurnListRow]) -> String {
    let mut text = format!(
        "{:<14} {:>6} {:>13} {:<14} {:<18} {:>13}  because\n",
        "customer", "leaves", "90 % interval", "stage", "last touchpoint", "value at risk"
    );
    for row in rows {
        let ChurnListRow {
            customer,
            churn,
            low,
            high,
            value_at_risk,
            ..
        } = row;
        let (stage, last) = (
            row.stage.as_deref().unwrap_or("–"),
            row.last_touchpoint.as_deref().unwrap_or("–"),
        );
        let value_at_risk = value_at_risk.map_or_else(|| "–".to_owned(), |value| format!("{value:.0}"));
        let interval = format!("{:.0}–{:.0} %", 100.0 * low, 100.0 * high);
        let first = row.reasons.first().map_or("", String::as_str);
        text += &format!(
            "{customer:<14} {:>4.0} % {interval:>13} {stage:<14} {last:<18} {value_at_risk:>13}  {first}\n",
            100.0 * churn
        );
        for reason in row.reasons.iter().skip(1) {
            text += &format!("{:84}  {reason}\n", "");
        }
        if let Some(action) = &row.next_action {
            text += &format!("{:14} {}\n", "", told(action));
        }
    }
    text
}

/// What to do, until when it is worth it, and what must not be done.
fn told(action: &ListedAction) -> String {
    let mut text = format!("→ {}", action.action);
    if let Some(evidence) = &action.evidence {
        let from = match evidence.as_str() {
            "learnt" => "",
            "declared" => ", as declared: no decision tells yet",
            _ => ", which nothing tells",
        };
        text += &format!(", worth {:.1}{from}", action.gain);
    }
    if let Some(day) = &action.act_by {
        let open = if action.act_by_is_open { " or later" } else { "" };
        text += &format!("; act by {day}{open}");
    }
    if let Some(hours) = &action.best_hours {
        text += &format!("; mostly there from {}", hours.replace('-', " to "));
    }
    if let Some(channel) = &action.usual_channel {
        text += &format!("; mostly on {channel}");
    }
    if !action.not_done.is_empty() {
        text += &format!("; not {}", action.not_done.join(", not "));
    }
    text
}

/// The list as CSV; a cell that a spreadsheet would take for a formula is led by an apostrophe.
fn csv(rows: &[ChurnListRow]) -> String {
    let cell = |text: &str| {
        let guard = if text.starts_with(['=', '+', '-', '@', '\t']) {
            "'"
        } else {
            ""
        };
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    };
    let mut text = "customer,churn,low,high,stage,last_touchpoint,owner,value_at_risk,reason_1,reason_2,reason_3,\
                    next_action,next_action_gain,next_action_evidence,act_by,act_by_is_open,best_hours,usual_channel,not_done\n"
        .to_owned();
    for row in rows {
        let ChurnListRow {
            churn,
            low,
            high,
            value_at_risk,
            ..
        } = row;
        let named = |text: &Option<String>| cell(text.as_deref().unwrap_or(""));
        let reason = |at: usize| cell(row.reasons.get(at).map_or("", String::as_str));
        let (stage, last, owner) = (named(&row.stage), named(&row.last_touchpoint), named(&row.owner));
        text += &format!(
            "{},{churn},{low},{high},{stage},{last},{owner},{}",
            cell(&row.customer),
            value_at_risk.map_or_else(String::new, |value| value.to_string())
        );
        text += &format!(",{},{},{}", reason(0), reason(1), reason(2));
        let action = row.next_action.as_ref();
        text += &format!(
            ",{},{},{},{},{},{},{},{}\n",
            cell(action.map_or("", |action| &action.action)),
            action.map_or_else(String::new, |action| action.gain.to_string()),
            cell(action.and_then(|action| action.evidence.as_deref()).unwrap_or("")),
            cell(action.and_then(|action| action.act_by.as_deref()).unwrap_or("")),
            action.map_or_else(String::new, |action| action.act_by_is_open.to_string()),
            cell(action.and_then(|action| action.best_hours.as_deref()).unwrap_or("")),
            cell(action.and_then(|action| action.usual_channel.as_deref()).unwrap_or("")),
            cell(&action.map_or_else(String::new, |action| action.not_done.join("; "))),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_looks_like_a_formula_is_defused() {
        let row = ChurnListRow {
            customer: "=HYPERLINK(\"x\")".to_owned(),
            churn: 0.5,
            low: 0.4,
            high: 0.6,
            stage: None,
            last_touchpoint: None,
            owner: None,
            reasons: Vec::new(),
            value_at_risk: None,
            next_action: None,
        };
        assert!(csv(&[row]).contains("\"'=HYPERLINK(\"\"x\"\")\",0.5,0.4,0.6,\"\",\"\",\"\",,\"\""));
    }
}
