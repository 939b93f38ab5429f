//! The command line as the client of a server, for real: the binary serves, the binary asks.

mod projects;
mod runs;

use codecourier_it::mail::{AtFirst, MailServer};
use codecourier_it::person::Person;
use codecourier_it::scene::{Ended, Scene};
use codecourier_it::serving::{Server, Start, reach_repositories};
use codecourier_testkit::repository::RepositoryBuilder;

const PASSWORD: &str = "correct horse battery";

/// A server that somebody runs, the model it asks, and a repository that it can reach.
struct Office {
    scene: Scene,
    server: Server,
    mail: MailServer,
}

impl Office {
    async fn open() -> Self {
        let repository = RepositoryBuilder::new()
            .file("README.md", "A sample.\n")
            .commit("first");
        let installation = codecourier_it::server::Installation::new().await.unwrap();
        let scene = Scene::at(installation, repository).await.unwrap();
        let mail = MailServer::start(AtFirst::Accepts).await;
        let server = Self::serve(&scene, &mail, None).await;
        Self { scene, server, mail }
    }

    async fn serve(scene: &Scene, mail: &MailServer, at: Option<&str>) -> Server {
        let environment = vec![
            ("PATH", reach_repositories(&scene.installation).unwrap()),
            ("ANTHROPIC_API_KEY", "sk-ant-test".to_owned()),
            ("ANTHROPIC_BASE_URL", scene.model.base_url()),
            ("CODECOURIER_SMTP_HOST", "127.0.0.1".to_owned()),
            ("CODECOURIER_SMTP_PORT", mail.port.to_string()),
            ("CODECOURIER_SMTP_SECURITY", "none".to_owned()),
            ("CODECOURIER_SMTP_FROM", "courier@example.org".to_owned()),
        ];
        let start = Start {
            at,
            environment,
            ..Start::default()
        };
        Server::start(&scene.installation, start).await.unwrap()
    }

    /// Ends the server between any two of its steps, and starts another one in its place.
    async fn restart(self) -> Self {
        let Self { scene, server, mail } = self;
        let address = server.address.clone();
        server.kill().unwrap();
        let server = Self::serve(&scene, &mail, Some(&address)).await;
        Self { scene, server, mail }
    }

    /// The address of the repository.
    fn repository(&self) -> String {
        format!("ssh://git@example.org{}", self.scene.source_path())
    }

    /// Somebody who is signed in, with an account of their own. The first one runs the server; the others are asked to
    /// follow the link in a mail before they are somebody.
    async fn hire(&self, name: &str) -> Person {
        let person = Person::new().unwrap();
        let email = format!("{name}@example.org");
        let sign_in = ["login", &self.server.url, "--email", &email, "--password-stdin"];
        let sign_up = [sign_in.as_slice(), &["--sign-up", "--name", name]].concat();
        let before = self.mail.count();
        let ended = person.says(&sign_up, PASSWORD).await.unwrap();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        if ended.stderr.contains("A message is on its way") {
            let token = self.mail.token_to(&email, before).await;
            let url = format!("{}/api/v1/auth/verify-email", self.server.url);
            let request = reqwest::Client::new().post(url);
            let answer = request
                .json(&serde_json::json!({ "token": token }))
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
            let ended = person.says(&sign_in, PASSWORD).await.unwrap();
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        }
        person
    }
}

/// Does something that works, and gives what came of it.
async fn works(person: &Person, arguments: &[&str]) -> Ended {
    let ended = person.does(arguments).await.unwrap();
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    assert!(
        !ended.stdout.contains('\u{1b}') && !ended.stderr.contains('\u{1b}'),
        "colours without a terminal"
    );
    ended
}

/// Does something that is refused with this code, and whose words hold these.
#[track_caller]
fn is_refused(ended: &Ended, code: i32, words: &[&str]) {
    let said = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(ended.code, Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is missing in: {said}");
    }
}
