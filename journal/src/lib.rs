//! The durable event log of all sessions, in SQLite.
