use jiff::civil::date;
use lotse_core::declared::SourceFile;
use serde_json::json;

use super::*;
use crate::judge::judge;
use crate::profile;
use crate::snapshot::{Answer, DefaultRules};

fn items(values: &[Value]) -> Answer<Vec<Item>> {
    Answer::Given(values.iter().map(|value| value.as_object().unwrap().clone()).collect())
}

/// A cloud in which everything is nearly right.
fn snapshot() -> Snapshot {
    let mut snapshot = Snapshot::empty("prod", "2026-11-01T12:00:00Z".parse().unwrap());
    snapshot.flavors = items(&[
        json!({ "id": "f1", "name": "SCS-1V-4", "vcpus": 1, "ram": 4096, "disk": 0,
            "extra_specs": { "scs:cpu-type": "shared-core", "own": "1" } }),
        json!({ "id": "f2", "name": "SCS-1V-8", "vcpus": 1, "ram": 4096, "disk": 0 }),
    ]);
    snapshot.images = items(&[json!({
        "id": "i1", "name": "Debian 12", "visibility": "public", "status": "active",
        "size": 2_147_483_649_u64, "min_disk": 1, "created_at": "2026-10-01T00:00:00Z",
    })]);
    snapshot.hidden_images = items(&[]);
    let described =
        json!({ "id": "t1", "name": "safe", "description": "[scs:replicated, encrypted] it's" });
    snapshot.volume_types = items(&[described]);
    let Answer::Given(rules) = items(&[
        json!({ "id": "r1", "direction": "ingress", "ethertype": "IPv4", "used_in_default_sg": true }),
        json!({ "id": "r2", "direction": "egress", "ethertype": "IPv4", "used_in_default_sg": true,
            "used_in_non_default_sg": true }),
    ]) else {
        panic!("given")
    };
    snapshot.default_rules = Answer::Given(DefaultRules { way: RulesWay::Listed, rules });
    snapshot
}

fn planned(tests: &str) -> Plan<Operation> {
    let (snapshot, at) = (snapshot(), date(2026, 11, 1).at(12, 0, 0, 0));
    let spec = profile::named("scs-iaas", Mode::Standard).unwrap();
    let choice =
        Choice { versions: vec!["v5.1".to_owned()], ..Choice::everything(at, Mode::Standard) };
    let choice = choice.only(tests).unwrap();
    plan(&judge(&spec, &snapshot, &choice).unwrap(), &snapshot, &choice).unwrap()
}

fn only(tests: &str) -> Operation {
    let plan = planned(tests);
    assert_eq!(plan.steps().len(), 1, "{:#?}", plan.steps());
    plan.steps()[0].operation.clone()
}

#[test]
fn a_flavor_that_is_absent_is_made_with_its_extra_specs() {
    let Operation::CreateFlavor { name, vcpus, ram, disk, specs } =
        only("scs-0103-flavor-2v-4-20s")
    else {
        panic!("a flavor is made")
    };
    assert_eq!((name.as_str(), vcpus, ram, disk), ("SCS-2V-4-20s", 2, 4096, 20));
    assert_eq!(specs["scs:disk0-type"], "ssd");
}

#[test]
fn a_flavor_that_is_there_gets_what_it_lacks_and_is_not_resized() {
    let Operation::SetSpecs { id, specs } = only("scs-0103-flavor-1v-4$") else { panic!("specs") };
    let keys: Vec<_> = specs.keys().map(String::as_str).collect();
    assert_eq!((id.as_str(), keys), ("f1", vec!["scs:name-v1", "scs:name-v2"]));
    let resized = planned("scs-0103-flavor-1v-8");
    assert!(resized.is_empty());
    assert!(resized.notes()[0].text.contains("cannot be resized"));
}

#[test]
fn images_say_what_they_tell_and_people_are_asked_for_the_rest() {
    let plan = planned("scs-0102-prop");
    let [step] = plan.steps() else { panic!("one image, one step") };
    let Operation::SetProperties { id, replaced, added } = &step.operation else {
        panic!("properties")
    };
    assert_eq!((id.as_str(), replaced), ("i1", json!({ "min_disk": 3 }).as_object().unwrap()));
    assert_eq!((&added["os_distro"], &added["os_version"]), (&json!("debian"), &json!("12")));
    assert_eq!(added["image_original_user"], "debian");
    let asked: Vec<_> = plan.notes().iter().map(|note| note.text.as_str()).collect();
    assert!(
        asked.iter().any(|text| text.starts_with("architecture has to be decided")),
        "{asked:?}"
    );
}

