//! Sharing images with projects, and with all projects of a domain.
//!
//! Who an image is shared with is no part of the definition files: it is decided per cloud, by
//! command. It is planned and applied all the same: a member that is there already is no step.

use std::collections::BTreeMap;

use http::StatusCode;
use lotse_core::error::{ErrorKind, Explain};
use lotse_openstack::Cloud;
use lotse_plan::{Action, Change, Plan, PlanError, Step, StepId};
use serde::Deserialize;

use crate::KIND;
use crate::model::{Image, Visibility};
use crate::observe::Observed;
use crate::operation::{Operation, Share};
use crate::options::Options;

/// What is wanted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sharing {
    /// The images, by the name they bear.
    pub image: String,
    /// Projects, by name or id.
    pub projects: Vec<String>,
    /// Domains, by name or id: all their projects.
    pub domains: Vec<String>,
    /// The domain, by name or id, of the projects that are given by name.
    pub project_domain: Option<String>,
    /// Whether sharing ends.
    pub remove: bool,
}

/// Why an image cannot be shared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// No image of ours has this name.
    #[error("no image of ours is called \"{name}\"")]
    NoImage {
        /// The name.
        name: String,
    },
    /// Only images of the visibility `shared` have members.
    #[error("the image \"{name}\" ({id}) is {visibility}, and only shared images have members")]
    NotShared {
        /// The name.
        name: String,
        /// The id.
        id: String,
        /// Who sees it.
        visibility: &'static str,
    },
    /// No project or domain is called so, or several are.
    #[error("{count} {kind}s are called \"{name}\"")]
    NotOne {
        /// `project` or `domain`.
        kind: &'static str,
        /// The name.
        name: String,
        /// How many there are.
        count: usize,
    },
    /// The cloud could not be asked.
    #[error("the members of images of the cloud \"{cloud}\" cannot be found out")]
    Cloud {
        /// The cloud.
        cloud: String,
        /// Why.
        #[source]
        source: Box<lotse_openstack::Error>,
    },
    /// A defect of the planner.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

impl Explain for ShareError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoImage { .. } | Self::NotOne { .. } => ErrorKind::NotFound,
            Self::NotShared { .. } => ErrorKind::Refused,
            Self::Cloud { source, .. } => source.kind(),
            Self::Plan(error) => error.kind(),
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NoImage { .. } => "give the name as the cloud shows it; see `lotse image list`",
            Self::NotShared { .. } => {
                "declare the visibility \"shared\" for it and apply; public and community images need no members"
            }
            Self::NotOne { .. } => "give the id, or the domain of the project (--project-domain)",
            Self::Cloud { source, .. } => return source.hints(),
            Self::Plan(error) => return error.hints(),
        };
        vec![hint.to_owned()]
    }

    fn request_id(&self) -> Option<&str> {
        if let Self::Cloud { source, .. } = self { source.request_id() } else { None }
    }
}

/// A project or a domain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// With whom an image is shared, by the ids of projects, with what they said to it.
pub type Members = BTreeMap<String, String>;

/// The images that are meant, with their members, and the projects that are meant.
#[derive(Clone, Debug, Default)]
pub struct Shares {
    /// The images.
    pub images: Vec<(Image, Members)>,
    /// The projects.
    pub projects: Vec<Named>,
}

/// Finds out what a plan needs.
///
/// # Errors
/// [`ShareError`] when something is not there, or the cloud does not say.
pub async fn observe_shares(
    cloud: &Cloud,
    observed: &Observed,
    sharing: &Sharing,
) -> Result<Shares, ShareError> {
    let mut shares = Shares::default();
    let complete = |image: &&Image| image.name == sharing.image && image.status.is_complete();
    for image in observed.images.iter().filter(complete) {
        if image.visibility != Visibility::Shared {
            return Err(ShareError::NotShared {
                name: image.name.clone(),
                id: image.id.clone(),
                visibility: image.visibility.as_str(),
            });
        }
        shares.images.push((image.clone(), members(cloud, &image.id).await?));
    }
    if shares.images.is_empty() {
        return Err(ShareError::NoImage { name: sharing.image.clone() });
    }
    let mut within = Vec::new();
    if let Some(domain) = &sharing.project_domain {
        within.push(("domain_id", one(cloud, "domain", domain, &[]).await?.id));
    }
    for project in &sharing.projects {
        shares.projects.push(one(cloud, "project", project, &within).await?);
    }
    for domain in &sharing.domains {
        let domain = one(cloud, "domain", domain, &[]).await?;
        let query = [("domain_id", domain.id.as_str())];
        let all = cloud.pages::<Named>("identity", "/v3/projects", &query, "projects").all().await;
        shares.projects.extend(all.map_err(|source| unknown(cloud, source))?);
    }
    shares.projects.sort_by(|one, other| one.id.cmp(&other.id));
    shares.projects.dedup();
    Ok(shares)
}

