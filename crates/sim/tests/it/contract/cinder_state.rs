//! Each state of volumes, snapshots and backups, on a clock that waits until somebody has looked. On
//! the testbed some are too short to be seen; the scenarios beside this one check their order.

use serde_json::{Value, json};

use super::bed::{Bed, text};
use super::cinder::{NEW, ask, seen, tenant};
use super::run;
use crate::client::Session;

struct Looker<'a> {
    bed: &'a Bed,
    who: Session,
}

impl Looker<'_> {
    /// Asks for something and sees what states it leads to; the id of what was asked for.
    async fn passes(
        &self,
        (method, path, body): (&str, &str, Option<Value>),
        watched: Option<&str>,
        order: &[&str],
    ) -> String {
        let answer = ask(&self.who, NEW, method, path, body.as_ref()).await;
        assert!(matches!(answer.status, 200..=202), "{method} {path}: {}", answer.text);
        let kind = path.split('/').nth(1).unwrap_or_default().trim_end_matches('s').to_owned();
        let made = serde_json::from_str::<Value>(&answer.text).unwrap_or_default();
        let id = made[&kind]["id"].as_str().unwrap_or_default().to_owned();
        let made = format!("{path}/{id}");
        let watched = watched.unwrap_or(&made);
        let states = seen(Some(self.bed), &self.who, watched, order).await;
        assert_eq!(states, order, "{method} {path}");
        id
    }
}

mod sim {
    use super::*;

    #[tokio::test]
    async fn states_of_volumes_snapshots_and_backups_follow_in_order() {
        run(Bed::slow().await, |bed, script| Box::pin(orders(bed, script))).await;
    }
}

async fn orders(bed: &Bed, script: &mut super::script::Script) {
    let (_, who) = tenant(bed, script).await;
    let looker = Looker { bed, who };
    let body = json!({"volume": {"size": 1, "name": bed.name("a")}});
    let order = ["creating", "available"];
    let volume = looker.passes(("POST", "/volumes", Some(body)), None, &order).await;
    let path = format!("/volumes/{volume}");
    let action = format!("{path}/action");
    let extend = json!({"os-extend": {"new_size": 2}});
    let order = ["extending", "available"];
    looker.passes(("POST", &action, Some(extend)), Some(&path), &order).await;
    for kind in ["snapshot", "backup"] {
        let body = json!({kind: {"volume_id": volume, "name": bed.name(kind)}});
        let all = format!("/{kind}s");
        let order = ["creating", "available"];
        let id = looker.passes(("POST", &all, Some(body)), None, &order).await;
        let one = format!("{all}/{id}");
        if kind == "backup" {
            let body = json!({"restore": {"volume_id": volume}});
            let restore = format!("{one}/restore");
            let order = ["restoring", "available"];
            looker.passes(("POST", &restore, Some(body)), Some(&one), &order).await;
            let shown = ask(&looker.who, NEW, "GET", &path, None).await.json();
            assert_eq!(text(&shown["volume"], "status"), "available");
        }
        let order = ["deleting", "gone"];
        looker.passes(("DELETE", &one, None), Some(&one), &order).await;
    }
    looker.passes(("DELETE", &path, None), Some(&path), &["deleting", "gone"]).await;
}
