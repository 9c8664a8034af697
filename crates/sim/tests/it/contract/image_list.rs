//! Glance's part of the contract: lists.

use serde_json::json;

use super::bed::{Bed, text};
use super::image::made;
use super::script::Script;

pub(crate) async fn list(bed: &Bed, script: &mut Script) {
    let member = &bed.member;
    let run = bed.run.as_str();
    let raw = json!({"disk_format": "raw", "container_format": "bare", "colour": "red"});
    let mut paths = Vec::new();
    for name in ["c", "a", "b"] {
        paths.push(made(bed, script, member, name, raw.clone()).await);
    }
    let qcow2 = json!({"disk_format": "qcow2", "container_format": "bare", "min_ram": 1});
    made(bed, script, member, "d", qcow2).await;
    let hidden = json!({"os_hidden": true, "protected": true});
    made(bed, script, member, "hidden", hidden).await;
    let data = member.image(reqwest::Method::PUT, &format!("{}/file", paths[0]));
    let data = data.header("Content-Type", "application/octet-stream").body("12345");
    assert_eq!(data.send().await.expect("an answer").status(), 204);

    script.part("pages");
    let first = script.get(member, &format!("/v2/images?tag={run}&limit=2&sort=name:asc")).await;
    let next = text(&first.json(), "next").to_owned();
    let second = script.get(member, &next).await;
    let third = text(&second.json(), "next").to_owned();
    script.get(member, &third).await;
    script.get(member, &format!("/v2/images?tag={run}&limit=0")).await;

    script.part("filters and orders");
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    for query in [
        "sort=name:asc".to_owned(),
        "sort=name:desc".to_owned(),
        "sort=disk_format:asc,name:desc".to_owned(),
        "sort=name".to_owned(),
        "sort_key=name&sort_dir=asc".to_owned(),
        "sort_key=disk_format&sort_dir=asc&sort_key=name&sort_dir=desc".to_owned(),
        "sort=size:asc,name:asc".to_owned(),
        "sort=size:desc,name:asc".to_owned(),
        format!("sort=name:asc&name={}", bed.name("a")),
        format!("sort=name:asc&name=in:{},{}", bed.name("a"), bed.name("b")),
        format!("sort=name:asc&id=in:{},{}", last(&paths[0]), last(&paths[1])),
        "sort=name:asc&status=active".to_owned(),
        "sort=name:asc&status=in:active,queued".to_owned(),
        "sort=name:asc&status=nonsense".to_owned(),
        "sort=name:asc&disk_format=qcow2".to_owned(),
        "sort=name:asc&container_format=bare".to_owned(),
        "sort=name:asc&colour=red".to_owned(),
        "sort=name:asc&colour=blue".to_owned(),
        "sort=name:asc&size_min=5".to_owned(),
        "sort=name:asc&size_max=4".to_owned(),
        "sort=name:asc&min_ram=1".to_owned(),
        "sort=name:asc&protected=false".to_owned(),
        "sort=name:asc&protected=true".to_owned(),
        "sort=name:asc&protected=true&os_hidden=true".to_owned(),
        "sort=name:asc&os_hidden=true".to_owned(),
        "sort=name:asc&os_hidden=false".to_owned(),
        format!("sort=name:asc&owner={}", member.project.as_deref().unwrap_or_default()),
        "sort=name:asc&owner=nobody".to_owned(),
        "sort=name:asc&visibility=shared".to_owned(),
        "sort=name:asc&visibility=private".to_owned(),
        "sort=name:asc&visibility=all".to_owned(),
        "sort=name:asc&tag=nonsense".to_owned(),
        "sort=name:asc&created_at=gt:2020-01-01T00:00:00Z".to_owned(),
        "sort=name:asc&created_at=lt:2020-01-01T00:00:00Z".to_owned(),
        "sort=name:asc&updated_at=gte:2020-01-01T00:00:00Z".to_owned(),
        "sort=name:asc&checksum=827ccb0eea8a706c4c34a16891f84e7b".to_owned(),
        "sort=name:asc&name=".to_owned(),
    ] {
        let answer = member.get(&format!("/v2/images?tag={run}&{query}")).await;
        let body = answer.json();
        let images = body["images"].as_array().unwrap_or_else(|| panic!("{query}: {body}"));
        let names = images.iter().map(|image| text(image, "name"));
        let names: Vec<&str> = names.map(|name| name.rsplit('-').next().unwrap_or("")).collect();
        script.note(&format!("{query} → {}", names.join(" ")));
    }

    script.part("refused");
    for query in [
        "limit=x",
        "limit=-1",
        "limit=",
        "marker=nonsense",
        "sort=colour:asc",
        "sort=name:up",
        "sort=name&sort_key=name",
        "sort_key=colour",
        "sort_dir=up",
        "sort_key=name&sort_key=size&sort_dir=asc&sort_dir=asc&sort_dir=asc",
        "visibility=nonsense",
        "member_status=nonsense",
        "os_hidden=nonsense",
        "protected=nonsense",
        "size_min=x",
        "size_max=x",
        "created_at=xx:2020-01-01T00:00:00Z",
        "created_at=gt:nonsense",
        "changes-since=2020-01-01T00:00:00Z",
    ] {
        script.get(member, &format!("/v2/images?{query}")).await;
    }
}
