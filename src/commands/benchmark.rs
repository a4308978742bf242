//! `percorso benchmark`: published protocols, run as they were published.

mod uplift;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use percorso_journey::Timestamp;
use percorso_pipeline::{
    Churn, ChurnBenchmark, EndOfCase, LearnerMeasures, NextTouchpoint, StaysBenchmark, StaysJudged, TrainSettings,
    write_private_text,
};

use super::Machine;
use super::evaluate::print_stay_points;
use crate::failure::Outcome;

#[derive(Args)]
pub(crate) struct Benchmark {
    #[command(subcommand)]
    protocol: Protocol,
}

#[derive(Subcommand)]
enum Protocol {
    /// What comes next after every prefix of every case of an event log
    NextTouchpoint(NextTouchpointFlags),
    /// Who leaves, at the test cut-off of a business and before it
    Churn(ChurnFlags),
    /// How long customers stay who began after those that models learned from
    Stays(StaysFlags),
    /// Who responds because of a treatment, on a table of a randomised test
    Uplift(uplift::UpliftFlags),
}

#[derive(Args)]
struct StaysFlags {
    /// The journey.toml of the business; its churn definitions of kind event are judged
    #[arg(long, value_name = "FILE")]
    journey: PathBuf,
    /// Customers who began before this moment teach, those who began later are asked about
    #[arg(long, value_name = "TIME", value_parser = super::moment)]
    split: Timestamp,
    /// A CSV for what ships said (definition, days, customer_key, as_of, probability)
    #[arg(long, value_name = "FILE")]
    predictions: Option<PathBuf>,
    /// A Parquet file for the rows with their outcomes, for peers to learn from
    #[arg(long, value_name = "FILE")]
    rows: Option<PathBuf>,
    /// A TOML file with training settings by name
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

#[derive(Args)]
struct ChurnFlags {
    /// The journey.toml of the business
    #[arg(long, value_name = "FILE")]
    journey: PathBuf,
    /// Cut-offs before the test that are judged too, each as if the data had ended there
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    before: usize,
    /// A CSV for what ships said of each customer (as_of, customer_id, label, probability); only its owner may read it
    #[arg(long, value_name = "FILE")]
    predictions: Option<PathBuf>,
    /// A TOML file with training settings by name
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

#[derive(Args)]
struct NextTouchpointFlags {
    /// The event log, .xes or .xes.gz
    #[arg(long, value_name = "FILE")]
    log: PathBuf,
    /// A CSV of case_id and fold; a case is asked about by models that learned from the other folds
    #[arg(long, value_name = "FILE")]
    folds: PathBuf,
    /// Whether the end of a case is a class
    #[arg(long, value_enum, default_value_t = End::Scored)]
    end: End,
    /// The seed of every random choice
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum End {
    Scored,
    Unscored,
}

impl Benchmark {
    pub(crate) fn run(self, machine: &Machine) -> Outcome {
        let engine = machine.engine()?;
        let settings = |file: &Option<PathBuf>| match file {
            Some(path) => TrainSettings::read(path),
            None => Ok(TrainSettings::default()),
        };
        let rows = match self.protocol {
            Protocol::Uplift(flags) => return flags.run(machine),
            Protocol::Churn(flags) => {
                let benchmark = ChurnBenchmark {
                    journey: &flags.journey,
                    settings: &settings(&flags.settings)?,
                    n_before: flags.before,
                };
                let churn = percorso_pipeline::churn(&benchmark, &engine, &*machine.progress())?;
                if let Some(path) = &flags.predictions {
                    write_private_text(path, &predictions(&churn))?;
                }
                churn.rows
            }
            Protocol::Stays(flags) => {
                let benchmark = StaysBenchmark {
                    journey: &flags.journey,
                    settings: &settings(&flags.settings)?,
                    split_at: flags.split,
                    rows: flags.rows,
                };
                let judged = percorso_pipeline::stays(&benchmark, &engine, &*machine.progress())?;
                if let Some(path) = &flags.predictions {
                    write_private_text(path, &told(&judged))?;
                }
                print_stays(&judged, machine.wants_json());
                return Ok(());
            }
            Protocol::NextTouchpoint(flags) => {
                let benchmark = NextTouchpoint {
                    log: &flags.log,
                    folds: &flags.folds,
                    end: match flags.end {
                        End::Scored => EndOfCase::Scored,
                        End::Unscored => EndOfCase::Unscored,
                    },
                    seed: flags.seed,
                };
                percorso_pipeline::next_touchpoint(&benchmark, &*machine.progress())?
            }
        };
        print_rows(&rows, machine.wants_json());
        Ok(())
    }
}

fn told(judged: &StaysJudged) -> String {
    let mut text = "definition,days,customer_key,as_of,probability\n".to_owned();
    for (definition, days, customer, as_of, p) in &judged.said {
        text += &format!("{definition},{days},{customer},{as_of},{p}\n");
    }
    text
}

fn print_stays(judged: &StaysJudged, json: bool) {
    for (learner, stays) in &judged.learners {
        if json {
            let row = serde_json::json!({ "learner": learner, "stays": stays });
            println!("{row}");
            continue;
        }
        let concordance = stays
            .concordance
            .map_or_else(|| "-".to_owned(), |share| format!("{share:.4}"));
        println!(
            "\n{learner} of {} · {} rows · concordance {concordance}",
            stays.definition, stays.n
        );
        print_stay_points(&stays.points);
    }
}

fn predictions(churn: &Churn) -> String {
    let mut text = "question,as_of,customer_id,label,probability\n".to_owned();
    for (question, as_of, customer, left, p) in &churn.predictions {
        // An id may hold anything, so it is quoted as CSV does.
        let customer = customer.replace('"', "\"\"");
        text += &format!("{question},{as_of},\"{customer}\",{},{p}\n", u8::from(*left));
    }
    text
}

fn print_rows(rows: &[LearnerMeasures], json: bool) {
    if json {
        for row in rows {
            println!("{}", serde_json::to_string(row).expect("our own types turn into JSON"));
        }
        return;
    }
    let Some(first) = rows.first() else { return };
    let measures: Vec<&String> = first.measures.keys().collect();
    let took = ["fit_s", "predict_s", "peak_rss_mib"];
    let titles = measures.iter().map(|measure| measure.as_str()).chain(took);
    let titles: String = titles.map(|title| format!("{title:>18}")).collect();
    let mut told_of = None;
    for row in rows {
        let of = (&row.question, &row.as_of);
        if told_of != Some(of) {
            told_of = Some(of);
            if let (Some(question), Some(as_of)) = of {
                println!("\n{question} at {as_of}");
            }
            println!("{:<20}{titles}", "learner");
        }
        let measured = |measure: &&String| row.measures.get(*measure).copied().unwrap_or(f64::NAN);
        let cells = measures.iter().map(|measure| format!("{:>18.4}", measured(measure)));
        let took = [
            format!("{:>18.1}", row.fit_s),
            format!("{:>18.2}", row.predict_s),
            format!("{:>18.0}", row.peak_rss_mib),
        ];
        println!("{:<20}{}", row.learner, cells.chain(took).collect::<String>());
    }
}
