//! The peak of this process's memory while something runs, as Linux tells it.

/// What `work` returns, and the memory it held at its peak above what was held before, in MiB; nothing where the system
/// does not tell.
pub(crate) fn peak_mib_of<T>(work: impl FnOnce() -> T) -> (T, Option<f64>) {
    // Writing 5 makes the peak what is held now (proc(5), clear_refs).
    let reset = std::fs::write("/proc/self/clear_refs", "5");
    let before = status_mib("VmRSS:");
    let result = work();
    let peak = status_mib("VmHWM:");
    let above = reset.ok().and_then(|()| Some(peak? - before?));
    (result, above)
}

fn status_mib(name: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}
