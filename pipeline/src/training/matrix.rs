//! Rows of a dataset as a learner takes them: encoded, with labels and groups.

use ndarray::Array2;
use percorso_features::{Catalogue, EncodedColumn, Encoder, Feature};
use percorso_journey::Spec;
use percorso_learners::{Column, TrainingSet};

use super::question::Question;
use crate::dataset::Dataset;
use crate::{Error, Result};

/// Encoded rows with their answers.
pub(crate) struct Matrix {
    pub(crate) cells: Array2<f32>,
    pub(crate) columns: Vec<Column>,
    pub(crate) labels: Vec<u32>,
    pub(crate) customers: Vec<u64>,
    pub(crate) n_classes: usize,
}

impl Matrix {
    /// The rows of a dataset under an encoder.
    pub(crate) fn of(
        dataset: &Dataset,
        catalogue: &Catalogue,
        encoder: &Encoder,
        question: &Question,
        rows: &[usize],
    ) -> Self {
        Self {
            cells: encoded(dataset, catalogue, encoder, rows),
            columns: columns(catalogue, encoder),
            labels: rows
                .iter()
                .map(|&row| question.label(dataset, row).expect("only labelled rows are asked for"))
                .collect(),
            customers: rows.iter().map(|&row| dataset.customers[row].group()).collect(),
            n_classes: question.classes.len(),
        }
    }

    /// The matrix as a checked training set.
    pub(crate) fn training_set(&self, what: &str) -> Result<TrainingSet<'_>> {
        TrainingSet::new(
            self.cells.view(),
            &self.columns,
            &self.labels,
            self.n_classes,
            &self.customers,
        )
        .map_err(|source| Error::Fit {
            what: what.to_owned(),
            source,
        })
    }

    /// True when only one answer occurs, so that there is nothing to tell apart.
    pub(crate) fn is_of_one_class(&self) -> bool {
        self.labels.windows(2).all(|pair| pair[0] == pair[1])
    }
}

/// Rows of a dataset under an encoder.
pub(crate) fn encoded(dataset: &Dataset, catalogue: &Catalogue, encoder: &Encoder, rows: &[usize]) -> Array2<f32> {
    let mut cells = Array2::zeros((rows.len(), catalogue.len()));
    let mut row_cells = vec![0.0; catalogue.len()];
    for (&row, mut to) in rows.iter().zip(cells.outer_iter_mut()) {
        dataset.cells(row, &mut row_cells);
        encoder.encode(
            &row_cells,
            to.as_slice_mut().expect("a row-major matrix has contiguous rows"),
        );
    }
    cells
}

/// What a learner is told of the columns, in catalogue order.
pub(crate) fn columns(catalogue: &Catalogue, encoder: &Encoder) -> Vec<Column> {
    let column = |(feature, encoded): (&Feature, EncodedColumn)| match encoded {
        EncodedColumn::Number => Column::number(&feature.name),
        EncodedColumn::Category { cardinality } => Column::category(&feature.name, cardinality),
    };
    catalogue.features().zip(encoder.columns()).map(column).collect()
}

/// The encoder of these rows.
pub(crate) fn encoder(dataset: &Dataset, spec: &Spec, catalogue: &Catalogue, rows: &[usize]) -> Encoder {
    let with_customer = |&row: &usize| {
        let mut cells = vec![0.0; catalogue.len()];
        dataset.cells(row, &mut cells);
        (cells, dataset.customers[row].group())
    };
    let min_customers = spec.training().min_customers_per_value as usize;
    Encoder::fit(
        catalogue,
        rows.iter().map(with_customer),
        |at, id| catalogue.label(spec, &dataset.labels, at, id),
        min_customers,
    )
}

/// At most about `most` of the rows, whole customers at a time, chosen by hash so that the choice depends on nothing else.
pub(crate) fn sample(dataset: &Dataset, rows: Vec<usize>, most: usize, seed: u64) -> Vec<usize> {
    if rows.len() <= most {
        return rows;
    }
    let share = most as f64 / rows.len() as f64;
    let is_chosen = |row: &usize| {
        let mixed = (dataset.customers[*row].group() ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 11) as f64 / (1_u64 << 53) as f64 <= share
    };
    rows.into_iter().filter(is_chosen).collect()
}
