//! Projects: their slugs, former and present, their edits, their end and their return.

use codecourier_domain::id::{ProjectId, UserId};
use codecourier_domain::member::MemberRole;
use codecourier_store::blobs::BlobName;
use codecourier_store::projects::{Deletion, Logo, NewProject, Project, ProjectsOf};
use codecourier_store::{Error, Result};

use super::members::a_membership;
use super::{Bench, NOON, a_project, body, project_id, user_id};

impl Bench {
    async fn try_project(&self, project: NewProject) -> Result<ProjectId> {
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    tx.insert_project(&project).await?;
                    Ok(project.id)
                })
            })
            .await
    }

    async fn read_project(&self, id: ProjectId) -> Option<Project> {
        self.store.read().await.unwrap().project(id).await.unwrap()
    }

    async fn save(&self, project: Project) -> Result<()> {
        self.store
            .write(move |tx| Box::pin(async move { tx.save_project(&project).await }))
            .await
    }

    async fn rename(&self, project: ProjectId, slug: &'static str) -> Result<()> {
        self.store
            .write(move |tx| Box::pin(async move { tx.rename_project(project, slug, NOON).await }))
            .await
    }

    /// Where a slug leads: the project and its present slug.
    async fn leads_to(&self, slug: &str) -> Option<(ProjectId, String)> {
        let address = self.store.read().await.unwrap().project_address(slug).await.unwrap();
        address.map(|address| (address.id, address.slug))
    }

    pub(super) async fn delete(&self, project: ProjectId) -> Result<()> {
        self.store
            .write(move |tx| Box::pin(async move { tx.set_project_deletion(project, Some(a_deletion()), NOON).await }))
            .await
    }

    async fn own(&self, user: UserId, which: ProjectsOf) -> Vec<(ProjectId, MemberRole)> {
        let mut reader = self.store.read().await.unwrap();
        let page = reader.projects_of(user, which, None, 10).await.unwrap();
        assert!(page.next.is_none());
        page.items.into_iter().map(|own| (own.project.id, own.role)).collect()
    }
}

const fn a_deletion() -> Deletion {
    Deletion {
        deleted_at: NOON,
        purge_at: NOON.plus_milliseconds(1000),
    }
}

pub(super) async fn projects_are_found_by_slug_and_slugs_are_unique(bench: &Bench) {
    let project = a_project("clock", 3);
    bench.try_project(project.clone()).await.unwrap();
    let taken = bench.try_project(a_project("clock", 1)).await;
    assert!(matches!(taken, Err(Error::Taken { entity: "project" })));
    let mut reader = bench.store.read().await.unwrap();
    let found = reader.project_by_slug("clock").await.unwrap().unwrap();
    assert_eq!(bench.read_project(project.id).await.as_ref(), Some(&found));
    assert_eq!(
        found,
        Project {
            id: project.id,
            slug: "clock".to_owned(),
            name: "CLOCK".to_owned(),
            description: String::new(),
            logo: None,
            work_limit: 3,
            created_at: NOON,
            updated_at: NOON,
            deletion: None,
            revision: 1,
            body: body("project"),
        }
    );
    assert_eq!(reader.project_by_slug("cuckoo").await.unwrap(), None);
    assert_eq!(reader.projects().await.unwrap(), [found]);
    assert_eq!(bench.leads_to("clock").await, Some((project.id, "clock".to_owned())));
    assert_eq!(bench.leads_to("cuckoo").await, None);
}

