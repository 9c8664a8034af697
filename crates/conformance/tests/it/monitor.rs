//! The monitor as those see it who report to it, on both engines, through HTTP.

use lotse_conformance::monitor::task::Upkeep;
use lotse_conformance::report::sshsig::sign_report;
use lotse_core::task::Task as _;
use lotse_store::on_both;
use lotse_store::outbox::Begin;
use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::monitor_stage::{PARTS, SCOPE, Stage, as_account, key};

async fn topics(stage: &Stage) -> Vec<String> {
    let reader = stage.store.outbox_reader("test", Begin::Oldest).await.unwrap();
    let events = reader.read(100).await.unwrap();
    events.into_iter().map(|one| format!("{} {}", one.event.topic, one.event.subject)).collect()
}

on_both! {
    PARTS;

    async fn a_report_is_kept_and_what_it_comes_to_is_shown_and_told(store) {
        let stage = Stage::new(store).await;
        let mut results = Stage::all(1);
        let report = stage.report("my-cloud", &results);
        assert_eq!(stage.send("my-cloud", &report).await, 200);
        let status = stage.json("/status").await;
        let mine = &status["my-cloud"][SCOPE];
        assert_eq!((&mine["result"], &mine["best_passed"]), (&json!(1), &json!("v5.1")));
        assert_eq!(mine["results"].as_object().unwrap().len(), 54);
        // A failure later: another verdict, and others hear of it.
        stage.clock.advance(lotse_core::time::SignedDuration::from_mins(1));
        results["scs-0103-flavor-1v-2"] = json!(-1);
        assert_eq!(stage.send("my-cloud", &stage.report("my-cloud", &results)).await, 200);
        let status = stage.json("/status?subject=my-cloud&scopeuuid=scs-compatible-iaas").await;
        let mine = &status["my-cloud"][SCOPE];
        assert_eq!((&mine["result"], &mine["passed_str"]), (&json!(-1), &json!("")));
        assert_eq!(mine["buckets"]["-1"], json!(["scs-0103-flavor-1v-2"]));
        let place = "my-cloud/SCS-compatible IaaS";
        assert_eq!(
            topics(&stage).await,
            [format!("conformance.passed {place}"), format!("conformance.failed {place}")]
        );
    }

    async fn what_nobody_may_send_is_refused_and_leaves_nothing(store) {
        let stage = Stage::new(store).await;
        let own = stage.report("my-cloud", &Stage::all(1));
        let signed = sign_report(&key(), &own.to_string());
        for (account, media, text, status, why) in [
            ("nobody", "json", signed.clone(), 401, "an unknown account"),
            ("my-cloud", "json", own.to_string(), 401, "no signature"),
            ("my-cloud", "json", format!("{signed} "), 401, "a signature of another text"),
            ("keyless", "json", signed.clone(), 401, "a key that is not the account's"),
            ("other", "json", signed.clone(), 401, "somebody else's cloud"),
            ("my-cloud", "xml", signed.clone(), 415, "a foreign type"),
            ("my-cloud", "json", sign_report(&key(), "{"), 422, "malformed JSON"),
            ("my-cloud", "yaml", sign_report(&key(), "a: ["), 422, "malformed YAML"),
            ("my-cloud", "yaml", sign_report(&key(), ""), 422, "nothing"),
            ("my-cloud", "json", sign_report(&key(), "{\"a\":\"\0\"}"), 422, "a NUL"),
        ] {
            assert_eq!(stage.send_text(account, media, &text).await, status, "{why}");
        }
        let wrong_namespace = format!("{}&{own}", key().sign("file", own.to_string().as_bytes()));
        assert_eq!(stage.send_text("my-cloud", "json", &wrong_namespace).await, 401);
        let request = stage.request(Method::POST, "/reports")
            .header("content-type", "application/x-signed-json").body(signed);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["www-authenticate"], "Basic realm=\"reports\"");
        let request = stage.request(Method::POST, "/reports")
            .header("content-type", "application/x-signed-json").basic_auth("my-cloud", Some("wrong"));
        assert_eq!(request.send().await.unwrap().status(), 401);
        assert_eq!(stage.count().await, 0);
        assert_eq!(stage.json("/status").await, json!({}));
        assert!(topics(&stage).await.is_empty());
    }

    async fn reports_that_are_old_foreign_huge_or_bombs_are_refused_and_leave_nothing(store) {
        let stage = Stage::new(store).await;
        let with = |change: &dyn Fn(&mut Value)| {
            let mut report = stage.report("my-cloud", &json!({"scs-0103-flavor-1v-2": 1}));
            change(&mut report);
            sign_report(&key(), &report.to_string())
        };
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..12 {
            let names = vec![format!("*a{}", level - 1); 10].join(",");
            bomb.extend([format!("a{level}: &a{level} [{names}]\n")]);
        }
        for (media, text, status, why) in [
            ("json", with(&|report| report["checked_at"] = json!("2020-01-01T00:00:00")), 422, "stale"),
            ("json", with(&|report| report["checked_at"] = json!("2026-11-24T00:00:00")), 422, "future"),
            ("json", with(&|report| report["spec"]["uuid"] = json!("none")), 422, "a foreign scope"),
            ("json", with(&|report| {
                report["run"]["invocations"]["a"]["results"] = json!({"mine-0001": 1});
            }), 422, "foreign testcases only"),
            ("json", with(&|report| {
                report["run"]["invocations"]["a"]["results"]["scs-0103-flavor-1v-2"] = json!(2);
            }), 422, "a result that is none"),
            ("yaml", sign_report(&key(), &bomb), 422, "a bomb"),
            ("yaml", sign_report(&key(), &"[".repeat(200_000)), 422, "too deep"),
            ("json", sign_report(&key(), &"[".repeat(200_000)), 422, "JSON that is too deep"),
            ("json", with(&|report| {
                let results = (0..5_001).map(|number| (format!("mine-{number}"), json!(1)));
                report["run"]["invocations"]["b"]["results"] = results.collect::<Value>();
            }), 422, "too many results"),
            ("yaml", sign_report(&key(), &"---\na: 1\n".repeat(65)), 422, "too many reports"),
            ("json", format!("{}{}", " ".repeat(17 << 10), with(&|_| {})), 401, "a signature far in"),
            ("json", sign_report(&key(), &format!("\"{}\"", "x".repeat(5 << 20))), 413, "too large"),
        ] {
            assert_eq!(stage.send_text("my-cloud", media, &text).await, status, "{why}");
        }
        let request = as_account(stage.request(Method::POST, "/reports"), "my-cloud")
            .header("content-type", "application/x-signed-yaml");
        let foreign = [with(&|_| {}).as_bytes(), b"\xff"].concat();
        assert_eq!(request.body(foreign).send().await.unwrap().status(), 422, "not UTF-8");
        assert_eq!(stage.count().await, 0);
        assert_eq!(stage.json("/status").await, json!({}));
    }

    async fn a_report_that_is_sent_again_is_refused_also_within_another_upload(store) {
        let stage = Stage::new(store).await;
        let report = stage.report("my-cloud", &json!({"scs-0103-flavor-1v-2": 1}));
        assert_eq!(stage.send("my-cloud", &report).await, 200);
        assert_eq!(stage.send("my-cloud", &report).await, 409);
        let new = stage.report("my-cloud", &json!({"scs-0103-flavor-1v-2": -1}));
        let both = sign_report(&key(), &format!("---\n{new}\n---\n{report}\n"));
        assert_eq!(stage.send_text("my-cloud", "yaml", &both).await, 409);
        let twice = sign_report(&key(), &format!("---\n{new}\n---\n{new}\n"));
        assert_eq!(stage.send_text("my-cloud", "yaml", &twice).await, 409);
        assert_eq!(stage.count().await, 1);
        // Who caught it on its way cannot send it either, and whoever may learns that it is there.
        let caught = sign_report(&key(), &report.to_string());
        assert_eq!(stage.send_text("other", "json", &caught).await, 401);
        assert_eq!(stage.send_text("zuul", "json", &caught).await, 409);
        assert_eq!(stage.send("my-cloud", &new).await, 200);
    }

    async fn posting_for_another_needs_the_role_and_the_delegation(store) {
        let stage = Stage::new(store).await;
        let results = json!({"scs-0103-flavor-1v-2": 1});
        assert_eq!(stage.send("zuul", &stage.report("my-cloud", &results)).await, 200);
        assert_eq!(stage.send("zuul", &stage.report("other", &results)).await, 401);
        assert_eq!(stage.send("zuul", &stage.report("stranger", &results)).await, 401);
        assert_eq!(stage.send("my-cloud", &stage.report("other", &results)).await, 401);
        // One upload, one forbidden report: nothing of it is kept.
        let (good, bad) = (stage.report("my-cloud", &results), stage.report("other", &results));
        let both = sign_report(&key(), &format!("---\n{good}\n---\n{bad}\n"));
        assert_eq!(stage.send_text("zuul", "yaml", &both).await, 401);
        assert_eq!(stage.count().await, 1);
    }

    async fn foreign_testcases_among_others_are_in_the_report_and_nowhere_else(store) {
        let stage = Stage::new(store).await;
        let report = stage.report("my-cloud", &json!({"scs-0103-flavor-1v-2": 1, "mine-1": 1}));
        assert_eq!(stage.send("my-cloud", &report).await, 200);
        let status = stage.json("/status").await;
        let results = status["my-cloud"][SCOPE]["results"].as_object().unwrap();
        assert_eq!(results.keys().collect::<Vec<_>>(), ["scs-0103-flavor-1v-2"]);
        let uuid = report["run"]["uuid"].as_str().unwrap();
        let path = format!("/reports/{uuid}");
        let kept: Value = stage.get_as("my-cloud", &path).await.json().await.unwrap();
        assert_eq!(kept, report);
        assert_eq!(stage.get_as("judge", &path).await.status(), 200);
        assert_eq!(stage.get_as("other", &path).await.status(), 404);
        assert_eq!(stage.get(&path).await.status(), 401);
        assert_eq!(stage.get_as("other", "/reports?subject=my-cloud").await.status(), 401);
    }

    async fn pages_show_failures_gaps_and_evidence_and_hide_what_is_not_public(store) {
        let stage = Stage::new(store).await;
        assert!(stage.text("/").await.contains("Nobody has reported yet."));
        let mut results = Stage::all(1);
        results.as_object_mut().unwrap().remove("scs-0103-flavor-1v-2");
        let mut report = stage.report("my-cloud", &results);
        report["run"]["invocations"]["a"]["stderr"] = json!(["ERROR: <b>", "DEBUG: secret"]);
        assert_eq!(stage.send("my-cloud", &report).await, 200);
        let table = stage.text("/page/table").await;
        assert!(table.contains("not known: results are missing"), "{table}");
        assert!(!table.contains("state good"), "{table}");
        let detail = stage.text("/page/detail/my-cloud/scs-compatible-iaas").await;
        assert!(detail.contains(">scs-0103-flavor-1v-2</a>"), "{detail}");
        assert!(detail.contains("<span class=\"state open\">missing</span>"), "{detail}");
        let uuid = report["run"]["uuid"].as_str().unwrap();
        assert!(detail.contains(&format!("/page/report/{}", uuid.replace('-', "%2D"))), "{detail}");
        let public = stage.text(&format!("/page/report/{uuid}")).await;
        assert!(public.contains("ERROR: &lt;b&gt;") && !public.contains("secret"), "{public}");
        let full = format!("/page/report_full/{uuid}");
        assert_eq!(stage.get(&full).await.status(), 401);
        assert_eq!(stage.get_as("other", &full).await.status(), 404);
        let full = stage.get_as("my-cloud", &full).await.text().await.unwrap();
        assert!(full.contains("DEBUG: secret"), "{full}");
        assert_eq!(stage.get("/page/table_full").await.status(), 401);
        assert_eq!(stage.get_as("judge", "/page/table_full").await.status(), 200);
        assert_eq!(stage.get_as("zuul", "/page/table_full").await.status(), 401);
        let markdown = stage.text("/markdown/table").await;
        assert!(markdown.contains("| [my-cloud](/page/detail/my%2Dcloud/"), "{markdown}");
        assert!(!stage.text("/fragment/table").await.contains("<html"));
        assert!(stage.text(&format!("/page/scope/{SCOPE}")).await.contains("v5.1"));
        for gone in ["/page/detail/nobody/scs-compatible-iaas", "/page/scope/x", "/page/report/x", "/x"] {
            assert_eq!(stage.get(gone).await.status(), 404, "{gone}");
        }
        assert!(stage.text("/flavor?name=SCS-2V-4").await.contains("a name of the standard"));
    }

    async fn a_group_is_as_good_as_its_worst_member_and_badges_say_so(store) {
        let stage = Stage::new(store).await;
        let badge = async |who: &str| stage.text(&format!("/badge/{who}/scs-compatible-iaas.svg")).await;
        assert!(badge("my-cloud").await.contains("not known"));
        stage.send("my-cloud", &stage.report("my-cloud", &Stage::all(1))).await;
        assert!(badge("my-cloud").await.contains("v5.1"));
        assert!(badge("group-mine").await.contains("v5.1"));
        stage.send("other", &stage.report("other", &Stage::all(-1))).await;
        assert!(badge("group-mine").await.contains("failed"));
        let group = stage.text("/page/detail/group-mine/scs-compatible-iaas").await;
        assert!(group.contains("The worst member counts") && group.contains(">other</a>"), "{group}");
        let status = stage.json("/status?subject=group-mine").await;
        assert_eq!(status.as_object().unwrap().keys().collect::<Vec<_>>(), ["my-cloud", "other"]);
        // Pictures that have not changed are not sent again.
        let path = "/badge/my-cloud/scs-compatible-iaas.svg";
        let tag = stage.get(path).await.headers()["etag"].clone();
        let again = stage.request(Method::GET, path).header("if-none-match", tag);
        assert_eq!(again.send().await.unwrap().status(), 304);
    }

    async fn the_overview_and_status_do_not_ask_the_history(store) {
        let stage = Stage::new(store).await;
        assert_eq!(stage.send("my-cloud", &stage.report("my-cloud", &Stage::all(1))).await, 200);
        let hide = lotse_store::sqlx::query("ALTER TABLE conformance_report RENAME TO hidden");
        stage.store.execute("hide the history", hide).await.unwrap();
        // Without anything in memory.
        let fresh = Stage::new(stage.store.clone()).await;
        assert!(fresh.text("/").await.contains("passes v5.1"));
        assert_eq!(fresh.json("/status").await["my-cloud"][SCOPE]["result"], 1);
        assert_eq!(fresh.json("/status?subject=group-mine").await["my-cloud"][SCOPE]["result"], 1);
        assert!(fresh.text("/badge/my-cloud/scs-compatible-iaas.svg").await.contains("v5.1"));
        let path = format!("/reports/{}", uuid::Uuid::new_v4());
        assert_eq!(fresh.get_as("judge", &path).await.status(), 500, "the history is gone indeed");
    }

    async fn results_expire_and_the_expiry_is_told(store) {
        let stage = Stage::new(store).await;
        stage.send("my-cloud", &stage.report("my-cloud", &Stage::all(1))).await;
        // No lifetime is a week: until the Monday after next.
        stage.clock.advance(lotse_core::time::SignedDuration::from_hours(17));
        assert_eq!(stage.json("/status").await["my-cloud"][SCOPE]["result"], 1);
        stage.clock.advance(lotse_core::time::SignedDuration::from_hours(24 * 8));
        let status = stage.json("/status").await;
        assert_eq!(status["my-cloud"][SCOPE]["result"], Value::Null);
        assert_eq!(status["my-cloud"][SCOPE]["results"], json!({}));
        let upkeep = Upkeep::new(stage.monitor.clone());
        for _ in 0..2 {
            upkeep.activate(&CancellationToken::new()).await.map_err(|error| error.to_string()).unwrap();
        }
        let place = "my-cloud/SCS-compatible IaaS";
        assert_eq!(
            topics(&stage).await,
            [format!("conformance.passed {place}"), format!("conformance.missing {place}")]
        );
    }

    async fn people_with_the_role_say_which_results_are_approved(store) {
        let config = serde_json::from_value(json!({"publish": "approved"})).unwrap();
        let stage = Stage::with(store, config).await;
        let good = stage.report("my-cloud", &Stage::all(1));
        stage.send("my-cloud", &good).await;
        stage.clock.advance(lotse_core::time::SignedDuration::from_mins(1));
        let bad = stage.report("my-cloud", &json!({"scs-0103-flavor-1v-2": -1}));
        stage.send("my-cloud", &bad).await;
        let result = async || stage.json("/status").await["my-cloud"][SCOPE]["result"].clone();
        assert_eq!(result().await, 1);
        let waiting: Vec<Value> =
            stage.get_as("judge", "/results?approved=false").await.json().await.unwrap();
        let [one] = waiting.as_slice() else { panic!("{waiting:?}") };
        assert_eq!((&one["testcase"], &one["result"]), (&json!("scs-0103-flavor-1v-2"), &json!(-1)));
        let mut word = one.clone();
        word["approval"] = json!(true);
        assert_eq!(stage.post_results("my-cloud", &word).await, 401);
        assert_eq!(stage.post_results("judge", &json!([word])).await, 200);
        assert_eq!(result().await, -1);
        word["approval"] = json!(0);
        assert_eq!(stage.post_results("judge", &word).await, 200);
        assert_eq!(result().await, 1);
        word["testcase"] = json!("none");
        assert_eq!(stage.post_results("judge", &word).await, 404);
        assert_eq!(stage.post_results("judge", &json!({"testcase": 1})).await, 422);
        let request = as_account(stage.request(Method::POST, "/results"), "judge").body("{}");
        assert_eq!(request.send().await.unwrap().status(), 415);
        assert_eq!(stage.get_as("my-cloud", "/results").await.status(), 401);
    }

    async fn an_upload_of_many_reports_is_kept_whole_or_not_at_all(store) {
        let stage = Stage::new(store).await;
        let results = json!({"scs-0103-flavor-1v-2": 1});
        let reports = |count: usize| -> Vec<_> {
            (0..count).map(|_| format!("---\n{}\n", stage.report("my-cloud", &results))).collect()
        };
        let many = reports(63);
        let signed = sign_report(&key(), &many.concat());
        assert_eq!(stage.send_text("my-cloud", "yaml", &signed).await, 200);
        assert_eq!(stage.count().await, 63);
        // One of these is there already.
        let again = [&reports(40)[..], &many[62..], &reports(20)].concat().concat();
        let signed = sign_report(&key(), &again);
        assert_eq!(stage.send_text("my-cloud", "yaml", &signed).await, 409);
        assert_eq!(stage.count().await, 63);
    }

    async fn many_uploads_at_once_are_all_kept(store) {
        let stage = Stage::new(store).await;
        let results = json!({"scs-0103-flavor-1v-2": 1});
        let uploads = (0..40).map(|_| async {
            stage.send("my-cloud", &stage.report("my-cloud", &results)).await
        });
        let statuses = futures::future::join_all(uploads).await;
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
        assert_eq!(stage.count().await, 40);
    }
}
