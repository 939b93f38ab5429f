//! Builds the lowest layer: a minimal Debian made by `mmdebstrap`, with the user `user`.
//!
//! On a Debian host the package sources and proxies are the host's own; elsewhere Debian's public ones. Neither stays in
//! the layer: it names Debian's public sources, so that nothing of this host gets into a sandbox.

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitStatus;

use super::build::{Build, Versions, blocking};
use super::error::Error;
use super::identity::Reach;
use super::progress::{Progress, Stage};
use super::spawn::{self, Input, Tool};
use super::spec::DebianBase;

/// Where Debian's packages are when the host does not say.
const PUBLIC_MIRROR: &str = "http://deb.debian.org";

/// The keys that sign Debian's packages, on a host that has the package `debian-archive-keyring`.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Nobody reads these in a sandbox, and they are a third of the size.
const EXCLUDED: [&str; 6] = [
    "/usr/share/man/*",
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/lintian/*",
    "/usr/share/bug/*",
];

pub(super) async fn build(build: &mut Build<'_>, base: &DebianBase) -> Result<Versions, Error> {
    require_tools(build).await?;
    let detail = format!("Debian {}", base.suite);
    build.stage(Stage::PackageLists, &detail);
    let mut argv: Vec<String> = [
        "mmdebstrap",
        "--verbose",
        "--variant=minbase",
        "--mode=root",
        "--format=directory",
    ]
    .map(str::to_owned)
    .to_vec();
    argv.extend(base.packages.iter().map(|package| format!("--include={package}")));
    argv.extend(EXCLUDED.iter().map(|path| format!("--dpkgopt=path-exclude={path}")));
    argv.push("--dpkgopt=force-unsafe-io".to_owned());
    argv.extend(host_apt_options(build).await);
    argv.push(format!("--customize-hook={}", finishing_script(&base.suite)));
    argv.push(base.suite.clone());
    argv.push("rootfs".to_owned());
    argv.extend(sources(build, &base.suite).await);

    let tool = build.as_layer_root(Reach::HostNetwork, argv)?;
    let mut watch = Watch::new(build.progress, detail.clone());
    build
        .run(Stage::InstallingPackages, &detail, tool, &mut |line| watch.line(line))
        .await?;

    let rootfs = build.rootfs();
    let packages = base.packages.clone();
    blocking(move || versions(&rootfs, &packages)).await
}

async fn require_tools(build: &mut Build<'_>) -> Result<(), Error> {
    let missing = |tool, advice| Err(Error::MissingTool { tool, advice });
    if output(build, &["mmdebstrap", "--version"]).await.is_none() {
        return missing(
            "mmdebstrap",
            "On Debian or Ubuntu: `apt-get install mmdebstrap`. Other systems have a package of the same name",
        );
    }
    if output(build, &["unshare", "--version"]).await.is_none() {
        return missing("unshare", "It is part of util-linux");
    }
    Ok(())
}

/// The output of a small program, or nothing when it is not there or fails.
async fn output(build: &mut Build<'_>, argv: &[&str]) -> Option<Vec<String>> {
    let tool = Tool {
        argv: argv.iter().map(Into::into).collect(),
        directory: build.directory.clone(),
        input: Input::Nothing,
    };
    let mut lines = Vec::new();
    let ended = spawn::run(tool, &mut |line| lines.push(line.to_owned())).await;
    ended.as_ref().is_ok_and(ExitStatus::success).then_some(lines)
}

/// The host's proxies and similar, as options for `mmdebstrap`.
async fn host_apt_options(build: &mut Build<'_>) -> Vec<String> {
    let configuration = output(build, &["apt-config", "dump"]).await.unwrap_or_default();
    pick_apt_options(&configuration)
        .into_iter()
        .map(|option| format!("--aptopt={option}"))
        .collect()
}

fn pick_apt_options(configuration: &[String]) -> Vec<String> {
    const WANTED: [&str; 5] = [
        "Acquire::http",
        "Acquire::https",
        "Acquire::Check-",
        "Acquire::Retries",
        "Acquire::ForceIPv",
    ];
    let has_value = |line: &str| !line.ends_with("\"\";");
    configuration
        .iter()
        .filter(|line| WANTED.iter().any(|wanted| line.starts_with(wanted)) && has_value(line))
        .map(|line| line.trim_end_matches(';').to_owned())
        .collect()
}

/// Lines for `sources.list`: the host's own of this release, or the public ones.
async fn sources(build: &mut Build<'_>, suite: &str) -> Vec<String> {
    let format = "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)";
    let targets = output(
        build,
        &["apt-get", "indextargets", "--format", format, "Identifier: Packages"],
    )
    .await
    .unwrap_or_default();
    let keyring = Path::new(KEYRING).exists();
    let own = host_sources(&targets, suite, keyring);
    if own.is_empty() {
        public_sources(suite, keyring)
    } else {
        own
    }
}

fn host_sources(targets: &[String], suite: &str, keyring: bool) -> Vec<String> {
    let releases = [
        suite.to_owned(),
        format!("{suite}-updates"),
        format!("{suite}-security"),
    ];
    let mut lines: Vec<String> = Vec::new();
    for target in targets {
        let fields: Vec<&str> = target.split('|').collect();
        let [origin, address, release, component] = fields[..] else {
            continue;
        };
        // Only Debian's own archive: a host may have sources of other vendors for the same release.
        if origin != "Debian" || component != "main" || !releases.iter().any(|known| known == release) {
            continue;
        }
        let line = source_line(address, release, keyring);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    // Without the release itself the updates are of no use.
    let has_release = lines.iter().any(|line| line.ends_with(&format!(" {suite} main")));
    if has_release { lines } else { Vec::new() }
}

fn public_sources(suite: &str, keyring: bool) -> Vec<String> {
    let debian = format!("{PUBLIC_MIRROR}/debian");
    vec![
        source_line(&debian, suite, keyring),
        source_line(&debian, &format!("{suite}-updates"), keyring),
        source_line(&format!("{debian}-security"), &format!("{suite}-security"), keyring),
    ]
}

fn source_line(address: &str, release: &str, keyring: bool) -> String {
    let signed_by = if keyring {
        format!("[signed-by={KEYRING}] ")
    } else {
        String::new()
    };
    format!("deb {signed_by}{address} {release} main")
}

/// Run by `mmdebstrap` at the end, with the root directory as `$1`.
fn finishing_script(suite: &str) -> String {
    let sources = [
        format!("Types: deb\nURIs: {PUBLIC_MIRROR}/debian\nSuites: {suite} {suite}-updates\n"),
        format!("Types: deb\nURIs: {PUBLIC_MIRROR}/debian-security\nSuites: {suite}-security\n"),
    ]
    .map(|source| format!("{source}Components: main\nSigned-By: {KEYRING}\n"))
    .join("\n");
    format!(
        r#"set -e
chroot "$1" useradd --create-home --uid 1000 --user-group --shell /bin/bash user
rm -f "$1/etc/apt/sources.list" "$1"/etc/apt/sources.list.d/* "$1/etc/apt/apt.conf.d/99mmdebstrap"
rm -f "$1"/etc/passwd- "$1"/etc/group- "$1"/etc/shadow- "$1"/etc/gshadow- "$1"/etc/subuid- "$1"/etc/subgid-
cat > "$1/etc/apt/sources.list.d/debian.sources" <<'END'
{sources}END
printf 'sandbox\n' > "$1/etc/hostname"
printf 'nameserver 127.0.0.1\n' > "$1/etc/resolv.conf"
printf '127.0.0.1 localhost\n127.0.1.1 sandbox\n::1 localhost ip6-localhost ip6-loopback\n' > "$1/etc/hosts"
: > "$1/etc/machine-id"
"#
    )
}

/// Reads stages and counts out of `mmdebstrap`'s output.
struct Watch<'a> {
    progress: &'a dyn Progress,
    detail: String,
    stage: Stage,
    done: u64,
    total: u64,
}

impl<'a> Watch<'a> {
    fn new(progress: &'a dyn Progress, detail: String) -> Self {
        Self {
            progress,
            detail,
            stage: Stage::PackageLists,
            done: 0,
            total: 0,
        }
    }

    fn line(&mut self, line: &str) {
        if line.starts_with("I: downloading packages") {
            self.enter(Stage::DownloadingPackages);
        } else if line.starts_with("I: extracting archives") || line.starts_with("I: installing") {
            self.enter(Stage::InstallingPackages);
        } else if let Some(total) = newly_installed(line) {
            (self.done, self.total) = (0, total);
        } else {
            let counts = match self.stage {
                Stage::DownloadingPackages => line.starts_with("Get:"),
                Stage::InstallingPackages => line.starts_with("Setting up "),
                _ => false,
            };
            if counts && self.done < self.total {
                self.done += 1;
                self.progress.advance(self.stage, self.done, self.total);
            }
        }
    }

    fn enter(&mut self, stage: Stage) {
        if self.stage != stage {
            self.stage = stage;
            self.done = 0;
            self.progress.stage(stage, &self.detail);
        }
    }
}

/// The number in `0 upgraded, 69 newly installed, 0 to remove and 0 not upgraded.`
fn newly_installed(line: &str) -> Option<u64> {
    let (before, _) = line.split_once(" newly installed")?;
    before.rsplit(' ').next()?.parse().ok()
}

fn versions(rootfs: &Path, packages: &[String]) -> Result<Versions, Error> {
    let read = |path: &str| {
        let path = rootfs.join(path);
        std::fs::read_to_string(&path).map_err(|error| Error::host("read", &path, error))
    };
    let status = read("var/lib/dpkg/status")?;
    let installed = installed_versions(&status);
    let mut versions: Versions = packages
        .iter()
        .filter_map(|package| {
            installed
                .get(package.as_str())
                .map(|version| (package.clone(), (*version).to_owned()))
        })
        .collect();
    versions.insert("debian".to_owned(), read("etc/debian_version")?.trim().to_owned());
    Ok(versions)
}

fn installed_versions(status: &str) -> HashMap<&str, &str> {
    let field = |paragraph: &'_ str, name: &str| -> Option<(usize, usize)> {
        let start = if paragraph.starts_with(name) {
            0
        } else {
            paragraph.find(&format!("\n{name}"))? + 1
        };
        let value = start + name.len();
        let end = paragraph[value..]
            .find('\n')
            .map_or(paragraph.len(), |length| value + length);
        Some((value, end))
    };
    status
        .split("\n\n")
        .filter_map(|paragraph| {
            let (name, version) = (field(paragraph, "Package: ")?, field(paragraph, "Version: ")?);
            Some((&paragraph[name.0..name.1], &paragraph[version.0..version.1]))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_hosts_own_debian_sources_are_used_and_no_other_vendors() {
        let targets = [
            "Debian|http://mirror.example/debian/|bookworm|main",
            "Debian|http://mirror.example/debian/|bookworm|main",
            "Debian|http://mirror.example/debian/|bookworm|contrib",
            "Debian|http://mirror.example/debian/|bookworm-updates|main",
            "Debian|http://mirror.example/debian-security/|bookworm-security|main",
            "Docker|https://download.example/linux/debian|bookworm|main",
            "Debian|http://mirror.example/debian/|trixie|main",
        ]
        .map(str::to_owned);
        assert_eq!(
            host_sources(&targets, "bookworm", false),
            [
                "deb http://mirror.example/debian/ bookworm main",
                "deb http://mirror.example/debian/ bookworm-updates main",
                "deb http://mirror.example/debian-security/ bookworm-security main",
            ]
        );
        assert!(host_sources(&targets[5..], "bookworm", false).is_empty());
    }

    #[test]
    fn proxies_are_taken_over_and_nothing_else() {
        let configuration = [
            "APT::Install-Recommends \"true\";",
            "Acquire::http \"\";",
            "Acquire::http::Proxy \"http://proxy.example:3128\";",
            "Acquire::Check-Valid-Until \"false\";",
            "Acquire::Languages:: \"none\";",
        ]
        .map(str::to_owned);
        assert_eq!(
            pick_apt_options(&configuration),
            [
                "Acquire::http::Proxy \"http://proxy.example:3128\"",
                "Acquire::Check-Valid-Until \"false\""
            ]
        );
    }

    #[test]
    fn versions_are_read_from_the_package_database() {
        let status = "Package: git\nStatus: install ok installed\nVersion: 1:2.39.5\nDescription: x\n\n\
                      Package: git-man\nVersion: 9\n";
        let installed = installed_versions(status);
        assert_eq!(installed.get("git"), Some(&"1:2.39.5"));
        assert_eq!(installed.get("git-man"), Some(&"9"));
    }

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Progress for Heard {
        fn stage(&self, stage: Stage, _detail: &str) {
            self.0.lock().unwrap().push(stage.to_string());
        }
        fn advance(&self, _stage: Stage, done: u64, total: u64) {
            self.0.lock().unwrap().push(format!("{done}/{total}"));
        }
        fn line(&self, _line: &str) {}
        fn done(&self, _layer: &str, _built: Option<Duration>) {}
    }

    #[test]
    fn stages_and_counts_are_read_from_the_output() {
        let heard = Heard::default();
        let mut watch = Watch::new(&heard, "Debian".to_owned());
        for line in [
            "I: running apt-get update...",
            "Get:1 http://x bookworm InRelease [34.8 kB]",
            "I: downloading packages with apt...",
            "0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.",
            "Get:1 http://x bookworm/main amd64 a amd64 1 [1 B]",
            "Get:2 http://x bookworm/main amd64 b amd64 1 [1 B]",
            "I: installing essential packages...",
            "Setting up a (1) ...",
        ] {
            watch.line(line);
        }
        assert_eq!(
            *heard.0.lock().unwrap(),
            [
                "downloading Debian packages",
                "1/2",
                "2/2",
                "installing Debian packages",
                "1/2"
            ]
        );
    }
}
