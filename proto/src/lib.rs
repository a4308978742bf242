//! The wire: percorso.v1 messages and services, generated and committed.
