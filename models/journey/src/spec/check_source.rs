//! The sources of a `journey.toml`, checked: every rule for a field that exists, every field found by name.

use super::SpecError;
use super::check::Names;
use super::raw::{RawAnonymous, RawColumn, RawDedupe, RawRule, RawSource};
use super::source::{Anonymous, ByName, ColumnRule, CsvFormat, Dedupe, Field, LineMerge, Source};

pub(super) fn checked_source(key: &str, raw: RawSource, names: &Names<'_>) -> Result<Source, SpecError> {
    if raw.paths.is_empty() {
        return Err(SpecError::at(
            format!("{key}.paths"),
            "expected at least one file, folder or glob",
        ));
    }
    let delimiter = u8::try_from(raw.delimiter)
        .map_err(|_| SpecError::at(format!("{key}.delimiter"), "expected one ASCII character"))?;
    let mut columns = Vec::with_capacity(raw.columns.len());
    for (name, column) in raw.columns {
        let key = format!("{key}.columns.{name}");
        let attribute = || names.attribute(&key, &name).map(Field::Attribute);
        let field = contract_field(&name).map_or_else(
            || {
                attribute().map_err(|error| {
                    let fields = Field::NAMED.iter().map(|(field, _)| *field);
                    let known = fields.chain(names.attributes.iter().map(|attribute| attribute.name.as_str()));
                    SpecError {
                        nearest: SpecError::unknown("", "", &name, known).nearest,
                        ..error
                    }
                })
            },
            Ok,
        )?;
        columns.push((field, rule(&key, column)?));
    }
    let lines = raw.merge_lines.then_some(LineMerge);
    if lines.is_some() && !columns.iter().any(|(field, _)| *field == Field::EventId) {
        return Err(SpecError::at(
            format!("{key}.merge_lines"),
            "lines are merged by `columns.event_id`, which is not set",
        ));
    }
    let dedupe = match raw.dedupe {
        RawDedupe::Keep => Dedupe::Keep,
        RawDedupe::Exact => Dedupe::Exact,
    };
    let anonymous = match raw.anonymous {
        RawAnonymous::Quarantine => Anonymous::Quarantine,
        RawAnonymous::Skip => Anonymous::Skip,
    };
    let by_name = if raw.by_name { ByName::Read } else { ByName::Ignored };
    Ok(Source {
        paths: raw.paths,
        csv: CsvFormat { delimiter },
        dedupe,
        anonymous,
        columns,
        by_name,
        lines,
    })
}

fn rule(key: &str, raw: RawColumn) -> Result<ColumnRule, SpecError> {
    let raw = match raw {
        RawColumn::Name(name) => return Ok(ColumnRule::Column { name, format: None }),
        RawColumn::Rule(raw) => raw,
    };
    match raw {
        RawRule {
            column: Some(name),
            format,
            constant: None,
            product_of: None,
            starts_with: None,
            otherwise: None,
        } => Ok(ColumnRule::Column { name, format }),
        RawRule {
            column: None,
            format: None,
            constant: Some(value),
            product_of: None,
            starts_with: None,
            otherwise: None,
        } => Ok(ColumnRule::Constant(value)),
        RawRule {
            column: None,
            format: None,
            constant: None,
            product_of: Some([left, right]),
            starts_with: None,
            otherwise: None,
        } => Ok(ColumnRule::ProductOf(left, right)),
        RawRule {
            column: Some(name),
            format: None,
            constant: None,
            product_of: None,
            starts_with: Some(cases),
            otherwise: Some(otherwise),
        } => Ok(ColumnRule::StartsWith {
            name,
            cases: cases.into_iter().collect(),
            otherwise,
        }),
        _ => Err(SpecError::at(
            key,
            "expected a column name, { column, format }, { constant }, { product_of } or { column, starts_with, otherwise }",
        )),
    }
}

pub(super) fn contract_field(name: &str) -> Option<Field> {
    Field::NAMED
        .iter()
        .find(|(field, _)| *field == name)
        .map(|(_, field)| field.clone())
}
