//! `codecourier invitations`: asking people into a project, and answering when asked.

use clap::{Args, Subcommand};
use codecourier_domain::id::InvitationId;
use codecourier_wire::invitations::{
    Invitation, InvitationStatus, Invite, InvitedRole, JoinedProject, OwnInvitation, RedeemInvitation,
};
use codecourier_wire::secret::SecretText;
use serde_json::json;

use super::answer::{self, Listing};
use crate::client::Client;
use crate::client::place::PlaceChoice;
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::remote::Remote;
use crate::terminal::{Tone, time};
use crate::watch::Output;
use codecourier_engine::ErrorCode;

/// The most invitations that are listed.
const MOST: usize = 10_000;

/// The arguments of `invitations`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Option<InvitationsVerb>,
    #[command(flatten)]
    place: PlaceChoice,
}

#[derive(Debug, Subcommand)]
enum InvitationsVerb {
    /// List the invitations into the project
    List,
    /// Ask somebody into the project
    Invite {
        /// Their email address
        email: String,
        /// As an admin
        #[arg(long)]
        admin: bool,
    },
    /// Send an invitation again
    Resend {
        /// The invitation: the address that was invited, or an identifier
        invitation: String,
    },
    /// Take an invitation back
    Cancel {
        /// The invitation: the address that was invited, or an identifier
        invitation: String,
    },
    /// List the projects that you are asked into
    Mine,
    /// Join a project that you are asked into
    Accept {
        /// The project's slug, or the invitation's identifier
        invitation: String,
        /// What whoever invited you handed over, where the server sends no mail; needs the identifier
        #[arg(long, value_name = "CODE")]
        code: Option<String>,
    },
    /// Say no to an invitation
    Decline {
        /// The project's slug, or the invitation's identifier
        invitation: String,
    },
}

/// Does it.
pub(crate) async fn invitations(arguments: Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let Arguments { verb, place } = arguments;
    match verb.unwrap_or(InvitationsVerb::List) {
        InvitationsVerb::List => {
            let remote = place.remote(config)?;
            let sent: Vec<Invitation> = remote.client.list(&remote.path("/invitations"), MOST).await?;
            let listing = Listing {
                kind: "invitation",
                nothing: "Nobody was invited yet; `codecourier invitations invite ADDRESS` asks somebody in.",
            };
            Ok(listing.show(&sent, row, config, output))
        }
        InvitationsVerb::Invite { email, admin } => {
            let remote = place.remote(config)?;
            let role = if admin { InvitedRole::Admin } else { InvitedRole::Member };
            let request = Invite { email, role };
            let sent: Invitation = remote.client.post(&remote.path("/invitations"), &request).await?;
            let words = format!("{} is invited into {} as {}", sent.email, remote.project, sent.role);
            Ok(told(&sent, &words, config, output))
        }
        InvitationsVerb::Resend { invitation } => {
            let remote = place.remote(config)?;
            let meant = find(&remote, &invitation).await?;
            let path = remote.path(&format!("/invitations/{}/resend", meant.id));
            let sent: Invitation = remote.client.post(&path, &json!({})).await?;
            let words = format!("{} is invited into {} once more", sent.email, remote.project);
            Ok(told(&sent, &words, config, output))
        }
        InvitationsVerb::Cancel { invitation } => {
            let remote = place.remote(config)?;
            let meant = find(&remote, &invitation).await?;
            let path = remote.path(&format!("/invitations/{}", meant.id));
            remote.client.delete(&path).await?;
            let object = json!({ "type": "invitationCancelled", "invitation": meant.id });
            let words = format!("the invitation of {} is taken back", meant.email);
            Ok(answer::done(&words, &object, config, output))
        }
        InvitationsVerb::Mine => {
            let client = place.client(config)?;
            let own: Vec<OwnInvitation> = client.list("/account/invitations", MOST).await?;
            let listing = Listing {
                kind: "invitation",
                nothing: "Nobody asks you into a project.",
            };
            Ok(listing.show(&own, own_row, config, output))
        }
        InvitationsVerb::Accept {
            invitation,
            code: Some(code),
        } => {
            let client = place.client(config)?;
            let id: InvitationId = invitation.parse().map_err(|_| {
                Problem::usage("With a code, name the invitation by its identifier.")
                    .with_remedy("Whoever invited you has both.")
            })?;
            let request = RedeemInvitation {
                code: SecretText::new(code),
            };
            let joined: JoinedProject = client.post(&format!("/invitations/{id}/redeem"), &request).await?;
            let object = json!({ "type": "invitationAccepted", "invitation": id, "project": joined.slug });
            let words = format!(
                "you are in {0} now; `codecourier projects use {0}` works in it",
                joined.slug
            );
            Ok(answer::done(&words, &object, config, output))
        }
        InvitationsVerb::Accept { invitation, code: None } => {
            let client = place.client(config)?;
            let meant = find_own(&client, &invitation).await?;
            let path = format!("/invitations/{}/accept", meant.id);
            let joined: JoinedProject = client.post(&path, &json!({})).await?;
            let object = json!({ "type": "invitationAccepted", "invitation": meant.id, "project": joined.slug });
            let words = format!(
                "you are in {} now; `codecourier projects use {}` works in it",
                meant.project_name, joined.slug
            );
            Ok(answer::done(&words, &object, config, output))
        }
        InvitationsVerb::Decline { invitation } => {
            let client = place.client(config)?;
            let meant = find_own(&client, &invitation).await?;
            client
                .post_plain(&format!("/invitations/{}/decline", meant.id), &json!({}))
                .await?;
            let object = json!({ "type": "invitationDeclined", "invitation": meant.id });
            let words = format!("you said no to {}", meant.project_name);
            Ok(answer::done(&words, &object, config, output))
        }
    }
}

