//! Mail, given to a real SMTP server and read there.

use codecourier_domain::id::MailId;
use codecourier_identity::mail::{MailError, MailMessage, Mailer as _, Smtp, SmtpSecurity};
use codecourier_testkit::mail_server::{MailServer, MailServerOptions, MailTls};
use uuid::Uuid;

const LINK: &str = "https://courier.example.org/magic-link#token=cco_x";

fn message(to: &str) -> MailMessage {
    MailMessage {
        id: MailId::from_uuid(Uuid::from_u128(7)),
        to: to.parse().unwrap(),
        subject: "Grüße an Žofie: 日本語 and a subject that is so long that no line of a header holds it".to_owned(),
        text: format!("Follow this link:\n\n{LINK}\n\n.\n..\nGrüße, {}\n", "very ".repeat(300)),
        html: Some(format!("<p>Grüße</p>\n.\n<a href=\"{LINK}\">{LINK}</a>\n")),
    }
}

fn with_password(tls: MailTls) -> MailServerOptions {
    MailServerOptions {
        tls,
        credentials: Some(("courier".to_owned(), "hush: ünsaid \u{1f511}".to_owned())),
        ..MailServerOptions::default()
    }
}

#[tokio::test]
async fn a_message_arrives_whole_and_at_its_reader_alone() {
    let server = MailServer::start(MailServerOptions::default());
    let smtp = Smtp::new(&server.config()).unwrap();
    for to in ["ada@example.org", "bob@example.org"] {
        let sent = message(to);
        smtp.send(&sent).await.unwrap();
        let arrived = server.next().await;
        assert_eq!(arrived.to, [to]);
        assert_eq!(arrived.from, "courier@example.org");
        assert_eq!(arrived.header("to"), [to]);
        assert_eq!(
            arrived.header("from"),
            ["\"CodeCourier, Zürich\" <courier@example.org>"]
        );
        assert_eq!(arrived.header("subject"), [sent.subject.as_str()]);
        assert_eq!(
            arrived.header("message-id"),
            ["<00000000000000000000000000000007@example.org>"]
        );
        assert_eq!(arrived.header("auto-submitted"), ["auto-generated"]);
        assert_eq!(arrived.header("date").len(), 1);
        assert_eq!(arrived.text.replace("\r\n", "\n"), sent.text);
        assert_eq!(arrived.html.unwrap().replace("\r\n", "\n"), sent.html.unwrap());
        assert_eq!(arrived.defects, [""; 0]);
        assert!(!arrived.is_encrypted && !arrived.is_authenticated);
    }
}

#[tokio::test]
async fn mail_goes_by_tls_from_the_first_byte_or_after_a_greeting_with_name_and_password() {
    for tls in [MailTls::Start, MailTls::Implicit] {
        let server = MailServer::start(with_password(tls));
        let smtp = Smtp::new(&server.config()).unwrap();
        smtp.send(&message("ada@example.org")).await.unwrap();
        let arrived = server.next().await;
        assert!(arrived.is_encrypted && arrived.is_authenticated, "{tls:?}");

        // With another password the server lets nobody in; that is the configuration's fault and passes.
        let mut wrong = server.config();
        wrong.credentials = Some(("courier".to_owned(), "wrong".to_owned().into()));
        let error = Smtp::new(&wrong)
            .unwrap()
            .send(&message("ada@example.org"))
            .await
            .unwrap_err();
        assert!(matches!(error, MailError::NotLetIn(_)) && error.passes(), "{error:?}");

        // Nobody is trusted who cannot prove the name: neither without the certificate nor under another name.
        for change in [
            |config: &mut codecourier_identity::mail::SmtpConfig| config.trusted_pem = None,
            |config: &mut codecourier_identity::mail::SmtpConfig| config.host = "127.0.0.1".to_owned(),
        ] {
            let mut config = server.config();
            change(&mut config);
            let error = Smtp::new(&config)
                .unwrap()
                .send(&message("ada@example.org"))
                .await
                .unwrap_err();
            assert!(matches!(error, MailError::Later(_)), "{error:?}");
        }
    }
}

