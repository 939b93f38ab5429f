//! A person's whole way in by mail, through a real mail server.

use std::sync::Arc;

use codecourier_domain::member::MemberRole;
use codecourier_engine::access::{Person, Principal, SignUpPolicy, Standing};
use codecourier_engine::accounts::{Delivery, SignUpOutcome, Verified};
use codecourier_engine::projects::CreateProject;
use codecourier_identity::mail::Smtp;
use codecourier_testkit::mail_server::{ArrivedMail, MailServer, MailServerOptions, MailTls};
use codecourier_testkit::postbox::token_of;

use super::{House, Mail, PASSWORD, SECOND, address, visitor};

async fn house_and_server(options: MailServerOptions) -> (House, MailServer) {
    let server = MailServer::start(options);
    let smtp = Smtp::new(&server.config()).unwrap();
    let house = House::new(SignUpPolicy::Open, Mail::By(Arc::new(smtp))).await;
    (house, server)
}

/// The token in a mail that reads well: to one person, in two forms that say the same.
fn token_in(mail: &ArrivedMail, to: &str, subject: &str) -> String {
    assert_eq!(mail.to, [to]);
    assert_eq!(mail.header("subject"), [subject]);
    assert_eq!(mail.defects, [""; 0]);
    let token = token_of(&mail.text);
    let html = mail.html.as_deref().unwrap();
    assert!(html.contains(&format!("#token={token}\"")), "{html}");
    token
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_mail_people_sign_up_prove_their_address_and_find_back_in() {
    let (house, server) = house_and_server(MailServerOptions {
        tls: MailTls::Start,
        credentials: Some(("courier".to_owned(), "hush".to_owned())),
        ..MailServerOptions::default()
    })
    .await;
    house.sign_up("ada@example.org").await.unwrap();
    let proof = server.next().await;
    assert!(proof.is_encrypted && proof.is_authenticated);
    let token = token_in(&proof, "ada@example.org", "CodeCourier: Confirm your address");
    let verified = house.ask(|accounts| async move {
        let visitor = visitor("192.0.2.1");
        accounts.verify_email(&token, &visitor, Delivery::Cookie).await
    });
    let Verified::Address(ada) = verified.await.unwrap() else {
        panic!("the account was there");
    };
    assert!(ada.email_verified_at.is_some());

    let outcome = house.sign_up("bob@example.org").await.unwrap();
    assert!(matches!(outcome, SignUpOutcome::AnsweredByMail));
    let finish = server.next().await;
    let token = token_in(&finish, "bob@example.org", "CodeCourier: Finish your sign-up");
    let verified = house.ask(|accounts| async move {
        let visitor = visitor("192.0.2.1");
        accounts.verify_email(&token, &visitor, Delivery::Cookie).await
    });
    assert!(matches!(verified.await.unwrap(), Verified::SignedIn(_)));

    let request = house.ask(|accounts| async move {
        let email = address("bob@example.org");
        accounts.request_password_reset(email, &visitor("192.0.2.1")).await
    });
    request.await.unwrap();
    let token = token_in(
        &server.next().await,
        "bob@example.org",
        "CodeCourier: Set another password",
    );
    let reset = house.ask(|accounts| async move {
        let visitor = visitor("192.0.2.1");
        accounts
            .confirm_password_reset(&token, "another horse".into(), &visitor)
            .await
    });
    reset.await.unwrap();
    let told = server.next().await;
    assert_eq!(told.header("subject"), ["CodeCourier: Your password was changed"]);
    assert!(house.sign_in("bob@example.org", PASSWORD).await.is_err());
    house.sign_in("bob@example.org", "another horse").await.unwrap();

    let request = house.ask(|accounts| async move {
        let email = address("bob@example.org");
        accounts.request_magic_link(email, &visitor("192.0.2.1")).await
    });
    request.await.unwrap();
    let token = token_in(&server.next().await, "bob@example.org", "CodeCourier: Sign in");
    let signed_in = house.ask(|accounts| async move {
        let visitor = visitor("192.0.2.1");
        accounts.confirm_magic_link(&token, &visitor, Delivery::Cookie).await
    });
    let signed_in = signed_in.await.unwrap();
    assert_eq!(signed_in.account.email, Some(address("bob@example.org")));

    let (ada, bob) = (ada.id, signed_in.account.id);
    let invited = house.engine.ask(move |engine| async move {
        let new = CreateProject {
            name: "Žofie's <Shop>".to_owned(),
            ..CreateProject::default()
        };
        let project = engine.projects().create(ada, new).await.unwrap();
        let person = Principal::Person(Person {
            user: ada,
            session: None,
            standing: Standing::Operator,
        });
        let grant = engine.access().project(&person, &project.slug).await.unwrap();
        let invitations = engine.invitations();
        invitations.invite(&grant, "bob@example.org", MemberRole::Member).await
    });
    let invited = invited.await.unwrap();
    let mail = server.next().await;
    assert_eq!(mail.header("subject"), ["CodeCourier: You are invited to a project"]);
    let link = format!("https://courier.example.org/invitations/{}", invited.id);
    assert!(mail.text.contains("Ada invites you to the project “Žofie's Shop”.") && mail.text.contains(&link));
    assert!(mail.html.as_deref().unwrap().contains("Žofie&#39;s Shop"));
    let joined = house
        .engine
        .ask(move |engine| async move { engine.invitations().accept(bob, invited.id).await });
    joined.await.unwrap();
    house.engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_busy_hears_of_it_again_and_one_that_refuses_does_not() {
    let (house, server) = house_and_server(MailServerOptions::default()).await;
    house.sign_up("ada@example.org").await.unwrap();
    server.next().await;
    // Neither the one who is refused for good nor the one whose mailbox hangs stands in the way of the others.
    for email in ["refused@example.org", "hang@example.org", "later@example.org"] {
        house.sign_up(email).await.unwrap();
    }
    house.sign_up("bob@example.org").await.unwrap();
    assert_eq!(server.next().await.to, ["bob@example.org"]);
    house.world.clock.advance(6 * SECOND);
    let deliver = house.engine.ask(|engine| async move { engine.mail().deliver().await });
    // Whoever of the two rounds it is that sends it.
    deliver.await.unwrap();
    assert_eq!(server.next().await.to, ["later@example.org"]);
    house.engine.kill().await;
}
