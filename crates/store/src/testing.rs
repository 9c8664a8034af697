//! A store for one test, on either engine; for the tests of capabilities (feature `testing`).
//!
//! [`on_both!`](crate::on_both) makes two tests of one body: one on SQLite that always runs, one on
//! PostgreSQL that is marked as real and wants `LOTSE_TEST_POSTGRES`, the URL of an administrator of
//! a server that may be filled with throw-away databases.

use std::future::Future;
use std::sync::Arc;

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions};

use crate::migrate::Part;
use crate::store::{Store, StoreOptions};
use crate::url::StoreUrl;

/// Why a test could not have its store.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs the body with a store in a directory of its own.
///
/// # Errors
/// When the store cannot be made.
pub async fn on_sqlite<F>(
    parts: &[Part],
    directory: &std::path::Path,
    body: impl FnOnce(Arc<Store>) -> F,
) -> Result<(), Failure>
where
    F: Future<Output = ()> + Send + 'static,
{
    let store = open(&StoreUrl::in_directory(directory), parts).await?;
    body(store).await;
    Ok(())
}

/// Runs the body with a database of its own on the server whose administrator's URL is given; the
/// database is removed afterwards, whatever happens.
///
/// # Errors
/// When the store cannot be made.
pub async fn on_postgres<F>(
    parts: &[Part],
    admin: &str,
    body: impl FnOnce(Arc<Store>) -> F,
) -> Result<(), Failure>
where
    F: Future<Output = ()> + Send + 'static,
{
    let name = format!("lotse_{}", uuid::Uuid::now_v7().simple());
    let server = admin.rsplit_once('/').map_or(admin, |(server, _)| server);
    statement(admin, &format!("CREATE DATABASE {name}")).await?;
    let store = open(&format!("{server}/{name}").parse()?, parts).await?;
    let outcome = tokio::spawn(body(store.clone())).await;
    store.close().await;
    statement(admin, &format!("DROP DATABASE {name} WITH (FORCE)")).await?;
    match outcome {
        Ok(()) => Ok(()),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

async fn open(url: &StoreUrl, parts: &[Part]) -> Result<Arc<Store>, Failure> {
    let options = StoreOptions { parts: parts.to_vec(), ..StoreOptions::default() };
    Ok(Arc::new(Store::open_with(url, options).await?))
}

async fn statement(url: &str, sql: &str) -> Result<(), Failure> {
    sqlx::any::install_default_drivers();
    let mut connection: AnyConnection = url.parse::<AnyConnectOptions>()?.connect().await?;
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
    Ok(())
}

/// One test for each engine: `on_both!(PARTS; async fn name(store) { … });`. The body is given an
/// `Arc<Store>`; the crate must have `tempfile` and `tokio` among the dependencies of its tests.
#[macro_export]
macro_rules! on_both {
    ($parts:expr; $($(#[doc = $doc:expr])* async fn $name:ident($store:ident) $body:block)*) => {
        $(
            $(#[doc = $doc])*
            mod $name {
                use super::*;

                async fn body($store: std::sync::Arc<$crate::Store>) $body

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn on_sqlite() {
                    let directory = tempfile::tempdir().unwrap();
                    $crate::testing::on_sqlite($parts, directory.path(), body).await.unwrap();
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                #[ignore = "real: postgresql"]
                #[expect(clippy::disallowed_methods, reason = "where real tests are told their server")]
                async fn on_postgresql() {
                    let admin = std::env::var("LOTSE_TEST_POSTGRES")
                        .expect("LOTSE_TEST_POSTGRES must name an administrator's URL");
                    $crate::testing::on_postgres($parts, &admin, body).await.unwrap();
                }
            }
        )*
    };
}
