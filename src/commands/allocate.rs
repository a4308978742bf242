//! `percorso allocate`: who gets which action, when there is not enough for everyone.

use std::path::PathBuf;

use clap::Args;
use percorso_journey::Timestamp;
use percorso_pipeline::{AllocateSettings, Allocated};

use super::{Machine, Run};
use crate::failure::Outcome;

#[derive(Args)]
pub(crate) struct Allocate {
    #[command(flatten)]
    run: Run,
    /// Events before this point count, such as 2024-06-01T00:00:00Z [default: all of them]
    #[arg(long, value_name = "TIME", value_parser = super::moment)]
    as_of: Option<Timestamp>,
    /// A version, or a label
    #[arg(long, default_value = "champion")]
    model: String,
    /// How many days' capacities and budgets there are to give
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// The most that all actions may cost [default: daily_budget of journey.toml, times the days]
    #[arg(long, value_name = "MONEY", value_parser = money)]
    budget: Option<f64>,
    /// Adds customers' ids
    #[arg(long)]
    reveal: bool,
    /// The Parquet file written [default: allocation.parquet in the run folder]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Allocate {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        let folder = self.run.folder();
        let settings = AllocateSettings {
            as_of: self.as_of,
            model: self.model,
            days: self.days,
            budget: self.budget,
            reveals_ids: self.reveal,
            output: self.output.unwrap_or_else(|| folder.allocation()),
        };
        let found = percorso_pipeline::allocate(&folder, &settings, &machine.engine()?, &*machine.progress())?;
        if machine.wants_json() {
            println!(
                "{}",
                serde_json::to_string(&found).expect("our own types turn into JSON")
            );
        } else {
            print_table(&found);
            println!("written to {}", settings.output.display());
        }
        Ok(())
    }
}

fn print_table(found: &Allocated) {
    let most = |most: Option<String>| most.unwrap_or_else(|| "–".to_owned());
    let row = |cells: [String; 7]| {
        let [action, numbers @ ..] = cells;
        print!("{action:<20}");
        numbers.iter().for_each(|cell| print!("{cell:>12}"));
        println!();
    };
    row([
        "action",
        "customers",
        "capacity",
        "costs",
        "budget",
        "gains",
        "once more",
    ]
    .map(str::to_owned));
    for action in &found.actions {
        row([
            action.action.clone(),
            action.n.to_string(),
            most(action.capacity.map(|capacity| capacity.to_string())),
            format!("{:.2}", action.spent),
            most(action.budget.map(|budget| format!("{budget:.2}"))),
            format!("{:.2}", action.gain),
            format!("{:.2}", action.once_more),
        ]);
    }
    row([
        "all".to_owned(),
        found.n_allocated.to_string(),
        most(None),
        format!("{:.2}", found.spent),
        most(found.budget.map(|budget| format!("{budget:.2}"))),
        format!("{:.2}", found.gain),
        String::new(),
    ]);
    println!(
        "\n{} of {} customers would gain by something that may be done, {} get it, as of {} by {}",
        found.n_who_would_gain,
        found.n_customers,
        found.n_allocated,
        Timestamp::from_micros(found.as_of_us),
        found.model_version
    );
    println!(
        "priority {:.2}; no allocation within these limits has more than {:.2}: {:.4} % away",
        found.priority,
        found.bound,
        100.0 * found.gap
    );
    if found.unit_of_money > 0.0 {
        println!("one more unit of money would add {:.2}", found.unit_of_money);
    }
}

fn money(text: &str) -> Result<f64, String> {
    let money: Option<f64> = text.parse().ok();
    money
        .filter(|money| money.is_finite() && *money >= 0.0)
        .ok_or_else(|| "expected money, 0 or more".to_owned())
}
