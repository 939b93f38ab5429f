//! Memberships: who is in which project, and that a project with members has an owner.

use codecourier_domain::id::{ProjectId, UserId};
use codecourier_domain::member::MemberRole;
use codecourier_store::members::Membership;
use codecourier_store::{Error, Result, Store};
use futures::future::join_all;

use super::{Bench, NOON, project_id, user_id};

pub(super) const fn a_membership(project: ProjectId, user: UserId, role: MemberRole) -> Membership {
    Membership {
        project,
        user,
        role,
        joined_at: NOON,
    }
}

impl Bench {
    pub(super) async fn try_member(&self, membership: Membership) -> Result<()> {
        self.store
            .write(move |tx| Box::pin(async move { tx.insert_member(&membership).await }))
            .await
    }

    pub(super) async fn member(&self, project: ProjectId, role: MemberRole) -> UserId {
        let user = self.user().await;
        self.try_member(a_membership(project, user, role)).await.unwrap();
        user
    }

    async fn role(&self, project: ProjectId, user: UserId) -> Option<MemberRole> {
        let mut reader = self.store.read().await.unwrap();
        let membership = reader.membership(project, user).await.unwrap();
        membership.map(|membership| membership.role)
    }
}

async fn set_role(store: &Store, project: ProjectId, user: UserId, role: MemberRole) -> Result<MemberRole> {
    store
        .write(move |tx| Box::pin(async move { tx.set_member_role(project, user, role).await }))
        .await
}

async fn remove(store: &Store, project: ProjectId, user: UserId) -> Result<Membership> {
    store
        .write(move |tx| Box::pin(async move { tx.delete_member(project, user).await }))
        .await
}

pub(super) async fn people_come_and_go_and_change_their_roles(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let owner = bench.member(project, MemberRole::Owner).await;
    let ada = bench.member(project, MemberRole::Member).await;
    let again = bench.try_member(a_membership(project, ada, MemberRole::Admin)).await;
    assert!(matches!(again, Err(Error::Taken { entity: "member" })));
    let before = set_role(&bench.store, project, ada, MemberRole::Admin).await.unwrap();
    assert_eq!(before, MemberRole::Member);
    assert_eq!(bench.role(project, ada).await, Some(MemberRole::Admin));
    let mut reader = bench.store.read().await.unwrap();
    let all = reader.memberships(project, None, 10).await.unwrap().items;
    assert_eq!(
        all,
        [
            a_membership(project, ada, MemberRole::Admin),
            a_membership(project, owner, MemberRole::Owner)
        ]
    );
    let shown = reader.members(project, None, 10).await.unwrap().items;
    let memberships: Vec<_> = shown.iter().map(|member| member.membership.clone()).collect();
    assert_eq!(memberships, all);
    assert_eq!(shown[0].name, "Ada");
    assert_eq!(
        shown[0].email,
        Some(format!("{}@example.org", ada.short()).parse().unwrap())
    );
    assert_eq!(
        reader.project_member(project, ada).await.unwrap().as_ref(),
        shown.first()
    );
    let first = reader.memberships(project, None, 1).await.unwrap();
    let second = reader.memberships(project, first.next, 1).await.unwrap();
    assert_eq!([&first.items[..], &second.items[..]].concat(), all);
    assert!(second.next.is_none());
    assert_eq!(
        reader.memberships_of(ada).await.unwrap(),
        [a_membership(project, ada, MemberRole::Admin)]
    );
    let gone = remove(&bench.store, project, ada).await.unwrap();
    assert_eq!(gone.role, MemberRole::Admin);
    assert_eq!(bench.role(project, ada).await, None);
    let missing = remove(&bench.store, project, ada).await;
    assert!(matches!(missing, Err(Error::NotFound { entity: "member" })));
    let missing = set_role(&bench.store, project, ada, MemberRole::Owner).await;
    assert!(matches!(missing, Err(Error::NotFound { entity: "member" })));
}

pub(super) async fn a_project_with_members_keeps_an_owner(bench: &Bench) {
    let project = bench.project("one", 1).await;
    let nobody = bench.user().await;
    let first = bench.try_member(a_membership(project, nobody, MemberRole::Admin)).await;
    assert!(matches!(first, Err(Error::LastOwner)), "{first:?}");

    let ada = bench.member(project, MemberRole::Owner).await;
    let members = join_all((0..3).map(|_| bench.member(project, MemberRole::Member))).await;
    let demoted = set_role(&bench.store, project, ada, MemberRole::Admin).await;
    assert!(matches!(demoted, Err(Error::LastOwner)), "{demoted:?}");
    let removed = remove(&bench.store, project, ada).await;
    assert!(matches!(removed, Err(Error::LastOwner)), "{removed:?}");
    assert_eq!(bench.role(project, ada).await, Some(MemberRole::Owner));

    // With a second owner the first may go, however many rows rested on them.
    set_role(&bench.store, project, members[0], MemberRole::Owner)
        .await
        .unwrap();
    set_role(&bench.store, project, ada, MemberRole::Member).await.unwrap();
    set_role(&bench.store, project, ada, MemberRole::Owner).await.unwrap();
    set_role(&bench.store, project, members[0], MemberRole::Member)
        .await
        .unwrap();
    set_role(&bench.store, project, members[1], MemberRole::Owner)
        .await
        .unwrap();
    remove(&bench.store, project, ada).await.unwrap();
    // The last one of all may go too: nobody is left without an owner.
    remove(&bench.store, project, members[0]).await.unwrap();
    remove(&bench.store, project, members[2]).await.unwrap();
    remove(&bench.store, project, members[1]).await.unwrap();
    let left = bench.store.read().await.unwrap().memberships(project, None, 9).await;
    assert!(left.unwrap().items.is_empty());
}

