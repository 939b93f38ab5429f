//! A project's picture.
//!
//! Invariants: what the bytes are decides its type, never what the client says; a picture is PNG, JPEG or WebP, none of
//! which can hold a script; it is as large as [`LOGO_LIMIT`] at most.

use bytes::Bytes;
use codecourier_agents::session::ImageType;
use codecourier_domain::member::MemberRole;
use codecourier_store::blobs::BlobName;
use codecourier_store::projects::{Logo as StoredLogo, Project};

use super::{Projects, tell_members};
use crate::access::standing::{demand, present};
use crate::access::{ProjectGrant, no_such_project};
use crate::deed::Done;
use crate::error::Error;

/// The most bytes that a picture may have.
pub const LOGO_LIMIT: usize = 512 * 1024;

/// What kind of picture it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoType {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    Webp,
}

/// A picture.
#[derive(Debug, Clone)]
pub struct Logo {
    /// Its bytes.
    pub bytes: Bytes,
    /// What they are.
    pub kind: LogoType,
    /// Their digest: another picture has another one.
    pub digest: String,
}

impl LogoType {
    const ALL: [Self; 3] = [Self::Png, Self::Jpeg, Self::Webp];

    /// The media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }

    pub(super) fn of_media_type(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.media_type() == text)
    }

    /// What the bytes begin like.
    fn of_bytes(bytes: &[u8]) -> Option<Self> {
        match ImageType::of(bytes)? {
            ImageType::Png => Some(Self::Png),
            ImageType::Jpeg => Some(Self::Jpeg),
            ImageType::Webp => Some(Self::Webp),
            ImageType::Gif => None,
        }
    }
}

impl Projects {
    /// Gives a project a picture, or another one.
    pub async fn set_logo(&self, grant: &ProjectGrant, bytes: Bytes) -> Result<(), Error> {
        if bytes.len() > LOGO_LIMIT {
            return Err(Error::validation(format!(
                "A logo has at most {} kB.",
                LOGO_LIMIT / 1024
            )));
        }
        let kind = LogoType::of_bytes(&bytes);
        let kind = kind.ok_or_else(|| Error::validation("A logo is a PNG, JPEG or WebP picture."))?;
        let stored = self.engine.blobs.put(bytes).await?;
        let logo = StoredLogo {
            blob: stored.name,
            media_type: kind.media_type().to_owned(),
        };
        self.change_logo(grant, Some(logo)).await
    }

    /// Takes a project's picture away, if it has one.
    pub async fn remove_logo(&self, grant: &ProjectGrant) -> Result<(), Error> {
        self.change_logo(grant, None).await
    }

    /// A project's picture.
    pub async fn logo(&self, grant: &ProjectGrant) -> Result<Logo, Error> {
        let none = || Error::not_found("This project has no logo.");
        let project = self.engine.store.read().await?.project(grant.project).await?;
        let project = project.filter(|project| project.deletion.is_none());
        let logo = project.ok_or_else(no_such_project)?.logo.ok_or_else(none)?;
        let bytes = self.engine.blobs.get(logo.blob, LOGO_LIMIT as u64).await?;
        Ok(Logo {
            bytes: bytes.ok_or_else(none)?,
            kind: LogoType::of_media_type(&logo.media_type).ok_or_else(none)?,
            digest: logo.blob.to_string(),
        })
    }

    async fn change_logo(&self, grant: &ProjectGrant, logo: Option<StoredLogo>) -> Result<(), Error> {
        let (grant, deed) = (grant.clone(), self.deed(grant));
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                let (before, role) = present(tx, &grant).await?;
                demand(role, MemberRole::Admin)?;
                if before.logo == logo {
                    return Ok(());
                }
                let name = |logo: &Option<StoredLogo>| logo.as_ref().map(|logo: &StoredLogo| -> BlobName { logo.blob });
                let detail = serde_json::json!({ "before": name(&before.logo), "after": name(&logo) });
                let after = Project {
                    logo,
                    updated_at: deed.at,
                    ..before
                };
                tx.save_project(&after).await?;
                let done = Done {
                    action: "project.logo",
                    target: after.id,
                };
                deed.audit(tx, after.id, done, &detail).await?;
                tell_members(tx, &deed, after.id).await?;
                Ok::<(), Error>(())
            })
        });
        write.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_decide_what_a_picture_is() {
        let of = LogoType::of_bytes;
        assert_eq!(of(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), Some(LogoType::Png));
        assert_eq!(of(b"\xff\xd8\xff\xe0"), Some(LogoType::Jpeg));
        assert_eq!(of(b"RIFF\0\0\0\0WEBPVP8 "), Some(LogoType::Webp));
        for other in [
            &b""[..],
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"<html>",
            b"GIF89a",
            b"RIFF\0\0\0\0WAVE",
            b"\x89PNG\r\n\x1a\n and no header",
            b"PK\x03\x04",
        ] {
            assert_eq!(of(other), None, "{other:?}");
        }
        for kind in LogoType::ALL {
            assert_eq!(LogoType::of_media_type(kind.media_type()), Some(kind));
        }
    }
}
