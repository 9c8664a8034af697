//! The HTTP shell: listeners, health, metrics, JSON API, pages.
