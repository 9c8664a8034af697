//! Databases of other programs, from which things are taken over. Nothing in them is changed.

use std::fmt;

use sqlx::any::{AnyConnectOptions, AnyRow};
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _};

use crate::error::Error;
use crate::store::Query;
use crate::url::StoreUrl;

/// A connection to the database of another program.
///
/// The driver that speaks to both engines knows neither UUIDs nor JSON nor times: statements ask for
/// them as text and as whole numbers.
pub struct Foreign {
    connection: AnyConnection,
    /// Without a password.
    name: String,
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Foreign").field(&self.name).finish()
    }
}

impl Foreign {
    /// Connects to `postgres://…`, or to the file of `sqlite:…`, with the parameters of the driver.
    ///
    /// # Errors
    /// The address is none, or nothing answers there.
    pub async fn open(url: &str) -> Result<Self, Error> {
        sqlx::any::install_default_drivers();
        let name = match url.strip_prefix("sqlite:") {
            Some(path) => path.split('?').next().unwrap_or_default().to_owned(),
            None => url.parse::<StoreUrl>()?.to_string(),
        };
        let failed = |error| Error::from_sqlx(&name, OPERATION, error);
        let options: AnyConnectOptions = url.parse().map_err(failed)?;
        let connection = options.connect().await.map_err(failed)?;
        Ok(Self { connection, name })
    }

    /// The rows of a reading statement.
    ///
    /// # Errors
    /// The database does not know what is asked for, or has gone away.
    pub async fn rows(&mut self, query: Query<'_>) -> Result<Vec<AnyRow>, Error> {
        let rows = query.fetch_all(&mut self.connection).await;
        rows.map_err(|error| Error::from_sqlx(&self.name, OPERATION, error))
    }

    /// Says goodbye.
    ///
    /// # Errors
    /// The database has gone away.
    pub async fn close(self) -> Result<(), Error> {
        let closed = self.connection.close().await;
        closed.map_err(|error| Error::from_sqlx(&self.name, OPERATION, error))
    }
}

const OPERATION: &str = "read the database of the other program";
