//! Bad input and bad luck.

use codecourier_it::scene::{Ended, Scene};

fn show(name: &str, scene: &Scene, ended: &Ended) {
    eprintln!(
        "=== {name}: code {:?} in {:.1?}\nclass {:?}\nmessage {}\nfaults {:?}",
        ended.code,
        ended.took,
        ended.class(),
        ended.message(),
        scene.faults(),
    );
    for result in ended.events("tool_result") {
        let text = result.to_string();
        eprintln!("  tool: {}", text.chars().take(400).collect::<String>());
    }
    for kind in ["killed", "asked_again", "collected", "check", "failed"] {
        for result in ended.events(kind) {
            let text = result.to_string();
            eprintln!("  {kind}: {}", text.chars().take(300).collect::<String>());
        }
    }
    eprintln!("  stderr: {}", ended.stderr.chars().take(600).collect::<String>());
}

#[tokio::test]
async fn explore() {
    let only = std::env::var("ONLY").unwrap_or_default();
    let scene = Scene::new().await.unwrap();
    let cases: Vec<(&str, Vec<&str>, String)> = vec![
        ("mess", vec![], "@@write new.txt <<< hi\n@@bash echo x >> README.md; rm src/greeting.txt".into()),
        ("oom", vec!["--memory-mb", "256"], "@@bash python3 -c 'b=bytearray(2<<30); print(len(b))'\n@@write a.txt <<< a".into()),
        ("oomcheck", vec!["--check", "python3 -c 'b=bytearray(4<<30); print(len(b))'"], "@@write a.txt <<< a".into()),
        ("oom512", vec!["--memory-mb", "512"], "@@bash python3 -c 'b=bytearray(2<<30); print(len(b))'\n@@write a.txt <<< a".into()),
        ("forks", vec![], "@@bash bomb() { bomb | bomb & }; bomb; sleep 2\n@@write a.txt <<< a".into()),
        ("disk", vec!["--disk-mb", "64"], "@@bash dd if=/dev/zero of=/home/user/project/big bs=1M count=200; rm -f big\n@@write a.txt <<< a".into()),
        ("diskkept", vec!["--disk-mb", "64"], "@@bash dd if=/dev/zero of=/home/user/big bs=1M count=200\n@@write a.txt <<< a".into()),
        ("stdout", vec![], "@@bash head -c 2000000000 /dev/zero | tr '\\0' x\n@@write a.txt <<< a".into()),
        ("stdoutcheck", vec!["--check", "loud=head -c 2000000000 /dev/zero | tr '\\0' x"], "@@write a.txt <<< a".into()),
        ("utf8", vec![], "@@bash printf '\\377\\376\\033[2J\\033]0;title\\007 \\0 ok\\n'; printf '\\303\\050' > bad.txt\n@@write a.txt <<< a".into()),
        ("bigline", vec![], "@@bigline 50000000".into()),
        ("delete", vec![], "@@bash rm -rf /home/user/project".into()),
        ("nochange", vec![], "@@say nothing to do".into()),
        ("symlink", vec![], "@@bash ln -s /etc/passwd leak; git add leak; git commit -qm leak".into()),
        ("symlinkuncommitted", vec![], "@@bash ln -s ../../../etc/passwd leak".into()),
        ("dotgit", vec![], "@@bash b=$(printf '[core]\\nfsmonitor=touch /tmp/pwned\\n' | git hash-object -w --stdin); t=$(printf '100644 blob %s\\tconfig\\n' $b | git mktree); t2=$( (git ls-tree HEAD; printf '040000 tree %s\\t.GIT\\n' $t) | git mktree); c=$(git commit-tree $t2 -p HEAD -m trick); git update-ref HEAD $c; git log --oneline; git status | head -5".into()),
        ("submodule", vec![], "@@bash printf '[submodule \"x\"]\\n\\tpath = x\\n\\turl = https://example.org/x\\n' > .gitmodules; git add .gitmodules; git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),x; git commit -qm sub; git status | head".into()),
        ("kill9", vec![], "@@bash kill -9 $PPID\n@@write a.txt <<< a".into()),
        ("term", vec![], "@@bash kill -TERM $PPID; sleep 1\n@@write a.txt <<< a".into()),
        ("verdict", vec!["--workflow", "designer-checker"], "@@when role=designer\n@@write a.txt <<< a\n@@end\n@@when role=checker turn=1\n@@write /home/user/.codecourier/verdict.json <<< {\"verdict\": \"maybe\n@@end\n@@when role=checker turn=2\n@@tool Write {\"file_path\":\"/home/user/.codecourier/verdict.json\",\"content\":\"{\\\"verdict\\\":\\\"pass\\\"}\"}\n@@end".into()),
        ("noverdict", vec!["--workflow", "designer-checker"], "@@when role=designer\n@@write a.txt <<< a\n@@end\n@@when role=checker\n@@say I like it.\n@@end".into()),
    ];
    for (name, options, prompt) in cases {
        if !only.is_empty() && !only.split(',').any(|o| o == name) {
            continue;
        }
        let ended = scene.run(&options, &prompt).await.unwrap();
        show(name, &scene, &ended);
        if std::env::var("ALL").is_ok() {
            eprintln!("{}", ended.stdout);
        }
    }
}

#[tokio::test]
async fn explore_model() {
    let only = std::env::var("ONLY").unwrap_or_default();
    let scene = Scene::new().await.unwrap();
    let base = scene.model.base_url();
    let cases: Vec<(&str, String)> = vec![
        ("closed", "http://127.0.0.1:1".into()),
        ("flaky", format!("{base}/flaky2-529.tag")),
        ("err429", format!("{base}/err429ra1")),
        ("err529", format!("{base}/err529")),
        ("cut", format!("{base}/cut")),
        ("garbage", format!("{base}/garbage")),
        ("streamerror", format!("{base}/stream-error")),
    ];
    for (name, url) in cases {
        if !only.is_empty() && !only.split(',').any(|o| o == name) {
            continue;
        }
        match scene.run_at(&url, &[], "@@write a.txt <<< a").await {
            Ok(ended) => {
                show(name, &scene, &ended);
                if std::env::var("ALL").is_ok() {
                    eprintln!("{}", ended.stdout);
                }
            }
            Err(e) => eprintln!("=== {name}: {e}"),
        }
    }
}
