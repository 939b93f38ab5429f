//! Who holds which blob, so that one that nobody holds can be removed.
//!
//! Called by the engine: in the command that refers to a blob, or before it, it says so here. Invariant: a blob that
//! is referred to has a holder. The other way round may fail for a moment: a holder without a reference costs space.

use std::fmt;

use codecourier_domain::id::{ProjectId, StepId};

use crate::blobs::BlobName;
use crate::error::{Error, Result};
use crate::read::Reader;
use crate::sql::{assembled, sql};
use crate::writer::Tx;

/// What in a project refers to a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobHolder {
    /// The project's picture.
    Logo,
    /// The journal of a step.
    Journal(StepId),
    /// A picture that runs of the project show to their agents, or that a tool showed to one.
    Image(BlobName),
}

impl fmt::Display for BlobHolder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Logo => formatter.write_str("logo"),
            Self::Journal(step) => step.fmt(formatter),
            Self::Image(image) => write!(formatter, "image:{image}"),
        }
    }
}

impl Tx {
    /// Says that something in a project refers to a blob, and to no other one from now on.
    pub async fn hold_blob(&mut self, project: ProjectId, holder: BlobHolder, blob: BlobName) -> Result<()> {
        if let BlobHolder::Journal(step) = holder
            && self.read().step(project, step).await?.is_none()
        {
            return Err(Error::NotFound { entity: "step" });
        }
        self.release_blob(project, holder).await?;
        let statement = sql("INSERT INTO blob_use (blob, project, holder) VALUES ($1, $2, $3)")
            .bind(blob.to_string())
            .bind(project)
            .bind(holder.to_string());
        self.execute("hold a blob", statement).await.map(drop)
    }

    /// Says that something in a project refers to no blob any more.
    pub async fn release_blob(&mut self, project: ProjectId, holder: BlobHolder) -> Result<()> {
        let statement = sql("DELETE FROM blob_use WHERE project = $1 AND holder = $2")
            .bind(project)
            .bind(holder.to_string());
        self.execute("release a blob", statement).await.map(drop)
    }
}

impl Reader<'_> {
    /// Whether something in a project refers to a blob.
    pub async fn holds_blob(&mut self, project: ProjectId, holder: BlobHolder, blob: BlobName) -> Result<bool> {
        let statement = sql("SELECT blob FROM blob_use WHERE project = $1 AND holder = $2 AND blob = $3")
            .bind(project)
            .bind(holder.to_string())
            .bind(blob.to_string());
        let rows = self.fetch_all("look for the holder of a blob", statement).await?;
        Ok(!rows.is_empty())
    }

    /// Those of these blobs that nothing in any project refers to.
    pub async fn unheld_blobs(&mut self, blobs: &[BlobName]) -> Result<Vec<BlobName>> {
        if blobs.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<String> = (1..=blobs.len()).map(|place| format!("${place}")).collect();
        let text = format!(
            "SELECT DISTINCT blob FROM blob_use WHERE blob IN ({})",
            places.join(", ")
        );
        let mut statement = assembled(text);
        for blob in blobs {
            statement.push(blob.to_string());
        }
        let rows = self.fetch_all("look for the holders of blobs", statement).await?;
        let held = rows
            .iter()
            .map(|row| row.parsed(0))
            .collect::<Result<Vec<BlobName>>>()?;
        Ok(blobs.iter().copied().filter(|blob| !held.contains(blob)).collect())
    }
}
