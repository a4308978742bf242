//! Checks of settings: an error names the setting, its range and what was found.

use crate::{Error, Result};

/// A finite number above 0.
#[cfg(feature = "fit")]
pub(crate) fn positive(setting: &'static str, found: f64) -> Result<()> {
    let within = found.is_finite() && found > 0.0;
    check(setting, within, "a positive number", found)
}

/// A number above 0 and not above 1.
#[cfg(feature = "fit")]
pub(crate) fn share(setting: &'static str, found: f64) -> Result<()> {
    check(setting, found > 0.0 && found <= 1.0, "above 0, at most 1", found)
}

/// A number of things, not none.
pub(crate) fn at_least_one(setting: &'static str, found: usize) -> Result<()> {
    check(setting, found > 0, "at least 1", found as f64)
}

/// Any range, told in words.
pub(crate) fn check(setting: &'static str, is_within: bool, expected: &'static str, found: f64) -> Result<()> {
    if is_within {
        return Ok(());
    }
    Err(Error::Setting {
        setting,
        expected,
        found,
    })
}
