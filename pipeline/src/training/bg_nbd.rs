//! BG/NBD as a baseline: how likely a customer buys nothing for so long, told from when they bought alone.

use ndarray::Array2;
use percorso_journey::CustomerKey;
use percorso_learners::{BgNbd, Purchases};
use percorso_scoring::weeks;

use super::predictions::{Phase, Predictions};
use super::purchases::{LEAST_AGAIN, LEAST_CUSTOMERS, sample};
use super::recipe::{Bench, Origin};
use crate::Result;

/// The baseline's name in tables.
pub(crate) const BG_NBD: &str = "bg_nbd";

impl Bench<'_> {
    /// BG/NBD of everyone who had bought by an origin; `None` where the question is no silence of purchases, too few
    /// bought, or someone is asked about there who never did.
    ///
    /// It learns from what was bought, not from who left, so it needs no past answers and is no [`percorso_learners::Learner`].
    pub(crate) fn fit_bg_nbd(&self, origin: &Origin) -> Result<Option<BgNbd>> {
        let at = origin.at;
        let bought = sample(self.dataset.purchases.at(at));
        let purchases: Vec<Purchases> = bought.iter().map(|bought| bought.purchases).collect();
        let n_again = purchases.iter().filter(|purchases| purchases.frequency > 0).count();
        let has_bought = |customer: &CustomerKey| self.dataset.purchases.of(at, *customer).is_some();
        let can_tell = self.question.is_silence_of_purchases
            && purchases.len() >= LEAST_CUSTOMERS
            && n_again >= LEAST_AGAIN
            && origin.customers.iter().all(has_bought);
        can_tell
            .then(|| BgNbd::fit(&purchases).map_err(self.failed(BG_NBD)))
            .transpose()
    }

    /// What BG/NBD says of the rows asked about at a cut-off: of a silence that goes on, its share in that before.
    pub(crate) fn ask_bg_nbd(&self, model: &BgNbd, origin: &Origin, phase: Phase) -> Predictions {
        let [from, horizon] = [self.question.from_days, self.question.window_days].map(|days| weeks(days as f64));
        let mut probabilities = Array2::zeros((origin.customers.len(), 2));
        for (customer, mut p) in origin.customers.iter().zip(probabilities.outer_iter_mut()) {
            let bought = self.dataset.purchases.of(origin.at, *customer);
            let bought = bought.expect("a model is fitted only where everyone asked about has bought");
            let [before, p_silent] = [from, horizon].map(|weeks| model.p_silent(&bought.purchases, weeks));
            p[1] = if before > 0.0 { p_silent / before } else { 0.0 };
            p[0] = 1.0 - p[1];
        }
        origin.predictions(BG_NBD, phase, probabilities)
    }
}
