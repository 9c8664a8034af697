//! The engine: desired and actual state become a plan; a plan is applied, journalled and resumable.
