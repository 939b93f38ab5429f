//! People, projects and what belongs to them.

use codecourier_it::person::Person;
use serde_json::Value;

use super::{Office, PASSWORD, is_refused, works};

#[tokio::test]
async fn the_first_person_at_a_fresh_server_makes_its_account_at_the_terminal() {
    let office = Office::open().await;
    let url = office.server.url.clone();
    let ada = Person::new().unwrap();
    let mut terminal = ada.at_terminal(&["login", &url], 100).unwrap();
    terminal.wait_for("has no account yet").unwrap();
    for (question, answer) in [
        ("Email", "ada@example.org"),
        ("Name", "Ada"),
        ("Password", PASSWORD),
        ("Once more", PASSWORD),
    ] {
        terminal.wait_for(question).unwrap();
        terminal.types(answer).unwrap();
    }
    let (code, shown) = terminal.ended().unwrap();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("as ada@example.org"), "{shown}");
    assert!(!shown.contains(PASSWORD), "{shown}");

    let who = works(&ada, &["whoami"]).await.stdout;
    assert_eq!(who, format!("ada@example.org at {url}\nruns this server\n"));
    works(&ada, &["logout"]).await;
    is_refused(&ada.does(&["whoami"]).await.unwrap(), 2, &["No server is configured"]);

    // The next time there is an account, and only its address and password are asked for.
    let mut terminal = ada.at_terminal(&["login", &url], 100).unwrap();
    for (question, answer) in [("Email", "ada@example.org"), ("Password", "not this one")] {
        terminal.wait_for(question).unwrap();
        terminal.types(answer).unwrap();
    }
    let (code, shown) = terminal.ended().unwrap();
    assert_eq!(code, Some(2), "{shown}");
    assert!(
        shown.contains("AUTH_INVALID") && !shown.contains("not this one"),
        "{shown}"
    );
    let mut terminal = ada.at_terminal(&["login", &url], 100).unwrap();
    for (question, answer) in [("Email", "ada@example.org"), ("Password", PASSWORD)] {
        terminal.wait_for(question).unwrap();
        terminal.types(answer).unwrap();
    }
    let (code, shown) = terminal.ended().unwrap();
    assert_eq!(code, Some(0), "{shown}");

    // A list at a terminal is as wide as the terminal, and coloured.
    works(
        &ada,
        &[
            "projects",
            "create",
            "A project with quite a long name for a narrow terminal",
        ],
    )
    .await;
    let (code, shown) = ada.at_terminal(&["projects"], 40).unwrap().ended().unwrap();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("\u{1b}[36m") && shown.contains('…'), "{shown:?}");
}

#[tokio::test]
async fn a_project_is_made_changed_deleted_and_restored() {
    let office = Office::open().await;
    let ada = office.hire("ada").await;
    let listed = works(&ada, &["projects"]).await;
    assert!(
        listed.stdout.is_empty() && listed.stderr.contains("projects create"),
        "{}",
        listed.stderr
    );
    works(
        &ada,
        &[
            "projects",
            "create",
            "The Shop",
            "--slug",
            "shop",
            "--description",
            "Sells.",
        ],
    )
    .await;
    works(&ada, &["projects", "use", "shop"]).await;
    let shown = works(&ada, &["projects", "show"]).await.stdout;
    for part in ["The Shop", "shop", "Sells.", "owner"] {
        assert!(shown.contains(part), "{shown}");
    }
    works(
        &ada,
        &["projects", "update", "shop", "--name", "Shop 2", "--new-slug", "store"],
    )
    .await;
    let listed = works(&ada, &["projects"]).await.stdout;
    assert!(listed.starts_with("* store  owner  Shop 2"), "{listed}");
    let repository = "https://example.org/shop.git";
    works(&ada, &["projects", "update", "store", "--repository", repository]).await;
    let shown = works(&ada, &["projects", "show"]).await.stdout;
    assert!(shown.contains(repository), "{shown}");
    works(&ada, &["projects", "update", "store", "--repository", ""]).await;
    let shown = works(&ada, &["projects", "show"]).await.stdout;
    assert!(shown.contains("repository  none"), "{shown}");
    // The old slug leads on.
    let shown = works(&ada, &["projects", "show", "shop", "--json"]).await;
    assert_eq!(shown.lines()[0]["project"]["slug"], "store");
    is_refused(
        &ada.does(&["projects", "update", "store"]).await.unwrap(),
        2,
        &["--name"],
    );

    let ended = ada
        .does(&["projects", "delete", "store", "--confirm", "Shop"])
        .await
        .unwrap();
    is_refused(&ended, 2, &["VALIDATION"]);
    works(&ada, &["projects", "delete", "store", "--confirm", "Shop 2"]).await;
    is_refused(
        &ada.does(&["projects", "show", "store"]).await.unwrap(),
        2,
        &["NOT_FOUND"],
    );
    let deleted = works(&ada, &["projects", "list", "--deleted"]).await.stdout;
    assert!(
        deleted.contains("store") && deleted.contains("gone for good on"),
        "{deleted}"
    );
    works(&ada, &["projects", "restore", "store"]).await;
    works(&ada, &["projects", "show", "store"]).await;
}

