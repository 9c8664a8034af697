//! A cloud to act on: the simulated one, or the testbed. What is done on it is the same.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::FutureExt;
use lotse_core::declared::SourceFile;
use lotse_core::id::Marker;
use lotse_core::journal::Journal;
use lotse_core::retry::Backoff;
use lotse_core::time::system_clock;
use lotse_images::model::{BootTest, Image};
use lotse_images::{
    Catalog, Downloads, Executor, KIND, Observed, Operation, Options, observe, observe_staged, plan,
};
use lotse_openstack::{Cloud, CloudConfig, CloudOptions, Overrides, Sources};
use lotse_plan::progress::Silent;
use lotse_plan::random::SystemRandomness;
use lotse_plan::testing::MemoryJournal;
use lotse_plan::{ApplyOptions, ApplyReport, Engine, Plan, PlanError, StepOutcome};
use lotse_sim::{DownloadMode, SimCloud, SimOptions};
use lotse_transfer::{HttpOptions, Limits};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::mirror::Mirror;

/// A cloud, with names and a tag of its own.
pub(crate) struct Stage {
    pub(crate) cloud: Cloud,
    pub(crate) options: Options,
    pub(crate) mirror: Mirror,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) sim: Option<SimCloud>,
    /// Limits of downloads.
    pub(crate) limits: Limits,
    /// Another cloud from which content may be copied.
    pub(crate) beside: Option<Cloud>,
    /// The simulated cloud in whose project images are tried out, if that is not the owner's.
    pub(crate) staging: Option<&'static str>,
    pub(crate) directory: tempfile::TempDir,
    boot_test: OnceLock<BootTest>,
    /// Whether applying may destroy.
    pub(crate) consent: bool,
    prefix: String,
    retries: Backoff,
}

/// Carries a behaviour out on a simulated cloud.
pub(crate) async fn on_sim(behaviour: impl AsyncFnOnce(&Stage)) {
    let stage = Stage::simulated().await;
    behaviour(&stage).await;
}

/// Carries a behaviour out on the testbed and deletes its images afterwards, whatever happened.
pub(crate) async fn on_testbed(behaviour: impl AsyncFnOnce(&Stage)) {
    let stage = Stage::real().await;
    let ended = AssertUnwindSafe(behaviour(&stage)).catch_unwind().await;
    stage.clean().await;
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}

/// Connects to the cloud of this name in a clouds.yaml.
pub(crate) fn connect(clouds: Sources, name: &str, retries: Backoff) -> Cloud {
    let config = CloudConfig::resolve(&clouds.with_cloud(name)).unwrap();
    let options = CloudOptions { backoff: retries, ..CloudOptions::new(system_clock(), 1) };
    Cloud::connect(config, &options).unwrap()
}

const FEW: Backoff =
    Backoff { first: Duration::from_millis(1), most: Duration::from_millis(20), attempts: 5 };
const NONE: Backoff = Backoff { attempts: 1, ..FEW };

/// A parameter of tests on real clouds. Without it such a test fails; it is never skipped.
pub(crate) fn variable(wanted: &str) -> String {
    std::env::vars()
        .find_map(|(name, value)| (name == wanted).then_some(value))
        .unwrap_or_else(|| panic!("{wanted} must be set for tests on the testbed"))
}

/// The name under which the mirror publishes a version.
pub(crate) fn file(name: &str, version: &str) -> String {
    format!("{}-{version}", name.replace(' ', "-"))
}

impl Stage {
    pub(crate) async fn simulated() -> Self {
        let options = SimOptions { download: DownloadMode::Fetch, ..SimOptions::default() };
        Self::on_this(SimCloud::start(options).await.unwrap()).await
    }

    pub(crate) async fn on_this(sim: SimCloud) -> Self {
        let clouds = Sources::from_text("clouds.yaml", &sim.clouds_yaml());
        let cloud = connect(clouds, "sim", FEW);
        Self { sim: Some(sim), ..Self::on(cloud).await }
    }

    async fn real() -> Self {
        let clouds = variable("LOTSE_TESTBED_CLOUDS");
        let environment = [("OS_CLIENT_CONFIG_FILE".to_owned(), clouds)].into();
        let clouds = Sources::read(environment, Overrides::default(), "/nowhere".as_ref()).unwrap();
        let patient = Backoff { first: Duration::from_millis(100), ..Backoff::default() };
        Self::on(connect(clouds, &variable("LOTSE_TESTBED_CLOUD"), patient)).await
    }

    async fn on(cloud: Cloud) -> Self {
        let unique = Marker::generate().to_string();
        let options = Options {
            tag: format!("lotse-test-{unique}"),
            import_timeout: Duration::from_mins(2),
            first_poll: Duration::from_millis(20),
            ..Options::default()
        };
        Self {
            cloud,
            options,
            mirror: Mirror::start().await,
            journal: Arc::default(),
            sim: None,
            limits: Limits::default(),
            beside: None,
            staging: None,
            boot_test: OnceLock::new(),
            directory: tempfile::tempdir().unwrap(),
            consent: true,
            prefix: format!("Lotse {}", &unique[24..]),
            retries: FEW,
        }
    }

