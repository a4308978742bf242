//! The customers that two run folders were both asked about, found by their keys or by their ids.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::Array2;
use percorso_journey::CustomerKey;

use super::judged::Judged;
use crate::ids::reveal;
use crate::run::RunFolder;

/// Both as judged, under the first's keys.
pub(super) struct Common {
    judged: [Judged; 2],
}

/// Answers of the same customers to one question.
pub(super) struct Rows {
    pub(super) customers: Vec<u64>,
    pub(super) labels: Vec<u32>,
    pub(super) probabilities: [Array2<f64>; 2],
    pub(super) n_told_differently: usize,
}

/// Brings both under one key, or says why that cannot be.
///
/// Keys of one secret meet; those of two never do, and then the id maps say who is who, to whoever may read them.
pub(super) fn common(
    [(first_run, first), (second_run, mut second)]: [(&RunFolder, Judged); 2],
) -> Result<Common, String> {
    let keys = |judged: &Judged| -> BTreeSet<CustomerKey> {
        let of_question = judged.questions.values();
        of_question
            .flat_map(|answers| answers.by_customer.keys().copied())
            .collect()
    };
    let (of_first, of_second) = (keys(&first), keys(&second));
    for (run, keys) in [(first_run, &of_first), (second_run, &of_second)] {
        if keys.is_empty() {
            let run = run.path().display();
            return Err(format!(
                "the predictions of {run} do not tell their classes, as those of earlier versions; `percorso train --run {run}`"
            ));
        }
    }
    if of_first.is_disjoint(&of_second) {
        let ids = |run: &RunFolder, keys: &BTreeSet<CustomerKey>| {
            let wanted: Vec<CustomerKey> = keys.iter().copied().collect();
            reveal(&run.id_map(), &wanted).map_err(|error| {
                format!("their customer keys are made with different key files, and the ids cannot be read: {error}")
            })
        };
        let first_of_id: BTreeMap<String, CustomerKey> = {
            let named = ids(first_run, &of_first)?;
            named.into_iter().map(|(key, id)| (id, key)).collect()
        };
        let of_key = ids(second_run, &of_second)?;
        let renamed = |key: CustomerKey| first_of_id.get(of_key.get(&key)?).copied();
        for answers in second.questions.values_mut() {
            let told = std::mem::take(&mut answers.by_customer).into_iter();
            answers.by_customer = told.filter_map(|(key, told)| Some((renamed(key)?, told))).collect();
        }
        if of_first.is_disjoint(&keys(&second)) {
            return Err("they have no customer in common, by key or by id".to_owned());
        }
    }
    Ok(Common {
        judged: [first, second],
    })
}

impl Common {
    /// The answers of customers that both were asked about, or why there are none.
    pub(super) fn rows(&self, question: &str) -> Result<Rows, String> {
        let [Some(first), Some(second)] = [0, 1].map(|at| self.judged[at].questions.get(question)) else {
            return Err("only one of them has predictions of it".to_owned());
        };
        if first.classes != second.classes {
            return Err(format!(
                "its answers are not the same: {} and {}",
                first.classes.join(", "),
                second.classes.join(", ")
            ));
        }
        let mut rows = Rows {
            customers: Vec::new(),
            labels: Vec::new(),
            probabilities: [(); 2].map(|()| Array2::zeros((0, first.classes.len()))),
            n_told_differently: 0,
        };
        for (key, (label, told)) in &first.by_customer {
            let Some((other_label, other)) = second.by_customer.get(key) else {
                continue;
            };
            if label != other_label {
                rows.n_told_differently += 1;
                continue;
            }
            rows.customers.push(key.group());
            rows.labels.push(*label);
            for (probabilities, told) in rows.probabilities.iter_mut().zip([told, other]) {
                let row = ndarray::ArrayView1::from(told.as_slice());
                probabilities
                    .push_row(row)
                    .map_err(|_| "a row has another number of classes".to_owned())?;
            }
        }
        if rows.labels.is_empty() {
            return Err("no customer was asked it in both with the same answer".to_owned());
        }
        Ok(rows)
    }
}
