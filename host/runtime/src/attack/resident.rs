//! Memory of this process, where the system tells it.

/// Bytes that are resident now; nothing where nobody says.
pub(super) fn now() -> Option<u64> {
    status("VmRSS:")
}

/// The most bytes that were resident since [`forget`].
pub(super) fn most() -> Option<u64> {
    status("VmHWM:")
}

/// Sets the most that were resident back to what is resident now.
pub(super) fn forget() {
    if cfg!(target_os = "linux") {
        // Where that is not allowed, the peak is one of before, and says too much rather than too little.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
    }
}

fn status(field: &str) -> Option<u64> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

/// Bytes as people read them.
pub(super) fn shown(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}
