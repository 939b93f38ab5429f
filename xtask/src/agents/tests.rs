//! Updates against a registry of the test's own, asked by the real npm, and gates that say what the test wants.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::spawn;

/// The package of the tests' registry: small, and nobody's.
const PACKAGE: &str = "some-agent";

/// A repository with a pin, and a registry that has other versions of it.
struct Scene {
    directory: TempDir,
    registry: Registry,
    pins: String,
}

/// What the registry says of the archive of the newest version.
enum Stated {
    Truth,
    Lie,
}

/// A gate that keeps what it was asked.
struct Says {
    passes: bool,
    asked: RefCell<Vec<(String, String)>>,
}

impl Says {
    fn passes(passes: bool) -> Self {
        Self {
            passes,
            asked: RefCell::default(),
        }
    }
}

impl Gate for Says {
    fn prove(&self, agent: &str, pin: &Pin, pins: &str) -> Result<Proof, String> {
        assert_eq!(Pin::of(agent, pins).unwrap(), *pin, "the copy has the new pin");
        let asked = (agent.to_owned(), pin.version.clone());
        self.asked.borrow_mut().push(asked);
        if !self.passes {
            return Err("pi Steer does not work".to_owned());
        }
        Ok(Proof {
            page: b"the new page".to_vec(),
        })
    }
}

impl Scene {
    fn new(stated: &Stated) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (archive, integrity) = pack(directory.path(), "2.0.0");
        let stated = match stated {
            Stated::Truth => integrity,
            Stated::Lie => format!("sha512-{}==", "A".repeat(86)),
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let dist = json!({"tarball": format!("{url}/{PACKAGE}.tgz"), "integrity": stated});
        let newest = json!({"name": PACKAGE, "version": "2.0.0", "dist": dist});
        let known = json!({"name": PACKAGE, "dist-tags": {"latest": "2.0.0"}, "versions": {"2.0.0": newest}});
        std::thread::spawn(move || {
            for asked in listener.incoming().map_while(Result::ok) {
                answer(asked, &known, &archive);
            }
        });

        // Nothing of this user's npm: both files are not there.
        let nowhere = |name: &str| directory.path().join(name).display().to_string();
        let settings = vec![
            ("npm_config_registry", url),
            ("npm_config_cache", nowhere("cache")),
            ("npm_config_userconfig", nowhere("user")),
            ("npm_config_globalconfig", nowhere("global")),
            ("npm_config_fetch_retries", "0".to_owned()),
            ("npm_config_noproxy", "127.0.0.1".to_owned()),
        ];
        let real = fs::read_to_string(workspace::root().join(pins::FILE)).unwrap();
        let pins = real.replace(&Pin::of("pi", &real).unwrap().package, PACKAGE);
        for (name, text) in [(pins::FILE, pins.as_str()), (PAGE, "the old page")] {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self {
            directory,
            registry: Registry { settings },
            pins,
        }
    }

    fn update(&self, wanted: &str, gate: &Says) -> Result<Updated, String> {
        update(self.directory.path(), "pi", wanted, &self.registry, gate)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join(name)).unwrap()
    }

    fn assert_untouched(&self) {
        assert_eq!(self.read(pins::FILE), self.pins);
        assert_eq!(self.read(PAGE), "the old page");
    }
}

/// The archive of a version, and its checksum.
fn pack(directory: &Path, version: &str) -> (Vec<u8>, String) {
    let package = directory.join("package");
    fs::create_dir_all(&package).unwrap();
    let manifest = json!({"name": PACKAGE, "version": version});
    fs::write(package.join("package.json"), manifest.to_string()).unwrap();
    let (from, to) = (package.display().to_string(), directory.display().to_string());
    let argv = [
        "npm",
        "pack",
        "--json",
        "--ignore-scripts",
        "--pack-destination",
        &to,
        &from,
    ];
    let said: Value = serde_json::from_str(&spawn::output(&argv).unwrap()).unwrap();
    let name = said[0]["filename"].as_str().unwrap();
    let integrity = said[0]["integrity"].as_str().unwrap().to_owned();
    (fs::read(directory.join(name)).unwrap(), integrity)
}