#[test]
fn aspects_are_put_in_order() {
    let Operation::Describe { description, .. } = only("scs-0114") else { panic!("a description") };
    assert_eq!(description, "[scs:encrypted, replicated] it's");
}

#[test]
fn rules_that_let_in_go_and_those_that_let_out_come() {
    let plan = planned("scs-0115");
    let operations: Vec<_> = plan.steps().iter().map(|step| step.operation.clone()).collect();
    let wanted = [
        Operation::DeleteRule { id: "r1".to_owned() },
        Operation::CreateRule { ethertype: "IPv6" },
    ];
    assert_eq!(operations, wanted);
}

#[test]
fn what_people_have_to_decide_is_noted() {
    let plan = planned("scs-0123-service-load-balancer");
    assert!(plan.is_empty());
    assert!(plan.notes()[0].text.contains("install the service"), "{:?}", plan.notes());
}

#[test]
fn other_tools_are_told_the_same() {
    let plan = planned("scs-0103-flavor-2v-4-20s|scs-0114|scs-0115");
    let commands = export(&plan, Tool::OpenStack);
    assert!(commands.contains("openstack flavor create --public --vcpus 2 --ram 4096 --disk 20"));
    assert!(commands.contains("'[scs:encrypted, replicated] it'\\''s' t1"), "{commands}");
    assert!(commands.contains("openstack default security group rule delete r1"), "{commands}");
    let tofu = export(&plan, Tool::OpenTofu);
    assert!(tofu.contains("resource \"openstack_compute_flavor_v2\" \"flavor_0\""), "{tofu}");
    assert!(tofu.lines().any(|line| line.starts_with("# openstack volume type set")), "{tofu}");
    let flavors = export(&plan, Tool::Flavors);
    assert!(flavors.contains("\"scs:name-v2\": \"SCS-2V-4-20s\""), "{flavors}");
    let none = export(&planned("scs-0114"), Tool::Flavors);
    assert!(none.starts_with("flavors: []\n# openstack volume type set"), "{none}");
}

#[test]
fn properties_and_extra_specs_are_told_to_other_tools_too() {
    let plan = planned("scs-0102-prop|scs-0103-flavor-1v-4$");
    let specs = "openstack flavor set --property scs:name-v1=SCS-1V:4 --property \
                 scs:name-v2=SCS-1V-4 f1";
    let commands = export(&plan, Tool::OpenStack);
    assert!(commands.lines().any(|line| line == specs), "{commands}");
    let image = commands.lines().find(|line| line.starts_with("openstack image set")).unwrap();
    assert!(image.starts_with("openstack image set --min-disk 3 --property "), "{image}");
    assert!(image.contains(" --property os_distro=debian ") && image.ends_with(" i1"), "{image}");
    assert!(commands.contains("# not done: "), "{commands}");
    // These two describe what they make, and this is there already: it stays a comment.
    for tool in [Tool::OpenTofu, Tool::Flavors] {
        let text = export(&plan, tool);
        assert!(text.lines().any(|line| line == format!("# {specs}")), "{text}");
        assert!(text.lines().any(|line| line == format!("# {image}")), "{text}");
        assert!(!text.contains("resource "), "{text}");
    }
    let file = SourceFile::new("flavors.yaml", export(&plan, Tool::Flavors));
    let tree = lotse_core::declared::parse(&file).unwrap();
    assert!(tree.get("flavors").unwrap().items().is_empty());
}

#[test]
fn a_value_of_several_lines_stays_a_comment_and_one_word_of_the_shell() {
    let description = "[scs:encrypted]\nresource \"x\" {}\n$(reboot)".to_owned();
    let describe = Operation::Describe { id: "t1".to_owned(), description };
    let step = planned("scs-0114").steps()[0].clone();
    let mut builder = Plan::builder("prod".to_owned());
    builder.step(Step { operation: describe, ..step });
    let plan = builder.build().unwrap();
    let commands = export(&plan, Tool::OpenStack);
    assert!(commands.contains("--description '[scs:encrypted]\nresource"), "{commands}");
    let tofu = export(&plan, Tool::OpenTofu);
    assert!(tofu.lines().all(|line| line.starts_with('#')), "{tofu}");
}
