//! The one clock of serving, handed in so that tests need no wall clock.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use percorso_journey::Timestamp;

/// Tells what time it is.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A clock that shows `at` now and goes on from there, for history that ended in the past.
pub fn clock_from(at: Timestamp) -> Clock {
    let began = Instant::now();
    Arc::new(move || {
        let passed = i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(at.micros().saturating_add(passed))
    })
}

/// The machine's own clock; a time before 1970 is 1970.
#[expect(clippy::disallowed_methods, reason = "this is serving's clock")]
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    })
}
