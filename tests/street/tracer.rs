//! Kills a process exactly before or after its n-th packet or journal write: ptrace(2) stops it there.
//!
//! All of the process's threads are traced, from its first instruction on; children that are processes
//! (keepers) are let go at once.

use std::collections::HashSet;
use std::fs;
use std::mem::{size_of, zeroed};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering::SeqCst};
use std::thread::JoinHandle;

/// On which side of a system call the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Before,
    After,
}

/// A process under trace.
pub struct Traced {
    pid: Arc<AtomicI32>,
    steps: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
    tracer: Option<JoinHandle<()>>,
}

/// What counts as a step: datagrams, and what changes a file in place or by name.
fn is_step(number: u64) -> bool {
    let steps = [libc::SYS_sendto, libc::SYS_sendmsg, libc::SYS_sendmmsg, libc::SYS_pwrite64];
    let renames = [libc::SYS_renameat2, libc::SYS_renameat];
    #[cfg(target_arch = "x86_64")]
    let renames = [renames[0], renames[1], libc::SYS_rename];
    steps.iter().chain(&renames).any(|&step| step as u64 == number)
}

/// A request without an address.
fn ptrace(request: libc::c_uint, task: libc::pid_t, data: usize) -> bool {
    // SAFETY: the requests used here take a number as their data; a task that is gone is an error.
    unsafe { libc::ptrace(request, task, null_mut::<libc::c_void>(), data) == 0 }
}

impl Traced {
    /// Starts it; dies at this step, if one is given, counted from zero.
    pub fn start(command: Command, kill: Option<(usize, Side)>) -> Self {
        let (pid, steps, ended) =
            (Arc::new(AtomicI32::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (its_pid, its_steps, its_end) = (pid.clone(), steps.clone(), ended.clone());
        // Requests are honoured from the tracing thread alone.
        let tracer = std::thread::spawn(move || {
            trace(command, kill, &its_pid, &its_steps);
            its_end.store(true, SeqCst);
        });
        Self { pid, steps, ended, tracer: Some(tracer) }
    }

    /// Packets and writes that it began so far.
    pub fn steps(&self) -> usize {
        self.steps.load(SeqCst)
    }

    pub fn is_over(&self) -> bool {
        self.ended.load(SeqCst)
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        let pid = self.pid.load(SeqCst);
        if pid > 0 && !self.is_over() {
            // SAFETY: our child; its number is its own until the tracer has waited for it.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
        let _ = self.tracer.take().map(JoinHandle::join);
    }
}

fn trace(mut command: Command, kill: Option<(usize, Side)>, pid: &AtomicI32, steps: &AtomicUsize) {
    let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_EXITKILL;
    // SAFETY: one system call between fork and exec.
    unsafe {
        command.pre_exec(|| match libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
    let leader = command.spawn().unwrap().id() as libc::pid_t;
    pid.store(leader, SeqCst);
    let (mut known, mut count, mut dying) = (HashSet::new(), 0, None);
    loop {
        let mut status = 0;
        // SAFETY: writes one number; children and tracees of this thread only.
        let task = unsafe { libc::waitpid(-1, &mut status, libc::__WALL | libc::__WNOTHREAD) };
        if task < 0 || task == leader && (libc::WIFEXITED(status) || libc::WIFSIGNALED(status)) {
            return;
        }
        if !libc::WIFSTOPPED(status) {
            continue;
        }
        let signal = libc::WSTOPSIG(status);
        if known.insert(task) {
            if task == leader {
                ptrace(libc::PTRACE_SETOPTIONS, task, options as usize); // behind its exec
            } else if !is_thread_of(task, leader) {
                ptrace(libc::PTRACE_DETACH, task, 0);
                known.remove(&task); // its number may come again
                continue;
            }
            ptrace(libc::PTRACE_SYSCALL, task, 0); // without the signal that it stopped with
            continue;
        }
        if signal != libc::SIGTRAP | 0x80 {
            let event = status >> 16 != 0 || signal == libc::SIGTRAP;
            ptrace(libc::PTRACE_SYSCALL, task, if event { 0 } else { signal as usize });
            continue;
        }
        match step(task) {
            Some(true) => {
                let due = kill.is_some_and(|(at, _)| at == count);
                match kill {
                    Some((_, Side::Before)) if due => strike(leader),
                    Some((_, Side::After)) if due => dying = Some(task),
                    _ => {}
                }
                count += 1;
                steps.store(count, SeqCst);
            }
            Some(false) if dying == Some(task) => strike(leader),
            Some(false) | None => {}
        }
        ptrace(libc::PTRACE_SYSCALL, task, 0);
    }
}

fn strike(process: libc::pid_t) {
    // SAFETY: our child, not waited for yet.
    unsafe { libc::kill(process, libc::SIGKILL) };
}

/// Whether it is about to make a step (true), or leaves a system call (false).
fn step(task: libc::pid_t) -> Option<bool> {
    // SAFETY: the kernel fills at most as much as the size says; the union's part is that of `op`.
    unsafe {
        let mut info: libc::ptrace_syscall_info = zeroed();
        let size = size_of::<libc::ptrace_syscall_info>();
        if libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, task, size, &mut info) <= 0 {
            return None;
        }
        match info.op {
            libc::PTRACE_SYSCALL_INFO_ENTRY => is_step(info.u.entry.nr).then_some(true),
            libc::PTRACE_SYSCALL_INFO_EXIT => Some(false),
            _ => None,
        }
    }
}

fn is_thread_of(task: libc::pid_t, leader: libc::pid_t) -> bool {
    let status = fs::read_to_string(format!("/proc/{task}/status")).unwrap_or_default();
    status.lines().any(|line| line.strip_prefix("Tgid:\t") == Some(&leader.to_string()))
}
