//! A claim for a volume, made and deleted: whether the default storage class gives what is asked for.
//!
//! All that is made stands in a namespace of its own, whose name no other run has and whose label says
//! that it is ours; deleting it deletes all. What a run that was killed left behind is deleted by a
//! later one.

use std::time::Duration;

use lotse_core::retry::Backoff;
use lotse_core::time::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::api::Api;
use super::observe::Options;
use crate::model::Reason;
use crate::snapshot::{Answer, Item, Proof, Trouble};

/// The label of namespaces that are ours.
const LABEL: &str = "lotse.cloud/conformance";
/// What their names begin with.
const PREFIX: &str = "lotse-conformance-";
/// Of an unfinished run nothing is older than this, unless the run was killed.
const ABANDONED: SignedDuration = SignedDuration::from_hours(2);
/// What runs in the pod: nothing. Many classes make a volume only when a pod wants it; whether the
/// pod ever starts does not matter.
const IMAGE: &str = "registry.k8s.io/pause:3.10";

const POLLS: Backoff =
    Backoff { first: Duration::from_millis(100), most: Duration::from_secs(2), attempts: u32::MAX };

/// Asks for a volume and waits until it is there. That none came is an answer; that it could not be
/// asked for is none.
pub(super) async fn prove(api: &Api, options: &Options) -> Answer<Proof> {
    let name = format!("{PREFIX}{}", options.run.simple());
    let mut proof = Proof { steps: Vec::new(), worked: true, status: None };
    let failed = claimed(api, &name, options, &mut proof).await.err();
    let deleted = api.delete(&format!("api/v1/namespaces/{name}")).await;
    if let Some(trouble) = failed {
        let step = proof.steps.pop().unwrap_or_default();
        let message = format!("{step}: {}", trouble.message);
        if trouble.reason != Reason::Broken {
            return Answer::Failed(Trouble { message, ..trouble });
        }
        proof.steps.push(message);
        proof.worked = false;
    } else if let Err(trouble) = deleted {
        // What was to be shown is shown; a later run deletes it.
        proof.steps.push(format!("delete the namespace {name}: {}", trouble.message));
    }
    Answer::Given(proof)
}

async fn claimed(
    api: &Api,
    name: &str,
    options: &Options,
    proof: &mut Proof,
) -> Result<(), Trouble> {
    proof.steps.push("delete what was left behind".to_owned());
    remove_abandoned(api, options.now).await?;
    proof.steps.push("make a namespace".to_owned());
    let namespace = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": { "name": name, "labels": { (LABEL): "claim" } },
    });
    api.create("api/v1/namespaces", &namespace).await?;
    proof.steps.push("claim a volume of the default storage class".to_owned());
    let path = format!("api/v1/namespaces/{name}/persistentvolumeclaims");
    api.create(&path, &claim()).await?;
    proof.steps.push("make a pod that wants it".to_owned());
    api.create(&format!("api/v1/namespaces/{name}/pods"), &pod()).await?;
    proof.steps.push("wait until the claim is bound".to_owned());
    bound(api, &format!("{path}/claim"), options.patience).await
}

async fn bound(api: &Api, path: &str, patience: Duration) -> Result<(), Trouble> {
    let begin = Instant::now();
    let mut polls = 0;
    loop {
        let answer = api.get(path).await?;
        let phase = answer.pointer("/status/phase").and_then(Value::as_str).unwrap_or("unknown");
        if phase == "Bound" {
            return Ok(());
        }
        if begin.elapsed() >= patience || phase == "Lost" {
            let (seconds, phase) = (begin.elapsed().as_secs(), phase.to_lowercase());
            return Err(Trouble {
                reason: Reason::Broken,
                message: format!("after {seconds} s it is {phase}"),
                status: None,
                request_id: None,
            });
        }
        polls += 1;
        sleep(POLLS.pause(polls, 1.0).unwrap_or(POLLS.most)).await;
    }
}

/// Deletes namespaces of runs that were killed.
async fn remove_abandoned(api: &Api, now: Timestamp) -> Result<(), Trouble> {
    let selector = format!("{LABEL}=claim");
    let left = api.list("api/v1/namespaces", Some(&selector), |one| abandoned(one, now)).await?;
    for namespace in left {
        if let Some(name) = namespace.get("name").and_then(Value::as_str) {
            api.delete(&format!("api/v1/namespaces/{name}")).await?;
        }
    }
    Ok(())
}

/// The namespace, if it is ours and of a run that is no more.
fn abandoned(object: &Value, now: Timestamp) -> Option<Item> {
    let metadata = object.get("metadata")?;
    let name = metadata.get("name")?.as_str()?;
    // Servers need not understand selectors, and the label alone is something that anybody may write.
    let ours = metadata.get("labels")?.get(LABEL)? == "claim"
        && name.strip_prefix(PREFIX).is_some_and(|run| Uuid::try_parse(run).is_ok());
    let made: Timestamp = metadata.get("creationTimestamp")?.as_str()?.parse().ok()?;
    let item = (ours && now.duration_since(made) > ABANDONED).then(|| json!({ "name": name }))?;
    item.as_object().cloned()
}

fn claim() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": { "name": "claim" },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "1Gi" } },
        },
    })
}

/// A pod that every level of pod security lets in.
fn pod() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": "wants-it" },
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": 65535,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [{
                "name": "nothing",
                "image": IMAGE,
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "capabilities": { "drop": ["ALL"] },
                },
                "volumeMounts": [{ "name": "volume", "mountPath": "/volume" }],
            }],
            "volumes": [{
                "name": "volume",
                "persistentVolumeClaim": { "claimName": "claim" },
            }],
        },
    })
}

/// Why nothing was tried.
pub(super) fn not_allowed() -> Trouble {
    Trouble {
        reason: Reason::NotObserved,
        message: "it can be seen only by changing the cluster for a moment, which was not allowed"
            .to_owned(),
        status: None,
        request_id: None,
    }
}
