//! Keeps the token, and gets a new one exactly once however many need it.

use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use lotse_core::time::{SharedClock, SignedDuration};

use super::{SignIn, Token};
use crate::error::Error;

/// A token this close to its end is not used any more.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);

type Signing = Shared<BoxFuture<'static, Result<Arc<Token>, Error>>>;

/// Keeps the token of a cloud.
pub(crate) struct Keeper {
    sign_in: Arc<SignIn>,
    clock: SharedClock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Arc<Token>>,
    /// The signing in that is under way; whoever needs a token waits for it.
    signing: Option<Signing>,
    generation: u64,
}

impl Keeper {
    pub(crate) fn new(sign_in: SignIn, clock: SharedClock) -> Self {
        Self { sign_in: Arc::new(sign_in), clock, state: Mutex::default() }
    }

    /// The token, signing in first if there is none or it is about to end.
    pub(crate) async fn token(&self) -> Result<Arc<Token>, Error> {
        self.newer_than(None).await
    }

    /// A token newer than one that a service refused.
    pub(crate) async fn replace(&self, refused: &Token) -> Result<Arc<Token>, Error> {
        self.newer_than(Some(refused.generation)).await
    }

    async fn newer_than(&self, refused: Option<u64>) -> Result<Arc<Token>, Error> {
        let signing = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(token) = &state.token
                && refused.is_none_or(|generation| token.generation > generation)
                && self.lasts(token)
            {
                return Ok(Arc::clone(token));
            }
            // One that nobody waits for any more stands still; its deadlines may be long over.
            let awaited = state.signing.as_ref().filter(|signing| signing.strong_count() > Some(1));
            if let Some(signing) = awaited {
                signing.clone()
            } else {
                state.generation += 1;
                let signing = self.sign_in(state.generation);
                state.signing = Some(signing.clone());
                signing
            }
        };
        let result = signing.clone().await;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // The first of those who waited puts the result away; the others find it done.
        if state.signing.as_ref().is_some_and(|current| current.ptr_eq(&signing)) {
            state.signing = None;
            state.token = result.as_ref().ok().map(Arc::clone);
        }
        result
    }

    fn sign_in(&self, generation: u64) -> Signing {
        let sign_in = Arc::clone(&self.sign_in);
        async move {
            let mut token = sign_in.token().await?;
            token.generation = generation;
            Ok(Arc::new(token))
        }
        .boxed()
        .shared()
    }

    fn lasts(&self, token: &Token) -> bool {
        token.expires_at.is_none_or(|end| end.duration_since(self.clock.now()) > MARGIN)
    }
}