#[tokio::test]
async fn people_are_invited_into_a_project_and_have_roles_in_it() {
    let office = Office::open().await;
    let ada = office.hire("ada").await;
    works(&ada, &["projects", "create", "Shop"]).await;
    works(&ada, &["projects", "use", "shop"]).await;
    works(&ada, &["invitations", "invite", "bob@example.org"]).await;
    works(&ada, &["invitations", "invite", "eve@example.org", "--admin"]).await;
    let sent = works(&ada, &["invitations"]).await.stdout;
    assert!(
        sent.contains("bob@example.org  pending  member") && sent.contains("eve@example.org  pending  admin"),
        "{sent}"
    );
    works(&ada, &["invitations", "cancel", "eve@example.org"]).await;
    let ended = ada.does(&["invitations", "cancel", "eve@example.org"]).await.unwrap();
    is_refused(&ended, 2, &["no pending invitation of `eve@example.org`"]);

    let bob = office.hire("bob").await;
    let mine = works(&bob, &["invitations", "mine"]).await.stdout;
    assert!(mine.starts_with("shop  Shop  as member  by ada"), "{mine}");
    is_refused(
        &bob.does(&["projects", "use", "shop"]).await.unwrap(),
        2,
        &["NOT_FOUND"],
    );
    works(&bob, &["invitations", "accept", "shop"]).await;
    works(&bob, &["projects", "use", "shop"]).await;
    is_refused(&bob.does(&["settings"]).await.unwrap(), 2, &["FORBIDDEN"]);
    let members = works(&bob, &["members"]).await.stdout;
    let roles: Vec<&str> = members
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    assert!(
        members.contains("ada@example.org") && roles.contains(&"owner") && roles.contains(&"member"),
        "{members}"
    );

    works(&ada, &["members", "role", "BOB@example.org", "admin"]).await;
    assert!(works(&bob, &["settings"]).await.stdout.contains("limits.cpus"));
    works(&ada, &["members", "transfer", "bob@example.org"]).await;
    is_refused(
        &ada.does(&["members", "remove", "bob@example.org"]).await.unwrap(),
        2,
        &["FORBIDDEN"],
    );
    is_refused(
        &ada.does(&["members", "remove", "eve@example.org"]).await.unwrap(),
        2,
        &["is no member"],
    );
    works(&ada, &["members", "leave"]).await;
    is_refused(&ada.does(&["members"]).await.unwrap(), 2, &["NOT_FOUND"]);
    is_refused(&bob.does(&["members", "leave"]).await.unwrap(), 2, &["CONFLICT"]);
    let left = works(&bob, &["members", "--json"]).await.lines();
    assert_eq!((left.len(), &left[0]["member"]["role"]), (1, &Value::from("owner")));

    // Everything is on record, with who did it.
    let audit = works(&bob, &["audit"]).await.stdout;
    for part in ["ada", "invitation.create", "member.leave"] {
        assert!(audit.contains(part), "`{part}` is missing in {audit}");
    }
    let some = works(&bob, &["audit", "--action", "member.leave", "--json"])
        .await
        .lines();
    assert_eq!(
        (some.len(), &some[0]["auditEntry"]["action"]),
        (1, &Value::from("member.leave"))
    );
    let none = works(&bob, &["audit", "--until", "2020-01-01"]).await;
    assert!(
        none.stdout.is_empty() && none.stderr.contains("on record"),
        "{}",
        none.stderr
    );
    let sheet = works(&bob, &["audit", "--export", "csv"]).await.stdout;
    assert!(sheet.lines().count() > 5 && sheet.contains("member.leave"), "{sheet}");
}

