//! Commits that are refused for what is in them: paths, modes, links, submodules, also where a later commit hides it.

use codecourier_forge::{PathProblem, Refusal, SubmodulePolicy, UrlProblem};

use crate::support::{Forgery, Scene};

async fn scene() -> (Scene, Forgery) {
    let scene = Scene::new().await;
    let forgery = Forgery::new(&scene);
    (scene, forgery)
}

/// Refuses one entry, at the top of the tree and in a directory, now and in a commit that a later one undoes.
async fn refusals_of_entry(mode: &str, name: &[u8], content: &[u8]) -> Vec<Refusal> {
    let (scene, forgery) = scene().await;
    let blob = forgery.blob(content);
    let entry = forgery.tree(&[(mode, name, &blob)]);
    let below = forgery.tree(&[("40000", b"dir", &entry)]);
    let clean = forgery.tree(&[("100644", b"fine.txt", &forgery.blob(b"fine"))]);
    let mut refusals = Vec::new();
    for tree in [&entry, &below] {
        let commit = forgery.commit(tree);
        let hidden = forgery.commit_on(&clean, &[&commit]);
        for tip in [commit, hidden] {
            refusals.push(scene.refusal_of(&forgery.bundle(&tip), &scene.expectation()).await);
        }
    }
    refusals
}

#[tokio::test]
async fn the_git_directory_in_any_spelling() {
    for name in [
        ".git",
        ".GIT",
        ".Git",
        "git~1",
        ".git.",
        ".git ",
        ".git::$INDEX_ALLOCATION",
        ".g\u{200c}it",
    ] {
        for refusal in refusals_of_entry("100644", name.as_bytes(), b"x").await {
            let is_path = matches!(
                refusal,
                Refusal::Path {
                    problem: PathProblem::GitDirectory,
                    ..
                }
            );
            assert!(
                is_path || matches!(refusal, Refusal::Objects { .. }),
                "{name:?}: {refusal}"
            );
        }
    }
}

#[tokio::test]
async fn dots_and_empty_names() {
    for name in ["..", ".", ""] {
        for refusal in refusals_of_entry("100644", name.as_bytes(), b"x").await {
            assert!(
                matches!(refusal, Refusal::Objects { .. } | Refusal::Path { .. }),
                "{name:?}: {refusal}"
            );
        }
    }
}

#[tokio::test]
async fn a_slash_in_a_name() {
    for name in ["a/b", "../escape", "/etc/passwd", ".git/hooks/post-checkout"] {
        for refusal in refusals_of_entry("100755", name.as_bytes(), b"x").await {
            assert!(
                matches!(refusal, Refusal::Objects { .. } | Refusal::Path { .. }),
                "{name:?}: {refusal}"
            );
        }
    }
}

#[tokio::test]
async fn control_characters_and_reversed_text() {
    for name in ["a\nb", "a\u{1b}[2J", "a\u{7f}", "gpj.\u{202e}exe"] {
        for refusal in refusals_of_entry("100644", name.as_bytes(), b"x").await {
            let problem = PathProblem::ControlCharacter;
            assert!(
                matches!(&refusal, Refusal::Path { problem: found, .. } if *found == problem),
                "{name:?}: {refusal}"
            );
            assert!(!refusal.to_string().contains(['\n', '\u{1b}', '\u{7f}']), "{refusal:?}");
        }
    }
}

#[tokio::test]
async fn a_backslash() {
    for refusal in refusals_of_entry("100644", b"dir\\file", b"x").await {
        let is_expected = matches!(
            refusal,
            Refusal::Path {
                problem: PathProblem::Backslash,
                ..
            }
        );
        assert!(is_expected || matches!(refusal, Refusal::Objects { .. }), "{refusal}");
    }
}

#[tokio::test]
async fn a_name_longer_than_file_systems_take() {
    for refusal in refusals_of_entry("100644", &[b'x'; 300], b"x").await {
        assert!(
            matches!(
                refusal,
                Refusal::Path {
                    problem: PathProblem::TooLong,
                    ..
                }
            ),
            "{refusal}"
        );
    }
}

#[tokio::test]
async fn links_out_of_the_repository() {
    for target in [
        "/etc/passwd",
        "../../outside",
        "../../../../root/.ssh/id_ed25519",
        "a/../../..",
        ".git/config",
    ] {
        for refusal in refusals_of_entry("120000", b"link", target.as_bytes()).await {
            let found = matches!(&refusal, Refusal::SymlinkEscapes { target: shown, .. } if shown == target);
            assert!(found, "{target}: {refusal}");
        }
    }
}

#[tokio::test]
async fn a_link_whose_target_is_a_known_file_of_the_project() {
    let (scene, forgery) = scene().await;
    // The object is in the mirror already, so the pack does not carry it.
    let blob = scene
        .source
        .git_with_input(["hash-object", "-w", "--stdin"], b"/etc/shadow");
    forgery
        .repository
        .git(["fetch", "--quiet", scene.source.path().to_str().unwrap(), "main"]);
    scene
        .bare_mirror()
        .git_with_input(["hash-object", "-w", "--stdin"], b"/etc/shadow");
    forgery.blob(b"/etc/shadow");
    let tree = forgery.tree(&[("120000", b"link", &blob)]);
    let tip = forgery.commit(&tree);
    let head = format!(
        "# v2 git bundle\n-{}\n{tip} {}\n\n",
        scene.base,
        scene.branch.reference()
    );
    let bundle = forgery.cut(&head, &forgery.pack_of(&[&tip, &tree]));
    let refusal = scene.refusal_of(&bundle, &scene.expectation()).await;
    assert!(matches!(refusal, Refusal::SymlinkEscapes { .. }), "{refusal}");
}

