//! A place for state that belongs to one test.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lotse_core::id::{IntentId, Marker, RunId};
use lotse_core::journal::Intent;
use lotse_core::time::Timestamp;
use lotse_store::sqlx::{self, AnyConnection, ConnectOptions, Connection, any::AnyConnectOptions};
use lotse_store::{Store, StoreOptions, StoreUrl};
use tempfile::TempDir;

/// Where the state of one test is.
#[derive(Clone)]
pub(crate) struct Home {
    pub(crate) url: StoreUrl,
    /// The same with everything in it, for other processes.
    pub(crate) full_url: String,
    directory: Arc<TempDir>,
    /// URL of the administrator, name of the database.
    postgres: Option<(String, String)>,
}

impl Home {
    pub(crate) fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = StoreUrl::in_directory(directory.path());
        Self { full_url: url.to_string(), url, directory: Arc::new(directory), postgres: None }
    }

    /// A database of its own on the server that real tests are given.
    pub(crate) async fn postgres() -> Self {
        Self::postgres_at(&admin_url()).await
    }

    /// A database of its own on this server.
    pub(crate) async fn postgres_at(admin: &str) -> Self {
        let name = format!("lotse_{}", uuid::Uuid::new_v4().simple());
        let mut connection = connect(admin).await;
        statement(&mut connection, &format!("CREATE DATABASE {name}")).await;
        let url = format!("{}/{name}", admin.rsplit_once('/').unwrap().0);
        Self {
            url: url.parse().unwrap(),
            full_url: url,
            directory: Arc::new(tempfile::tempdir().unwrap()),
            postgres: Some((admin.to_owned(), name)),
        }
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.url).await.unwrap()
    }

    /// A connection beside the store, to look and to damage.
    pub(crate) async fn connect(&self) -> AnyConnection {
        match &self.postgres {
            Some(_) => connect(&self.full_url).await,
            None => connect(&format!("sqlite://{}?mode=rwc", self.file().display())).await,
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The database file (SQLite).
    pub(crate) fn file(&self) -> PathBuf {
        self.directory().join("lotse.db")
    }

    /// Removes the database; the directory goes by itself.
    pub(crate) async fn remove(self) {
        if let Some((admin, name)) = &self.postgres {
            let mut connection = connect(admin).await;
            statement(&mut connection, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one thing real tests are told from outside")]
fn admin_url() -> String {
    std::env::var("LOTSE_TEST_POSTGRES").expect(
        "LOTSE_TEST_POSTGRES is not set: start a server with testbed/postgres.sh up and set it to the URL printed",
    )
}

pub(crate) async fn connect(url: &str) -> AnyConnection {
    sqlx::any::install_default_drivers();
    url.parse::<AnyConnectOptions>().unwrap().connect().await.unwrap()
}

/// Executes one or more statements without parameters.
pub(crate) async fn statement(connection: &mut AnyConnection, sql: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

/// Executes statements beside the store and closes the connection.
pub(crate) async fn tamper(home: &Home, sql: &str) {
    let mut connection = home.connect().await;
    statement(&mut connection, sql).await;
    connection.close().await.unwrap();
}

/// Runs the body in a home that is removed afterwards, whatever happens.
pub(crate) async fn within<F>(home: Home, body: impl FnOnce(Home) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let outcome = tokio::spawn(body(home.clone())).await;
    home.remove().await;
    if let Err(error) = outcome {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// One test for each engine.
macro_rules! on_both {
    ($(#[doc = $doc:expr])* async fn $name:ident($home:ident: Home) $body:block) => {
        $(#[doc = $doc])*
        mod $name {
            use super::*;

            async fn body($home: $crate::home::Home) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                $crate::home::within($crate::home::Home::sqlite(), body).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "real: postgresql"]
            async fn on_postgresql() {
                $crate::home::within($crate::home::Home::postgres().await, body).await;
            }
        }
    };
}
pub(crate) use on_both;

/// Does not wait long.
pub(crate) fn impatient() -> StoreOptions {
    StoreOptions { patience: Duration::from_millis(300), ..StoreOptions::default() }
}

/// A time in whole seconds.
pub(crate) fn second(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// An intent to create an image.
pub(crate) fn intent(cloud: &str, name: &str, at: Timestamp) -> Intent {
    Intent {
        id: IntentId::generate(),
        run: RunId::generate(),
        cloud: cloud.to_owned(),
        kind: "image".to_owned(),
        name: name.to_owned(),
        action: "create".to_owned(),
        marker: Marker::generate(),
        detail: serde_json::json!({"size": 17, "name": name}),
        at,
    }
}
