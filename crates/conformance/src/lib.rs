//! SCS standards, checked natively: what a scope demands, what a cloud shows, and what follows.
//!
//! # Words
//!
//! - A **scope** ([`spec::Spec`]) is a file of the standards: testcases, the versions that demand
//!   them, and a timeline that says which version counts when.
//! - A **snapshot** ([`Snapshot`]) is what a cloud showed at one time, without secrets: complete
//!   enough to judge every testcase later, offline, and for any date.
//! - A **testcase** ([`Testcase`]) is a pure function of snapshot, date and [`Mode`]. Its
//!   **judgement** ([`Judgement`]) names the verdict, the reason, the rule and the objects.
//! - A **result** ([`Outcome`]) is what a whole check came to: testcases, targets, versions.
//!
//! # The way of the data
//!
//! ```text
//! scope file ─► spec ─────────────┐
//!                                 ├─► judge (pure) ─► Outcome ─► report, table, JSON
//!                                 │                      └─────► fix (pure) ─► Plan ─► apply, export
//! cloud ─► observe ─► Snapshot ───┘
//! ```
//!
//! # Invariants
//!
//! 1. What could not be found out is [`Verdict::Abort`], what nobody can judge is
//!    [`Verdict::Missing`]; neither is ever a pass.
//! 2. In [`Mode::Standard`] a rule on all objects of a kind is not fulfilled by a cloud that has none.
//! 3. In [`Mode::Upstream`] verdicts are those of the tools of the SCS community, oddities included;
//!    each oddity is named in [`differences`].
//! 4. Observing asks few questions, all at once, and changes nothing unless it is told that it may
//!    ([`observe::Reach`]).
//!
//! # Where to start
//!
//! [`spec::Spec::read`], [`observe::observe`], [`judge::judge`]. A new testcase is a variant of
//! [`Testcase`], a line in its registry and a function in `check`.

pub mod check;
pub mod differences;
pub mod draft;
mod error;
pub mod executable;
pub mod feed;
pub mod fix;
mod http;
pub mod judge;
pub mod kaas;
pub mod model;
pub mod monitor;
pub mod observe;
pub mod profile;
pub mod report;
pub mod snapshot;
pub mod spec;
pub mod tempest;
pub mod testcase;
pub mod tls;

pub use error::Error;
pub use judge::Outcome;
pub use lotse_scs::Mode;
pub use model::{Finding, Judgement, Object, Reason, Verdict};
pub use snapshot::Snapshot;
pub use testcase::Testcase;