fn answer(mut asked: TcpStream, known: &Value, archive: &[u8]) {
    let mut lines = BufReader::new(asked.try_clone().unwrap()).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    // The request ends with an empty line.
    lines.by_ref().take_while(|line| !line.is_empty()).for_each(drop);
    let path = first.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match path.trim_start_matches('/') {
        PACKAGE => ("200 OK", known.to_string().into_bytes()),
        path if path == format!("{PACKAGE}.tgz") => ("200 OK", archive.to_vec()),
        _ => ("404 Not Found", b"{}".to_vec()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = asked.write_all(&[head.as_bytes(), &body].concat());
}

#[test]
fn a_candidate_that_passes_is_pinned_with_its_page() {
    let scene = Scene::new(&Stated::Truth);
    let old = Pin::of("pi", &scene.pins).unwrap().version;
    let gate = Says::passes(true);
    assert_eq!(
        scene.update("latest", &gate),
        Ok(Updated::From(old, "2.0.0".to_owned()))
    );
    assert_eq!(gate.asked.take(), [("pi".to_owned(), "2.0.0".to_owned())]);
    let (_, integrity) = pack(scene.directory.path(), "2.0.0");
    let pinned = Pin::of("pi", &scene.read(pins::FILE)).unwrap();
    assert_eq!((pinned.build.as_str(), &pinned.integrity), ("2.0.0", &integrity));
    assert_eq!(scene.read(PAGE), "the new page");
    assert_eq!(
        Pin::of("codex", &scene.read(pins::FILE)),
        Pin::of("codex", &scene.pins),
        "the others stay"
    );

    // And again: there is nothing to do.
    let pinned = Ok(Updated::WasPinned("2.0.0".to_owned()));
    assert_eq!(scene.update("latest", &gate), pinned);
    assert_eq!(scene.update("2.0.0", &gate), pinned);
    assert!(gate.asked.take().is_empty());
}

#[test]
fn a_candidate_that_fails_leaves_everything_as_it_was() {
    let scene = Scene::new(&Stated::Truth);
    let refused = scene.update("latest", &Says::passes(false)).unwrap_err();
    assert!(refused.contains("pi Steer does not work"), "{refused}");
    scene.assert_untouched();
}

#[test]
fn an_archive_that_is_not_what_the_registry_states_is_refused() {
    let scene = Scene::new(&Stated::Lie);
    let gate = Says::passes(true);
    let refused = scene.update("latest", &gate).unwrap_err();
    assert!(refused.contains("EINTEGRITY"), "{refused}");
    assert!(gate.asked.take().is_empty(), "nothing of it was tried");
    scene.assert_untouched();
}

#[test]
fn other_bytes_under_the_pinned_version_are_refused() {
    let scene = Scene::new(&Stated::Truth);
    let pinned = Pin {
        build: "2.0.0".to_owned(),
        version: "2.0.0".to_owned(),
        ..Pin::of("pi", &scene.pins).unwrap()
    };
    let pins = pinned.put("pi", &scene.pins).unwrap();
    fs::write(scene.directory.path().join(pins::FILE), &pins).unwrap();
    let gate = Says::passes(true);
    let refused = scene.update("latest", &gate).unwrap_err();
    assert!(refused.contains("other bytes"), "{refused}");
    assert!(gate.asked.take().is_empty());
    assert_eq!(scene.read(pins::FILE), pins);
}

#[test]
fn a_version_that_does_not_exist_is_said_so() {
    let scene = Scene::new(&Stated::Truth);
    let refused = scene.update("3.0.0", &Says::passes(true)).unwrap_err();
    let says_so = refused.contains("has no") || refused.contains("E404");
    assert!(says_so && refused.contains("some-agent@3.0.0"), "{refused}");
    scene.assert_untouched();
}

#[test]
fn two_updates_do_not_work_in_one_place() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("agents");
    let first = alone(&place).unwrap();
    assert!(alone(&place).is_err());
    drop(first);
    assert!(alone(&place).is_ok());
}

/// Where there is a registry, it has what is pinned; a machine without one builds no templates either.
#[test]
fn the_users_own_npm_finds_the_pinned_version() {
    let pin = Pin::of("pi", &read_pins(&workspace::root()).unwrap()).unwrap();
    let registry = Registry {
        settings: vec![("npm_config_fetch_retries", "0".to_owned())],
    };
    match registry.version(&pin.package, &pin.version) {
        Ok(version) => assert_eq!(version, pin.version),
        Err(why) => {
            let unreachable = [
                "ENOTFOUND",
                "EAI_AGAIN",
                "ECONNREFUSED",
                "ECONNRESET",
                "ETIMEDOUT",
                "ENETUNREACH",
            ];
            assert!(unreachable.iter().any(|code| why.contains(code)), "{why}");
        }
    }
}
