//! From Parquet to scores: ingest, rows, training, evaluation, scoring, churn list.
//!
//! Each step reads a run folder and writes to it, all at once or not at all; see [`RunFolder`] for what lies where.
//! A feature is never computed here: steps fold journeys with the models' own state and read rows off it.
//! Nothing here knows gRPC, and nothing outside `pipeline/engine` knows DataFusion.

mod allocate;
mod benchmark;
mod canonical;
mod churn_list;
mod columns;
mod compare;
mod customer_file;
mod cutoffs;
mod dataset;
mod decided;
mod decisions_file;
mod doctor;
mod error;
mod export;
mod gaps;
mod ids;
mod ingest;
mod init;
mod journeys;
mod open;
mod people;
mod policy;
mod progress;
mod purchases;
mod recommended;
mod report;
mod row_columns;
mod rows;
mod run;
mod score;
mod table;
mod training;
mod waits;
pub mod xes;

pub use allocate::{ActionAllocated, AllocateSettings, Allocated, allocate};
pub use benchmark::{
    ArmFound, Churn, ChurnBenchmark, EndOfCase, LearnerMeasures, NextTouchpoint, PolicyFound, StaysBenchmark,
    StaysJudged, UpliftBenchmark, UpliftFound, churn, next_touchpoint, stays, uplift,
};
pub use churn_list::{ChurnListRow, ChurnListSettings, ListedAction, churn_list, write_churn_list, write_private_text};
pub use compare::{Better, Comparison, Measured, Paired, QuestionCompared, RunCompared, Side, compare};
pub use cutoffs::Cutoffs;
pub use decisions_file::{LoggedDecision, write_decisions};
pub use doctor::{Finding, Health, examine};
pub use error::{Error, Result};
pub use export::{StoredJourney, export_states};
pub use ids::{secret, write_secret};
pub use ingest::{IngestSummary, check, ingest};
pub use init::{InitSettings, InitSummary, Told, init};
pub use people::{Known, people};
pub use percorso_engine::{Engine, LocalEngine, memory_bytes_default};
pub use percorso_next_action::uplift::{Decile, Standing, calibration_slope};
pub use percorso_next_action::{Estimate, Interval};
pub use policy::{Judgement, PolicyEvaluation, Proof, evaluate_policy, overlap_plot};
pub use progress::Progress;
pub use report::{report, write_report};
pub use run::{IngestManifest, RunFolder, read_spec};
pub use score::{ScoreSettings, ScoreSummary, score};
pub use training::{
    ActionEvaluation, ActionsEvaluation, CutoffGap, CutoffRate, Ends, Evaluation, IncidenceEvaluation, IncidencePoint,
    LearnerEvaluation, Picture, ProgrammeEvaluation, PurchaseEvaluation, PurchaseTest, QuestionEvaluation,
    ReliabilityBin, SegmentEvaluation, StayEvaluation, StayPoint, TestPrediction, ToldAndCame, TrainSettings,
    TrainSummary, TrustEvaluation, evaluation, test_predictions, train,
};