    /// The same cloud and journal for a process that does not retry: the first trouble ends it.
    pub(crate) fn frail(&self) -> (Cloud, Backoff) {
        let sim = self.sim.as_ref().unwrap();
        let clouds = Sources::from_text("clouds.yaml", &sim.clouds_yaml());
        (connect(clouds, "sim", NONE), NONE)
    }

    /// Where images are tried out, for a process with such patience.
    fn ground(&self, cloud: &Cloud, retries: Backoff) -> Cloud {
        let Some((name, sim)) = self.staging.zip(self.sim.as_ref()) else { return cloud.clone() };
        connect(Sources::from_text("clouds.yaml", &sim.clouds_yaml()), name, retries)
    }

    /// From now on images are tried out so, unless the options say otherwise.
    pub(crate) fn try_out(&self, test: BootTest) {
        self.boot_test.get_or_init(|| test);
    }

    /// The options of a process that begins now.
    fn options(&self) -> Options {
        let mut options = self.options.clone();
        options.boot_test = options.boot_test.or_else(|| self.boot_test.get().cloned());
        options
    }

    /// A name that nobody else uses.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{} {name}", self.prefix)
    }

    /// A definition with these versions; `more` are further lines of it.
    pub(crate) fn definition(&self, name: &str, versions: &[&str], more: &str) -> String {
        let mut text = format!(
            "- name: {}\n  format: qcow2\n  login: pilot\n  min_disk: 1\n  min_ram: 512\n  visibility: public\n  \
             meta: {{architecture: x86_64, os_distro: debian, os_version: '13', os_purpose: generic, hw_qemu_guest_agent: yes}}\n{more}",
            self.name(name)
        );
        if !more.contains("multi:") {
            text += "  multi: true\n";
        }
        if !more.contains("status:") {
            text += "  status: active\n";
        }
        text += "  versions:\n";
        for version in versions {
            let file = file(name, version);
            let (url, sha512) = (self.mirror.url(&file), crate::mirror::sha512(&file));
            text = format!(
                "{text}  - version: '{version}'\n    url: {url}\n    build_date: 2026-01-01\n    checksum: sha512:{sha512}\n"
            );
        }
        text
    }

    /// A catalogue of these definitions, perhaps none.
    pub(crate) fn catalog_of(definitions: &[String]) -> Catalog {
        if definitions.is_empty() { Self::empty() } else { Self::catalog(definitions) }
    }

    /// A catalogue of these definitions.
    pub(crate) fn catalog(definitions: &[String]) -> Catalog {
        let text = format!("images:\n{}", definitions.concat());
        Catalog::from_sources(&[SourceFile::new("images.yml", text)])
            .unwrap_or_else(|error| panic!("{}", error.report()))
    }

    pub(crate) async fn observed(&self, catalog: &Catalog) -> Observed {
        observe_staged(
            &self.cloud,
            (self.beside.as_ref(), &self.ground(&self.cloud, self.retries)),
            catalog,
            &self.options(),
        )
        .await
        .unwrap()
    }

    pub(crate) async fn plan(&self, catalog: &Catalog) -> Plan<Operation> {
        plan(catalog, &self.observed(catalog).await, &self.options()).unwrap()
    }

    /// Plans and applies as a program does that begins now.
    pub(crate) async fn run(&self, catalog: &Catalog) -> Result<ApplyReport, PlanError> {
        self.run_as(&self.cloud, self.retries, catalog).await
    }

    pub(crate) async fn run_as(
        &self,
        cloud: &Cloud,
        retries: Backoff,
        catalog: &Catalog,
    ) -> Result<ApplyReport, PlanError> {
        let journal: Arc<dyn Journal> = self.journal.clone();
        let engine = Engine::new(journal, system_clock(), Arc::new(SystemRandomness))
            .recovering_with(retries);
        let ground = self.ground(cloud, retries);
        let executor = Executor::new(cloud.clone(), self.options(), self.downloads())
            .beside(self.beside.clone())
            .staging(Some(ground.clone()));
        let stop = CancellationToken::new();
        let session = engine.begin(cloud.name(), &[KIND], &executor, &stop).await?;
        let places = (self.beside.as_ref(), &ground);
        let observed = match Box::pin(observe_staged(cloud, places, catalog, &self.options())).await
        {
            Ok(observed) => observed,
            Err(error) => {
                tracing::info!(%error, "not observed");
                session.end().await;
                return Err(PlanError::Cancelled);
            }
        };
        let plan = plan(catalog, &observed, &self.options())?;
        let options = self.applying(retries);
        Box::pin(session.apply(&plan, &executor, &options, &Silent, &stop)).await
    }

    fn applying(&self, backoff: Backoff) -> ApplyOptions {
        let allow_destroy = self.consent && self.options.retirement.delete;
        ApplyOptions { backoff, allow_destroy, ..ApplyOptions::default() }
    }

    /// Applies a plan, and everything must succeed.
    pub(crate) async fn make(&self, plan: &Plan<Operation>) {
        let report = self.apply(plan).await;
        let failed: Vec<_> = report.steps.iter().filter(|step| !step.outcome.succeeded()).collect();
        assert!(failed.is_empty(), "{failed:#?}");
    }

    /// Applies a catalogue and sees that nothing is left to do and nothing is sent again.
    pub(crate) async fn settle(&self, text: String) {
        let catalog = Self::catalog(&[text]);
        self.converge(&catalog).await;
        let requests = self.sim.as_ref().unwrap().requests();
        let mark = requests.mark();
        let plan = self.plan(&catalog).await;
        assert!(plan.is_empty(), "{:#?}", plan.steps());
        self.converge(&catalog).await;
        assert!(requests.writes_since(mark).is_empty(), "{:#?}", requests.writes_since(mark));
    }

    /// Applies a plan that was made some time ago, as an instance without our leases does.
    pub(crate) async fn apply(&self, plan: &Plan<Operation>) -> ApplyReport {
        self.apply_from(plan, self.downloads()).await
    }

    /// The same, with content that is downloaded in this way.
    pub(crate) async fn apply_from(
        &self,
        plan: &Plan<Operation>,
        downloads: Downloads,
    ) -> ApplyReport {
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::default());
        let engine = Engine::new(journal, system_clock(), Arc::new(SystemRandomness));
        let executor = Executor::new(self.cloud.clone(), self.options(), downloads);
        let stop = CancellationToken::new();
        let session = engine.begin(self.cloud.name(), &[KIND], &executor, &stop).await.unwrap();
        let options = self.applying(self.retries);
        session.apply(plan, &executor, &options, &Silent, &stop).await.unwrap()
    }

    /// As each process has them: what an earlier one left is on the disk.
    pub(crate) fn downloads(&self) -> Downloads {
        let options = HttpOptions { seed: 1, ..HttpOptions::default() };
        Downloads::with(self.directory.path(), &options, self.limits).unwrap()
    }

    /// The same, and everything must succeed.
    pub(crate) async fn converge(&self, catalog: &Catalog) -> ApplyReport {
        let report = self.run(catalog).await.unwrap();
        let failed: Vec<_> = report.steps.iter().filter(|step| !step.outcome.succeeded()).collect();
        assert!(failed.is_empty(), "{failed:#?}");
        report
    }

    /// The messages of the steps that failed.
    pub(crate) async fn failures(&self, catalog: &Catalog) -> Vec<String> {
        let report = self.run(catalog).await.unwrap();
        let message = |outcome: &StepOutcome| match outcome {
            StepOutcome::Failed { error } => Some(error.message.clone()),
            _ => None,
        };
        report.steps.iter().filter_map(|step| message(&step.outcome)).collect()
    }

    /// Our images, by name.
    pub(crate) async fn images(&self) -> Vec<Image> {
        let mut images = self.observed(&Self::empty()).await.images;
        for image in &mut images {
            // Glance's own notes come and go.
            image.properties.retain(|key, _| !key.starts_with("os_glance_"));
        }
        images.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.id.cmp(&b.id)));
        images
    }

    /// Our images as `name: visibility status`, without the prefix.
    pub(crate) async fn shown(&self) -> Vec<String> {
        let line = |image: &Image| {
            let name = image.name.strip_prefix(&self.prefix).unwrap_or(&image.name).trim();
            format!("{name}: {} {}", image.visibility.as_str(), image.status.as_str())
        };
        self.images().await.iter().map(line).collect()
    }

    fn empty() -> Catalog {
        Catalog { definitions: Vec::new(), files: Vec::new() }
    }

    /// Creates an image without data, as somebody else would.
    pub(crate) async fn create(&self, mut body: Value) -> String {
        let fields = json!({"disk_format": "qcow2", "container_format": "bare"});
        for (key, value) in fields.as_object().unwrap() {
            body[key] = value.clone();
        }
        let answer = self.cloud.post("image", "/v2/images").json(&body).send().await.unwrap();
        answer.json::<Value>().unwrap()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn show(&self, id: &str) -> Value {
        self.cloud.get("image", &format!("/v2/images/{id}")).send().await.unwrap().json().unwrap()
    }

    pub(crate) async fn patch(&self, id: &str, operations: Value) {
        self.cloud
            .patch("image", &format!("/v2/images/{id}"))
            .header("content-type", "application/openstack-images-v2.1-json-patch")
            .json(&operations)
            .send()
            .await
            .unwrap();
    }

    /// The tag of images that are not ours.
    pub(crate) fn foreign_tag(&self) -> String {
        format!("{}-foreign", self.options.tag)
    }

    async fn clean(&self) {
        for tag in [self.options.tag.clone(), self.foreign_tag()] {
            let options = Options { tag, ..self.options.clone() };
            let observed = observe(&self.cloud, &Self::empty(), &options).await.unwrap();
            for image in observed.images {
                let path = format!("/v2/images/{}", image.id);
                self.cloud.delete("image", &path).send().await.unwrap();
            }
        }
    }
}
