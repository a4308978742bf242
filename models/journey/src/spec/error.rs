//! What is wrong with a `journey.toml`, said so that it can be mended at once.

use super::raw::RawSpec;

/// A fault in a `journey.toml`; the caller adds the file's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}{}", location(.key), suggestion(.nearest))]
pub struct SpecError {
    /// The key at fault, as a dotted path; empty when the whole text is.
    pub key: String,
    /// What was found and what was expected.
    pub message: String,
    /// The nearest valid key or name, when one is near.
    pub nearest: Option<String>,
}

impl SpecError {
    /// A fault at `key`.
    pub(super) fn at(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
            nearest: None,
        }
    }

    /// A name that refers to nothing, with the nearest that does.
    pub(super) fn unknown<'a>(
        key: impl Into<String>,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let nearest = nearest(name, known);
        Self {
            key: key.into(),
            message: format!("no {what} is named `{name}`"),
            nearest,
        }
    }
}

fn location(key: &str) -> String {
    if key.is_empty() {
        String::new()
    } else {
        format!("{key}: ")
    }
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// The raw spec in a TOML text, faults located by key.
pub(super) fn read_toml(text: &str) -> Result<RawSpec, SpecError> {
    let deserializer = toml::Deserializer::parse(text).map_err(|error| not_toml(text, &error))?;
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        let message = inner.message().to_owned();
        let line = inner.span().map(|span| line_of(text, span.start));
        let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        let nearest = match quoted.split_first() {
            Some((found, expected)) if message.starts_with("unknown") => nearest(found, expected.iter().copied()),
            _ => None,
        };
        let key = if path == "." { String::new() } else { path };
        let message = line.map_or(message.clone(), |line| format!("{message} (line {line})"));
        SpecError { key, message, nearest }
    })
}

fn not_toml(text: &str, error: &toml::de::Error) -> SpecError {
    let line = error.span().map_or(1, |span| line_of(text, span.start));
    SpecError::at("", format!("not valid TOML on line {line}: {}", error.message()))
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset.min(text.len())]
        .iter()
        .filter(|&&byte| byte == b'\n')
        .count()
}

/// The known name nearest to `name`, when it is near enough to be a slip of the hand.
fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.75)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate.to_owned())
}
