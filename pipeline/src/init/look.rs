//! The first reading: which files there are, and what their columns look like.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::column::{Column, Kind};
use super::fields::Table;
use super::tables::{DataFile, Written};
use super::times::{FORMATS, time_of};
use crate::progress::Progress;
use crate::{Error, Result};

/// A file that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    path: PathBuf,
    whose: Whose,
}

/// Who asked for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// It was named, so it has to be right.
    Named,
    /// It lies in a folder that was, perhaps by accident.
    InFolder,
}

/// The files that the paths mean, in order, each once.
///
/// # Errors
/// - a path is not there; a folder holds no file of a known format.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let within = crate::ingest::within(path)?;
            if within.is_empty() {
                let message = "the folder holds no file that ends in .parquet, .csv, .csv.gz, .xes or .xes.gz";
                return Err(Error::data(path, message));
            }
            let whose = Whose::InFolder;
            found.extend(within.into_iter().map(|path| Found { path, whose }));
        } else {
            let (path, whose) = (path.clone(), Whose::Named);
            found.push(Found { path, whose });
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|file| seen.insert(file.path.canonicalize().unwrap_or_else(|_| file.path.clone())));
    Ok(found)
}

/// The columns of every file, files of one shape together; and the files of folders that cannot be used, with why not.
///
/// # Errors
/// - a file that was named cannot be used, or none of a folder's can.
pub(super) fn look(files: &[Found], progress: &dyn Progress) -> Result<(Vec<Table>, BTreeMap<String, String>)> {
    let mut tables: Vec<Table> = Vec::new();
    let (mut unusable, mut first_error) = (BTreeMap::new(), None);
    for file in files {
        let table = table(&file.path);
        progress.advance(1);
        let table = match table {
            Ok(table) => table,
            Err(Error::Data { path, message }) if file.whose == Whose::InFolder => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                unusable.insert(name, message.clone());
                first_error = first_error.or(Some(Error::Data { path, message }));
                continue;
            }
            Err(error) => return Err(error),
        };
        match tables.iter_mut().find(|other| other.is_like(&table)) {
            Some(other) => other.join(table),
            None => tables.push(table),
        }
    }
    match first_error {
        Some(error) if tables.is_empty() => Err(error),
        _ => Ok((tables, unusable)),
    }
}

/// One file and its columns.
fn table(path: &Path) -> Result<Table> {
    let file = DataFile::at(path)?;
    let mut columns: BTreeMap<String, Column> = BTreeMap::new();
    let (mut unread, mut n_rows) = (BTreeMap::new(), 0);
    for batch in file.read()? {
        let batch = batch?;
        n_rows += batch.n_rows as u64;
        unread.extend(batch.unread);
        for (name, text) in &batch.columns {
            let new = || Column::new(name, text.position, text.written);
            columns.entry(name.clone()).or_insert_with(new).observe(text);
        }
    }
    if n_rows == 0 {
        return Err(Error::data(path, "the file has a header and no rows"));
    }
    let mut columns: Vec<Column> = columns.into_values().collect();
    columns.sort_by_key(|column| column.position);
    columns.iter_mut().for_each(|column| column.n_rows = n_rows);
    if columns.iter().any(is_headed_by_data) {
        let message = "its first line looks like data: add a header line, with a name for each column";
        return Err(Error::data(path, message));
    }
    Ok(Table {
        files: vec![file],
        columns,
        unread,
        n_rows,
    })
}

/// Whether a column of times is called a time, as where a file has no header line.
fn is_headed_by_data(column: &Column) -> bool {
    let is_time =
        |format: &Option<&str>| !matches!(format, Some("%Y%m%d" | "%s")) && time_of(&column.name, *format).is_some();
    column.written == Written::Text && matches!(column.kind(), Kind::Time(_)) && FORMATS.iter().any(is_time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::tests::Nobody;

    fn looked(files: &[(&str, &[u8])]) -> Result<(Vec<Table>, BTreeMap<String, String>)> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).expect("written");
        }
        let first = folder.path().join(files[0].0);
        look(&super::files(&[folder.path().to_owned(), first])?, &Nobody)
    }

    #[test]
    fn a_file_of_a_folder_that_cannot_be_used_is_passed_over() {
        let (tables, unusable) = looked(&[
            ("a.csv", b"who,when\nann,2024-01-31\n"),
            ("b.csv", b"who,when\n"),
            ("c.csv", b"who,when\nJos\xe9,2024-01-31\n"),
            ("d.csv", b"bob,2024-01-30\nann,2024-01-31\n"),
        ])
        .expect("one is right");
        assert_eq!((tables.len(), tables[0].n_rows), (1, 1), "and read once");
        assert!(unusable["b.csv"].contains("no rows"));
        assert!(unusable["c.csv"].contains("save it as UTF-8"), "{unusable:?}");
        assert!(unusable["d.csv"].contains("add a header line"), "{unusable:?}");
        let error = looked(&[("b.csv", b"who,when\n")]).expect_err("none is right");
        assert!(error.to_string().contains("no rows"), "{error}");
    }

    #[test]
    fn months_are_one_table_though_one_has_no_day_after_the_twelfth() {
        let months: [(&str, &[u8]); 2] = [
            ("2024-01.csv", b"who,when,note\nann,01/02/2024,\nbob,01/31/2024,\n"),
            ("2024-02.csv", b"who,when,note\nann,02/02/2024,x\nbob,02/11/2024,y\n"),
        ];
        let (tables, _) = looked(&months).expect("readable");
        assert_eq!(tables.len(), 1);
        assert_eq!(tables[0].columns[1].kind(), Kind::Time(Some("%m/%d/%Y")));
    }
}
