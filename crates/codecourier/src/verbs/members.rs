//! `codecourier members`: who is in a project, and as what.

use clap::{Args, Subcommand};
use codecourier_domain::member::MemberRole;
use codecourier_wire::members::{ChangeRole, Member, TransferProject};
use serde_json::json;

use super::answer::{self, Listing};
use crate::client::place::PlaceChoice;
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::remote::Remote;
use crate::terminal::{Tone, time};
use crate::watch::Output;
use codecourier_engine::ErrorCode;

/// The most members that are listed.
const MOST: usize = 10_000;

/// The arguments of `members`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Option<MembersVerb>,
    #[command(flatten)]
    place: PlaceChoice,
}

#[derive(Debug, Subcommand)]
enum MembersVerb {
    /// List the members of the project
    List,
    /// Give a member another role
    Role {
        /// The member: an email address, or an identifier
        who: String,
        /// `member`, `admin` or `owner`
        role: MemberRole,
    },
    /// Take a member out of the project
    Remove {
        /// The member: an email address, or an identifier
        who: String,
    },
    /// Leave the project yourself
    Leave,
    /// Make another member the owner in your place; you stay as an admin
    Transfer {
        /// The member: an email address, or an identifier
        who: String,
    },
}

/// Does it.
pub(crate) async fn members(arguments: Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let remote = arguments.place.remote(config)?;
    let project = remote.project.as_str();
    let at = |member: &Member| remote.path(&format!("/members/{}", member.user));
    match arguments.verb.unwrap_or(MembersVerb::List) {
        MembersVerb::List => {
            let members: Vec<Member> = remote.client.list(&remote.path("/members"), MOST).await?;
            let listing = Listing {
                kind: "member",
                nothing: "The project has no members.",
            };
            Ok(listing.show(&members, row, config, output))
        }
        MembersVerb::Role { who, role } => {
            let member = find(&remote, &who).await?;
            let changed: Member = remote.client.patch(&at(&member), &ChangeRole { role }).await?;
            let words = format!("{} is {} of {project} now", words(&changed), with_article(changed.role));
            Ok(answer::done(
                &words,
                &answer::object("member", &changed),
                config,
                output,
            ))
        }
        MembersVerb::Remove { who } => {
            let member = find(&remote, &who).await?;
            remote.client.delete(&at(&member)).await?;
            let object = json!({ "type": "memberRemoved", "user": member.user, "project": project });
            let words = format!("{} is no longer in {project}", words(&member));
            Ok(answer::done(&words, &object, config, output))
        }
        MembersVerb::Leave => {
            remote.client.post_plain(&remote.path("/leave"), &json!({})).await?;
            let object = json!({ "type": "projectLeft", "project": project });
            Ok(answer::done(&format!("you left {project}"), &object, config, output))
        }
        MembersVerb::Transfer { who } => {
            let member = find(&remote, &who).await?;
            let request = TransferProject { user: member.user };
            remote.client.post_plain(&remote.path("/transfer"), &request).await?;
            let object = json!({ "type": "projectTransferred", "user": member.user, "project": project });
            let words = format!("{} owns {project} now", words(&member));
            Ok(answer::done(&words, &object, config, output))
        }
    }
}

/// A member by email address or identifier.
async fn find(remote: &Remote, who: &str) -> Result<Member, Problem> {
    let members: Vec<Member> = remote.client.list(&remote.path("/members"), MOST).await?;
    let is_meant = |member: &Member| {
        let email = member.email.as_ref();
        member.user.to_string() == who || email.is_some_and(|email| email.to_string().eq_ignore_ascii_case(who))
    };
    members.into_iter().find(is_meant).ok_or_else(|| {
        let message = format!("`{who}` is no member of the project {}.", remote.project);
        Problem::of_code(ErrorCode::NotFound, message)
            .with_remedy("`codecourier members` lists them; `codecourier invitations invite` asks somebody in.")
    })
}

fn row(member: &Member) -> Vec<(Tone, String)> {
    let email = member.email.as_ref().map(ToString::to_string).unwrap_or_default();
    vec![
        (Tone::Usable, email),
        (Tone::Strong, member.role.to_string()),
        (Tone::Plain, member.name.clone()),
        (Tone::Quiet, format!("since {}", time::local(member.joined_at.into()))),
        (Tone::Quiet, member.user.to_string()),
    ]
}

fn words(member: &Member) -> String {
    match &member.email {
        Some(email) => email.to_string(),
        None => member.name.clone(),
    }
}

const fn with_article(role: MemberRole) -> &'static str {
    match role {
        MemberRole::Member => "a member",
        MemberRole::Admin => "an admin",
        MemberRole::Owner => "an owner",
    }
}
