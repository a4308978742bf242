//! What actions do: learnt from logged decisions, judged on those that came after, proven before it goes live.

use ndarray::Axis;
use percorso_journey::{Spec, Timestamp};
use percorso_learners::Bootstrap;
use percorso_next_action::off_policy::{Estimator, Logged, Round, Support, SupportCounts, Thin, values};
use percorso_next_action::uplift::{Judged, Learnt, Standing, Uplift, measures};
use percorso_next_action::{Estimate, Given, Interval, OutcomeModel, Trial, estimated_propensities, mean};
use percorso_scoring::{ActionSlot, Actions};
use serde::{Deserialize, Serialize};

use super::programme::{ProgrammeEvaluation, programme};
use crate::Result;
use crate::decided::DecidedRows;

/// The fewest decisions of an action from which its effect is learnt.
const MIN_ROWS: usize = 100;
/// The fewest customers that they are about.
const MIN_CUSTOMERS: usize = 50;

/// The policy that takes the action with the highest gain for each customer, by gain alone: rules, caps and levers are left
/// out.
pub(crate) const BEST_FOR_EACH: &str = "best action for each";
/// What was done.
pub(crate) const AS_LOGGED: &str = "as logged";

/// What was found of actions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionsEvaluation {
    /// Decisions whose window was over by the test cut-off: those that taught what is judged.
    pub n_taught: usize,
    /// Decisions from the test cut-off on: those that it is judged on.
    pub n_judged: usize,
    /// What each action does.
    pub actions: Vec<ActionEvaluation>,
    /// What policies would have earned on the decisions that are judged, a decision, costs taken off.
    pub policies: Vec<PolicyEvaluation>,
    /// How many decisions tell as much of the best action for each as its own would.
    pub ess: f64,
    /// Why they tell too little of it to be its proof; none when they tell enough.
    #[serde(default)]
    pub thin: Vec<String>,
    /// What deciding brings in against customers who are held out; nothing where too few are.
    #[serde(default)]
    pub programme: Option<ProgrammeEvaluation>,
}

/// What one action does, in the money of the reward.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionEvaluation {
    /// Its name.
    pub action: String,
    /// How often it was taken, of all decisions whose window was over.
    pub n: usize,
    /// What it brings in beyond doing nothing, its own cost not taken off; with the ends of an interval of 95 %.
    pub effect: Ends,
    /// How each learner stood.
    pub learners: Vec<Standing>,
    /// The Qini on the decisions that are judged, with its interval; nothing where too few were.
    pub qini: Option<Ends>,
    /// The slope of observed on predicted uplift over tenths of the decisions that are judged.
    pub calibration_slope: Option<f64>,
}

/// A number and the ends of its interval of 95 %; nothing where it cannot be told.
pub type Ends = [Option<f64>; 3];

/// What a policy would have earned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyEvaluation {
    /// Its name: `as logged`, `best action for each` (by gain alone: rules, caps and levers are left out), `nothing` or an
    /// action for everyone.
    pub policy: String,
    /// A decision's mean reward less its cost, doubly robust, with the ends of an interval of 95 %.
    pub value: Ends,
}

