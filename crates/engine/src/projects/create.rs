//! Making a project, with an address that is still free.

use codecourier_domain::id::ProjectId;
use codecourier_domain::member::MemberRole;
use codecourier_domain::slug::Slug;
use codecourier_domain::text::{Description, DisplayName};
use codecourier_domain::time::Timestamp;
use codecourier_store::members::Membership;
use codecourier_store::projects::NewProject;
use codecourier_store::{Error as StoreError, Tx};

use super::{Origin, ProjectView, Projects, WORK_LIMIT, read_branch, read_repository, tell_members};
use crate::access::Asker;
use crate::deed::{Deed, Done};
use crate::error::{Error, ErrorCode, sentence};
use crate::random::uuid_v7;

/// What a project is made of.
#[derive(Debug, Clone, Default)]
pub struct CreateProject {
    /// Its name for people.
    pub name: String,
    /// Its name in addresses; made of the name if it is absent.
    pub slug: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// The URL of its repository; it can be given later.
    pub repository: Option<String>,
    /// The branch that runs start from; the repository's own default branch if it is absent.
    pub default_branch: Option<String>,
}

/// How many numbers are tried behind a slug before chance decides.
const NUMBERS_TRIED: u32 = 20;
/// How much of a slug stays when something is put behind it.
const STEM: usize = 38;

impl Projects {
    /// Makes a project, whose first owner is whoever asks.
    pub async fn create(&self, asker: impl Into<Asker>, new: CreateProject) -> Result<ProjectView, Error> {
        let asker = asker.into();
        let user = asker.user;
        let name = read_name(&new.name)?;
        let description = read_description(new.description.as_deref().unwrap_or_default())?;
        let wanted = new.slug.as_deref().map(read_slug).transpose()?;
        let origin = Origin {
            repository: new.repository.as_deref().map(read_repository).transpose()?,
            default_branch: (new.default_branch.as_deref())
                .map(|name| read_branch("defaultBranch", name))
                .transpose()?,
        };
        let at = self.engine.clock.now();
        let deed = Deed::of(asker, at);
        let project = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                let slug = match wanted {
                    Some(slug) => slug,
                    None => free_slug(tx, &name).await?,
                };
                let project = NewProject {
                    id: ProjectId::from_uuid(uuid_v7(at)),
                    slug: slug.to_string(),
                    name: name.to_string(),
                    description: description.to_string(),
                    work_limit: WORK_LIMIT,
                    created_at: at,
                    body: origin.body()?,
                };
                match tx.insert_project(&project).await {
                    Err(StoreError::Taken { .. }) => return Err(taken(tx, &slug, &name).await),
                    inserted => inserted?,
                }
                let membership = Membership {
                    project: project.id,
                    user,
                    role: MemberRole::Owner,
                    joined_at: at,
                };
                tx.insert_member(&membership).await?;
                tx.set_last_project(user, project.id, at).await?;
                let done = Done {
                    action: "project.create",
                    target: project.id,
                };
                let mut detail = serde_json::json!({ "name": project.name, "slug": project.slug });
                if let Some(repository) = origin.repository_text() {
                    detail["repository"] = repository.into();
                }
                deed.audit(tx, project.id, done, &detail).await?;
                tell_members(tx, &deed, project.id).await?;
                let made = tx.read().project(project.id).await?;
                made.ok_or(Error::from(StoreError::NotFound { entity: "project" }))
            })
        });
        ProjectView::new(project.await?, MemberRole::Owner)
    }
}

/// A name from a request.
pub(super) fn read_name(text: &str) -> Result<DisplayName, Error> {
    let read = text.parse();
    read.map_err(|error| Error::validation(format!("The name cannot be taken: {error}.")).of_field("name"))
}

/// A description from a request.
pub(super) fn read_description(text: &str) -> Result<Description, Error> {
    let read = text.parse();
    read.map_err(|error| {
        Error::validation(format!("The description cannot be taken: {error}.")).of_field("description")
    })
}

/// A slug from a request.
pub(super) fn read_slug(text: &str) -> Result<Slug, Error> {
    let read = text.parse();
    read.map_err(|error: codecourier_domain::slug::InvalidSlug| {
        Error::validation(sentence(&error.to_string())).of_field("slug")
    })
}

/// The error for a slug that another project has, with one that is free.
pub(super) async fn taken(tx: &mut Tx, slug: &Slug, name: &DisplayName) -> Error {
    let base = Some(slug.clone());
    let message = match numbered(tx, base, name).await {
        Ok(free) => format!("The address `{slug}` is taken. `{free}` is free."),
        Err(_) => format!("The address `{slug}` is taken."),
    };
    Error::new(ErrorCode::Conflict, message).of_field("slug")
}

async fn free_slug(tx: &mut Tx, name: &DisplayName) -> Result<Slug, Error> {
    numbered(tx, Slug::suggest(name.as_str()), name).await
}

/// A slug that no project has or had: the one given, else with a number, else with chance behind it.
async fn numbered(tx: &mut Tx, base: Option<Slug>, name: &DisplayName) -> Result<Slug, Error> {
    let base = base.or_else(|| Slug::suggest(name.as_str()));
    let base = base.map_or_else(|| "project".to_owned(), String::from);
    let stem = base[..base.len().min(STEM)].trim_end_matches('-').to_owned();
    let numbers = (2..=NUMBERS_TRIED).map(|number| format!("{stem}-{number}"));
    let chance = || format!("{stem}-{}", ProjectId::from_uuid(uuid_v7(Timestamp(0))).short());
    let candidates = std::iter::once(base.clone())
        .chain(numbers)
        .chain(std::iter::repeat_with(chance).take(3));
    for candidate in candidates {
        let Ok(slug) = candidate.parse::<Slug>() else {
            continue;
        };
        let is_taken = tx.read().project_by_slug(slug.as_str()).await?.is_some();
        if !is_taken && tx.read().project_address(slug.as_str()).await?.is_none() {
            return Ok(slug);
        }
    }
    Err(Error::new(
        ErrorCode::Conflict,
        "No address is free for this name. Choose one yourself.",
    )
    .of_field("slug"))
}
