//! The wire: percorso.v1 messages and services, generated from the `.proto` files beside this crate and committed.
//!
//! After a change to a `.proto` file, `cargo run -p percorso-proto --example regenerate` writes the code anew;
//! a test compares the two, so that they cannot drift apart. No protoc is needed.

/// Version 1 of the wire.
#[expect(missing_docs, clippy::all, reason = "generated; the .proto files hold the docs")]
pub mod v1 {
    include!("generated/percorso.v1.rs");
}

/// The descriptors of every file, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!("generated/descriptors.bin");