/// What is learnt of actions from all decisions, and how well that was told of those after the test cut-off.
///
/// `None` where no action was taken often enough.
pub(super) fn actions(
    spec: &Spec,
    rows: &DecidedRows,
    test_at: Timestamp,
    seed: u64,
) -> Result<Option<(Actions, ActionsEvaluation)>> {
    let window = i64::from(spec.decisions().window_days);
    let all: Vec<usize> = (0..rows.at.len()).collect();
    let known: Vec<u16> = (0..spec.actions().len() as u16)
        .filter(|action| is_enough(&rows.arm, &rows.customers, u32::from(*action) + 1))
        .collect();
    if known.is_empty() || !is_enough(&rows.arm, &rows.customers, 0) {
        return Ok(None);
    }
    let propensity = propensities(spec, rows, seed)?;
    let whole = Part::of(spec, rows, &propensity, &all, &known);
    let taught: Vec<usize> = (0..rows.at.len())
        .filter(|row| rows.at[*row].plus_days(window) <= test_at)
        .collect();
    let judged: Vec<usize> = (0..rows.at.len()).filter(|row| rows.at[*row] >= test_at).collect();
    let taught = Part::of(spec, rows, &propensity, &taught, &known);
    let judged = Part::of(spec, rows, &propensity, &judged, &known);
    let is_enough_of = |part: &Part, arm| is_enough(&part.arm, &part.customers, arm);
    let can_judge = (0..=known.len() as u32).all(|arm| is_enough_of(&taught, arm) && is_enough_of(&judged, arm));
    let judgement = can_judge
        .then(|| Judgement::of(spec, &taught, &judged, &known, seed))
        .transpose()?;
    // What was chosen and judged is refitted on everything; where nothing could be judged, it is chosen on everything.
    let (uplift, standings) = match &judgement {
        Some(judgement) => {
            let standings = judgement.standings.clone();
            (
                Uplift::refit(&whole.trial()?.with_parts(&whole.sums())?, &standings, seed)?,
                standings,
            )
        }
        None => {
            let learnt = Uplift::fit(&whole.trial()?.with_parts(&whole.sums())?, seed)?;
            (learnt.uplift, learnt.standings)
        }
    };
    let action = |(at, &action): (usize, &u16)| {
        let of_test = judgement.as_ref().map(|judgement| &judgement.measures[at]);
        ActionEvaluation {
            action: spec.actions()[usize::from(action)].name.clone(),
            n: uplift.arms()[at].n_rows,
            effect: ends(&uplift.arms()[at].average),
            learners: standings[at].clone(),
            qini: of_test.map(|(qini, _)| told(*qini)),
            calibration_slope: of_test.and_then(|(_, slope)| slope.is_finite().then_some(*slope)),
        }
    };
    let actions = known.iter().enumerate().map(action).collect();
    let (policies, support) = judgement
        .map(|judgement| (judgement.policies, judgement.support))
        .unzip();
    let support: Option<Support> = support;
    let mut thin = support.as_ref().map_or_else(Vec::new, Support::thin);
    let n_estimated = rows.propensity.iter().filter(|logged| logged.is_none()).count();
    thin.extend(Thin::estimated(n_estimated, rows.propensity.len()));
    let evaluation = ActionsEvaluation {
        n_taught: taught.arm.len(),
        n_judged: judged.arm.len(),
        actions,
        policies: policies.unwrap_or_default(),
        ess: support.map_or(0.0, |support| support.ess),
        thin: thin.iter().map(ToString::to_string).collect(),
        programme: programme(spec, rows, seed),
    };
    let slot = |&action: &u16| ActionSlot {
        name: spec.actions()[usize::from(action)].name.clone(),
        silence_days: longest_silence(rows, u32::from(action) + 1),
    };
    let slots = known.iter().map(slot).collect();
    Ok(Some((Actions::new(slots, uplift), evaluation)))
}

/// How likely each decision was: as its log says, or estimated from all those whose log does not.
fn propensities(spec: &Spec, rows: &DecidedRows, seed: u64) -> Result<Vec<f64>> {
    let unsaid: Vec<usize> = (0..rows.at.len())
        .filter(|row| rows.propensity[*row].is_none())
        .collect();
    let mut propensity: Vec<f64> = rows.propensity.iter().map(|logged| logged.unwrap_or(1.0)).collect();
    let arm: Vec<u32> = unsaid.iter().map(|row| rows.arm[*row]).collect();
    let customers: Vec<u64> = unsaid.iter().map(|row| rows.customers[*row]).collect();
    let cells = rows.cells.select(Axis(0), &unsaid);
    let n_arms = spec.actions().len() + 1;
    let estimated = estimated_propensities(cells.view(), &rows.columns, &arm, n_arms, &customers, seed)?;
    for (row, estimated) in unsaid.into_iter().zip(estimated) {
        propensity[row] = estimated;
    }
    Ok(propensity)
}

/// The longest silence after which an arm was taken, but for the longest twentieth.
fn longest_silence(rows: &DecidedRows, arm: u32) -> f64 {
    let of_arm = rows.silence_days.iter().zip(&rows.arm).filter(|(_, of)| **of == arm);
    let mut silences: Vec<f64> = of_arm.map(|(silence, _)| *silence).collect();
    silences.sort_unstable_by(f64::total_cmp);
    silences.get(silences.len() * 19 / 20).copied().unwrap_or(0.0)
}

/// Whether an arm was taken often enough, for enough customers.
fn is_enough(arms: &[u32], customers: &[u64], arm: u32) -> bool {
    let of_arm = arms.iter().zip(customers).filter(|(of, _)| **of == arm);
    let mut of_arm: Vec<u64> = of_arm.map(|(_, customer)| *customer).collect();
    let n_rows = of_arm.len();
    of_arm.sort_unstable();
    of_arm.dedup();
    n_rows >= MIN_ROWS && of_arm.len() >= MIN_CUSTOMERS
}

