//! Calls a second and how long they take, with so many in flight.

use std::time::{Duration, Instant};

/// What was measured.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// How long each call took.
    latencies: Vec<Duration>,
    /// How long it went on.
    lasted: Duration,
}

impl Measured {
    /// Takes in another round.
    pub fn add(&mut self, round: Measured) {
        self.latencies.extend(round.latencies);
        self.lasted += round.lasted;
    }

    /// How many calls there were.
    pub fn n_calls(&self) -> usize {
        self.latencies.len()
    }

    /// Calls a second.
    pub fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.lasted.as_secs_f64()
    }

    /// The latency that a share of the calls stayed below, in microseconds.
    pub fn quantile_us(&self, share: f64) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort();
        let at = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
        sorted.get(at).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e6)
    }
}

/// Calls again and again for a while, always `in_flight` at once; `call` is given a number that no other call has.
///
/// # Panics
/// When a call fails: the bench is then worth nothing.
pub async fn measure<F, C>(in_flight: usize, lasting: Duration, call: F) -> Measured
where
    F: Fn(usize) -> C + Clone + Send + 'static,
    C: Future<Output = Result<(), tonic::Status>> + Send,
{
    called_by(in_flight, lasting, Duration::ZERO, call).await
}

/// Calls so often a second for a while, by so many callers in turn. A call's latency counts from when it was due: where its
/// caller still waited for the answer before, that is part of it.
///
/// # Panics
/// When a call fails: the bench is then worth nothing.
pub async fn measure_at<F, C>(per_second: f64, callers: usize, lasting: Duration, call: F) -> Measured
where
    F: Fn(usize) -> C + Clone + Send + 'static,
    C: Future<Output = Result<(), tonic::Status>> + Send,
{
    called_by(callers, lasting, Duration::from_secs_f64(1.0 / per_second), call).await
}

/// Each of the callers calls one after the other, no two calls of all being due within less than `apart`.
async fn called_by<F, C>(n_callers: usize, lasting: Duration, apart: Duration, call: F) -> Measured
where
    F: Fn(usize) -> C + Clone + Send + 'static,
    C: Future<Output = Result<(), tonic::Status>> + Send,
{
    let began = Instant::now();
    let callers: Vec<_> = (0..n_callers)
        .map(|caller| {
            let call = call.clone();
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                loop {
                    let number = caller + latencies.len() * n_callers;
                    let now = Instant::now();
                    let due = match apart.is_zero() {
                        true => now,
                        false => began + apart * number as u32,
                    };
                    if due >= began + lasting {
                        return latencies;
                    }
                    if due > now {
                        tokio::time::sleep_until(due.into()).await;
                    }
                    call(number).await.expect("every call is answered");
                    latencies.push(due.elapsed());
                }
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for caller in callers {
        latencies.extend(caller.await.expect("a caller does not panic"));
    }
    Measured {
        latencies,
        lasted: began.elapsed(),
    }
}
