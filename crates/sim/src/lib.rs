//! A simulated OpenStack cloud over real HTTP, for tests, the demo and rehearsals.