pub(super) fn ends(estimate: &Estimate) -> Ends {
    told([estimate.value, estimate.low, estimate.high])
}

fn told(numbers: [f64; 3]) -> Ends {
    numbers.map(|number| number.is_finite().then_some(number))
}

/// Some of the rows, with the arms that are learnt from, numbered as such.
struct Part {
    cells: ndarray::Array2<f32>,
    columns: Vec<percorso_learners::Column>,
    arm: Vec<u32>,
    n_arms: usize,
    reward: Vec<f64>,
    /// What rewards are the sum of: what one counts, and how much of it came; without what counts nothing.
    came: Vec<(f64, Vec<f64>)>,
    propensity: Vec<f64>,
    customers: Vec<u64>,
    /// What the business believes each arm but the first to bring in, as it declares; nothing without.
    beliefs: Vec<f64>,
}

impl Part {
    fn of(spec: &Spec, rows: &DecidedRows, propensity: &[f64], of: &[usize], known: &[u16]) -> Part {
        let arm_of = |row: usize| match rows.arm[row] {
            0 => Some(0),
            taken => known
                .iter()
                .position(|action| u32::from(*action) + 1 == taken)
                .map(|at| at as u32 + 1),
        };
        let kept: Vec<usize> = of.iter().copied().filter(|row| arm_of(*row).is_some()).collect();
        let worth = spec.decisions().reward;
        let weights = worth
            .weights()
            .into_iter()
            .enumerate()
            .filter(|(_, weight)| *weight != 0.0);
        let came = weights.map(|(part, weight)| {
            let came = kept.iter().map(|row| rows.came[*row].parts()[part]);
            (weight, came.collect())
        });
        Part {
            cells: rows.cells.select(Axis(0), &kept),
            columns: rows.columns.clone(),
            arm: kept.iter().filter_map(|row| arm_of(*row)).collect(),
            n_arms: known.len() + 1,
            reward: kept.iter().map(|row| worth.of(&rows.came[*row])).collect(),
            came: came.collect(),
            propensity: kept.iter().map(|row| propensity[*row]).collect(),
            customers: kept.iter().map(|row| rows.customers[*row]).collect(),
            beliefs: known
                .iter()
                .map(|action| {
                    spec.actions()[usize::from(*action)]
                        .prior
                        .map_or(0.0, |prior| prior.gain)
                })
                .collect(),
        }
    }

    fn sums(&self) -> Vec<percorso_next_action::Part<'_>> {
        let came = self.came.iter();
        came.map(|(weight, outcome)| percorso_next_action::Part {
            weight: *weight,
            outcome,
        })
        .collect()
    }

    fn trial(&self) -> Result<Trial<'_>> {
        let given = Given {
            arm: &self.arm,
            n_arms: self.n_arms,
            outcome: &self.reward,
            propensity: &self.propensity,
            customers: &self.customers,
        };
        Ok(Trial::new(self.cells.view(), &self.columns, given)?.with_beliefs(&self.beliefs)?)
    }
}

/// How well effects were told of decisions that came after those that taught them.
struct Judgement {
    /// Per action the Qini with its interval, and the slope of observed on predicted.
    measures: Vec<([f64; 3], f64)>,
    policies: Vec<PolicyEvaluation>,
    /// How much of the best action for each was tried.
    support: Support,
    /// How each learner stood among the decisions that taught.
    standings: Vec<Vec<Standing>>,
}

