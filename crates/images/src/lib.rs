//! The image catalogue: declared definitions become verified, current images in Glance.

pub mod declare;
pub mod model;

pub use declare::Catalog;

/// The property in which an image that Lotse creates carries its marker.
pub const MARKER: &str = "lotse_marker";
