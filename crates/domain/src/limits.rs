//! What a sandbox may use. The ranges are the product's; a value outside one is refused by name.

use serde::{Deserialize, Serialize};

/// The limits of one sandbox. Invariant: every number is in its range, since [`SandboxLimits::new`] is the only way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct SandboxLimits {
    memory_mb: u32,
    cpus: u32,
    processes: u32,
    disk_mb: u32,
    timeout_seconds: u32,
}

/// A limit outside its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{limit} must be between {minimum} and {maximum}, and {given} was asked for")]
pub struct LimitOutOfRange {
    /// The limit's field name, as clients write it.
    pub limit: &'static str,
    /// The smallest value allowed.
    pub minimum: u32,
    /// The largest value allowed.
    pub maximum: u32,
    /// The value given.
    pub given: u32,
}

impl SandboxLimits {
    /// The defaults: 2 GB of memory, 2 CPUs, 1,024 processes, 10 GB of disk, one hour.
    pub const DEFAULT: Self = Self {
        memory_mb: 2_048,
        cpus: 2,
        processes: 1_024,
        disk_mb: 10_240,
        timeout_seconds: 3_600,
    };

    /// Checks the numbers against their ranges: memory 256-8,192 MB, CPU 1-8, processes 64-32,768, disk 64-102,400 MB
    /// (what the sandbox writes, its template not counted), timeout 60-14,400 s.
    pub const fn new(
        memory_mb: u32,
        cpus: u32,
        processes: u32,
        disk_mb: u32,
        timeout_seconds: u32,
    ) -> Result<Self, LimitOutOfRange> {
        const fn range(limit: &'static str, minimum: u32, maximum: u32, given: u32) -> Result<(), LimitOutOfRange> {
            if given < minimum || given > maximum {
                return Err(LimitOutOfRange {
                    limit,
                    minimum,
                    maximum,
                    given,
                });
            }
            Ok(())
        }
        let checks = [
            range("memoryMb", 256, 8_192, memory_mb),
            range("cpus", 1, 8, cpus),
            range("processes", 64, 32_768, processes),
            range("diskMb", 64, 102_400, disk_mb),
            range("timeoutSeconds", 60, 14_400, timeout_seconds),
        ];
        let [memory, cpu, process, disk, timeout] = checks;
        match (memory, cpu, process, disk, timeout) {
            (Ok(()), Ok(()), Ok(()), Ok(()), Ok(())) => Ok(Self {
                memory_mb,
                cpus,
                processes,
                disk_mb,
                timeout_seconds,
            }),
            (Err(error), ..)
            | (_, Err(error), ..)
            | (_, _, Err(error), ..)
            | (_, _, _, Err(error), _)
            | (.., Err(error)) => Err(error),
        }
    }

    /// Memory in megabytes (2^20 bytes), swap excluded.
    #[must_use]
    pub const fn memory_mb(&self) -> u32 {
        self.memory_mb
    }

    /// Whole CPUs.
    #[must_use]
    pub const fn cpus(&self) -> u32 {
        self.cpus
    }

    /// Processes and threads together.
    #[must_use]
    pub const fn processes(&self) -> u32 {
        self.processes
    }

    /// Megabytes (2^20 bytes) the sandbox may write.
    #[must_use]
    pub const fn disk_mb(&self) -> u32 {
        self.disk_mb
    }

    /// Seconds the sandbox may live.
    #[must_use]
    pub const fn timeout_seconds(&self) -> u32 {
        self.timeout_seconds
    }
}

impl Default for SandboxLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The shape on the wire and in the store, before the ranges were looked at.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unchecked {
    memory_mb: u32,
    cpus: u32,
    processes: u32,
    disk_mb: u32,
    timeout_seconds: u32,
}

impl TryFrom<Unchecked> for SandboxLimits {
    type Error = LimitOutOfRange;

    fn try_from(unchecked: Unchecked) -> Result<Self, LimitOutOfRange> {
        let Unchecked {
            memory_mb,
            cpus,
            processes,
            disk_mb,
            timeout_seconds,
        } = unchecked;
        Self::new(memory_mb, cpus, processes, disk_mb, timeout_seconds)
    }
}

impl From<SandboxLimits> for Unchecked {
    fn from(limits: SandboxLimits) -> Self {
        let SandboxLimits {
            memory_mb,
            cpus,
            processes,
            disk_mb,
            timeout_seconds,
        } = limits;
        Self {
            memory_mb,
            cpus,
            processes,
            disk_mb,
            timeout_seconds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_the_limit_and_its_range() {
        let error = SandboxLimits::new(128, 2, 1_024, 1_024, 3_600).unwrap_err();
        assert_eq!(
            error.to_string(),
            "memoryMb must be between 256 and 8192, and 128 was asked for"
        );
        assert!(
            SandboxLimits::new(256, 9, 1_024, 1_024, 3_600)
                .unwrap_err()
                .to_string()
                .starts_with("cpus ")
        );
        assert!(
            SandboxLimits::new(256, 1, 1_024, 1_024, 59)
                .unwrap_err()
                .to_string()
                .starts_with("timeoutSeconds ")
        );
    }

    #[test]
    fn stored_limits_are_checked_when_read_back() {
        let text = serde_json::to_string(&SandboxLimits::DEFAULT).unwrap();
        assert_eq!(
            serde_json::from_str::<SandboxLimits>(&text).unwrap(),
            SandboxLimits::DEFAULT
        );
        assert!(serde_json::from_str::<SandboxLimits>(&text.replace("2048", "1")).is_err());
    }
}
