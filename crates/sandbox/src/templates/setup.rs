//! Builds the layer of a setup script. The script is the template owner's, not ours, so it runs in a sandbox, and what
//! it wrote there becomes the layer.

use super::build::{Build, Versions};
use super::error::Error;
use super::spec::SetupScript;

pub(super) async fn build(build: &mut Build<'_>, script: &SetupScript) -> Result<Versions, Error> {
    let _ = (build.wish.backend, script);
    Err(Error::SetupScriptWithoutBackend)
}
