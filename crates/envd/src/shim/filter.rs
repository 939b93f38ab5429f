//! The filter of system calls of everything in a sandbox: an allow-list in the spirit of Docker's default.
//!
//! Four programs, since one knows a single refusal: what is allowed (all else is ENOSYS, so that libraries fall back),
//! what is always EPERM, `clone3` as ENOSYS and socket families as EAFNOSUPPORT; and a short one that kills x32 calls.
//! The kernel runs all of them and takes the sternest answer; between errors, the program loaded last wins.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Width, SeccompCmpOp as Compare, SeccompCondition as Condition,
    SeccompFilter, SeccompRule, TargetArch, sock_filter,
};

use super::calls::{ALLOWED, FORBIDDEN};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;
type Fallible<T> = Result<T, seccompiler::BackendError>;

/// Flags of `clone` that make a namespace.
const NAMESPACE_FLAGS: u64 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u64;

/// The programs, in the order in which they must be loaded.
pub(super) fn programs() -> Fallible<Vec<BpfProgram>> {
    let errno = |number: i32| SeccompAction::Errno(number.unsigned_abs());
    let mut clone3 = Rules::new();
    clone3.insert(libc::SYS_clone3, Vec::new());
    Ok(vec![
        compile(allowed(), errno(libc::ENOSYS), SeccompAction::Allow)?,
        compile(forbidden()?, SeccompAction::Allow, errno(libc::EPERM))?,
        compile(clone3, SeccompAction::Allow, errno(libc::ENOSYS))?,
        compile(families()?, SeccompAction::Allow, errno(libc::EAFNOSUPPORT))?,
        no_x32(),
    ])
}

fn compile(rules: Rules, otherwise: SeccompAction, matching: SeccompAction) -> Fallible<BpfProgram> {
    SeccompFilter::new(rules, otherwise, matching, TargetArch::x86_64)?.try_into()
}

fn allowed() -> Rules {
    let mut rules: Rules = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    // Calls that the other programs look at must be allowed here.
    for call in [
        libc::SYS_clone,
        libc::SYS_clone3,
        libc::SYS_socket,
        libc::SYS_ioctl,
        libc::SYS_personality,
    ] {
        rules.insert(call, Vec::new());
    }
    for call in FORBIDDEN {
        rules.insert(*call, Vec::new());
    }
    rules
}

fn forbidden() -> Fallible<Rules> {
    let mut rules: Rules = FORBIDDEN.iter().map(|call| (*call, Vec::new())).collect();
    let mut namespaces = Vec::new();
    for bit in (0..64)
        .map(|shift| 1_u64 << shift)
        .filter(|bit| NAMESPACE_FLAGS & bit != 0)
    {
        namespaces.push(SeccompRule::new(vec![Condition::new(
            0,
            Width::Qword,
            Compare::MaskedEq(bit),
            bit,
        )?])?);
    }
    rules.insert(libc::SYS_clone, namespaces);
    rules.insert(
        libc::SYS_ioctl,
        vec![equals(1, libc::TIOCSTI)?, equals(1, libc::TIOCLINUX)?],
    );
    // Linux (0), and asking which one it is (all ones), are allowed.
    let mut personalities = vec![Condition::new(0, Width::Dword, Compare::Ne, 0)?];
    personalities.push(Condition::new(0, Width::Dword, Compare::Ne, 0xffff_ffff)?);
    rules.insert(libc::SYS_personality, vec![SeccompRule::new(personalities)?]);
    Ok(rules)
}

/// UNIX, INET, INET6 and NETLINK (ROUTE) are what programs need; the rest is attack surface of the shared kernel.
fn families() -> Fallible<Rules> {
    let mut others = Vec::new();
    for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK] {
        others.push(Condition::new(
            0,
            Width::Dword,
            Compare::Ne,
            u64::from(family.unsigned_abs()),
        )?);
    }
    let netlink = vec![
        Condition::new(0, Width::Dword, Compare::Eq, u64::from(libc::AF_NETLINK.unsigned_abs()))?,
        Condition::new(
            2,
            Width::Dword,
            Compare::Ne,
            u64::from(libc::NETLINK_ROUTE.unsigned_abs()),
        )?,
    ];
    Ok(Rules::from([
        (
            libc::SYS_socket,
            vec![SeccompRule::new(others.clone())?, SeccompRule::new(netlink)?],
        ),
        (libc::SYS_socketpair, vec![SeccompRule::new(others)?]),
    ]))
}

fn equals(argument: u8, value: u64) -> Fallible<SeccompRule> {
    SeccompRule::new(vec![Condition::new(argument, Width::Dword, Compare::Eq, value)?])
}

/// x32 calls have the same architecture but bit 30 set in the number: nothing real uses them.
fn no_x32() -> BpfProgram {
    let load_number = sock_filter {
        code: 0x20,
        jt: 0,
        jf: 0,
        k: 0,
    };
    let is_x32 = sock_filter {
        code: 0x35,
        jt: 0,
        jf: 1,
        k: 0x4000_0000,
    };
    let kill = sock_filter {
        code: 0x06,
        jt: 0,
        jf: 0,
        k: libc::SECCOMP_RET_KILL_PROCESS,
    };
    let allow = sock_filter {
        code: 0x06,
        jt: 0,
        jf: 0,
        k: libc::SECCOMP_RET_ALLOW,
    };
    vec![load_number, is_x32, kill, allow]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_compile_and_fit_the_kernels_limit() {
        let programs = programs().unwrap();
        assert_eq!(programs.len(), 5);
        for program in &programs {
            assert!(program.len() <= 4_096, "a program has {} instructions", program.len());
        }
    }

    #[test]
    fn nothing_is_both_allowed_and_forbidden() {
        for call in FORBIDDEN {
            assert!(!ALLOWED.contains(call), "system call {call} is in both lists");
        }
    }
}
