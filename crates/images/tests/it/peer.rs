//! Side by side with the Python tool whose files we read. `LOTSE_OIM` names its command,
//! `openstack-image-manager`.

use std::process::Stdio;

use lotse_images::{Catalog, ImportPreference};
use lotse_sim::{SimCloud, SimOptions, UpstreamFile};

use crate::stage::{Stage, on_testbed, variable};

/// Runs the Python tool on the stage's cloud, with these definitions.
async fn python_tool(stage: &Stage, definitions: &str) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("images.yml"), definitions).unwrap();
    let output = tokio::process::Command::new(variable("LOTSE_OIM"))
        .args(["--cloud", stage.cloud.name(), "--tag", &stage.options.tag, "--images"])
        .arg(dir.path())
        .env("OS_CLIENT_CONFIG_FILE", variable("LOTSE_TESTBED_CLOUDS"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// Definitions as the tool's own schema wants them, with every kind of value that it turns to text.
fn definitions(stage: &Stage) -> String {
    let meta = "architecture: x86_64, hypervisor_type: qemu, os_distro: debian, os_version: '13', \
                replace_frequency: never, uuid_validity: last-3";
    let (multi, single) = (stage.name("Multi"), stage.name("Single"));
    let (one, two) = (stage.mirror.url("one"), stage.mirror.url("two"));
    format!(
        "---
images:
  - name: {multi}
    enable: true
    format: qcow2
    login: debian
    min_disk: 1
    min_ram: 512
    status: active
    visibility: public
    multi: true
    meta: {{{meta}, os_purpose: generic, hw_disk_bus: scsi, hw_qemu_guest_agent: yes,
           hw_vif_multiqueue_enabled: true, hw_machine_type: null, hotfix_hours: 24,
           provided_until: 2032-05-31}}
    tags: [lts]
    versions:
      - version: '20240819'
        url: {one}
        build_date: 2024-08-19
  - name: {single}
    enable: true
    format: qcow2
    login: root
    password: x
    min_ram: 0
    status: active
    visibility: private
    multi: false
    separator: '-'
    meta: {{{meta}, os_purpose: network, hw_disk_bus: null, provided_until: none}}
    tags: []
    versions:
      - version: '25.7'
        url: {two}
        build_date: 2025-07-22
        visibility: community
        meta: {{{meta}, os_purpose: custom, hw_disk_bus: virtio, provided_until: none, patchlevel: '3'}}
"
    )
}

fn catalog(text: &str) -> Catalog {
    let file = lotse_core::declared::SourceFile::new("images.yml", text);
    Catalog::from_sources(&[file]).unwrap_or_else(|error| panic!("{}", error.report()))
}

#[tokio::test]
#[ignore = "real: testbed and LOTSE_OIM"]
async fn what_the_python_tool_imported_is_converged_for_us() {
    on_testbed(async |stage: &Stage| {
        let text = definitions(stage);
        python_tool(stage, &text).await;
        let plan = stage.plan(&catalog(&text)).await;
        assert!(plan.is_empty(), "{:#?}", plan.steps());
        assert!(plan.notes().is_empty(), "{:#?}", plan.notes());
    })
    .await;
}

#[tokio::test]
#[ignore = "real: testbed and LOTSE_OIM"]
async fn what_we_imported_is_converged_for_the_python_tool() {
    on_testbed(async |stage: &Stage| {
        let text = definitions(stage);
        stage.converge(&catalog(&text)).await;
        let before = stage.images().await;
        python_tool(stage, &text).await;
        assert_eq!(stage.images().await, before);
        assert!(stage.plan(&catalog(&text)).await.is_empty());
    })
    .await;
}

/// The whole catalogue that the Python tool ships, `LOTSE_OIM_CATALOG` names its directory.
#[tokio::test]
#[ignore = "real: needs LOTSE_OIM_CATALOG"]
async fn the_shipped_catalogue_converges_on_the_simulated_cloud() {
    let sim = SimCloud::start(SimOptions::default()).await.unwrap();
    let catalog = Catalog::load(variable("LOTSE_OIM_CATALOG").as_ref()).unwrap();
    for version in catalog.enabled().flat_map(|definition| &definition.versions) {
        let file =
            version.checksum.as_ref().map(|sum| UpstreamFile::with_checksum(&sum.to_string()));
        sim.upstream().declare(version.source().as_str(), file.unwrap_or_default());
    }
    let mut stage = Stage::on_this(sim).await;
    // The simulated cloud pretends to download; nobody here reaches those who publish.
    stage.options.import = ImportPreference::Cloud;
    let report = stage.converge(&catalog).await;
    let wanted: usize = catalog.enabled().map(|definition| definition.versions.len()).sum();
    assert_eq!((report.tally().done, stage.images().await.len()), (wanted, wanted));
    let requests = stage.sim.as_ref().unwrap().requests();
    let mark = requests.mark();
    stage.converge(&catalog).await;
    assert!(stage.plan(&catalog).await.is_empty());
    assert!(requests.writes_since(mark).is_empty());
}