/// Says that an invitation is on its way, or what whoever sent it must hand over themselves.
fn told(sent: &Invitation, words: &str, config: &Config, output: Output) -> Exit {
    let words = match &sent.code {
        None => words.to_owned(),
        Some(code) => format!(
            "{words}. This server sends no mail: hand this over, it is shown once:\n  codecourier invitations accept {} --code {}",
            sent.id,
            code.expose()
        ),
    };
    answer::done(&words, &answer::object("invitation", sent), config, output)
}

/// An invitation of the project by identifier, or the pending one of an address.
async fn find(remote: &Remote, text: &str) -> Result<Invitation, Problem> {
    let sent: Vec<Invitation> = remote.client.list(&remote.path("/invitations"), MOST).await?;
    let is_meant = |invitation: &Invitation| {
        let is_pending = invitation.status == InvitationStatus::Pending;
        let is_of = invitation.email.to_string().eq_ignore_ascii_case(text);
        invitation.id.to_string() == text || (is_pending && is_of)
    };
    sent.into_iter().find(is_meant).ok_or_else(|| {
        let message = format!("There is no pending invitation of `{text}` into {}.", remote.project);
        Problem::of_code(ErrorCode::NotFound, message).with_remedy("`codecourier invitations` lists them.")
    })
}

async fn find_own(client: &Client, text: &str) -> Result<OwnInvitation, Problem> {
    let own: Vec<OwnInvitation> = client.list("/account/invitations", MOST).await?;
    let is_meant = |invitation: &OwnInvitation| invitation.id.to_string() == text || invitation.project_slug == text;
    own.into_iter().find(is_meant).ok_or_else(|| {
        let message = format!("Nobody asks you into `{text}`.");
        Problem::of_code(ErrorCode::NotFound, message).with_remedy("`codecourier invitations mine` lists who does.")
    })
}

fn row(invitation: &Invitation) -> Vec<(Tone, String)> {
    let (tone, status) = match invitation.status {
        InvitationStatus::Pending => (Tone::Warning, "pending"),
        InvitationStatus::Accepted => (Tone::Good, "accepted"),
        InvitationStatus::Declined => (Tone::Quiet, "declined"),
        InvitationStatus::Cancelled => (Tone::Quiet, "cancelled"),
        InvitationStatus::Expired => (Tone::Quiet, "expired"),
    };
    let inviter = invitation.inviter_name.as_ref().unwrap_or(&invitation.inviter);
    vec![
        (Tone::Usable, invitation.email.to_string()),
        (tone, status.to_owned()),
        (Tone::Plain, invitation.role.to_string()),
        (Tone::Quiet, format!("by {inviter}")),
        (Tone::Quiet, until(invitation)),
        (Tone::Quiet, invitation.id.to_string()),
    ]
}

fn until(invitation: &Invitation) -> String {
    match (invitation.status, invitation.ended_at) {
        (InvitationStatus::Pending, _) => format!("until {}", time::local(invitation.expires_at.into())),
        (_, Some(ended)) => time::local(ended.into()),
        (_, None) => time::local(invitation.expires_at.into()),
    }
}

fn own_row(invitation: &OwnInvitation) -> Vec<(Tone, String)> {
    let inviter = invitation.inviter_name.as_deref().unwrap_or("somebody who left");
    vec![
        (Tone::Usable, invitation.project_slug.clone()),
        (Tone::Plain, invitation.project_name.clone()),
        (Tone::Plain, format!("as {}", invitation.role)),
        (Tone::Quiet, format!("by {inviter}")),
        (
            Tone::Quiet,
            format!("until {}", time::local(invitation.expires_at.into())),
        ),
    ]
}