#[tokio::test]
async fn without_the_protection_that_was_asked_for_nothing_is_sent() {
    let server = MailServer::start(MailServerOptions::default());
    for security in [SmtpSecurity::StartTls, SmtpSecurity::Tls] {
        let mut config = server.config();
        config.security = security;
        let refused = Smtp::new(&config).unwrap().send(&message("ada@example.org")).await;
        assert!(refused.is_err(), "{security:?}");
    }
}

#[tokio::test]
async fn a_refusal_for_good_is_told_from_one_for_now() {
    let server = MailServer::start(MailServerOptions::default());
    let smtp = Smtp::new(&server.config()).unwrap();
    let refused = smtp.send(&message("refused@example.org")).await.unwrap_err();
    assert!(
        matches!(refused, MailError::Refused(_)) && !refused.passes(),
        "{refused:?}"
    );
    let said = refused.to_string();
    assert!(said.contains("550 5.1.1") && said.contains("no such mailbox"), "{said}");
    assert!(!said.contains("refused@"), "the log says to whom: {said}");
    let later = smtp.send(&message("later@example.org")).await.unwrap_err();
    assert!(later.passes() && later.to_string().contains("451"), "{later:?}");
    // The connection is good for more, and the second time the server takes it.
    smtp.send(&message("later@example.org")).await.unwrap();
    assert_eq!(server.next().await.to, ["later@example.org"]);
    let nobody = {
        let mut config = server.config();
        drop(server);
        config.host = "127.0.0.1".to_owned();
        Smtp::new(&config).unwrap()
    };
    let error = nobody.send(&message("ada@example.org")).await.unwrap_err();
    assert!(matches!(error, MailError::Later(_)), "{error:?}");
}

#[tokio::test]
async fn letters_beyond_ascii_reach_those_who_understand_them() {
    let server = MailServer::start(MailServerOptions::default());
    let smtp = Smtp::new(&server.config()).unwrap();
    smtp.send(&message("žofie@example.org")).await.unwrap();
    let arrived = server.next().await;
    assert_eq!(arrived.to, ["žofie@example.org"]);
    let server = MailServer::start(MailServerOptions {
        understands_utf8: false,
        ..MailServerOptions::default()
    });
    let smtp = Smtp::new(&server.config()).unwrap();
    let refused = smtp.send(&message("žofie@example.org")).await.unwrap_err();
    assert!(
        matches!(refused, MailError::Refused(_)),
        "waiting does not help: {refused:?}"
    );
    smtp.send(&message("ada@example.org")).await.unwrap();
}

#[tokio::test]
async fn nothing_that_is_typed_adds_a_header_or_a_recipient() {
    let server = MailServer::start(MailServerOptions::default());
    let smtp = Smtp::new(&server.config()).unwrap();
    for subject in ["Hello\r\nBcc: eve@example.org", "Hello\nX: y", "a\u{2028}b", "a\u{0}b"] {
        let typed = MailMessage {
            subject: subject.to_owned(),
            ..message("ada@example.org")
        };
        assert!(
            matches!(smtp.send(&typed).await, Err(MailError::Message(_))),
            "{subject:?}"
        );
    }
    // What looks like the protocol or like a header in a text is a text.
    let typed = MailMessage {
        text: "Bcc: eve@example.org\r\n\r\n.\r\nMAIL FROM:<eve@example.org>\r\nRCPT TO:<eve@example.org>\r\n"
            .to_owned(),
        html: None,
        ..message("ada@example.org")
    };
    smtp.send(&typed).await.unwrap();
    let arrived = server.next().await;
    assert_eq!(arrived.to, ["ada@example.org"]);
    assert!(arrived.header("bcc").is_empty());
    assert!(arrived.text.contains("RCPT TO:<eve@example.org>"));
    for name in ["Courier\r\nBcc: eve@example.org", "Courier\nX: y"] {
        let mut config = server.config();
        config.from_name = name.to_owned();
        assert!(Smtp::new(&config).is_err());
    }
}
