//! The private root that a sandbox is made from: layers, disk, device nodes and the few fixed files, and nothing else.
//!
//! A tmpfs becomes the root of the caller's mount namespace and the host's root is detached, so that what is cloned into
//! the sandbox never had the host in it. As root the shim does this, since only it may map a layer's ids; as an
//! ordinary user the child does, since only it may mount.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, makedev, mknodat};
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, mount_bind,
    mount_bind_recursive, mount_change, move_mount, open_tree, unmount,
};

use super::launch::{Disk, Ids, LaunchSpec, name};
use super::{Fallible, InStep, idmap, sys};

/// Device nodes: name, major, minor.
const DEVICES: &[(&str, u32, u32)] = &[
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
];

/// Who makes the stage.
pub(super) enum Maker<'a> {
    /// The shim, as root, for the user namespace given.
    Root {
        /// The first host id of the sandbox.
        base: u32,
        /// The sandbox's own user namespace.
        namespace: &'a OwnedFd,
    },
    /// The child, in its own user namespace.
    Child,
}

/// Makes the stage the root of this mount namespace, which must be private to the caller.
pub(super) fn make(spec: &LaunchSpec, maker: &Maker<'_>) -> Fallible<()> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).in_step("make mounts private")?;
    let stage = spec.state.join(name::STAGE);
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount(
        "tmpfs",
        &stage,
        "tmpfs",
        flags,
        Some(c"mode=0755,size=2m,nr_inodes=512"),
    )
    .in_step("mount the stage")?;
    for directory in [
        "layers", "disk", "root", "proc", "dev", "dev/pts", "dev/shm", "files", "sys",
    ] {
        make_directory(&stage.join(directory))?;
    }
    for (index, layer) in spec.layers.iter().enumerate() {
        let target = stage.join("layers").join(index.to_string());
        make_directory(&target)?;
        show_layer(layer, &target, maker)?;
    }
    mount_disk(spec, &stage.join("disk"), maker)?;
    make_devices(&stage.join("dev"), maker)?;
    write_files(spec, &stage)?;
    // A process namespace's own /proc can only be mounted where a whole one is visible.
    match maker {
        Maker::Root { .. } => mount_bind("/proc", stage.join("proc")),
        Maker::Child => mount_bind_recursive("/proc", stage.join("proc")),
    }
    .in_step("bind /proc")?;
    rustix::process::chdir(&stage).in_step("enter the stage")?;
    rustix::process::pivot_root(".", ".").in_step("pivot to the stage")?;
    unmount(".", UnmountFlags::DETACH).in_step("detach the host's root")?;
    rustix::process::chdir("/").in_step("enter the stage")
}

fn show_layer(layer: &super::launch::Layer, target: &Path, maker: &Maker<'_>) -> Fallible<()> {
    let step = || format!("mount the layer {}", layer.rootfs.display());
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let tree = open_tree(CWD, &layer.rootfs, flags).in_step(&step())?;
    let fixed = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
    match maker {
        Maker::Root { base, namespace } => {
            let other = if layer.id_base == 0 {
                None
            } else {
                Some(idmap::shifting_namespace(layer.id_base, *base).in_step(&step())?)
            };
            sys::set_mount_attributes(&tree, fixed, Some(other.as_ref().unwrap_or(namespace)))
                .in_step(&format!("{} with its ids mapped (needs Linux 5.19)", step()))?;
        }
        Maker::Child => sys::set_mount_attributes(&tree, fixed, None).in_step(&step())?,
    }
    move_mount(tree.as_fd(), "", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH).in_step(&step())
}

