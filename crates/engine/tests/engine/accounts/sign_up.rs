//! Who may make an account, who runs the server, and what a stranger learns from the form.

use codecourier_domain::id::InvitationId;
use codecourier_domain::member::MemberRole;
use codecourier_engine::access::{OperatorSeat, Person, Principal, SignInWay, SignUpPolicy, Standing};
use codecourier_engine::accounts::{Delivery, SignUp, SignUpOutcome, Verified};
use codecourier_engine::projects::CreateProject;
use codecourier_engine::{Error, ErrorCode};
use codecourier_store::Tx;
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent;
use codecourier_testkit::postgres::Server;
use futures::future::{BoxFuture, join_all};

use super::{DAY, House, MINUTE, Mail, PASSWORD, a_sign_up, address, code, visitor};

async fn first_of_many(world: World) {
    let house = House::of(world, SignUpPolicy::Open, Mail::None).await;
    let source = house.world.source();
    let project = house
        .engine
        .ask(|engine| async move { engine.project_of(&source).await })
        .await
        .unwrap();
    let asking = &house;
    let accounts: Vec<_> = join_all(
        (0..8)
            .map(|number| async move {
                let email = format!("{number}@example.org");
                match asking.sign_up(&email).await.unwrap() {
                    SignUpOutcome::SignedIn(signed_in) => signed_in.account,
                    SignUpOutcome::AnsweredByMail => panic!("there is no mail"),
                }
            })
            .collect::<Vec<_>>(),
    )
    .await;
    let operators: Vec<_> = accounts
        .iter()
        .filter(|account| account.standing == Standing::Operator)
        .collect();
    assert_eq!(operators.len(), 1, "{operators:?}");
    let operator = operators[0].id;
    let members = house
        .engine
        .read(
            move |mut reader: codecourier_store::Reader<'static>| -> BoxFuture<'static, _> {
                Box::pin(async move { reader.memberships(project, None, 10).await.unwrap().items })
            },
        )
        .await;
    assert_eq!(members.len(), 1, "what the command line made belongs to the operator");
    assert_eq!((members[0].user, members[0].role), (operator, MemberRole::Owner));
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_those_who_sign_up_first_one_runs_the_server() {
    first_of_many(World::new(fake_agent::designer_and_checker())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_those_who_sign_up_first_one_runs_the_server_on_postgres_too() {
    let url = Server::shared().create_database();
    first_of_many(World::new(fake_agent::designer_and_checker()).on_postgres(url)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_server_takes_its_operator_and_nobody_else() {
    let house = House::new(SignUpPolicy::Closed, Mail::None).await;
    let entrance = || {
        house
            .engine
            .ask(|engine| async move { engine.access().entrance().await.unwrap() })
    };
    assert_eq!(entrance().await.operator, OperatorSeat::Vacant);
    let operator = house.with_account("ada@example.org").await;
    assert_eq!(operator.account.standing, Standing::Operator);
    assert_eq!(code(house.sign_up("bob@example.org").await), ErrorCode::Forbidden);
    let entrance = entrance().await;
    assert_eq!(
        (entrance.operator, entrance.sign_up),
        (OperatorSeat::Taken, SignUpPolicy::Closed)
    );
    assert_eq!(entrance.ways, [SignInWay::Password], "there is no mail");
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_invitation_only_the_invited_address_gets_in() {
    let house = House::new(SignUpPolicy::Invitation, Mail::None).await;
    let owner = house.with_account("ada@example.org").await.account.id;
    let grant = house.engine.ask(move |engine| async move {
        let person = Principal::Person(Person {
            user: owner,
            session: None,
            standing: Standing::Operator,
        });
        let new = CreateProject {
            name: "Shop".to_owned(),
            ..CreateProject::default()
        };
        engine.projects().create(owner, new).await.unwrap();
        engine.access().project(&person, "shop").await.unwrap()
    });
    let grant = grant.await;
    let invitations = house.engine.ask(|engine| async move { engine.invitations() }).await;
    let invited = house.engine.ask({
        let invitations = invitations.clone();
        move |_| async move { invitations.invite(&grant, "bob@example.org", MemberRole::Member).await }
    });
    let invited = invited.await.unwrap();
    let secret = invited.code.unwrap().expose().to_owned();
    assert_eq!(code(house.sign_up("eve@example.org").await), ErrorCode::Forbidden);
    // Who only knows the address gets no account with it; nor does who has the code get one with another address.
    assert_eq!(code(house.sign_up("bob@example.org").await), ErrorCode::Forbidden);
    let with_code = |email: &str| {
        let asked = SignUp {
            invitation_code: Some(secret.clone()),
            ..a_sign_up(email)
        };
        house.ask(|accounts| async move { accounts.sign_up(asked, &visitor("192.0.2.1"), Delivery::Cookie).await })
    };
    assert_eq!(code(with_code("eve@example.org").await), ErrorCode::Forbidden);
    let SignUpOutcome::SignedIn(bob) = with_code("bob@example.org").await.unwrap() else {
        panic!("there is no mail");
    };
    let bob = bob.account.id;
    // The address is not proved: the invitation is not shown, and is accepted by its code only.
    let joined = house.engine.ask(move |_| async move {
        assert!(invitations.mine(bob).await.unwrap().is_empty());
        let without = invitations.accept(bob, invited.id).await;
        (without, invitations.redeem(bob, invited.id, &secret).await)
    });
    let (without, joined) = joined.await;
    assert_eq!(super::code(without), ErrorCode::NotFound);
    assert_eq!(joined.unwrap(), "shop");
    house.engine.shut_down().await;
}

/// A pending invitation, as the projects' use case writes it.
async fn invite(house: &House, owner: codecourier_domain::id::UserId, email: &str) -> InvitationId {
    use codecourier_domain::actor::Actor;
    use codecourier_domain::time::Clock as _;
    use codecourier_store::invitations::{Invitation, InvitationStatus};

    let source = house.world.source();
    let project = house.engine.ask(move |engine| async move {
        let project = engine.project_of(&source).await?;
        engine.members().adopt(owner).await?;
        Ok::<_, Error>(project)
    });
    let now = house.world.clock.now();
    let invitation = Invitation {
        id: InvitationId::from_uuid(codecourier_engine::random::uuid_v7(now)),
        project: project.await.unwrap(),
        email: address(email),
        role: MemberRole::Member,
        inviter: Actor::User(owner),
        inviter_name: None,
        status: InvitationStatus::Pending,
        created_at: now,
        expires_at: now.plus_milliseconds(DAY),
        ended_at: None,
    };
    let id = invitation.id;
    let store = house.engine.store();
    let written = house.engine.ask(|_| async move {
        store
            .write(move |tx: &mut Tx| Box::pin(async move { tx.insert_invitation(&invitation).await }))
            .await
    });
    written.await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_mail_an_address_is_taken_once() {
    let house = House::new(SignUpPolicy::Open, Mail::None).await;
    house.with_account("ada@example.org").await;
    house.with_account("bob@example.org").await;
    let refused = house.sign_up(" Ada@Example.ORG ").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Conflict);
    assert_eq!(refused.field.as_deref(), Some("email"));
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_mail_the_form_says_the_same_to_everybody_and_the_mail_tells_its_reader() {
    let house = House::new(SignUpPolicy::Open, Mail::Some).await;
    house.with_account("ada@example.org").await;
    let told = |outcome: Result<SignUpOutcome, Error>| matches!(outcome, Ok(SignUpOutcome::AnsweredByMail));
    assert!(told(house.sign_up("ada@example.org").await));
    let message = house.postbox.next().await;
    assert_eq!(message.to, address("ada@example.org"));
    assert!(message.text.contains("has an account already") && !message.text.contains("#token="));

    assert!(told(house.sign_up("bob@example.org").await));
    assert_eq!(
        code(house.sign_in("bob@example.org", PASSWORD).await),
        ErrorCode::AuthInvalid
    );
    let token = house.postbox.next_token().await;
    let again = token.clone();
    let verified = house
        .ask(|accounts| async move {
            accounts
                .verify_email(&token, &visitor("192.0.2.1"), Delivery::Token)
                .await
        })
        .await;
    let Verified::SignedIn(bob) = verified.unwrap() else {
        panic!("the account was not made");
    };
    assert!(bob.account.email_verified_at.is_some());
    assert_eq!(house.person(&bob.token).await.unwrap().user, bob.account.id);
    house.sign_in("bob@example.org", PASSWORD).await.unwrap();
    let again = house
        .ask(|accounts| async move {
            accounts
                .verify_email(&again, &visitor("192.0.2.1"), Delivery::Token)
                .await
        })
        .await;
    assert_eq!(code(again), ErrorCode::AuthInvalid, "a link is good once");
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_mail_nobody_learns_who_was_invited() {
    let house = House::new(SignUpPolicy::Invitation, Mail::Some).await;
    let owner = house.with_account("ada@example.org").await.account.id;
    invite(&house, owner, "bob@example.org").await;
    for email in ["eve@example.org", "bob@example.org"] {
        let outcome = house.sign_up(email).await;
        assert!(matches!(outcome, Ok(SignUpOutcome::AnsweredByMail)), "{email}");
    }
    assert_eq!(house.postbox.next().await.to, address("bob@example.org"));
    assert_eq!(house.postbox.waiting(), 0, "a stranger got mail");
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_are_mailed_to_an_address_only_so_often() {
    let house = House::new(SignUpPolicy::Open, Mail::Some).await;
    house.with_account("ada@example.org").await;
    for number in 0..5 {
        // From everywhere: it is the address that is spared.
        let (asked, visitor) = (a_sign_up("bob@example.org"), visitor(&format!("192.0.2.{number}")));
        house
            .ask(|accounts| async move { accounts.sign_up(asked, &visitor, Delivery::Cookie).await })
            .await
            .unwrap();
    }
    let refused = house.sign_up("bob@example.org").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::RateLimited);
    assert!(refused.retry_after.unwrap().as_secs() <= 600);
    house.sign_up("eve@example.org").await.unwrap();
    house.world.clock.advance(10 * MINUTE);
    house.sign_up("bob@example.org").await.unwrap();
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weak_passwords_are_refused_before_anything_happens() {
    let house = House::new(SignUpPolicy::Open, Mail::None).await;
    for password in ["short", "password123", "ada@example.org"] {
        let asked = codecourier_engine::accounts::SignUp {
            password: password.into(),
            ..a_sign_up("ada@example.org")
        };
        let refused = house
            .ask(|accounts| async move { accounts.sign_up(asked, &visitor("192.0.2.1"), Delivery::Cookie).await })
            .await
            .unwrap_err();
        assert_eq!(refused.code, ErrorCode::Validation);
        assert_eq!(refused.field.as_deref(), Some("password"));
        assert!(!refused.message.contains(password));
    }
    assert_eq!(
        house.with_account("ada@example.org").await.account.standing,
        Standing::Operator
    );
    house.engine.shut_down().await;
}