/// Two servers on one database, a thousand pairs of owners, each demoting the other at the same time.
pub(super) async fn an_heir_is_the_next_in_role_and_time(bench: &Bench) {
    let (project, other) = (bench.project("one", 1).await, bench.project("two", 1).await);
    let owner = bench.member(project, MemberRole::Owner).await;
    bench.member(other, MemberRole::Owner).await;
    let mut reader = bench.store.read().await.unwrap();
    assert_eq!(reader.heir(project, owner).await.unwrap(), None);
    let at = |minutes: i64| NOON.plus_milliseconds(minutes * 60_000);
    let mut heirs = Vec::new();
    for (role, joined_at) in [
        (MemberRole::Member, at(2)),
        (MemberRole::Member, at(1)),
        (MemberRole::Admin, at(4)),
        (MemberRole::Admin, at(3)),
        (MemberRole::Owner, at(5)),
    ] {
        let membership = Membership {
            joined_at,
            ..a_membership(project, bench.user().await, role)
        };
        bench.try_member(membership.clone()).await.unwrap();
        assert_eq!(reader.heir(project, owner).await.unwrap().as_ref(), Some(&membership));
        heirs.push(membership.user);
    }
    assert_ne!(
        reader.heir(project, heirs[4]).await.unwrap().map(|heir| heir.user),
        Some(heirs[4])
    );
}

pub(super) async fn of_the_last_two_owners_one_stays(bench: &Bench) {
    const TRIES: usize = 1000;
    let other = Store::open(bench.config.clone()).await.unwrap();
    let people = [bench.user().await, bench.user().await];
    let mut projects = Vec::new();
    for number in 0..TRIES {
        projects.push(super::a_project(&format!("project-{number}"), 1));
    }
    let inserted = projects.clone();
    let insert = bench.store.write(move |tx| {
        Box::pin(async move {
            for project in &inserted {
                tx.insert_project(project).await?;
                for user in people {
                    tx.insert_member(&a_membership(project.id, user, MemberRole::Owner))
                        .await?;
                }
            }
            Ok(())
        })
    });
    insert.await.unwrap();
    for project in projects {
        let results = tokio::join!(
            set_role(&bench.store, project.id, people[1], MemberRole::Member),
            set_role(&other, project.id, people[0], MemberRole::Admin),
        );
        let (won, lost) = match results {
            (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
            other => panic!("{other:?}"),
        };
        assert_eq!(won, MemberRole::Owner);
        assert!(matches!(lost, Error::LastOwner), "{lost:?}");
        let roles = [
            bench.role(project.id, people[0]).await,
            bench.role(project.id, people[1]).await,
        ];
        let owners = roles.iter().filter(|role| **role == Some(MemberRole::Owner));
        assert_eq!(owners.count(), 1, "{roles:?}");
    }
    other.close().await;
}

pub(super) async fn members_of_another_project_are_out_of_reach(bench: &Bench) {
    let (one, two) = (bench.project("one", 1).await, bench.project("two", 1).await);
    let ada = bench.member(one, MemberRole::Owner).await;
    bench.member(two, MemberRole::Owner).await;
    for foreign in [two, project_id()] {
        assert_eq!(bench.role(foreign, ada).await, None);
        let mut reader = bench.store.read().await.unwrap();
        assert_eq!(reader.project_member(foreign, ada).await.unwrap(), None);
        let shown = reader.members(foreign, None, 10).await.unwrap().items;
        assert!(shown.iter().all(|member| member.membership.user != ada));
        assert!(set_role(&bench.store, foreign, ada, MemberRole::Member).await.is_err());
        assert!(remove(&bench.store, foreign, ada).await.is_err());
    }
    assert_eq!(bench.role(one, ada).await, Some(MemberRole::Owner));
    let mut reader = bench.store.read().await.unwrap();
    let of_two = reader.memberships(two, None, 10).await.unwrap().items;
    assert!(of_two.iter().all(|member| member.user != ada));
    assert!(!reader.has_other_members(one, ada).await.unwrap());
    assert!(reader.has_other_members(two, ada).await.unwrap());
    assert!(reader.memberships_of(user_id()).await.unwrap().is_empty());
}
