//! Bytes that others send us: whatever they are, nothing panics, and what is read has its bounds.

use http::HeaderMap;
use lotse_core::error::Explain as _;
use lotse_core::time::Timestamp;
use lotse_openstack::{CloudConfig, Sources, discovery, fault, paging, retry_after};
use proptest::prelude::*;
use serde_json::{Value, json};

fn html() -> HeaderMap {
    HeaderMap::from_iter([(http::header::CONTENT_TYPE, "text/html".parse().unwrap())])
}

#[test]
fn error_bodies_of_every_service_become_their_message() {
    let cases: [(&str, &str); 19] = [
        (
            r#"{"error":{"code":404,"message":"Could not find project: x.","title":"Not Found"}}"#,
            "Could not find project: x.",
        ),
        (r#"{"badRequest":{"message":"Invalid flavorRef","code":400}}"#, "Invalid flavorRef"),
        (r#"{"overLimit":{"code":413,"message":"Quota exceeded","details":""}}"#, "Quota exceeded"),
        (
            r#"{"computeFault":{"code":500,"message":"Unexpected API Error."}}"#,
            "Unexpected API Error.",
        ),
        (
            r#"{"NeutronError":{"type":"IpAddressGenerationFailure","message":"No more IP addresses","detail":""}}"#,
            "No more IP addresses",
        ),
        (r#"{"NeutronError":"plain"}"#, "plain"),
        (
            r#"{"errors":[{"status":400,"title":"Bad Request","detail":"JSON does not validate","request_id":"r"}]}"#,
            "JSON does not validate",
        ),
        (
            r#"{"faultcode":"Client","faultstring":"Load Balancer x is immutable","debuginfo":null}"#,
            "Load Balancer x is immutable",
        ),
        (
            r#"{"code":400,"title":"Bad Request","explanation":"wrong","error":{"message":"The template is wrong","type":"T","traceback":null}}"#,
            "wrong",
        ),
        (
            r#"{"error_message":"{\"faultcode\":\"Client\",\"faultstring\":\"Node x is locked\",\"debuginfo\":null}"}"#,
            "Node x is locked",
        ),
        (
            r#"{"message":"No image found with ID x<br /><br />\n\n\n","code":"404 Not Found","title":"Not Found"}"#,
            "No image found with ID x",
        ),
        (r#"{"message":"nope"}"#, "nope"),
        (r#"{"error":"unauthorized_client"}"#, "unauthorized_client"),
        (
            r#"{"title":"Not found","description":"There is no such thing"}"#,
            "There is no such thing",
        ),
        ("404 Not Found\n\nNo image found with ID x\n\n   ", "No image found with ID x"),
        (
            "<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n  No image found with ID &lt;x&gt;<br /><br />\n\n\n\n </body>\n</html>",
            "No image found with ID <x>",
        ),
        (
            "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body></html>",
            "nginx",
        ),
        (
            "<html><head><title>Down</title><style>b{}</style></head><body><script>if(a<b){}</script></body></html>",
            "Down",
        ),
        ("", ""),
    ];
    for (body, expected) in cases {
        assert_eq!(fault::message(&HeaderMap::new(), body.as_bytes()), expected, "{body}");
    }
}

#[test]
fn long_messages_are_cut_and_control_characters_left_out() {
    let message = fault::message(&HeaderMap::new(), "a\u{1b}[31m b\n".repeat(1000).as_bytes());
    assert_eq!(message.chars().count(), 601);
    assert!(!message.contains('\u{1b}') && message.ends_with('…'));
}

/// JSON of any shape, with the words of our parsers in it.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("error"),
        Just("message"),
        Just("versions"),
        Just("values"),
        Just("version"),
        Just("id"),
        Just("status"),
        Just("links"),
        Just("rel"),
        Just("href"),
        Just("next"),
        Just("things"),
        Just("things_links"),
        Just("max_version"),
        Just("min_version"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "(v?[0-9]{1,12}(\\.[0-9]{0,12})?|self|next|http://h/v2/x\\?marker=1|\\?|#|)"
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..5).prop_map(|fields| {
                Value::Object(
                    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
                )
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_read_as_page_versions_and_error_without_panic(value in any_json()) {
        let body = value.to_string();
        if let Ok(page) = paging::page(body.as_bytes(), "things") {
            prop_assert_eq!(Some(page.items.len()), value["things"].as_array().map(Vec::len));
            prop_assert!(page.next.is_none_or(|query| !query.is_empty()));
        }
        if let Ok(versions) = discovery::parse(body.as_bytes()) {
            prop_assert!(!versions.is_empty());
        }
        let message = fault::message(&HeaderMap::new(), body.as_bytes());
        prop_assert!(message.chars().count() <= 601 && !message.contains('\n'));
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for headers in [HeaderMap::new(), html()] {
            prop_assert!(fault::message(&headers, &bytes).chars().count() <= 601);
        }
        prop_assert!(paging::page(&bytes, "things").is_err());
        prop_assert!(discovery::parse(&bytes).is_err());
    }

    #[test]
    fn any_page_is_read_without_panic(
        page in "(<|>|</|<body|<title>|</title>|<script|<style|&lt;|&amp;|4|0|4 |é|\\PC| |\n){0,60}",
    ) {
        let message = fault::message(&html(), page.as_bytes());
        prop_assert!(!message.contains('\n'));
    }

    #[test]
    fn any_retry_after_is_read_without_panic(
        value in "([0-9]{0,30}|\\PC{0,40}|(Mon|Sat), [0-9]{1,2} (Nov|Foo) [0-9]{1,5} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT)",
    ) {
        let digits = !value.trim().is_empty() && value.trim().bytes().all(|byte| byte.is_ascii_digit());
        let read = retry_after::parse(&value, Timestamp::UNIX_EPOCH);
        prop_assert!(!digits || read.is_some());
    }

    #[test]
    fn any_clouds_yaml_gives_a_cloud_or_says_what_is_wrong(
        auth in prop::collection::btree_map(
            "(auth_url|username|password|user_domain_id|project_name|project_domain_id|token|regions|\\PC{0,8})",
            any_json(),
            0..8,
        ),
        top in prop::collection::btree_map(
            "(auth_type|region_name|regions|interface|verify|cacert|profile|image_endpoint_override|\\PC{0,8})",
            any_json(),
            0..6,
        ),
    ) {
        let mut cloud = json!(top);
        cloud["auth"] = json!(auth);
        let text = json!({ "clouds": { "x": cloud } }).to_string();
        let sources = Sources::from_text("clouds.yaml", &text).with_cloud("x");
        if let Err(error) = CloudConfig::resolve(&sources) {
            prop_assert!(!error.to_string().is_empty());
            prop_assert!(error.diagnostics().iter().all(|place| place.span.line >= 1));
        }
    }

    #[test]
    fn any_text_as_clouds_yaml_is_read_without_panic(text in "(clouds:|  x:|    auth:| \\{|\\}|\\[|- |&a |\\*a|<<: |\n|\\PC){0,40}") {
        let sources = Sources::from_text("clouds.yaml", &text);
        prop_assert!(CloudConfig::resolve(&sources).is_err());
    }
}

#[test]
fn a_wrong_shape_is_shown_with_its_place() {
    let text = "clouds:\n  one: {auth: {}}\n  two:\n    auth: nothing\n";
    let error = CloudConfig::resolve(&Sources::from_text("clouds.yaml", text)).unwrap_err();
    let place = &error.diagnostics()[0];
    assert_eq!((place.file.as_str(), place.span.line), ("clouds.yaml", 4));
    assert!(place.line_text.contains("auth: nothing"), "{place:?}");
}

#[test]
fn an_unknown_auth_type_and_a_misspelt_key_are_shown_with_their_place() {
    let auth = "auth_url: http://h/v3, user_id: u, password: p";
    for (text, line, hint) in [
        (
            format!("clouds:\n  x:\n    auth_type: v3kerberos\n    auth: {{{auth}}}\n"),
            3,
            "v3oidcaccesstoken",
        ),
        (
            format!("clouds:\n  x:\n    auth: {{{auth}, sytem_scope: all}}\n"),
            3,
            "did you mean \"system_scope\"?",
        ),
    ] {
        let error = CloudConfig::resolve(&Sources::from_text("clouds.yaml", &text)).unwrap_err();
        assert_eq!(error.diagnostics()[0].span.line, line);
        assert!(error.hints().concat().contains(hint), "{:?}", error.hints());
    }
}

#[test]
fn an_unknown_cloud_is_told_with_the_one_probably_meant() {
    let text = "clouds:\n  production: {}\n  staging: {}\n";
    let sources = Sources::from_text("clouds.yaml", text).with_cloud("producton");
    let error = CloudConfig::resolve(&sources).unwrap_err();
    assert_eq!(error.to_string(), "there is no cloud \"producton\" in clouds.yaml");
    assert_eq!(
        error.hints(),
        ["did you mean \"production\"?", "the clouds there are: production, staging"]
    );
}

#[test]
fn only_a_clear_no_switches_verification_off() {
    let verify = |value: &str| {
        let text = format!(
            "clouds:\n  x:\n    auth: {{auth_url: \"https://h/v3\", user_id: u, password: p}}\n    \
             verify: {value}\n"
        );
        CloudConfig::resolve(&Sources::from_text("clouds.yaml", &text))
            .map(|cloud| cloud.tls.verify)
    };
    for (value, expected) in
        [("true", true), ("\"True\"", true), ("no", false), ("\"false\"", false), ("0", false)]
    {
        assert_eq!(verify(value).unwrap(), expected, "{value}");
    }
    for value in ["/etc/ssl/ca.pem", "flase"] {
        let error = verify(value).unwrap_err();
        assert_eq!(error.diagnostics()[0].span.line, 4, "{value}");
        assert!(error.to_string().contains("cacert"), "{error}");
    }
}
