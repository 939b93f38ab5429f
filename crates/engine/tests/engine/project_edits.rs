//! Edits of a project: where its runs start from, and two people who edit it at once.

use codecourier_engine::ErrorCode;
use codecourier_engine::projects::{CreateProject, ProjectEdit};

use crate::projects::{PNG, change, named, renamed, told};
use crate::team::with_team;

#[tokio::test]
async fn a_project_has_a_repository_and_a_branch_that_its_runs_start_from() {
    with_team(|team| async move {
        let ada = team.person("ada").await;
        let projects = team.engine.projects();
        let with = |repository: &str, branch: &str| CreateProject {
            repository: Some(repository.to_owned()),
            default_branch: Some(branch.to_owned()),
            ..named("Shop")
        };
        for (repository, branch, field) in [
            ("https://ada:secret@git.example.org/shop.git", "main", "repository"),
            ("file:///etc", "main", "repository"),
            ("/srv/shop", "main", "repository"),
            ("--upload-pack=touch", "main", "repository"),
            ("", "main", "repository"),
            ("https://git.example.org/shop.git", "--help", "defaultBranch"),
            ("https://git.example.org/shop.git", "a..b", "defaultBranch"),
        ] {
            let refused = projects.create(ada, with(repository, branch)).await.unwrap_err();
            assert_eq!(
                told(&refused),
                (ErrorCode::Validation, Some(field)),
                "{repository} {branch}"
            );
            assert!(!refused.message.contains("secret"), "{}", refused.message);
        }
        let made = projects
            .create(ada, with("https://git.example.org/shop.git", "trunk"))
            .await
            .unwrap();
        let grant = team.grant(ada, &made.slug).await;
        assert_eq!(
            (made.repository.as_deref(), made.default_branch.as_deref()),
            (Some("https://git.example.org/shop.git"), Some("trunk"))
        );
        let gone = ProjectEdit {
            repository: Some(None),
            default_branch: Some(None),
            ..ProjectEdit::default()
        };
        let edited = change(&projects, &grant, gone).await.unwrap();
        assert_eq!((edited.repository, edited.default_branch), (None, None));
        // An edit of something else leaves them alone.
        let again = ProjectEdit {
            repository: Some(Some("git@git.example.org:ada/shop.git".to_owned())),
            ..ProjectEdit::default()
        };
        change(&projects, &grant, again).await.unwrap();
        let moved = change(&projects, &grant, renamed("store")).await.unwrap();
        assert_eq!(moved.repository.as_deref(), Some("git@git.example.org:ada/shop.git"));
    })
    .await;
}

#[tokio::test]
async fn of_two_editors_who_saw_the_same_one_wins() {
    with_team(|team| async move {
        let ada = team.person("ada").await;
        team.project(ada, "Shop").await;
        let grant = team.grant(ada, "shop").await;
        let projects = team.engine.projects();
        let seen = projects.get(&grant).await.unwrap().revision;
        let to = |description: &str| ProjectEdit {
            description: Some(description.to_owned()),
            ..ProjectEdit::default()
        };
        let (one, other) = tokio::join!(
            projects.update(&grant, seen, to("one")),
            projects.update(&grant, seen, to("other"))
        );
        let (won, lost) = if one.is_ok() { (one, other) } else { (other, one) };
        let won = won.unwrap();
        assert!(won.revision > seen, "{won:?}");
        assert_eq!(lost.unwrap_err().code, ErrorCode::PreconditionFailed);
        assert_eq!(projects.get(&grant).await.unwrap(), won);
        // A picture is part of it, too.
        projects.set_logo(&grant, PNG.to_vec().into()).await.unwrap();
        let late = projects.update(&grant, won.revision, to("late")).await;
        assert_eq!(late.unwrap_err().code, ErrorCode::PreconditionFailed);
    })
    .await;
}