#[tokio::test]
async fn a_project_is_set_up() {
    let office = Office::open().await;
    let ada = office.hire("ada").await;
    works(&ada, &["projects", "create", "Shop"]).await;
    is_refused(
        &ada.does(&["settings"]).await.unwrap(),
        2,
        &["No project is named", "projects use"],
    );
    works(&ada, &["projects", "use", "shop"]).await;

    std::fs::write(ada.home().join("setup.sh"), "set -e\nmake\n").unwrap();
    let changes = [
        "settings",
        "set",
        "limits.cpus=4",
        "model=claude-sonnet-4-5",
        "setupScript=@setup.sh",
    ];
    works(&ada, &changes).await;
    assert_eq!(works(&ada, &["settings", "get", "limits.cpus"]).await.stdout, "4\n");
    assert_eq!(
        works(&ada, &["settings", "get", "setupScript"]).await.stdout,
        "set -e\nmake\n\n"
    );
    works(&ada, &["settings", "set", "model="]).await;
    assert_eq!(works(&ada, &["settings", "get", "model"]).await.stdout, "null\n");
    let ended = ada.does(&["settings", "set", "limits.cpus=400"]).await.unwrap();
    is_refused(&ended, 2, &["VALIDATION", "limits"]);
    // An editor, which any program can be that changes a file.
    let mut command = ada.command(&["settings", "edit"]);
    command.env("EDITOR", "sed -i 's/^cpus = 4$/cpus = 3/'");
    let edited = codecourier_it::scene::ended(command).await.unwrap();
    assert_eq!(edited.code, Some(0), "{}", edited.stderr);
    assert_eq!(works(&ada, &["settings", "get", "limits.cpus"]).await.stdout, "3\n");
    let mut command = ada.command(&["settings", "edit"]);
    command.env("EDITOR", "false");
    is_refused(
        &codecourier_it::scene::ended(command).await.unwrap(),
        2,
        &["The editor `false` ended"],
    );

    works(&ada, &["variables", "set", "REGION=eu", "GREETING=good morning"]).await;
    let secret = ["variables", "set", "--secret", "DATABASE_URL"];
    let set = ada.says(&secret, "postgres://canary\n").await.unwrap();
    assert_eq!(set.code, Some(0), "{}", set.stderr);
    works(&ada, &["variables", "set", "REGION=us"]).await;
    let listed = works(&ada, &["variables"]).await.stdout;
    assert!(
        listed.contains("(secret)") && listed.contains("good morning") && listed.contains("us"),
        "{listed}"
    );
    assert!(!listed.contains("canary") && !listed.contains("eu\n"), "{listed}");
    let json = works(&ada, &["variables", "--json"]).await;
    assert!(json.lines().iter().all(|line| line["type"] == "variable") && !json.stdout.contains("canary"));
    works(&ada, &["variables", "remove", "REGION", "DATABASE_URL"]).await;
    is_refused(
        &ada.does(&["variables", "remove", "REGION"]).await.unwrap(),
        2,
        &["has no variable `REGION`"],
    );
    is_refused(
        &ada.does(&["variables", "set", "NAME"]).await.unwrap(),
        2,
        &["is not NAME=VALUE", "--secret NAME"],
    );

    let set = ada
        .says(&["provider-keys", "set", "openai"], "sk-canary-0123456789abcd\n")
        .await
        .unwrap();
    assert_eq!(set.code, Some(0), "{}", set.stderr);
    assert!(
        set.stderr.contains("ends in abcd") && !set.stderr.contains("canary"),
        "{}",
        set.stderr
    );
    let listed = works(&ada, &["provider-keys"]).await.stdout;
    assert!(
        listed.starts_with("openai  …abcd") && listed.contains("never used"),
        "{listed}"
    );
    works(&ada, &["provider-keys", "remove", "openai"]).await;
    assert!(
        works(&ada, &["provider-keys"])
            .await
            .stderr
            .contains("no provider keys yet")
    );
    is_refused(
        &ada.does(&["provider-keys", "set", "nobody"]).await.unwrap(),
        2,
        &["nobody"],
    );

    // The project may be named before and after the verb.
    works(&ada, &["projects", "create", "Other"]).await;
    for arguments in [
        ["variables", "list", "--project", "other"],
        ["--project", "other", "variables", "list"],
    ] {
        if arguments[0] == "variables" {
            let listed = works(&ada, &arguments).await;
            assert!(listed.stdout.is_empty(), "{}", listed.stdout);
        }
    }
}

