//! The image catalogue: declared definitions become verified, current images in Glance.
