//! On which core a thread runs.

/// Keeps this thread, and those that it starts from now on, on one core; modulo those there are.
pub fn pin(core: usize) {
    // SAFETY: an empty set is all zero; the kernel reads it.
    unsafe {
        let cores = libc::sysconf(libc::_SC_NPROCESSORS_ONLN).max(1) as usize;
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core % cores, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &set);
    }
}