fn unknown(cloud: &Cloud, source: lotse_openstack::Error) -> ShareError {
    ShareError::Cloud { cloud: cloud.name().to_owned(), source: Box::new(source) }
}

async fn members(cloud: &Cloud, image: &str) -> Result<Members, ShareError> {
    #[derive(Deserialize)]
    struct Member {
        member_id: String,
        status: String,
    }
    #[derive(Deserialize)]
    struct Answer {
        members: Vec<Member>,
    }
    let answer = cloud.get("image", &format!("/v2/images/{image}/members")).send().await;
    let answer = answer.and_then(|answer| answer.json::<Answer>());
    let members = answer.map_err(|source| unknown(cloud, source))?.members;
    Ok(members.into_iter().map(|member| (member.member_id, member.status)).collect())
}

/// The project or domain of this name or id.
async fn one(
    cloud: &Cloud,
    kind: &'static str,
    wanted: &str,
    within: &[(&'static str, String)],
) -> Result<Named, ShareError> {
    let path = format!("/v3/{kind}s");
    let plural = format!("{kind}s");
    let mut query = vec![("name", wanted)];
    query.extend(within.iter().map(|(key, value)| (*key, value.as_str())));
    let named = cloud.pages::<Named>("identity", &path, &query, &plural).all().await;
    let mut named = named.map_err(|source| unknown(cloud, source))?;
    if named.len() > 1 {
        let (name, count) = (wanted.to_owned(), named.len());
        return Err(ShareError::NotOne { kind, name, count });
    }
    if let Some(found) = named.pop() {
        return Ok(found);
    }
    let not_one = || ShareError::NotOne { kind, name: wanted.to_owned(), count: 0 };
    // Ids are letters, digits and dashes; nothing else goes into a path.
    if wanted.is_empty() || !wanted.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(not_one());
    }
    let answer = cloud.get("identity", &format!("{path}/{wanted}")).send().await;
    match answer.and_then(|answer| answer.json::<BTreeMap<String, Named>>()) {
        Ok(mut found) => found.remove(kind).ok_or_else(not_one),
        Err(error) if error.is_not_found() || error.status() == Some(StatusCode::FORBIDDEN) => {
            Err(not_one())
        }
        Err(source) => Err(unknown(cloud, source)),
    }
}

/// Plans who becomes a member and who is none any longer.
///
/// # Errors
/// Only for a defect of the planner.
pub fn plan_shares(
    cloud: &str,
    shares: &Shares,
    sharing: &Sharing,
    options: &Options,
) -> Result<Plan<Operation>, PlanError> {
    let mut plan = Plan::builder(cloud.to_owned());
    plan.observed(KIND, shares.images.len());
    for (image, members) in &shares.images {
        for project in shares.projects.iter().filter(|one| image.owner.as_ref() != Some(&one.id)) {
            let before = members.get(&project.id).map(String::as_str);
            let after = (!sharing.remove).then_some("accepted");
            if before == after {
                continue;
            }
            let operation = Operation::Share(Share {
                id: image.id.clone(),
                tag: options.tag.clone(),
                project: project.id.clone(),
                member: !sharing.remove,
            });
            let subject = format!("{} {} {}", image.name, image.id, project.id);
            let id = StepId::of(KIND, &subject, "share");
            let reason = if sharing.remove {
                format!("the project {} shall not use it any longer", project.name)
            } else {
                format!("the project {} shall use it", project.name)
            };
            let field = format!("members.{} ({})", project.name, project.id);
            let step = Step::new(id, Action::Update, KIND, &image.name, operation)
                .because(reason)
                .changing(vec![Change::new(field, before, after)]);
            plan.step(step);
        }
    }
    plan.build()
}
