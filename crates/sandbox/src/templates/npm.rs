//! Builds the layers that come from npm's registry: Node.js and the agents' programs.
//!
//! The user's own `npm` downloads, because it knows their registry, proxy and credentials; it is told to run no script
//! and only to fetch one archive. The checksum is compared here, not left to it.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::build::{Build, Versions, blocking};
use super::check;
use super::error::Error;
use super::progress::Stage;
use super::spawn::{Input, Tool};
use super::spec::{AgentCli, Extent, Node, NpmPackage};
use super::unpack::{self, Take};

pub(super) async fn build_node(build: &mut Build<'_>, node: &Node) -> Result<Versions, Error> {
    let rootfs = build.rootfs();
    let program = Take::Program {
        from: "bin/node".into(),
        to: rootfs.join("usr/local/bin/node"),
    };
    install(build, &node.runtime, program).await?;
    if let Some(npm) = &node.npm {
        let package = Take::Package {
            to: rootfs.join("usr/local/lib/node_modules/npm"),
        };
        install(build, npm, package).await?;
        for command in ["npm", "npx"] {
            let link = rootfs.join("usr/local/bin").join(command);
            let program = format!("../lib/node_modules/npm/bin/{command}-cli.js");
            std::os::unix::fs::symlink(program, &link).map_err(|error| Error::host("link", &link, error))?;
        }
    }
    build.own_rootfs().await?;
    let mut versions = Versions::new();
    check::version(build, "node", &node.runtime.version).await?;
    versions.insert("node".to_owned(), node.runtime.version.clone());
    if let Some(npm) = &node.npm {
        check::version(build, "npm", &npm.version).await?;
        versions.insert("npm".to_owned(), npm.version.clone());
    }
    Ok(versions)
}

pub(super) async fn build_agent_cli(build: &mut Build<'_>, cli: &AgentCli) -> Result<Versions, Error> {
    let rootfs = build.rootfs();
    let link = rootfs.join("usr/local/bin").join(&cli.command);
    match cli.extent {
        Extent::Program => {
            let program = Take::Program {
                from: PathBuf::from(&cli.program),
                to: link,
            };
            install(build, &cli.package, program).await?;
        }
        Extent::Package => {
            let to = rootfs.join("usr/local/lib").join(&cli.command);
            install(build, &cli.package, Take::Package { to: to.clone() }).await?;
            let made = |error| Error::host("link", &link, error);
            std::fs::create_dir_all(rootfs.join("usr/local/bin")).map_err(made)?;
            let program = Path::new("../lib").join(&cli.command).join(&cli.program);
            std::os::unix::fs::symlink(program, &link).map_err(made)?;
            // A package's archive need not say what of it is a program: npm does, when it installs.
            let program = to.join(&cli.program);
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))
                .map_err(|error| Error::host("change", &program, error))?;
        }
    }
    build.own_rootfs().await?;
    check::version(build, &cli.command, cli.version()).await?;
    Ok(Versions::from([(cli.command.clone(), cli.version().to_owned())]))
}

/// Downloads a package, compares its checksum, and unpacks from it.
async fn install(build: &mut Build<'_>, package: &NpmPackage, take: Take) -> Result<(), Error> {
    let name = package.to_string();
    build.stage(Stage::DownloadingNpm, &name);
    let directory = build.directory.join("download");
    std::fs::create_dir_all(&directory).map_err(|error| Error::host("create", &directory, error))?;
    let argv = [
        "npm",
        "pack",
        "--ignore-scripts",
        "--no-update-notifier",
        "--loglevel=error",
        "--",
        name.as_str(),
    ];
    let tool = Tool {
        argv: argv.map(OsString::from).to_vec(),
        directory: directory.clone(),
        input: Input::Nothing,
    };
    require_npm(build, &directory).await?;
    build.run(Stage::DownloadingNpm, &name, tool, &mut |_| {}).await?;
    let Some(archive) = only_archive(&directory) else {
        build.line("npm ended well but left no archive");
        return Err(build.failure(Stage::DownloadingNpm, &name));
    };

    build.stage(Stage::Unpacking, &name);
    let package = package.clone();
    blocking(move || {
        unpack::check_integrity(&archive, &package)?;
        unpack::unpack(&archive, &package, &take, &mut |_| {})?;
        std::fs::remove_dir_all(&directory).map_err(|error| Error::host("delete", &directory, error))
    })
    .await
}

async fn require_npm(build: &mut Build<'_>, directory: &Path) -> Result<(), Error> {
    let tool = Tool {
        argv: ["npm", "--version"].map(OsString::from).to_vec(),
        directory: directory.to_owned(),
        input: Input::Nothing,
    };
    let ended = build.run(Stage::DownloadingNpm, "npm", tool, &mut |_| {}).await;
    ended.map_err(|_| Error::MissingTool {
        tool: "npm",
        advice: "It fetches agents and Node.js from npm's registry. On Debian or Ubuntu: `apt-get install npm`",
    })
}

fn only_archive(directory: &Path) -> Option<PathBuf> {
    std::fs::read_dir(directory)
        .ok()?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "tgz"))
}
