//! The page as a text browser shows it: no style sheet, no script, no pictures; headings, lists and
//! words in the order of the document.

use serde_json::json;

use crate::stage::{Stage, noon_and};

/// What begins a new line, and what the line begins with.
fn opens(tag: &str) -> Option<&'static str> {
    Some(match tag {
        "h1" => "# ",
        "h2" => "## ",
        "h3" => "### ",
        "li" => "* ",
        "p" | "div" | "dt" | "dd" | "summary" | "section" | "article" | "header" | "main"
        | "footer" | "ul" | "dl" | "tr" => "",
        _ => return None,
    })
}

/// The lines that a text browser writes.
fn text_of(html: &str) -> Vec<String> {
    let (_, body) = html.split_once("<body>").unwrap();
    let mut lines = vec![String::new()];
    let mut rest = body;
    while let Some((text, after)) = rest.split_once('<') {
        lines.last_mut().unwrap().push_str(&text.replace('\n', " "));
        let (tag, after) = after.split_once('>').unwrap();
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        rest = after;
        if name == "svg" && !tag.starts_with('/') {
            // Text browsers have no pictures: what is drawn must be said, too.
            rest = after.split_once("</svg>").unwrap().1;
        } else if let Some(begin) = opens(name) {
            // What an entry of a list begins with stands behind its mark.
            if tag.starts_with('/') {
                lines.push(String::new());
            } else if !begin.is_empty() || lines.last().is_none_or(|line| line != "* ") {
                lines.push(begin.to_owned());
            }
        }
    }
    let plain = |line: String| line.split_whitespace().collect::<Vec<_>>().join(" ");
    lines.into_iter().map(plain).filter(|line| !matches!(&**line, "" | "*")).collect()
}

/// That these lines are there, in this order; a line is found by how it begins.
#[track_caller]
fn assert_reads(lines: &[String], wanted: &[&str]) {
    let mut left = lines.iter();
    for want in wanted {
        let found = left.any(|line| line.starts_with(want));
        assert!(found, "{want:?} is not there, or not in its place:\n{}", lines.join("\n"));
    }
}

#[tokio::test]
async fn the_page_reads_well_without_style_script_and_pictures() {
    let (stage, [_, compute, storage]) = Stage::furnished().await;
    for (name, began, ended, component, severity) in [
        ("Disks fail", -3, None, &compute, 90),
        ("New racks", 20, Some(22), &storage, 0),
        ("Slow login", -30, Some(-29), &storage, 50),
    ] {
        let affects = json!([{ "reference": component, "severity": severity }]);
        let ended = ended.map(noon_and);
        let body = json!({ "displayName": name, "beganAt": noon_and(began), "endedAt": ended,
            "affects": affects, "description": "We look." });
        let id = stage.make("/incidents", body).await;
        let said = json!({ "displayName": "Cause found", "description": "A cable." });
        assert_eq!(stage.post(&format!("/incidents/{id}/updates"), said).await.0, 201);
    }
    let page = async |path: &str| {
        let answer = stage.send(reqwest::Method::GET, path, None).await;
        assert_eq!(answer.status(), 200, "{path}");
        text_of(&answer.text().await.unwrap())
    };
    let front = page("/en/").await;
    assert_eq!(front[0], "Skip to the content", "the first thing leads past the navigation");
    assert_reads(
        &front,
        &[
            "Status",
            "* Status",
            "* History",
            "* Deutsch",
            "# ✕ Some components are broken",
            "## What is going on",
            "### ✕ Broken Disks fail",
            "Began",
            "2026-11-21 09:00 UTC",
            "* Compute: Broken",
            "2026-11-21 12:00 UTC Cause found",
            "A cable.",
            "## Components",
            "### ",
            "* Compute ✕ Broken",
            "99.861 % available in 90 days",
            "Days with trouble: 1",
            "* Storage ✓ Operational",
            "## Planned maintenance",
            "### ⚒ Maintenance New racks",
            "## The last 14 days",
            "### ▲ Limited Slow login",
            "As of 2026-11-21 12:00 UTC",
        ],
    );
    // A heading is never skipped, and there is one main heading.
    let depth = |line: &&String| line.chars().take_while(|one| *one == '#').count();
    let depths: Vec<_> = front.iter().map(|line| depth(&line)).filter(|depth| *depth > 0).collect();
    assert_eq!(depths.iter().filter(|depth| **depth == 1).count(), 1);
    assert!(depths.windows(2).all(|two| two[1] <= two[0] + 1), "{depths:?}");
    let german = page("/de/").await;
    assert_reads(&german, &["# ✕", "## ", "### ✕", "* Compute ✕", "* Storage ✓"]);
}
