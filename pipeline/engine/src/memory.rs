//! How much memory a run may take.

/// Half of what this process may use: of its control group's limit where there is one, else of the machine's memory.
///
/// 1 GiB where neither can be read.
pub fn memory_bytes_default() -> u64 {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let limit = |path: &str| read(path).and_then(|text| text.trim().parse::<u64>().ok());
    let machine = read("/proc/meminfo").and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
        line.split_whitespace()
            .nth(1)?
            .parse::<u64>()
            .ok()
            .map(|kib| kib * 1024)
    });
    let group = limit("/sys/fs/cgroup/memory.max").or_else(|| limit("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
    match (group, machine) {
        (Some(group), Some(machine)) => group.min(machine) / 2,
        (Some(bytes), None) | (None, Some(bytes)) => bytes / 2,
        (None, None) => 1 << 30,
    }
}

/// What the sorter's pool may hold of `memory_bytes`: the process takes up to 200 MiB beside it.
pub(crate) fn pool_bytes(memory_bytes: u64) -> usize {
    const BESIDE: u64 = 200 << 20;
    memory_bytes
        .saturating_sub(BESIDE)
        .max(memory_bytes / 3)
        .max(BYTES_PER_SORTER) as usize
}

/// How many sorters a pool feeds at once, of at most `threads`: one that is fed too little cannot even spill.
pub(crate) fn sorters(memory_bytes: u64, threads: usize) -> usize {
    threads.min(pool_bytes(memory_bytes) / BYTES_PER_SORTER as usize).max(1)
}

/// What one sorter needs to make headway: a few batches of 8,192 wide rows, twice while they are sorted, and its merge.
const BYTES_PER_SORTER: u64 = 64 << 20;