impl Judgement {
    fn of(spec: &Spec, taught: &Part, judged: &Part, known: &[u16], seed: u64) -> Result<Judgement> {
        let trial = taught.trial()?;
        let sums = taught.sums();
        let Learnt { uplift, standings } = Uplift::fit(&trial.with_parts(&sums)?, seed)?;
        let all: Vec<usize> = (0..taught.arm.len()).collect();
        let expected = OutcomeModel::fit(&trial, &all, seed)?.expected(&judged.cells);
        let mut said = vec![vec![0.0; judged.arm.len()]; known.len()];
        let mut of_row = vec![0.0; known.len()];
        for (row, cells) in judged.cells.outer_iter().enumerate() {
            uplift.uplift_into(cells.as_slice().expect("rows are whole"), &mut of_row);
            for (said, of_row) in said.iter_mut().zip(&of_row) {
                said[row] = *of_row;
            }
        }
        let measures = (1..).zip(&said).map(|(arm, said)| judged.measures(arm, said, seed));
        let measures = measures.collect::<Result<_>>()?;
        let costs: Vec<f64> = std::iter::once(0.0)
            .chain(known.iter().map(|action| spec.actions()[usize::from(*action)].cost))
            .collect();
        let mut policies = Vec::new();
        let mut best = Bet::new(judged, &expected, &costs);
        best.choose(|row| {
            let gain = |arm: usize| if arm == 0 { 0.0 } else { said[arm - 1][row] - costs[arm] };
            (0..costs.len())
                .max_by(|a, b| gain(*a).total_cmp(&gain(*b)).then(b.cmp(a)))
                .unwrap_or(0)
        });
        policies.push(best.told(BEST_FOR_EACH, seed));
        let earned: Vec<f64> = judged
            .reward
            .iter()
            .zip(&judged.arm)
            .map(|(reward, arm)| reward - costs[*arm as usize])
            .collect();
        policies.push(PolicyEvaluation {
            policy: AS_LOGGED.to_owned(),
            value: ends(&mean(&earned, &judged.customers, &Interval::seeded(seed))),
        });
        let names =
            std::iter::once("nothing").chain(known.iter().map(|at| spec.actions()[usize::from(*at)].name.as_str()));
        for (arm, name) in names.enumerate() {
            let mut same = Bet::new(judged, &expected, &costs);
            same.choose(|_| arm);
            policies.push(same.told(name, seed));
        }
        Ok(Judgement {
            measures,
            policies,
            support: best.support(),
            standings,
        })
    }
}

impl Part {
    /// The Qini of an arm against doing nothing, and how far predictions are from what was observed.
    fn measures(&self, arm: u32, said: &[f64], seed: u64) -> Result<([f64; 3], f64)> {
        let rows: Vec<usize> = (0..self.arm.len())
            .filter(|row| self.arm[*row] == 0 || self.arm[*row] == arm)
            .collect();
        let of = |numbers: &[f64]| -> Vec<f64> { rows.iter().map(|row| numbers[*row]).collect() };
        let is_treated: Vec<bool> = rows.iter().map(|row| self.arm[*row] != 0).collect();
        let customers: Vec<u64> = rows.iter().map(|row| self.customers[*row]).collect();
        let judged = Judged {
            uplift: &of(said),
            is_treated: &is_treated,
            outcome: &of(&self.reward),
            propensity: &of(&self.propensity),
            customers: &customers,
        };
        let (found, [low, high], _) = measures(&judged, &Bootstrap::seeded(seed))?;
        Ok(([found.qini, low.qini, high.qini], found.calibration_slope))
    }
}

/// A policy that takes one action in each row, judged by what was logged.
struct Bet<'a> {
    judged: &'a Part,
    expected: &'a ndarray::Array2<f64>,
    costs: &'a [f64],
    chosen: Vec<usize>,
}

impl<'a> Bet<'a> {
    fn new(judged: &'a Part, expected: &'a ndarray::Array2<f64>, costs: &'a [f64]) -> Self {
        Self {
            judged,
            expected,
            costs,
            chosen: Vec::new(),
        }
    }

    fn choose(&mut self, choice: impl Fn(usize) -> usize) {
        self.chosen = (0..self.judged.arm.len()).map(choice).collect();
    }

    fn rounds(&self) -> (Vec<Round>, SupportCounts) {
        let mut counts = SupportCounts::default();
        let rounds = self.chosen.iter().enumerate().map(|(row, &chosen)| {
            let arm = self.judged.arm[row] as usize;
            let mut pi = vec![0.0; self.costs.len()];
            pi[chosen] = 1.0;
            counts.add(0, arm, &pi);
            let q: Vec<f64> = self
                .expected
                .row(row)
                .iter()
                .zip(self.costs)
                .map(|(q, cost)| q - cost)
                .collect();
            let logged = Logged {
                cluster: self.judged.customers[row],
                action: arm,
                reward: self.judged.reward[row] - self.costs[arm],
                propensity: self.judged.propensity[row],
            };
            Round::new(&logged, &pi, &q).expect("a decision of ours under a policy of ours")
        });
        (rounds.collect(), counts)
    }

    fn told(&self, policy: &str, seed: u64) -> PolicyEvaluation {
        let (rounds, _) = self.rounds();
        let value = values(&rounds, &[Estimator::DoublyRobust], &Interval::seeded(seed))[0];
        PolicyEvaluation {
            policy: policy.to_owned(),
            value: ends(&value.estimate),
        }
    }

    fn support(&self) -> Support {
        let (rounds, counts) = self.rounds();
        Support::of(&rounds, &counts, &Interval::seeded(1))
    }
}