pub(super) async fn an_edit_over_another_edit_is_refused(bench: &Bench) {
    let id = bench.project("clock", 3).await;
    let read = bench.read_project(id).await.unwrap();
    let logo = Logo {
        blob: BlobName::of(b"a picture"),
        media_type: "image/png".to_owned(),
    };
    let edited = Project {
        name: "Big Ben".to_owned(),
        description: "A clock".to_owned(),
        logo: Some(logo),
        work_limit: 9,
        updated_at: NOON.plus_milliseconds(5),
        body: body("new"),
        ..read.clone()
    };
    bench.save(edited.clone()).await.unwrap();
    let expected = Project {
        revision: read.revision + 1,
        ..edited
    };
    assert_eq!(bench.read_project(id).await.unwrap(), expected);
    let late = bench
        .save(Project {
            name: "Late".to_owned(),
            ..read
        })
        .await;
    assert!(matches!(late, Err(Error::Stale { entity: "project" })), "{late:?}");
    let missing = bench
        .save(Project {
            id: project_id(),
            ..expected.clone()
        })
        .await;
    assert!(matches!(missing, Err(Error::NotFound { entity: "project" })));
    assert_eq!(bench.read_project(id).await.unwrap(), expected);
}

pub(super) async fn a_former_slug_leads_on_until_another_project_takes_it(bench: &Bench) {
    let (one, two) = (bench.project("one", 1).await, bench.project("two", 1).await);
    let taken = bench.rename(one, "two").await;
    assert!(matches!(taken, Err(Error::Taken { entity: "project" })));
    bench.rename(one, "first").await.unwrap();
    bench.rename(one, "prime").await.unwrap();
    for slug in ["one", "first", "prime"] {
        assert_eq!(bench.leads_to(slug).await, Some((one, "prime".to_owned())));
    }
    assert!(
        bench
            .store
            .read()
            .await
            .unwrap()
            .project_by_slug("one")
            .await
            .unwrap()
            .is_none()
    );
    // Back to a former one, which stops being a former one.
    bench.rename(one, "one").await.unwrap();
    assert_eq!(bench.leads_to("one").await, Some((one, "one".to_owned())));
    assert_eq!(bench.leads_to("prime").await, Some((one, "one".to_owned())));
    // Another project takes one by a rename, and a new one another.
    bench.rename(two, "prime").await.unwrap();
    assert_eq!(bench.leads_to("prime").await, Some((two, "prime".to_owned())));
    let three = bench.project("first", 1).await;
    assert_eq!(bench.leads_to("first").await, Some((three, "first".to_owned())));
    assert_eq!(bench.leads_to("two").await, Some((two, "prime".to_owned())));
    // The same slug again changes nothing.
    let before = bench.read_project(one).await;
    bench.rename(one, "one").await.unwrap();
    assert_eq!(bench.read_project(one).await, before);
    let missing = bench.rename(project_id(), "four").await;
    assert!(matches!(missing, Err(Error::NotFound { entity: "project" })));
}

pub(super) async fn a_deleted_project_is_hidden_and_comes_back(bench: &Bench) {
    let id = bench.project("one", 1).await;
    let owner = bench.member(id, MemberRole::Owner).await;
    let member = bench.member(id, MemberRole::Member).await;
    bench.rename(id, "uno").await.unwrap();
    bench.delete(id).await.unwrap();
    assert!(matches!(bench.delete(id).await, Err(Error::Stale { .. })));
    let mut reader = bench.store.read().await.unwrap();
    for slug in ["one", "uno"] {
        assert_eq!(bench.leads_to(slug).await, None);
        assert_eq!(reader.project_access(slug, owner).await.unwrap(), None);
    }
    assert!(bench.own(owner, ProjectsOf::Present).await.is_empty());
    assert_eq!(bench.own(owner, ProjectsOf::Deleted).await, [(id, MemberRole::Owner)]);
    assert!(
        bench.own(member, ProjectsOf::Deleted).await.is_empty(),
        "only owners can restore"
    );
    assert_eq!(bench.read_project(id).await.unwrap().deletion, Some(a_deletion()));
    // The slug is kept for it.
    assert!(bench.try_project(a_project("uno", 1)).await.is_err());
    let purge_at = a_deletion().purge_at;
    let due = reader.projects_to_purge(purge_at, 10).await.unwrap();
    assert_eq!(due.iter().map(|project| project.id).collect::<Vec<_>>(), [id]);
    let early = reader.projects_to_purge(purge_at.plus_milliseconds(-1), 10).await;
    assert!(early.unwrap().is_empty());

    let restore = || {
        bench
            .store
            .write(move |tx| Box::pin(async move { tx.set_project_deletion(id, None, NOON).await }))
    };
    restore().await.unwrap();
    assert!(matches!(restore().await, Err(Error::Stale { .. })));
    assert_eq!(bench.leads_to("one").await, Some((id, "uno".to_owned())));
    assert_eq!(bench.own(member, ProjectsOf::Present).await, [(id, MemberRole::Member)]);
}