#[tokio::test]
async fn a_key_works_until_it_is_revoked() {
    let office = Office::open().await;
    let url = office.server.url.clone();
    let ada = office.hire("ada").await;
    works(&ada, &["projects", "create", "Shop"]).await;
    works(&ada, &["projects", "use", "shop"]).await;
    let made = works(
        &ada,
        &[
            "keys",
            "create",
            "robot",
            "--may",
            "runs:write",
            "--may",
            "members:read",
        ],
    )
    .await;
    let key = made.stdout.trim().to_owned();
    assert!(
        key.starts_with("cc_live_") && made.stderr.contains("this once"),
        "{}",
        made.stderr
    );
    let id = works(&ada, &["keys", "list", "--json"]).await.lines()[0]["key"]["id"]
        .as_str()
        .unwrap()
        .to_owned();

    let robot = Person::new().unwrap();
    let signed_in = robot.says(&["login", &url, "--token-stdin"], &key).await.unwrap();
    assert_eq!(signed_in.code, Some(0), "{}", signed_in.stderr);
    assert!(
        signed_in.stderr.contains("in the project shop from now on"),
        "{}",
        signed_in.stderr
    );
    let who = works(&robot, &["whoami"]).await.stdout;
    assert!(
        who.contains("of the project shop") && who.contains("runs:write"),
        "{who}"
    );
    works(&robot, &["runs"]).await;
    works(&robot, &["members"]).await;
    is_refused(&robot.does(&["settings"]).await.unwrap(), 2, &["SCOPE_DENIED"]);
    is_refused(&robot.does(&["projects"]).await.unwrap(), 2, &["FORBIDDEN"]);

    let rotated = works(&ada, &["keys", "rotate", &id, "--overlap", "1h", "--json"])
        .await
        .lines();
    let successor = rotated[0]["token"].as_str().unwrap().to_owned();
    works(&robot, &["runs"]).await;
    works(&ada, &["keys", "revoke", &id]).await;
    is_refused(
        &robot.does(&["runs"]).await.unwrap(),
        2,
        &["AUTH_INVALID", "codecourier login"],
    );
    let signed_in = robot.says(&["login", &url, "--token-stdin"], &successor).await.unwrap();
    assert_eq!(signed_in.code, Some(0), "{}", signed_in.stderr);
    works(&robot, &["runs"]).await;
    let out = works(&robot, &["logout"]).await;
    assert!(out.stderr.contains("still works"), "{}", out.stderr);
    let listed = works(&ada, &["keys", "list"]).await.stdout;
    assert!(
        listed.contains("revoked") && listed.contains("active") && !listed.contains(&successor),
        "{listed}"
    );

    let wrong = format!("{}x", &successor[..successor.len() - 1]);
    let refused = robot.says(&["login", &url, "--token-stdin"], &wrong).await.unwrap();
    is_refused(&refused, 2, &["AUTH_INVALID"]);
    assert!(!refused.stderr.contains(&wrong));
    is_refused(
        &ada.does(&["runs", "--project", "nowhere"]).await.unwrap(),
        2,
        &["NOT_FOUND"],
    );
    assert_eq!(office.server.stop().await.unwrap(), Some(0));
    is_refused(
        &ada.does(&["runs"]).await.unwrap(),
        4,
        &["cannot be reached", "UNAVAILABLE"],
    );
    let refused = ada.does(&["runs", "--json"]).await.unwrap();
    assert_eq!(refused.lines()[0]["error"]["code"], "UNAVAILABLE");
    assert_eq!(refused.lines()[0]["exitCode"], 4);
}
