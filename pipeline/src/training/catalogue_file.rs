//! What the columns of the rows mean, kept beside them, so that nobody has to ask the spec or the code.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use percorso_features::{Catalogue, Kind};
use percorso_journey::{CategoryId, Spec};

use crate::Result;
use crate::columns::ParquetFile;
use crate::dataset::Dataset;

/// The features, in the order of the columns: `name`, `family`, `kind`, `unit`, `meaning`, `missing`, `version`.
const FEATURES: &str = "features.parquet";
/// What the numbers in columns of categories stand for: `feature`, `id`, `label`.
const CATEGORIES: &str = "categories.parquet";

/// Writes both files of the rows of a training, which are in some datasets.
pub(super) fn write(folder: &Path, spec: &Spec, catalogue: &Catalogue, datasets: [&Dataset; 2]) -> Result<()> {
    let features: Vec<_> = catalogue.features().collect();
    let of_each = |told: &dyn Fn(&percorso_features::Feature) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(
            features.iter().map(|feature| told(feature)),
        ))
    };
    let kind = |kind: Kind| match kind {
        Kind::Number => "number",
        Kind::Category => "category",
    };
    write_table(
        &folder.join(FEATURES),
        vec![
            ("name", of_each(&|feature| feature.name.clone())),
            ("family", of_each(&|feature| feature.family.name().to_owned())),
            ("kind", of_each(&|feature| kind(feature.kind).to_owned())),
            ("unit", of_each(&|feature| feature.unit.clone())),
            ("meaning", of_each(&|feature| feature.meaning.clone())),
            ("missing", of_each(&|feature| feature.missing.clone())),
            (
                "version",
                Arc::new(UInt32Array::from_iter_values(
                    features.iter().map(|feature| feature.version),
                )),
            ),
        ],
    )?;
    let (mut names, mut numbers, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for (at, feature) in features
        .iter()
        .enumerate()
        .filter(|(_, feature)| feature.kind == Kind::Category)
    {
        let cells_of =
            |dataset: &Dataset| -> Vec<f64> { (0..dataset.len()).map(|row| dataset.cell(row, at)).collect() };
        let cells = datasets.into_iter().flat_map(cells_of);
        let seen: BTreeSet<u64> = cells
            .filter_map(CategoryId::from_cell)
            .map(CategoryId::number)
            .collect();
        for number in seen {
            let id = CategoryId::from_cell(number as f64).expect("an id that a cell held");
            names.push(feature.name.clone());
            numbers.push(number);
            labels.push(catalogue.label(spec, &datasets[0].labels, at, id));
        }
    }
    write_table(
        &folder.join(CATEGORIES),
        vec![
            ("feature", Arc::new(StringArray::from(names)) as ArrayRef),
            ("id", Arc::new(UInt64Array::from(numbers))),
            ("label", Arc::new(StringArray::from(labels))),
        ],
    )
}

fn write_table(path: &Path, columns: Vec<(&str, ArrayRef)>) -> Result<()> {
    let field = |(name, column): &(&str, ArrayRef)| {
        let data_type: DataType = column.data_type().clone();
        Field::new(*name, data_type, false)
    };
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let cells = columns.into_iter().map(|(_, column)| column).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), cells).expect("columns of one length");
    let mut file = ParquetFile::create(path, schema)?;
    file.write(&batch)?;
    file.finish()
}
