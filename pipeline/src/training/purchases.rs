//! Models of purchases: what ships, and how it did after the test cut-off.

use std::collections::BTreeMap;

use percorso_journey::{Spec, Timestamp};
use percorso_learners::{Bought, PurchaseModel};
use percorso_scoring::weeks;
use serde::{Deserialize, Serialize};

use crate::cutoffs::Cutoffs;
use crate::dataset::Dataset;
use crate::purchases::{PurchaseHistory, Purchaser};

/// The models of purchases that value at risk comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurchaseEvaluation {
    /// Why there is none, and nothing is said of value at risk; absent when there is.
    pub none_because: Option<String>,
    /// Customers who had bought by the newest cut-off, on whom what ships is fitted (at most 20,000 of them).
    pub n_customers: usize,
    /// What ships: `r`, `alpha` (weeks), `a`, `b` of BG/NBD, `p`, `q`, `v` (money) of Gamma-Gamma.
    pub parameters: BTreeMap<String, f64>,
    /// How a model fitted by the test cut-off did after it.
    pub test: Option<PurchaseTest>,
}

/// What was expected of everyone who had bought by the test cut-off, and what came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurchaseTest {
    /// Days from the test cut-off on.
    pub horizon_days: u32,
    /// Customers.
    pub n_customers: usize,
    /// Days with a purchase that were expected, all customers together.
    pub expected_purchase_days: f64,
    /// Days with a purchase that came.
    pub purchase_days: f64,
    /// What they were expected to spend.
    pub expected_value: f64,
    /// What they spent.
    pub value: f64,
}

/// A fit reads no more customers: parameters are then known to about a hundredth.
const MOST_CUSTOMERS: usize = 20_000;
/// Fewer customers who bought, or fewer who bought again or at a value, tell too little.
pub(super) const LEAST_CUSTOMERS: usize = 100;
pub(super) const LEAST_AGAIN: usize = 30;

/// The model that ships, fitted by the newest cut-off, and its evaluation at the test cut-off.
pub(super) fn purchases(
    spec: &Spec,
    dataset: &Dataset,
    cutoffs: &Cutoffs,
) -> (Option<PurchaseModel>, PurchaseEvaluation) {
    let newest = cutoffs.all.last().copied().unwrap_or(cutoffs.test_at);
    let known = dataset.purchases.at(newest);
    let (model, none_because) = match fitted(known) {
        Ok(model) => (Some(model), None),
        Err(why) => (None, Some(why)),
    };
    let evaluation = PurchaseEvaluation {
        none_because,
        n_customers: known.len(),
        parameters: model.as_ref().map(parameters).unwrap_or_default(),
        test: test(spec, &dataset.purchases, cutoffs.test_at),
    };
    (model, evaluation)
}

/// The model of these customers, or why there is none.
fn fitted(purchasers: &[Purchaser]) -> Result<PurchaseModel, String> {
    let bought = sample(purchasers);
    let n_again = bought.iter().filter(|bought| bought.purchases.frequency > 0).count();
    let n_valued = bought.iter().filter(|bought| bought.spending.frequency > 0).count();
    if bought.len() < LEAST_CUSTOMERS || n_again < LEAST_AGAIN || n_valued < LEAST_AGAIN {
        return Err(format!(
            "{} customers bought, {n_again} of them again and {n_valued} at a value; \
             {LEAST_CUSTOMERS}, {LEAST_AGAIN} and {LEAST_AGAIN} are needed",
            bought.len()
        ));
    }
    PurchaseModel::fit(&bought).map_err(|error| error.to_string())
}

/// What the first customers by key bought, which is as good as chance.
pub(super) fn sample(purchasers: &[Purchaser]) -> Vec<Bought> {
    let first = purchasers.iter().take(MOST_CUSTOMERS);
    first.map(|purchaser| purchaser.bought).collect()
}

fn parameters(model: &PurchaseModel) -> BTreeMap<String, f64> {
    let PurchaseModel { counts, values } = model;
    let named = [
        ("r", counts.r),
        ("alpha", counts.alpha),
        ("a", counts.a),
        ("b", counts.b),
        ("p", values.p),
        ("q", values.q),
        ("v", values.v),
    ];
    named.into_iter().map(|(name, n)| (name.to_owned(), n)).collect()
}

fn test(spec: &Spec, history: &PurchaseHistory, test_at: Timestamp) -> Option<PurchaseTest> {
    let purchasers = history.at(test_at);
    let model = fitted(purchasers).ok()?;
    let horizon_days = spec.longest_window_days();
    let horizon = weeks(f64::from(horizon_days));
    let mut test = PurchaseTest {
        horizon_days,
        n_customers: purchasers.len(),
        expected_purchase_days: 0.0,
        purchase_days: 0.0,
        expected_value: 0.0,
        value: 0.0,
    };
    for purchaser in purchasers {
        let n_expected = model.counts.expected_purchases(&purchaser.bought.purchases, horizon);
        test.expected_purchase_days += n_expected;
        test.expected_value += n_expected * model.values.expected_value(&purchaser.bought.spending);
        test.purchase_days += f64::from(purchaser.n_days_after);
        test.value += purchaser.value_after;
    }
    // Where nearly nobody drops out, the expectation is out of a float's reach.
    let is_told = test.expected_purchase_days.is_finite() && test.expected_value.is_finite();
    is_told.then_some(test)
}
