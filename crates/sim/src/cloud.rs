//! A running simulation.

use std::sync::Arc;
use std::time::Duration;

use lotse_core::time::SignedDuration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::error::SimError;
use crate::events::{Event, Events};
use crate::faults::Faults;
use crate::http::front::Front;
use crate::options::SimOptions;
use crate::requests::RequestLog;
use crate::seed::{self, ACCESS_TOKEN, PASSWORD, State};
use crate::service;
use crate::upstream::Upstream;
use crate::world::{SharedWorld, World};

/// A running simulated cloud. It ends with [`SimCloud::shutdown`] or when it is dropped.
#[derive(Debug)]
pub struct SimCloud {
    world: SharedWorld,
    server: Option<JoinHandle<()>>,
}

impl SimCloud {
    /// Starts a cloud. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the address is not a loopback address or cannot be listened on, or when the seed file
    /// cannot be used.
    pub async fn start(options: SimOptions) -> Result<Self, SimError> {
        let address = options.listen;
        if !address.ip().is_loopback() {
            return Err(SimError::NotLoopback { address });
        }
        let mut state = match &options.seed {
            Some(path) => State::read(path)?,
            None => State::default(),
        };
        let failed = |source| SimError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let upstream = std::mem::take(&mut state.upstream);
        let unreachable = std::mem::take(&mut state.unreachable);
        let base = format!("http://{bound}");
        let world = Arc::new(World::new(base, options, service::catalog(), state));
        for (url, file) in upstream {
            world.upstream.declare(url, file);
        }
        for url in unreachable {
            world.upstream.unreachable(url);
        }
        crate::scale::populate(&world, &world.options.scale);
        let front = Arc::new(Front::new(&world, service::all()));
        let server = tokio::spawn(crate::http::serve(listener, front, world.stop.clone()));
        Ok(Self { world, server: Some(server) })
    }

    /// The base of all addresses, for example `http://127.0.0.1:40123`.
    pub fn url(&self) -> &str {
        &self.world.base
    }

    /// The address for `auth_url`.
    pub fn auth_url(&self) -> String {
        format!("{}{}/v3", self.world.base, crate::keystone::MOUNT)
    }

    /// A `clouds.yaml` with the clouds `sim` (administrator of the project `admin`), `sim-member`
    /// and `sim-reader` (of the project `demo`), `sim-alt` (member of the project `alt`),
    /// `sim-system` (administrator of the system), `sim-app` (application credential of `demo`) and
    /// `sim-oidc` (`demo` with an access token of an identity provider).
    pub fn clouds_yaml(&self) -> String {
        let auth_url = self.auth_url();
        let person = |cloud: &str, user: &str, scope: &str| {
            format!(
                "  {cloud}:\n    auth:\n      auth_url: {auth_url}\n      username: {user}\n      \
                 password: {PASSWORD}\n      user_domain_name: Default\n{scope}    \
                 region_name: RegionOne\n    identity_api_version: 3\n"
            )
        };
        let project = |name: &str| {
            format!("      project_name: {name}\n      project_domain_name: Default\n")
        };
        let clouds = [
            person("sim", "admin", &project("admin")),
            person("sim-member", "demo", &project("demo")),
            person("sim-reader", "reader", &project("demo")),
            person("sim-alt", "alt", &project("alt")),
            person("sim-system", "admin", "      system_scope: all\n"),
            format!(
                "  sim-app:\n    auth_type: v3applicationcredential\n    auth:\n      \
                 auth_url: {auth_url}\n      application_credential_id: {}\n      \
                 application_credential_secret: {PASSWORD}\n    region_name: RegionOne\n    \
                 identity_api_version: 3\n",
                seed::app_credential_id(),
            ),
            format!(
                "  sim-oidc:\n    auth_type: v3oidcaccesstoken\n    auth:\n      \
                 auth_url: {auth_url}\n      identity_provider: sim\n      protocol: openid\n      \
                 access_token: {ACCESS_TOKEN}\n{}    region_name: RegionOne\n    \
                 identity_api_version: 3\n",
                project("demo"),
            ),
        ];
        format!("clouds:\n{}", clouds.concat())
    }

    /// Everything the cloud knows now, in the form of a seed.
    pub fn state(&self) -> State {
        self.world.state()
    }

    /// The fault rules.
    pub fn faults(&self) -> &Faults {
        &self.world.faults
    }

    /// What was asked of the cloud.
    pub fn requests(&self) -> &RequestLog {
        &self.world.requests
    }

    /// Moves the cloud's clock forward and makes all transitions that are due then.
    pub fn advance(&self, by: Duration) {
        self.world.clock.advance(SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX));
        self.world.settle();
    }

    /// Stops the cloud's clock, or lets it go on from where it stands.
    pub fn freeze_clock(&self, frozen: bool) {
        self.world.clock.freeze(frozen);
    }

    /// What happened to the cloud's resources. What time has brought since somebody looked last is
    /// in it after [`SimCloud::settle`].
    pub fn events(&self) -> &Events {
        &self.world.events
    }

    /// Waits for events after this number (0: from the first that is remembered) and returns them in
    /// their order. Transitions that fall due meanwhile are made.
    pub async fn next_events(&self, after: u64) -> Vec<Event> {
        self.world.next_events(after, usize::MAX).await
    }

    /// Makes all transitions that are due.
    pub fn settle(&self) {
        self.world.settle();
    }

    /// The simulated internet.
    pub fn upstream(&self) -> &Upstream {
        &self.world.upstream
    }

    /// Ends all tokens now, as if their lifetime were over.
    pub fn expire_tokens(&self) {
        self.world.identity().tokens.clear();
    }

    /// Stops listening, lets requests in flight end (for at most two seconds) and returns when all
    /// is closed.
    pub async fn shutdown(mut self) {
        self.world.stop.cancel();
        if let Some(server) = self.server.take()
            && let Err(error) = server.await
        {
            tracing::warn!(%error, "the simulated cloud did not end orderly");
        }
    }
}

impl Drop for SimCloud {
    fn drop(&mut self) {
        self.world.stop.cancel();
    }
}

impl World {
    /// Everything the cloud knows now.
    pub(crate) fn state(&self) -> State {
        State {
            identity: Some(self.identity().clone()),
            image: Some(self.images().clone()),
            compute: Some(self.compute().clone()),
            placement: Some(self.placement().clone()),
            network: Some(self.network().clone()),
            volume: Some(self.volume().clone()),
            load_balancer: Some(self.load_balancer().clone()),
            key_manager: Some(self.key_manager().clone()),
            object_store: Some(self.object_store().clone()),
            upstream: self.upstream.declared(),
            unreachable: self.upstream.unreachables(),
            fingerprint: 0,
        }
    }
}