#[tokio::test]
async fn a_link_with_an_endless_target() {
    for refusal in refusals_of_entry("120000", b"link", &vec![b'a'; 5000]).await {
        let is_expected = matches!(refusal, Refusal::SymlinkEscapes { .. } | Refusal::Objects { .. });
        assert!(is_expected, "{refusal}");
    }
}

#[tokio::test]
async fn links_in_place_of_files_that_git_reads() {
    for name in [".gitmodules", ".gitattributes", ".gitignore", ".mailmap", "GITMOD~1"] {
        for refusal in refusals_of_entry("120000", name.as_bytes(), b"innocent").await {
            let is_expected = matches!(refusal, Refusal::SymlinkForGit { .. } | Refusal::Objects { .. });
            assert!(is_expected, "{name}: {refusal}");
        }
    }
}

#[tokio::test]
async fn odd_modes() {
    for mode in ["100666", "100600", "100664", "104755", "100000", "60000", "140000"] {
        for refusal in refusals_of_entry(mode, b"file", b"x").await {
            let is_expected = matches!(refusal, Refusal::Mode { .. } | Refusal::Objects { .. });
            assert!(is_expected, "{mode}: {refusal}");
        }
    }
}

#[tokio::test]
async fn a_submodule_that_is_added() {
    let (scene, forgery) = scene().await;
    let tree = forgery.tree(&[("160000", b"vendor", scene.base.as_str())]);
    let bundle = forgery.bundle(&forgery.commit(&tree));
    let refusal = scene.refusal_of(&bundle, &scene.expectation()).await;
    let path = "vendor".to_owned();
    assert_eq!(refusal, Refusal::Submodule { path });
    let mut expectation = scene.expectation();
    expectation.submodules = SubmodulePolicy::Allow;
    assert!(scene.mirror.receive(&bundle, &expectation).await.is_ok());
}

#[tokio::test]
async fn urls_of_submodules_that_run_programs_or_carry_secrets() {
    for (url, problem) in [
        ("ext::sh -c id", Some(UrlProblem::Characters)),
        ("-u./payload", None),
        ("file:///etc", Some(UrlProblem::Scheme)),
        ("https://ada:secret@example.org/x", Some(UrlProblem::Credentials)),
    ] {
        let settings = format!("[submodule \"x\"]\n\tpath = x\n\turl = {url}\n");
        for refusal in refusals_of_entry("100644", b".gitmodules", settings.as_bytes()).await {
            match (&refusal, problem) {
                (Refusal::SubmoduleUrl { problem: found, url }, Some(problem)) => {
                    assert_eq!(*found, problem);
                    assert!(!url.contains("secret"));
                }
                // Some of them Git's own checks find first.
                (Refusal::Objects { .. } | Refusal::SubmoduleUrl { .. }, _) => {}
                _ => panic!("{url}: {refusal}"),
            }
        }
    }
}

#[tokio::test]
async fn settings_of_submodules_that_run_programs_or_leave_the_repository() {
    for setting in ["update = !id", "path = ../../x", "path = .git/hooks", "unheard = of"] {
        let settings = format!("[submodule \"x\"]\n\turl = https://example.org/x\n\t{setting}\n");
        for refusal in refusals_of_entry("100644", b".gitmodules", settings.as_bytes()).await {
            let is_expected = matches!(refusal, Refusal::SubmoduleSetting { .. } | Refusal::Objects { .. });
            assert!(is_expected, "{setting}: {refusal}");
        }
    }
}

#[tokio::test]
async fn what_a_merge_brings_in_from_the_side() {
    let (scene, forgery) = scene().await;
    let link = forgery.blob(b"/etc/passwd");
    let clean = forgery.tree(&[("100644", b"fine.txt", &forgery.blob(b"fine"))]);
    let side = forgery.commit_on(&forgery.tree(&[("120000", b"link", &link)]), &[]);
    let merge = forgery.commit_on(&clean, &[scene.base.as_str(), &side]);
    let refusal = scene.refusal_of(&forgery.bundle(&merge), &scene.expectation()).await;
    assert!(matches!(refusal, Refusal::SymlinkEscapes { .. }), "{refusal}");
}

#[tokio::test]
async fn what_only_a_merge_itself_has() {
    let (scene, forgery) = scene().await;
    let link = forgery.blob(b"/etc/passwd");
    let clean = forgery.tree(&[("100644", b"fine.txt", &forgery.blob(b"fine"))]);
    let side = forgery.commit_on(&clean, &[scene.base.as_str()]);
    let merge = forgery.commit_on(
        &forgery.tree(&[("120000", b"link", &link)]),
        &[scene.base.as_str(), &side],
    );
    let refusal = scene.refusal_of(&forgery.bundle(&merge), &scene.expectation()).await;
    assert!(matches!(refusal, Refusal::SymlinkEscapes { .. }), "{refusal}");
}

#[tokio::test]
async fn a_directory_that_becomes_a_link_to_the_outside() {
    let (scene, forgery) = scene().await;
    let link = forgery.blob(b"/etc");
    let tree = forgery.tree(&[("120000", b"src", &link)]);
    let refusal = scene
        .refusal_of(&forgery.bundle(&forgery.commit(&tree)), &scene.expectation())
        .await;
    assert!(matches!(refusal, Refusal::SymlinkEscapes { .. }), "{refusal}");
}
