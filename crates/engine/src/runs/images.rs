//! The pictures of runs: reference images, which people give a run along with its prompt, and those that tools gave to
//! its agents.
//!
//! A picture is kept in a project once, named after its content. A reference image is pinned by that name on every run
//! that shows it to its agents; a tool's is named in the event of its result. Invariants: what the bytes are decides the
//! type, never what the client or the agent says; only PNG, JPEG, GIF and WebP, none of which can hold a script; at most
//! [`IMAGE_LIMIT`] bytes each and [`MAX_IMAGES`] in a run or a result; a project names only pictures that were uploaded
//! into it or that its runs had, so that a name tells nobody what another project has.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use codecourier_agents::parse::given::LARGEST_PICTURE;
use codecourier_agents::session::{Image, ImageType};
use codecourier_domain::id::ProjectId;
use codecourier_store::blob_uses::BlobHolder;
use codecourier_store::blobs::{BlobName, Blobs, StoredBlob};
use serde::{Deserialize, Serialize};

use super::Runs;
use crate::Inner;
use crate::access::ProjectGrant;
use crate::error::Error;

/// The most bytes that a picture may have: what providers of models take.
pub const IMAGE_LIMIT: usize = 5 * 1024 * 1024;
// What a tool gave can be read again.
const _: () = assert!(LARGEST_PICTURE <= IMAGE_LIMIT);
/// The most bytes that the pictures of a run may have together: what fits into a request to a model, as base64.
const MAX_TOTAL: u64 = 16 * 1024 * 1024;
/// The most pictures of a run.
pub const MAX_IMAGES: usize = 8;

/// A picture of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunImage {
    /// Its content, by name.
    pub image: BlobName,
    /// What it is.
    pub media_type: ImageType,
    /// Its size in bytes.
    pub size: u64,
}

impl RunImage {
    /// Where a step finds it, as the `number`th picture of its run from 1.
    #[must_use]
    pub fn path(&self, number: usize) -> String {
        format!("/home/user/reference-images/{number}.{}", self.media_type.extension())
    }
}

impl Runs {
    /// Takes a picture into a project. The same picture twice is one picture.
    pub async fn upload_image(&self, grant: &ProjectGrant, bytes: Bytes) -> Result<RunImage, Error> {
        self.keep_image(grant.project, bytes).await
    }

    /// The same for a program that has the project to itself.
    pub async fn keep_image(&self, project: ProjectId, bytes: Bytes) -> Result<RunImage, Error> {
        if bytes.len() > IMAGE_LIMIT {
            let most = IMAGE_LIMIT / (1024 * 1024);
            return Err(Error::validation(format!("A picture has at most {most} MB.")));
        }
        let media_type = ImageType::of(&bytes)
            .ok_or_else(|| Error::validation("A picture is a PNG, JPEG, GIF or WebP file, and this is none."))?;
        let stored = keep(&self.engine, project, bytes).await?;
        Ok(RunImage {
            image: stored.name,
            media_type,
            size: stored.size,
        })
    }

    /// A picture of a project.
    pub async fn image(&self, grant: &ProjectGrant, name: &str) -> Result<(RunImage, Bytes), Error> {
        let none = || Error::not_found("The project has no such picture.");
        let name: BlobName = name.parse().map_err(|_| none())?;
        self.find_image(grant.project, name).await?.ok_or_else(none)
    }

    /// The pictures that somebody names for a run.
    pub(super) async fn named_images(&self, project: ProjectId, names: &[String]) -> Result<Vec<RunImage>, Error> {
        let mut images = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let unknown = || {
                let message = "The project has no such picture. Upload it first, and name it as the answer does.";
                Error::validation(message).of_field(format!("images.{index}"))
            };
            let name: BlobName = name.parse().map_err(|_| unknown())?;
            let (image, _) = self.find_image(project, name).await?.ok_or_else(unknown)?;
            images.push(image);
        }
        Ok(images)
    }

    async fn find_image(&self, project: ProjectId, name: BlobName) -> Result<Option<(RunImage, Bytes)>, Error> {
        let mut reader = self.engine.store.read().await?;
        let is_held = reader.holds_blob(project, BlobHolder::Image(name), name).await?;
        drop(reader);
        if !is_held {
            return Ok(None);
        }
        let Some(bytes) = self.engine.blobs.get(name, IMAGE_LIMIT as u64).await? else {
            return Ok(None);
        };
        let found = ImageType::of(&bytes).map(|media_type| {
            let image = RunImage {
                image: name,
                media_type,
                size: bytes.len() as u64,
            };
            (image, bytes)
        });
        Ok(found)
    }
}

/// Keeps a picture for a project. What is kept already stays as it is.
pub(super) async fn keep(
    engine: &Inner,
    project: ProjectId,
    bytes: Bytes,
) -> Result<StoredBlob, codecourier_store::Error> {
    let stored = engine.blobs.put(bytes).await?;
    let holder = BlobHolder::Image(stored.name);
    let hold = engine
        .store
        .write(move |tx| Box::pin(async move { tx.hold_blob(project, holder, stored.name).await }));
    hold.await?;
    Ok(stored)
}

/// The pictures of a run with their bytes.
pub(super) async fn load(blobs: &Blobs, images: &[RunImage]) -> Result<Vec<Bytes>, codecourier_store::Error> {
    let mut loaded = Vec::new();
    for image in images {
        let bytes = blobs.get(image.image, IMAGE_LIMIT as u64).await?;
        loaded.push(bytes.ok_or(codecourier_store::Error::NotFound { entity: "picture" })?);
    }
    Ok(loaded)
}

/// A picture as agents are given it.
pub(super) fn for_agent(image: &RunImage, bytes: &[u8]) -> Image {
    Image {
        media_type: image.media_type,
        base64: STANDARD.encode(bytes),
    }
}

/// Checks the pictures of a run.
pub(super) fn validate(images: &[RunImage]) -> Result<(), Error> {
    if images.len() > MAX_IMAGES {
        let message = format!("A run has at most {MAX_IMAGES} pictures.");
        return Err(Error::validation(message).of_field("images"));
    }
    let total: u64 = images.iter().map(|image| image.size).sum();
    if total > MAX_TOTAL {
        let most = MAX_TOTAL / (1024 * 1024);
        let message = format!("The pictures of a run have at most {most} MB together.");
        return Err(Error::validation(message).of_field("images"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(size: u64) -> RunImage {
        RunImage {
            image: BlobName::of(b"x"),
            media_type: ImageType::Png,
            size,
        }
    }

    #[test]
    fn a_run_has_few_pictures_of_a_bounded_size() {
        let refused = |images: Vec<RunImage>| validate(&images).unwrap_err().message;
        assert_eq!(refused(vec![image(1); MAX_IMAGES + 1]), "A run has at most 8 pictures.");
        assert_eq!(
            refused(vec![image(IMAGE_LIMIT as u64); 5]),
            "The pictures of a run have at most 16 MB together."
        );
        assert!(validate(&[image(1), image(2)]).is_ok());
        assert_eq!(image(1).path(2), "/home/user/reference-images/2.png");
    }
}
