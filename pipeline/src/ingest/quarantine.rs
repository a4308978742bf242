//! Rows that break the event contract: kept aside with file, row and reason.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use percorso_journey::ContractBreak;

use super::files::SourceFile;
use crate::columns::ParquetFile;
use crate::{Error, Result};

/// One row set aside.
#[derive(Clone, Debug)]
pub(super) struct BadRow {
    pub(super) file: u32,
    pub(super) row: i64,
    pub(super) reason: ContractBreak,
}

/// Rows set aside so far: counted by reason, kept up to a bound.
#[derive(Debug, Default)]
pub(super) struct Quarantine {
    rows: Vec<BadRow>,
    counts: BTreeMap<&'static str, u64>,
}

/// Beyond this many rows only counts go on: a run with so many stops anyway, or its data have tens of millions of rows.
const MAX_KEPT: usize = 1_000_000;

impl Quarantine {
    pub(super) fn add(&mut self, bad: Vec<BadRow>) {
        for row in bad {
            *self.counts.entry(row.reason.reason()).or_default() += 1;
            if self.rows.len() < MAX_KEPT {
                self.rows.push(row);
            }
        }
    }

    /// Takes in what another counted and kept.
    pub(super) fn merge(&mut self, other: Quarantine) {
        for (reason, count) in other.counts {
            *self.counts.entry(reason).or_default() += count;
        }
        let room = MAX_KEPT.saturating_sub(self.rows.len());
        self.rows.extend(other.rows.into_iter().take(room));
    }

    pub(super) fn n_rows(&self) -> u64 {
        self.counts.values().sum()
    }

    pub(super) fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// Counts by reason, each with its first row told in full.
    pub(super) fn told(&self, files: &[SourceFile]) -> String {
        let mut told = Vec::new();
        for (reason, count) in &self.counts {
            let first = self
                .rows
                .iter()
                .filter(|bad| bad.reason.reason() == *reason)
                .min_by_key(|bad| (bad.file, bad.row));
            let first = first.map_or_else(String::new, |bad| {
                format!(
                    ", first in {} row {}: {}",
                    files[bad.file as usize].path.display(),
                    bad.row,
                    bad.reason
                )
            });
            told.push(format!("{reason} {count}×{first}"));
        }
        told.join("; ")
    }

    /// Writes `source_file`, `source_row`, `reason`, `detail`, in file and row order.
    pub(super) fn write(mut self, path: &Path, files: &[SourceFile]) -> Result<()> {
        self.rows.sort_by_key(|bad| (bad.file, bad.row));
        let file = |bad: &BadRow| files[bad.file as usize].path.display().to_string();
        let columns: [(&str, ArrayRef); 4] = [
            (
                "source_file",
                Arc::new(StringArray::from_iter_values(self.rows.iter().map(file))),
            ),
            (
                "source_row",
                Arc::new(Int64Array::from_iter_values(self.rows.iter().map(|bad| bad.row))),
            ),
            (
                "reason",
                Arc::new(StringArray::from_iter_values(
                    self.rows.iter().map(|bad| bad.reason.reason()),
                )),
            ),
            (
                "detail",
                Arc::new(StringArray::from_iter_values(
                    self.rows.iter().map(|bad| bad.reason.to_string()),
                )),
            ),
        ];
        let batch = RecordBatch::try_from_iter(columns).map_err(|error| Error::columns(path)(error.into()))?;
        let mut file = ParquetFile::create(path, batch.schema())?;
        file.write(&batch)?;
        file.finish()
    }
}