pub(super) async fn people_see_their_own_projects(bench: &Bench) {
    let (one, two) = (bench.project("one", 1).await, bench.project("two", 1).await);
    let ada = bench.member(one, MemberRole::Owner).await;
    bench.member(two, MemberRole::Owner).await;
    bench
        .try_member(a_membership(two, ada, MemberRole::Member))
        .await
        .unwrap();
    assert_eq!(
        bench.own(ada, ProjectsOf::Present).await,
        [(two, MemberRole::Member), (one, MemberRole::Owner)]
    );
    let mut reader = bench.store.read().await.unwrap();
    let first = reader.projects_of(ada, ProjectsOf::Present, None, 1).await.unwrap();
    let second = reader
        .projects_of(ada, ProjectsOf::Present, first.next, 1)
        .await
        .unwrap();
    assert_eq!((first.items[0].project.id, second.items[0].project.id), (two, one));
    assert!(second.next.is_none());
    let (address, role) = reader.project_access("two", ada).await.unwrap().unwrap();
    assert_eq!((address.id, role), (two, MemberRole::Member));
    // Strangers see nothing, and former slugs help them no more.
    bench.rename(one, "uno").await.unwrap();
    let stranger = bench.user().await;
    for slug in ["one", "uno", "two", "three"] {
        assert_eq!(reader.project_access(slug, stranger).await.unwrap(), None);
    }
    let (address, _) = reader.project_access("one", ada).await.unwrap().unwrap();
    assert_eq!(address.slug, "uno");
    assert!(bench.own(stranger, ProjectsOf::Present).await.is_empty());
}

pub(super) async fn the_last_project_is_remembered(bench: &Bench) {
    let (one, two) = (bench.project("one", 1).await, bench.project("two", 1).await);
    let ada = bench.member(one, MemberRole::Owner).await;
    bench
        .try_member(a_membership(two, ada, MemberRole::Owner))
        .await
        .unwrap();
    let remember = |project| {
        bench
            .store
            .write(move |tx| Box::pin(async move { tx.set_last_project(ada, project, NOON).await }))
    };
    let last = || async {
        let found = bench.store.read().await.unwrap().last_project(ada).await.unwrap();
        found.map(|address| address.id)
    };
    assert_eq!(last().await, None);
    for project in [one, two] {
        remember(project).await.unwrap();
        assert_eq!(last().await, Some(project));
    }
    bench.delete(two).await.unwrap();
    assert_eq!(last().await, None, "deleted");
    remember(one).await.unwrap();
    let leave = bench
        .store
        .write(move |tx| Box::pin(async move { tx.delete_member(one, ada).await }));
    leave.await.unwrap();
    assert_eq!(last().await, None, "left");
    assert_eq!(
        bench.store.read().await.unwrap().last_project(user_id()).await.unwrap(),
        None
    );
}

pub(super) async fn projects_of_nobody_are_found(bench: &Bench) {
    let (one, two) = (bench.project("one", 1).await, bench.project("two", 1).await);
    bench.member(two, MemberRole::Owner).await;
    let found = bench.store.read().await.unwrap().memberless_projects().await.unwrap();
    assert_eq!(found.iter().map(|project| project.id).collect::<Vec<_>>(), [one]);
}