fn mount_disk(spec: &LaunchSpec, target: &Path, maker: &Maker<'_>) -> Fallible<()> {
    match spec.disk {
        Disk::Directory { .. } => {
            mount_bind(spec.state.join(name::DISK), target).in_step("bind the disk")?;
        }
        Disk::Image => {
            let image = rustix::fs::open(
                spec.state.join(name::IMAGE),
                OFlags::RDWR | OFlags::CLOEXEC,
                Mode::empty(),
            )
            .in_step("open the disk image")?;
            let (path, device) = sys::loop_device(&image).in_step("bind the disk image to a loop device")?;
            // Nothing in it outlives the sandbox, so neither barriers nor inode tables filled in advance are of use.
            let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOATIME;
            mount(
                &path,
                target,
                "ext4",
                flags,
                Some(c"barrier=0,noinit_itable,errors=remount-ro"),
            )
            .in_step("mount the disk image")?;
            drop(device);
        }
    }
    let (upper, work) = (target.join("upper"), target.join("work"));
    make_directory(&upper)?;
    make_directory(&work)?;
    // Where a template of another owner could not be written, and everybody expects to.
    for directory in ["etc", "run", "tmp"] {
        make_directory(&upper.join(directory))?;
    }
    fs::set_permissions(upper.join("tmp"), fs::Permissions::from_mode(0o1777)).in_step("make /tmp")?;
    let etc = upper.join("etc");
    let hosts = format!("127.0.0.1\tlocalhost {}\n::1\tlocalhost\n", spec.hostname);
    let shown = upper.clone();
    let mut owned = vec![upper.join("run"), upper.join("tmp"), upper, work, etc.clone()];
    let texts = [
        ("hosts", hosts),
        ("hostname", format!("{}\n", spec.hostname)),
        ("resolv.conf", "# no network\n".to_owned()),
    ];
    for (file, text) in texts {
        let path = etc.join(file);
        fs::write(&path, text).in_step("write /etc")?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).in_step("write /etc")?;
        owned.push(path);
    }
    if matches!(spec.ids, Ids::Delegated { .. }) {
        // The server must be able to move it away when it becomes a layer, and moving a directory takes the right to
        // write in it.
        chown(&shown, None, Some(idmap::SERVER_INSIDE)).in_step("share the disk with the server")?;
        fs::set_permissions(&shown, fs::Permissions::from_mode(0o775)).in_step("share the disk with the server")?;
    }
    // The overlay turns read-only without a word if the work directory has another owner than the sandbox's root.
    if let Maker::Root { base, .. } = maker {
        for path in owned {
            chown(&path, Some(*base), Some(*base)).in_step("give the disk to the sandbox")?;
        }
    }
    Ok(())
}

fn make_devices(target: &Path, maker: &Maker<'_>) -> Fallible<()> {
    for (device, major, minor) in DEVICES {
        let step = format!("make /dev/{device}");
        let path = target.join(device);
        match maker {
            Maker::Root { base, .. } => {
                mknodat(
                    CWD,
                    &path,
                    FileType::CharacterDevice,
                    Mode::from(0o666),
                    makedev(*major, *minor),
                )
                .in_step(&step)?;
                fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).in_step(&step)?;
                chown(&path, Some(*base), Some(*base)).in_step(&step)?;
            }
            Maker::Child => {
                fs::write(&path, "").in_step(&step)?;
                mount_bind(Path::new("/dev").join(device), &path).in_step(&step)?;
            }
        }
    }
    let links = [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ];
    for (link, to) in links {
        symlink(to, target.join(link)).in_step("make links in /dev")?;
    }
    if let Maker::Root { base, .. } = maker {
        chown(target, Some(*base), Some(*base)).in_step("make /dev")?;
    }
    Ok(())
}

/// What `/proc` and `/sys` must not tell: the host's memory and CPUs. Runtimes size their heaps and pools by these.
fn write_files(spec: &LaunchSpec, stage: &Path) -> Fallible<()> {
    let step = "write the fixed files";
    let files = stage.join("files");
    let write = |path: &Path, text: &str| {
        fs::write(path, text).in_step(step)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o444)).in_step(step)
    };
    let total = u64::from(spec.memory_mb) * 1024;
    let meminfo = format!(
        "MemTotal:       {total:8} kB\nMemFree:        {total:8} kB\nMemAvailable:   {total:8} kB\n\
         Buffers:               0 kB\nCached:                0 kB\nSwapTotal:             0 kB\n\
         SwapFree:              0 kB\nShmem:                 0 kB\nSReclaimable:          0 kB\n"
    );
    write(&files.join("meminfo"), &meminfo)?;
    let cpus = usize::try_from(spec.cpus).unwrap_or(1);
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let first: Vec<&str> = cpuinfo
        .split("\n\n")
        .filter(|block| !block.is_empty())
        .take(cpus)
        .collect();
    write(&files.join("cpuinfo"), &format!("{}\n\n", first.join("\n\n")))?;
    make_directory(&files.join("empty"))?;
    let cpu = stage.join("sys/devices/system/cpu");
    for directory in [
        "sys/devices",
        "sys/devices/system",
        "sys/devices/system/cpu",
        "sys/fs",
        "sys/fs/cgroup",
    ] {
        make_directory(&stage.join(directory))?;
    }
    let range = if cpus > 1 {
        format!("0-{}\n", first.len().max(1) - 1)
    } else {
        "0\n".to_owned()
    };
    for file in ["online", "possible", "present"] {
        write(&cpu.join(file), &range)?;
    }
    Ok(())
}

fn make_directory(path: &Path) -> Fallible<()> {
    let step = || format!("make the directory {}", path.display());
    match fs::create_dir(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error).in_step(&step()),
        _ => {}
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).in_step(&step())
}
