//! What is there.

use crate::model::Image;

/// The images of a cloud, as far as they matter to a catalogue.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The cloud (its name in `clouds.yaml`).
    pub cloud: String,
    /// Ours: they carry our tag and are public or belong to our project.
    pub images: Vec<Image>,
    /// Not ours, but with a name that we might take.
    pub foreign: Vec<Image>,
}
