//! From what a letter says to a message: plain text, and the same in HTML.
//!
//! Both are made from one [`Page`], so that neither says more than the other. Invariant: whatever stands in a page is
//! text; here it becomes HTML, escaped, and nothing else does.

use codecourier_domain::id::MailId;
use codecourier_domain::time::Timestamp;
use codecourier_identity::mail::MailMessage;

use super::order::Letter;
use super::text::{self, Language};

/// A letter in a language, before it is laid out.
pub(super) struct Page {
    /// One line.
    pub(super) subject: String,
    /// What comes first.
    pub(super) paragraphs: Vec<String>,
    /// What to follow, and what it is called.
    pub(super) action: Option<Action>,
    /// What comes last, and smaller.
    pub(super) notes: Vec<String>,
}

/// An address to follow.
pub(super) struct Action {
    /// What it does.
    pub(super) label: &'static str,
    /// The address.
    pub(super) url: String,
}

/// The message of a letter.
pub(super) fn render(id: MailId, letter: &Letter, public_url: &str, now: Timestamp) -> MailMessage {
    let base = public_url.trim_end_matches('/');
    let page = text::page(Language::English, &letter.content, base, now);
    MailMessage {
        id,
        to: letter.to.clone(),
        text: plain(&page),
        html: Some(html(&page)),
        subject: page.subject,
    }
}

fn plain(page: &Page) -> String {
    let mut blocks = page.paragraphs.clone();
    if let Some(action) = &page.action {
        blocks.push(format!("{}:", action.label));
        // On a line of its own, whole, so that every reader makes a link of it.
        blocks.push(action.url.clone());
    }
    blocks.extend(page.notes.iter().cloned());
    blocks.push("-- \nCodeCourier".to_owned());
    blocks.join("\n\n") + "\n"
}

fn html(page: &Page) -> String {
    let mut body = String::new();
    for paragraph in &page.paragraphs {
        body.push_str(&format!("<p style=\"margin:0 0 16px\">{}</p>\n", escaped(paragraph)));
    }
    if let Some(Action { label, url }) = &page.action {
        let url = escaped(url);
        // The address shows too: nobody has to trust a button.
        body.push_str(&format!(
            "<p style=\"margin:24px 0\"><a href=\"{url}\" style=\"display:inline-block;padding:10px 20px;\
             border-radius:6px;background:#1f6feb;color:#ffffff;text-decoration:none;font-weight:600\">{}</a></p>\n\
             <p style=\"margin:0 0 16px;font-size:13px;color:#59636e;word-break:break-all\">{url}</p>\n",
            escaped(label)
        ));
    }
    for note in &page.notes {
        body.push_str(&format!(
            "<p style=\"margin:0 0 8px;font-size:13px;color:#59636e\">{}</p>\n",
            escaped(note)
        ));
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{}</title></head>\n<body style=\"margin:0;padding:24px;\
         font:16px/1.5 system-ui,sans-serif;color:#1f2328\">\n<div style=\"max-width:560px;margin:0 auto\">\n{body}\
         <p style=\"margin:24px 0 0;font-size:13px;color:#59636e\">CodeCourier</p>\n</div>\n</body>\n</html>\n",
        escaped(&page.subject)
    )
}

/// Text as HTML shows it, in an element and in a quoted attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use codecourier_domain::id::{InvitationId, MailId};
    use codecourier_domain::member::MemberRole;
    use uuid::Uuid;

    use super::super::order::{Content, Invited, Link};
    use super::*;

    const NOON: Timestamp = Timestamp(1_800_000_000_000);

    fn message(content: Content) -> MailMessage {
        let letter = Letter {
            to: "ada@example.org".parse().unwrap(),
            user: None,
            content,
        };
        let id = MailId::from_uuid(Uuid::nil());
        render(id, &letter, "https://courier.example.org/", NOON)
    }

    fn link(minutes: i64) -> Link {
        Link {
            token: "cco_secret".to_owned(),
            good_until: NOON.plus_milliseconds(minutes * 60_000),
        }
    }

    #[test]
    fn a_letter_has_the_link_whole_behind_the_fragment_and_how_long_it_is_good() {
        let message = message(Content::MagicLink { link: link(15) });
        let url = "https://courier.example.org/magic-link#token=cco_secret";
        assert!(message.text.contains(&format!("\n\n{url}\n\n")), "{}", message.text);
        assert!(message.text.contains("15 minutes"), "{}", message.text);
        let html = message.html.unwrap();
        assert!(
            html.contains(&format!("href=\"{url}\"")) && html.contains("15 minutes"),
            "{html}"
        );
        assert!(!message.subject.contains("cco_"));
    }

    #[test]
    fn every_letter_reads_well_in_both_forms() {
        for content in [
            Content::FinishSignUp { link: link(24 * 60) },
            Content::AlreadyHasAccount,
            Content::VerifyEmail { link: link(24 * 60) },
            Content::MagicLink { link: link(1) },
            Content::PasswordReset { link: link(30) },
            Content::PasswordChanged,
            Content::Invited(invited("Shop", Some("Ada"))),
        ] {
            let message = message(content);
            assert!(message.subject.starts_with("CodeCourier: ") && message.subject.len() < 100);
            let html = message.html.unwrap();
            for line in message.text.lines().filter(|line| !line.is_empty() && *line != "-- ") {
                let shown = escaped(line.trim_end_matches(':'));
                assert!(html.contains(&shown), "`{shown}` is not in {html}");
                assert!(line.starts_with("https://") || line.chars().count() < 400, "{line}");
            }
        }
    }

    fn invited(project: &str, inviter: Option<&str>) -> Invited {
        Invited {
            invitation: InvitationId::from_uuid(Uuid::nil()),
            project: project.to_owned(),
            inviter: inviter.map(str::to_owned),
            role: MemberRole::Admin,
            until: NOON.plus_milliseconds(14 * 24 * 60 * 60_000),
        }
    }

    #[test]
    fn an_invitation_says_where_who_as_what_and_until_when_and_nothing_that_others_typed_misleads() {
        let said = message(Content::Invited(invited("Café & Söhne", Some("Ada (Ltd)"))));
        let expected = "Ada (Ltd) invites you to the project “Café & Söhne”, as an admin.";
        assert!(
            said.text.contains(expected) && said.text.contains("14 days"),
            "{}",
            said.text
        );
        assert!(
            said.text.contains("https://courier.example.org/invitations/inv_0000"),
            "{}",
            said.text
        );
        assert!(said.html.unwrap().contains("Café &amp; Söhne"));

        let evil = "Click\r\n\r\nhttps://evil.example/#x now, <b>mail</b> eve@evil.example";
        let said = message(Content::Invited(invited(evil, Some(evil))));
        for form in [&said.text, said.html.as_ref().unwrap()] {
            for sign in ["evil.example", "//evil", "<b>", "@evil", "Click\n", "Click\r"] {
                assert!(!form.contains(sign), "`{sign}` in {form}");
            }
        }
        assert!(!message(Content::Invited(invited("Shop", None))).text.contains("None"));
    }

    #[test]
    fn text_stays_text() {
        let page = Page {
            subject: "</title><script>".to_owned(),
            paragraphs: vec!["<img src=x onerror=\"alert('&')\">".to_owned()],
            action: Some(Action {
                label: "Go",
                url: "https://x.example/\"onclick='x'".to_owned(),
            }),
            notes: Vec::new(),
        };
        let html = html(&page);
        assert!(
            !html.contains("<script") && !html.contains("<img") && !html.contains("\"onclick"),
            "{html}"
        );
    }
}
