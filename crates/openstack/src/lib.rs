//! Sessions on OpenStack clouds: configuration, authentication, catalogue, requests, limits, metrics.
