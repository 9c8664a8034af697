//! The HTML of all pages as html-validate reads it, with the rules that it recommends.

use serde_json::json;

use crate::console::{Person, status_pages};
use crate::page::{Everything, told};

/// That every one of these pages is there and nothing is wrong with it.
#[track_caller]
fn assert_valid(base: &str, cookie: Option<&str>, pages: &[String]) {
    let asked = json!({ "base": base, "cookie": cookie, "pages": pages });
    let found = told("node", "../../status/tests/markup.cjs", &asked);
    assert_eq!(found["problems"], json!([]), "{found:#}");
    assert_eq!(found["looked"], pages.len());
}

#[test]
#[ignore = "real: html-validate"]
fn the_html_of_every_page_for_readers_is_valid_in_both_languages() {
    let all = Everything::new();
    assert_valid(&all.page.base, None, &all.addresses);
    all.page.end();
}

#[tokio::test]
#[ignore = "real: html-validate"]
async fn the_html_of_every_page_of_the_console_for_the_status_page_is_valid() {
    let all = Everything::new();
    let admin = Person::admin(&all.page.server).await;
    let mut pages = status_pages(&admin).await;
    let list = "/api/v1/status/proposals";
    let found = admin.until(list, |found| found["proposals"][0].is_object()).await;
    pages.push(format!("/status/proposals/{}", found["proposals"][0]["id"].as_str().unwrap()));
    assert_valid(&admin.base, admin.cookie.as_deref(), &pages);
    all.page.end();
}
