//! JUnit XML, the form that CI systems understand.
//!
//! [`write()`] says everything that the format has a place for; verdicts it has no word for become
//! failures or errors whose `type` is our word, so that [`read()`] brings them back.

mod read;
mod write;

pub use read::read;
pub use write::write;
