//! State in one schema on SQLite and PostgreSQL: leases, journal, outbox, audit log.
