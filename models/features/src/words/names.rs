//! Attributes' names as a person reads them; in every language the business's own words.

use std::borrow::Cow;

use crate::Told;

/// How a name says that it is a point in time, which the sentence says anyway.
const OF_TIME: [&str; 6] = ["_at", "_on", "_date", "_time", "_datetime", "_timestamp"];

/// The same with the attribute's name, where there is one, as a person reads it: `contract_ends_at` is "contract ends".
pub(super) fn readable(told: &Told) -> Cow<'_, Told> {
    let mut readable = told.clone();
    match &mut readable {
        Told::AttributeDays { name } => *name = spaced(without_ending(name)),
        Told::Attribute { name, .. }
        | Told::AttributeFlag { name }
        | Told::AttributeCategory { name }
        | Told::AttributeMean { name, .. }
        | Told::AttributeSpread { name, .. }
        | Told::AttributeBack { name, .. }
        | Told::AttributeChanged { name } => *name = spaced(name),
        // Of no attribute.
        _ => return Cow::Borrowed(told),
    }
    Cow::Owned(readable)
}

fn without_ending(name: &str) -> &str {
    let lower = name.to_ascii_lowercase();
    let shorter = OF_TIME.iter().find_map(|ending| lower.strip_suffix(ending));
    shorter
        .filter(|shorter| !shorter.is_empty())
        .map_or(name, |shorter| &name[..shorter.len()])
}

fn spaced(name: &str) -> String {
    name.split('_')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_in_words_and_a_time_without_its_ending() {
        let days = |name: &str| match readable(&Told::AttributeDays { name: name.to_owned() }).into_owned() {
            Told::AttributeDays { name } => name,
            other => panic!("{other:?}"),
        };
        assert_eq!(days("contract_ends_at"), "contract ends");
        assert_eq!(days("Signup_Date"), "Signup");
        assert_eq!(days("birthday"), "birthday");
        assert_eq!(days("_at"), "at");
        let flag = |name: &str| Told::AttributeFlag { name: name.to_owned() };
        assert_eq!(*readable(&flag("has_app_at")), flag("has app at"));
        assert_eq!(*readable(&flag("loyal")), flag("loyal"));
    }
}
